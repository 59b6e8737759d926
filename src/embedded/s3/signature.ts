/** AWS Signature Version 4, the arithmetic: what is signed and with which key. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { S3Request } from './request.ts'
import { header } from './request.ts'

export const ALGORITHM = 'AWS4-HMAC-SHA256'
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

export interface Scope {
  /** `YYYYMMDD` */
  readonly date: string
  readonly region: string
}

export const scopeText = ({ date, region }: Scope): string => `${date}/${region}/s3/aws4_request`

export const signingKey = (secretAccessKey: string, { date, region }: Scope): Buffer =>
  [date, region, 's3', 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${secretAccessKey}`, 'utf8'),
  )

/** "Task 1: Create a canonical request". S3 encodes each path segment once, unlike the other services. */
export const canonicalRequest = (request: S3Request, signedHeaders: readonly string[], payload: string): string => {
  const query = request.pairs
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
  const headers = signedHeaders.map(name => `${name}:${canonicalValue(header(request, name) ?? '')}\n`).join('')
  const path = request.path.split('/').map(encode).join('/')
  return [request.method, path, query, headers, signedHeaders.join(';'), payload].join('\n')
}

export const signCanonical = (key: Buffer, dateTime: string, scope: Scope, canonical: string): string =>
  hmac(key, [ALGORITHM, dateTime, scopeText(scope), sha256Hex(canonical)].join('\n')).toString('hex')

export const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text, 'utf8').digest()

export const sha256Hex = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex')

/** Constant time; unequal lengths differ. */
export const sameText = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const canonicalValue = (value: string): string => value.trim().replace(/ +/g, ' ')

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
