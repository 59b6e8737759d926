/**
 * What an S3 driver error means, decided by its code or status, never by its text. The SDK names a reset connection
 * `TimeoutError` like a silent one, so the system's error code is read first.
 */
import { type ErrorCode, isMatrixError, MatrixError } from '../model/errors.ts'

interface DriverError {
  readonly name: string
  readonly code: string | undefined
  readonly status: number | undefined
}

const CODE_MEANS: Readonly<Record<string, ErrorCode>> = {
  NoSuchKey: 'not-found',
  NotFound: 'not-found',
  NoSuchUpload: 'not-found',
  InvalidPart: 'upload-incomplete',
  InvalidPartOrder: 'upload-incomplete',
  EntityTooSmall: 'upload-incomplete',
  /** A multipart upload that is being completed already. */
  OperationAborted: 'storage-unavailable',
  InvalidRange: 'invalid-request',
  BadDigest: 'content-mismatch',
  InvalidDigest: 'content-mismatch',
  XAmzContentSHA256Mismatch: 'content-mismatch',
  XAmzContentChecksumMismatch: 'content-mismatch',
  IncompleteBody: 'content-mismatch',
  EntityTooLarge: 'payload-too-large',
  QuotaExceeded: 'storage-full',
  InsufficientStorage: 'storage-full',
  XMinioStorageFull: 'storage-full',
  PreconditionFailed: 'conflict',
}

const STATUS_MEANS: Readonly<Record<number, ErrorCode>> = {
  409: 'conflict',
  412: 'conflict',
  413: 'payload-too-large',
  416: 'invalid-request',
  507: 'storage-full',
}

/** Refusals that say "again", whatever their status. */
const AGAIN_NAMES = new Set(['SlowDown', 'RequestTimeout', 'RequestTimeTooSkewed', 'ConditionalRequestConflict'])
const AGAIN_CODES = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
])

/** The failure in our catalogue; `what` names the operation, for us. The driver's own error stays as the cause. */
export const translate = (error: unknown, what: string): MatrixError => {
  if (isMatrixError(error)) return error
  const driver = read(error)
  const code = CODE_MEANS[driver.name] ?? (isSilence(driver) ? 'dependency-timeout' : undefined)
  const meaning = code ?? (driver.status === undefined ? undefined : STATUS_MEANS[driver.status])
  return new MatrixError(meaning ?? 'storage-unavailable', `${what}: ${describe(driver)}`, { cause: error })
}

/**
 * Whether the same request may succeed a moment later. A silent store is not asked again: its caller has waited already,
 * and three silences in a row are three times the limit that was promised.
 */
export const isTransient = (error: unknown): boolean => {
  if (isMatrixError(error)) return false
  const { name, code, status } = read(error)
  if (AGAIN_NAMES.has(name) || (code !== undefined && AGAIN_CODES.has(code))) return true
  return status === 429 || status === 500 || status === 502 || status === 503 || status === 504
}

/** Whether it is said by a store that works: a refusal, and none for want of strength. */
export const isAnswer = (error: unknown): boolean => {
  const { status } = read(error)
  return status !== undefined && status < 500 && status !== 429
}

export const hasStatus = (error: unknown, status: number): boolean => read(error).status === status

export const hasName = (error: unknown, name: string): boolean => read(error).name === name

const read = (error: unknown): DriverError => {
  const fields = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  const metadata = fields.$metadata as { httpStatusCode?: number } | undefined
  return {
    name: typeof fields.name === 'string' ? fields.name : 'Error',
    code: typeof fields.code === 'string' ? fields.code : undefined,
    status: metadata?.httpStatusCode,
  }
}

const isSilence = ({ name, code }: DriverError): boolean =>
  code === 'ETIMEDOUT' || (name === 'TimeoutError' && (code === undefined || !AGAIN_CODES.has(code)))

const describe = ({ name, code, status }: DriverError): string =>
  [name, code, status].filter(part => part !== undefined).join(' ')
