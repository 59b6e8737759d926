/** Conditional requests, read from the request and answered as documents. */
import { type Conditions, notModified, weigh } from '../deliver/conditions.ts'
import { type MatrixError, refuse } from '../model/errors.ts'
import type { MatrixContext } from './context.ts'

export const conditionsOf = (c: MatrixContext): Conditions => ({
  method: c.req.method,
  ifMatch: c.req.header('if-match'),
  ifNoneMatch: c.req.header('if-none-match'),
  ifRange: c.req.header('if-range'),
  range: c.req.header('range'),
})

export const stateMissed = (): MatrixError =>
  refuse('precondition-failed', 'The If-Match header names another state than there is.')

/** A document that has a tag: 200, 304, or the throw of a 412. HEAD says how long it would be. */
export const documentResponse = (
  c: MatrixContext,
  headers: Readonly<Record<string, string>> & { readonly ETag: string },
  document: object,
): Response => {
  // Documents have no ranges.
  const verdict = weigh({ ...conditionsOf(c), range: undefined }, { etag: headers.ETag, bytes: 0 })
  if (verdict === 'failed') throw stateMissed()
  if (verdict === 'unchanged') return new Response(null, { status: 304, headers: notModified(headers) })
  const body = JSON.stringify(document)
  return new Response(body, { headers: { ...headers, ...describing(body) } })
}

export const describing = (body: string) => ({
  'Content-Type': 'application/json',
  'Content-Length': String(Buffer.byteLength(body)),
})
