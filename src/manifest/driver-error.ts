import pg from 'pg'
import { MatrixError } from '../model/errors.ts'

const NETWORK = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN'])

/**
 * A driver's error becomes one of ours, by its code and never by its text. Statement values stay out of the message: drizzle
 * puts them into its own, so only the innermost error is quoted.
 */
export const translateDriverError = (error: unknown, statement: string): unknown => {
  const cause = innermost(error)
  if (cause instanceof MatrixError) return cause
  if (cause instanceof pg.DatabaseError) {
    const { code = '' } = cause
    if (code === '57014' || code === '55P03')
      return new MatrixError('dependency-timeout', `Postgres: ${code} in ${statement}`, { cause })
    if (/^(08|53|57P)/.test(code))
      return new MatrixError('dependency-unavailable', `Postgres: ${code} in ${statement}`, {
        cause,
        retryAfterSeconds: 1,
      })
    return new MatrixError('internal', `Postgres: ${code} ${cause.message} in ${statement}`, { cause })
  }
  if (cause instanceof Error && (NETWORK.has(codeOf(cause)) || isDriverConnectionError(cause))) {
    return new MatrixError('dependency-unavailable', `Postgres: ${cause.message} in ${statement}`, {
      cause,
      retryAfterSeconds: 1,
    })
  }
  return error
}

const innermost = (error: unknown): unknown => {
  let e = error
  while (
    e instanceof Error &&
    !(e instanceof MatrixError) &&
    !(e instanceof pg.DatabaseError) &&
    e.cause instanceof Error
  )
    e = e.cause
  return e
}

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')

/** pg raises these without any code: a pool that waited in vain, and a connection that ended under a query. */
const isDriverConnectionError = (error: Error): boolean =>
  error.constructor === Error && codeOf(error) === '' && error.stack?.includes('/node_modules/pg') === true
