/** RFC 9457: one shape for every refusal. What is not one of ours becomes `internal` and says nothing about itself. */
import { translateDriverError } from '../manifest/driver-error.ts'
import { ERROR_CATALOGUE, MatrixError } from '../model/errors.ts'

/** Typed queries outside of a transaction bring their driver's error here wrapped in the query builder's own. */
export const asMatrixError = (error: unknown): MatrixError => {
  const known = translateDriverError(error, 'a query')
  return known instanceof MatrixError
    ? known
    : new MatrixError('internal', error instanceof Error ? error.message : String(error), { cause: error })
}

export const problemDocument = (error: MatrixError, { base, requestId }: { base: string; requestId: string }) => {
  const { title, status, retryable } = ERROR_CATALOGUE[error.code]
  return {
    type: `${base}/problems/${error.code}`,
    code: error.code,
    status,
    title,
    ...(error.publicMessage === undefined ? {} : { detail: error.publicMessage }),
    instance: requestId,
    retryable,
    ...(error.retryAfterSeconds === undefined ? {} : { retry_after: error.retryAfterSeconds }),
    ...(error.violations.length === 0 ? {} : { errors: error.violations }),
    ...error.details,
  }
}

/**
 * No `Connection: close`, even where the body was not read: the socket would end before a client that is still sending has seen
 * the answer. The server reads on for half a second and closes then (measured: 11 of 20 oversized uploads saw EPIPE before).
 */
export const problemResponse = (error: MatrixError, options: { base: string; requestId: string }): Response =>
  new Response(JSON.stringify(problemDocument(error, options)), {
    status: error.status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...(error.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(error.retryAfterSeconds) }),
      ...(error.code === 'unauthenticated' ? { 'WWW-Authenticate': 'Bearer realm="asset-matrix"' } : {}),
    },
  })
