/**
 * What a browser says of its screen and its line, folded into few variants: each is one more copy in every cache. `Width` is not
 * heeded: it is the width of a picture in one layout, hundreds of values that only a ladder of sizes would fold, and a page that
 * knows its layout says it better with `srcset` and `sizes`.
 */
import { DPRS, type Dpr } from '../model/delivery-path.ts'

export interface Hints {
  /** The user asks for little. */
  readonly saveData: boolean
  /** Of the screen, where it is more than 1. */
  readonly dpr?: Dpr | undefined
}

/** What browsers are asked to say (https://wicg.github.io/responsive-image-client-hints/): now, and as it was called before. */
export const DENSITY_HINTS = 'Sec-CH-DPR, DPR'

/** By names in lower case, and as node has them. */
type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

const [, , MOST] = DPRS

/** The next step up: a little too many pixels look right, too few do not. `undefined`: nonsense. */
const fold = (said: string | readonly string[] | undefined): Dpr | 1 | undefined => {
  if (typeof said !== 'string' || !/^\s*\d{1,4}(?:\.\d{1,20})?\s*$/.test(said)) return undefined
  const ratio = Number(said)
  if (ratio <= 1) return ratio > 0 ? 1 : undefined
  return DPRS.find(step => ratio <= step) ?? MOST
}

/** `Save-Data: on` is of https://wicg.github.io/savedata/#save-data-request-header-field. */
export const readHints = (headers: Headers): Hints => {
  const saveData = headers['save-data']
  const dpr = fold(headers['sec-ch-dpr']) ?? fold(headers.dpr)
  return {
    saveData: typeof saveData === 'string' && /^\s*on\s*(?:;|$)/i.test(saveData),
    dpr: dpr === 1 ? undefined : dpr,
  }
}
