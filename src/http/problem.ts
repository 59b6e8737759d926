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

/** Where nobody knows better: an engine that is away is seldom back at once, and seldom away for long. */
const AWAY_SECONDS = 2

const retryAfterOf = ({ retryAfterSeconds, status }: MatrixError): number | undefined =>
  retryAfterSeconds ?? (status === 503 || status === 504 ? AWAY_SECONDS : undefined)

export const problemDocument = (error: MatrixError, { base, requestId }: { base: string; requestId: string }) => {
  const { title, status, retryable } = ERROR_CATALOGUE[error.code]
  const retryAfter = retryAfterOf(error)
  return {
    type: `${base}/problems/${error.code}`,
    code: error.code,
    status,
    title,
    ...(error.publicMessage === undefined ? {} : { detail: error.publicMessage }),
    instance: requestId,
    retryable,
    ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
    ...(error.violations.length === 0 ? {} : { errors: error.violations }),
    ...error.details,
  }
}

/**
 * No `Connection: close`, even where the body was not read: the socket would end before a client that is still sending has seen
 * the answer. The server reads on for half a second and closes then (measured: 11 of 20 oversized uploads saw EPIPE before).
 */
export const problemResponse = (
  error: MatrixError,
  { headers, ...options }: { base: string; requestId: string; headers?: Readonly<Record<string, string>> | undefined },
): Response => {
  const body = JSON.stringify(problemDocument(error, options))
  const retryAfter = retryAfterOf(error)
  return new Response(body, {
    status: error.status,
    headers: {
      'Content-Type': 'application/problem+json',
      // Said for HEAD, too.
      'Content-Length': String(Buffer.byteLength(body)),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
      ...(error.status === 401 ? { 'WWW-Authenticate': 'Bearer realm="asset-matrix"' } : {}),
      ...headers,
    },
  })
}
