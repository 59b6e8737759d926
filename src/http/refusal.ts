import { crossOriginHeaders } from '../deliver/cross-origin.ts'
import { varyOf } from '../deliver/vary.ts'
import { type BrowserRules, isListed } from '../model/browser-rules.ts'
import type { MatrixError } from '../model/errors.ts'
import type { Asked } from './context.ts'

const NEGATIVE_SECONDS = 5

export const refusalHeaders = (
  { status }: MatrixError,
  {
    link,
    isKept: mayKeep,
    browser,
    origin,
  }: Omit<Asked, 'browser'> & { browser: BrowserRules | undefined; origin: string | undefined },
): Record<string, string> => {
  const isKept = mayKeep && (status === 404 || status === 410)
  const scope = link === 'path' || link === 'share' ? 'public' : 'private'
  const vary = varyOf({
    accept: false,
    authorization: isKept && link === undefined,
    origin: isListed(browser),
    hints: false,
    density: false,
  })
  return {
    'Referrer-Policy': 'no-referrer',
    ...(isKept && { 'Cache-Control': `${scope}, max-age=${NEGATIVE_SECONDS}` }),
    ...(vary !== '' && { Vary: vary }),
    ...crossOriginHeaders(browser, origin),
  }
}
