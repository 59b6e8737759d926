/** Who may read what is not kept: what is on its way, and what stands in for it. */
import { crossOriginHeaders } from '../deliver/cross-origin.ts'
import { isListed } from '../model/browser-rules.ts'
import type { MatrixContext } from './context.ts'

export const crossOriginOf = (c: MatrixContext): Record<string, string> => {
  const { browser = 'none' } = c.get('asked') ?? {}
  if (browser === 'none') return {}
  return { ...(isListed(browser) && { Vary: 'Origin' }), ...crossOriginHeaders(browser, c.req.header('origin')) }
}
