/**
 * Who may speak to the embedded S3 server: the holder of its one key pair, by header or by presigned URL. There is no
 * anonymous access. Refusals do not say what the right signature would have been.
 */
import { S3Error } from './errors.ts'
import { header, type S3Request } from './request.ts'
import { ALGORITHM, canonicalRequest, type Scope, sameText, signCanonical, signingKey } from './signature.ts'

export interface Credential {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
}

export interface Authentication {
  /** `x-amz-content-sha256`: a digest, or one of the words that say how the body is sent. */
  readonly payload: string
  readonly signature: string
  readonly dateTime: string
  readonly scope: Scope
  readonly key: Buffer
}

const CLOCK_SKEW_MS = 15 * 60_000
const LONGEST_PRESIGNED_SECONDS = 7 * 24 * 3600

interface Claim {
  readonly credential: string
  readonly dateTime: string
  readonly signedHeaders: string
  readonly signature: string
  readonly payload: string
  /** `undefined` for signatures in a header. */
  readonly expiresSeconds: number | undefined
}

export const openAuthenticator = (credential: Credential): ((request: S3Request, nowMs: number) => Authentication) => {
  let cached: { date: string; key: Buffer } | undefined
  const keyOf = (scope: Scope): Buffer => {
    if (cached?.date !== scope.date) cached = { date: scope.date, key: signingKey(credential.secretAccessKey, scope) }
    return cached.key
  }

  return (request, nowMs) => {
    const claim = readClaim(request)
    const scope = checkScope(claim, credential)
    checkTime(claim, nowMs)
    const signedHeaders = claim.signedHeaders.split(';')
    checkSignedHeaders(request, signedHeaders)
    const key = keyOf(scope)
    const expected = signCanonical(key, claim.dateTime, scope, canonicalRequest(request, signedHeaders, claim.payload))
    if (!sameText(expected, claim.signature)) {
      throw new S3Error('SignatureDoesNotMatch', 'The signature does not match the request')
    }
    return { payload: claim.payload, signature: claim.signature, dateTime: claim.dateTime, scope, key }
  }
}

const readClaim = (request: S3Request): Claim => {
  const authorization = header(request, 'authorization')
  const presigned = request.query.has('X-Amz-Signature')
  if (authorization !== undefined && presigned) throw new S3Error('InvalidArgument', 'Only one way to sign is allowed')
  if (presigned) return readPresigned(request)
  if (authorization === undefined) throw new S3Error('AccessDenied', 'Anonymous access is not allowed')
  return readAuthorization(request, authorization)
}

const AUTHORIZATION_PATTERN =
  /^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/

const readAuthorization = (request: S3Request, authorization: string): Claim => {
  const [, credential, signedHeaders, signature] = AUTHORIZATION_PATTERN.exec(authorization) ?? []
  const dateTime = header(request, 'x-amz-date')
  const payload = header(request, 'x-amz-content-sha256')
  if (!credential || !signedHeaders || !signature || !dateTime || !payload) {
    throw new S3Error('AuthorizationHeaderMalformed', 'The authorization header or its companions are malformed')
  }
  return { credential, signedHeaders, signature, dateTime, payload, expiresSeconds: undefined }
}

const readPresigned = (request: S3Request): Claim => {
  const value = (name: string) => request.query.get(name) ?? ''
  const expires = value('X-Amz-Expires')
  if (value('X-Amz-Algorithm') !== ALGORITHM || !/^\d{1,6}$/.test(expires)) {
    throw new S3Error('AuthorizationHeaderMalformed', 'The parameters of the presigned URL are malformed')
  }
  return {
    credential: value('X-Amz-Credential'),
    signedHeaders: value('X-Amz-SignedHeaders'),
    signature: value('X-Amz-Signature'),
    dateTime: value('X-Amz-Date'),
    payload: request.query.get('X-Amz-Content-Sha256') ?? header(request, 'x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD',
    expiresSeconds: Number(expires),
  }
}

const checkScope = ({ credential, dateTime }: Claim, { accessKeyId, region }: Credential): Scope => {
  const [id, date, scopeRegion, service, end, ...rest] = credential.split('/')
  if (id !== accessKeyId) throw new S3Error('InvalidAccessKeyId', 'The access key does not exist')
  const wellFormed = service === 's3' && end === 'aws4_request' && rest.length === 0 && date === dateTime.slice(0, 8)
  if (!wellFormed || scopeRegion !== region) {
    throw new S3Error('AuthorizationHeaderMalformed', `The credential must be scoped to its date, ${region} and s3`)
  }
  return { date, region }
}

const checkTime = ({ dateTime, expiresSeconds }: Claim, nowMs: number): void => {
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(dateTime) ?? []
  const signedAt = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`)
  if (Number.isNaN(signedAt)) throw new S3Error('AuthorizationHeaderMalformed', 'The date is malformed')
  const tooEarly = signedAt - nowMs > CLOCK_SKEW_MS
  if (expiresSeconds === undefined) {
    if (tooEarly || nowMs - signedAt > CLOCK_SKEW_MS) {
      throw new S3Error(
        'RequestTimeTooSkewed',
        'The difference between the request time and the server time is too large',
      )
    }
    return
  }
  const tooLong = expiresSeconds < 1 || expiresSeconds > LONGEST_PRESIGNED_SECONDS
  if (tooEarly || tooLong) throw new S3Error('AccessDenied', 'The presigned URL is not valid yet or for too long')
  if (nowMs > signedAt + expiresSeconds * 1000) throw new S3Error('AccessDenied', 'Request has expired')
}

/** What is not signed could have been added on the way. */
const checkSignedHeaders = (request: S3Request, signedHeaders: readonly string[]): void => {
  const unsigned = Object.keys(request.headers).filter(
    name => name.startsWith('x-amz-') && !signedHeaders.includes(name),
  )
  const missing = signedHeaders.filter(name => request.headers[name] === undefined)
  if (!signedHeaders.includes('host') || unsigned.length > 0 || missing.length > 0) {
    throw new S3Error('AccessDenied', 'There were headers present in the request which were not signed, or the reverse')
  }
}
