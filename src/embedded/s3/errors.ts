/** Refusals of the embedded S3 server: the codes of S3 and their statuses, in one closed table. */
const STATUS = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InsufficientStorage: 507,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedTrailerError: 400,
  MalformedXML: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  OperationAborted: 409,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
} as const

export type S3Code = keyof typeof STATUS

export class S3Error extends Error {
  override readonly name = 'S3Error'
  readonly code: S3Code
  /** Extra headers of the answer. */
  readonly headers: Readonly<Record<string, string>>

  constructor(code: S3Code, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.code = code
    this.headers = headers
  }

  get status(): number {
    return STATUS[this.code]
  }
}

export const systemCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code

/** Failures of the disk: a full one is worth telling, the rest is ours. */
export const toS3Error = (error: unknown): S3Error => {
  if (error instanceof S3Error) return error
  const code = systemCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return new S3Error('InsufficientStorage', 'No space is left')
  return new S3Error('InternalError', 'Something went wrong on our side')
}
