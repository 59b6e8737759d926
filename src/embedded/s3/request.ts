/** A request as S3 reads it: path style only, `/<bucket>/<key>`, everything decoded once. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { S3Error } from './errors.ts'

export interface S3Request {
  readonly method: string
  readonly bucket: string
  readonly key: string
  /** Decoded, with its slashes. */
  readonly path: string
  /** In the order sent; S3 has flags (`?uploads`), they have an empty value. */
  readonly pairs: readonly (readonly [string, string])[]
  readonly query: ReadonlyMap<string, string>
  readonly headers: IncomingHttpHeaders
}

const KEY_BYTES = 1024
/** The rules of S3 for names, dots included; `..` has no way in. */
const BUCKET_PATTERN = /^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/

export const readRequest = ({
  method = '',
  url = '',
  headers,
}: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): S3Request => {
  const cut = url.indexOf('?')
  const rawPath = cut < 0 ? url : url.slice(0, cut)
  if (!rawPath.startsWith('/')) throw new S3Error('InvalidURI', 'Expected a path')
  const path = decode(rawPath)
  const slash = path.indexOf('/', 1)
  const bucket = slash < 0 ? path.slice(1) : path.slice(1, slash)
  const key = slash < 0 ? '' : path.slice(slash + 1)
  if (bucket !== '' && !BUCKET_PATTERN.test(bucket)) throw new S3Error('InvalidBucketName', 'Not a name for a bucket')
  if (Buffer.byteLength(key) > KEY_BYTES) throw new S3Error('KeyTooLongError', 'Your key is too long')
  const pairs = cut < 0 ? [] : readQuery(url.slice(cut + 1))
  return { method, bucket, key, path, pairs, query: new Map(pairs), headers }
}

/** One value of a header, `undefined` when absent. */
export const header = ({ headers }: Pick<S3Request, 'headers'>, name: string): string | undefined => {
  const value = headers[name]
  return Array.isArray(value) ? value.join(',') : value
}

const readQuery = (text: string): [string, string][] =>
  text
    .split('&')
    .filter(pair => pair !== '')
    .map(pair => {
      const equals = pair.indexOf('=')
      return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
    })

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidURI', 'Could not parse the specified URI')
  }
}
