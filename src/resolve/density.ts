/**
 * Renditions for the screen that a browser says it has, where the product heeds that and the path leaves it open: the variant
 * `card@2x`, under the path of `card`. Whether it is heeded comes with the facts of the rendition itself, so that is read first.
 *
 * A hint makes an answer better and never worse: until the variant is there the rendition itself is the answer, for a short
 * while, and so it is where the variant cannot be made or nobody has room for it.
 */
import type { Hints } from '../deliver/hints.ts'
import type { ResolveFacts } from '../manifest/resolve-facts.ts'
import { type Dpr, isAdHoc, ORIGINAL } from '../model/delivery-path.ts'
import { isMatrixError } from '../model/errors.ts'
import type { Format } from '../model/recipe.ts'
import type { Answer, Ready } from './answer.ts'

interface Asked {
  readonly rendition: string
  readonly dpr?: Dpr | undefined
  readonly format: Format | 'auto'
}

/** Whether the path leaves open for which screen. */
export const isOfDensity = (asked: Asked): boolean =>
  asked.format === 'auto' && asked.dpr === undefined && !isAdHoc(asked) && asked.rendition !== ORIGINAL

/** `undefined`: what is asked for is answered as it is. */
export const densityFor = (
  { browser }: Pick<ResolveFacts, 'browser'>,
  { hints, ...asked }: Asked & { readonly hints?: Hints | undefined },
): Dpr | undefined =>
  browser?.clientHints && hints?.dpr !== undefined && !hints.saveData && isOfDensity(asked) ? hints.dpr : undefined

/** How many pixels there are to one of the page: fewer than were asked for where the original has no more. */
const servedBy = (found: Ready, plain: Ready, dpr: Dpr): number =>
  found.version === plain.version ? Number((found.derivative.width / plain.derivative.width).toFixed(2)) || dpr : dpr

interface Wish {
  readonly dpr: Dpr
  /** Postgres is away: what was not asked for before cannot be now. */
  readonly isAway: boolean
  /** For the variant. */
  readonly ask: () => Promise<Answer | undefined>
}

export const atDensity = async (plain: Ready, { dpr, isAway, ask }: Wish): Promise<Ready> => {
  const found = await ask().catch(error => {
    if (isAway || (isMatrixError(error) && error.status < 500)) return undefined
    throw error
  })
  if (found?.kind === 'ready') return { ...found, density: servedBy(found, plain, dpr) }
  return found?.kind === 'pending' ? { ...plain, complete: false, denser: found } : plain
}
