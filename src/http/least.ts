/** Where a request says the least publication that its answer may be of. */
import { refuse } from '../model/errors.ts'
import type { MatrixContext } from './context.ts'

export const LEAST_HEADER = 'matrix-min-publication'

/** Of a query or, where a URL is a cache key and takes none, of a header. Throws `invalid-request`. */
export const parseLeast = (c: MatrixContext, query?: string): number | undefined => {
  const header = c.req.header(LEAST_HEADER)
  if (query !== undefined && header !== undefined && query !== header)
    throw refuse('invalid-request', 'min and Matrix-Min-Publication name two publications.')
  const text = query ?? header
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw refuse('invalid-request', 'min is the number of a publication.')
  return Number(text)
}
