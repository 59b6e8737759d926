/** Who may read what: of answers that are not kept, and of documents, by what is learned of the product on the way to them. */
import { crossOriginHeaders } from '../deliver/cross-origin.ts'
import { type BrowserRules, isListed } from '../model/browser-rules.ts'
import type { MatrixContext } from './context.ts'

export const crossOriginOf = (c: MatrixContext): Record<string, string> => {
  const { browser = 'none' } = c.get('asked') ?? {}
  if (browser === 'none') return {}
  return { ...(isListed(browser) && { Vary: 'Origin' }), ...crossOriginHeaders(browser, c.req.header('origin')) }
}

/** For whoever reads the facts of the product to say what they are. */
export const learnFor =
  (c: MatrixContext) =>
  (browser: BrowserRules | undefined): void => {
    const asked = c.get('asked')
    if (asked !== undefined) c.set('asked', { ...asked, browser: browser ?? 'none' })
  }
