/**
 * Whether whoever asks is going to show the answer as a picture, so that a document would be a broken image in a page. Browsers
 * say so in `Sec-Fetch-Dest` (W3C Fetch Metadata); those that do not send it name image types in `Accept` for an <img>, and
 * `text/html` beside them where somebody opens the URL itself. A bare wildcard is said by programs.
 */
import type { MatrixContext } from './context.ts'

export const wantsImage = (c: MatrixContext): boolean => {
  const destination = c.req.header('sec-fetch-dest')
  if (destination !== undefined) return destination === 'image'
  const accept = c.req.header('accept')?.toLowerCase() ?? ''
  return /\bimage\/[a-z*]/.test(accept) && !/\btext\/html\b|\bjson\b/.test(accept)
}
