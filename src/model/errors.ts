/**
 * Every failure the system names: one class, one closed catalogue, one mapping to HTTP.
 *
 * `message` is for us and may carry detail; `publicMessage` is for the caller and never carries anything that came from a
 * decoder, a driver or another caller. `retryable` is read by workers, SDK and webhook sender alike.
 */
import type { Principal } from './principal.ts'

export const ERROR_CATALOGUE = {
  'invalid-request': { status: 400, title: 'The request is malformed', retryable: false },
  'invalid-cursor': { status: 400, title: 'The cursor is not one that was issued', retryable: false },
  'idempotency-key-missing': { status: 400, title: 'An Idempotency-Key header is required', retryable: false },
  unauthenticated: { status: 401, title: 'A valid credential is required', retryable: false },
  'bad-signature': { status: 401, title: 'The signature does not match', retryable: false },
  forbidden: { status: 403, title: 'The credential does not allow this', retryable: false },
  'attribute-forbidden': { status: 403, title: 'This attribute may not be written by this product', retryable: false },
  'over-budget': { status: 403, title: 'The budget of this product is exhausted', retryable: false },
  'not-found': { status: 404, title: 'There is nothing here', retryable: false },
  'not-acceptable': { status: 406, title: 'None of the formats on offer is acceptable', retryable: false },
  conflict: { status: 409, title: 'The state does not allow this', retryable: false },
  'alias-conflict': { status: 409, title: 'The alias names another asset', retryable: false },
  'not-ready': { status: 409, title: 'The version is not complete', retryable: true },
  'last-owner': { status: 409, title: 'A collection keeps at least one owner', retryable: false },
  held: { status: 409, title: 'The asset is under a hold', retryable: false },
  'nothing-to-roll-back': { status: 409, title: 'There is nothing earlier to go back to', retryable: false },
  'upload-incomplete': { status: 409, title: 'The upload is not complete', retryable: true },
  'idempotency-in-flight': { status: 409, title: 'The first request with this key is still running', retryable: true },
  'contract-incompatible': { status: 409, title: 'The contract breaks its consumers', retryable: false },
  'asset-archived': { status: 410, title: 'The asset is archived', retryable: false },
  'asset-erased': { status: 410, title: 'The asset is erased', retryable: false },
  'version-purged': { status: 410, title: 'The version has been purged', retryable: false },
  'events-archived': { status: 410, title: 'The events are archived', retryable: false },
  'tus-version': { status: 412, title: 'This needs tus 1.0.0', retryable: false },
  'precondition-failed': { status: 412, title: 'The resource has changed', retryable: false },
  'payload-too-large': { status: 413, title: 'The body is too large', retryable: false },
  'unsupported-media': { status: 415, title: 'This kind of media is not accepted', retryable: false },
  'contract-violation': { status: 422, title: 'The body does not fit its schema', retryable: false },
  'invalid-recipe': { status: 422, title: 'The recipe is not valid', retryable: false },
  'unsupported-transform': { status: 422, title: 'Renditions do not apply to this media', retryable: false },
  'content-mismatch': { status: 422, title: 'The content is not what was announced', retryable: false },
  'corrupt-media': { status: 422, title: 'The media cannot be decoded', retryable: false },
  'decompression-bomb': { status: 422, title: 'The decoded media exceeds the limits', retryable: false },
  infected: { status: 422, title: 'A scanner found malware in the content', retryable: false },
  'url-forbidden': { status: 422, title: 'This URL may not be fetched', retryable: false },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    retryable: false,
  },
  'upload-locked': { status: 423, title: 'The upload is just being verified and stored', retryable: true },
  'rendition-failed': { status: 424, title: 'The rendition could not be made', retryable: false },
  'source-unavailable': { status: 424, title: 'The source does not give the content', retryable: true },
  'precondition-required': { status: 428, title: 'An If-Match header is required', retryable: false },
  'rate-limited': { status: 429, title: 'Too many requests', retryable: true },
  'checksum-mismatch': { status: 460, title: 'The bytes do not have the announced checksum', retryable: true },
  internal: { status: 500, title: 'Something went wrong on our side', retryable: true },
  'dependency-unavailable': { status: 503, title: 'A dependency is unavailable', retryable: true },
  'storage-unavailable': { status: 503, title: 'The object store is unavailable', retryable: true },
  overloaded: { status: 503, title: 'Too much work is waiting', retryable: true },
  'dependency-timeout': { status: 504, title: 'A dependency did not answer in time', retryable: true },
  'storage-full': { status: 507, title: 'There is no room for the upload', retryable: true },
} as const satisfies Record<string, { status: number; title: string; retryable: boolean }>

export type ErrorCode = keyof typeof ERROR_CATALOGUE

/** One failed rule about one place of a body: `pointer` is an RFC 6901 JSON pointer or a parameter name. */
export interface Violation {
  readonly pointer: string
  readonly rule: string
  readonly message: string
}

export interface ErrorOptions {
  readonly publicMessage?: string
  readonly cause?: unknown
  readonly violations?: readonly Violation[]
  /** Typed extra members of the problem document, e.g. `blocking` of `not-ready`. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds?: number
  /** Who was denied by which rule. For the audit: where it is hidden what there is, the caller is told neither. */
  readonly denied?: Denied
}

export interface Denied {
  readonly rule: string
  /** Where the request itself does not know. */
  readonly principal?: Principal | undefined
}

export class MatrixError extends Error {
  override readonly name = 'MatrixError'
  readonly code: ErrorCode
  readonly publicMessage: string | undefined
  readonly violations: readonly Violation[]
  readonly details: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined
  readonly denied: Denied | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.publicMessage = options.publicMessage
    this.violations = options.violations ?? []
    this.details = options.details ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
    this.denied = options.denied
  }

  get retryable(): boolean {
    return ERROR_CATALOGUE[this.code].retryable
  }

  get status(): number {
    return ERROR_CATALOGUE[this.code].status
  }
}

/** The message is fit for the caller: the ordinary way to refuse an input. */
export const refuse = (code: ErrorCode, publicMessage: string, options: ErrorOptions = {}): MatrixError =>
  new MatrixError(code, publicMessage, { publicMessage, ...options })

export const isMatrixError = (error: unknown, code?: ErrorCode): error is MatrixError =>
  error instanceof MatrixError && (code === undefined || error.code === code)
