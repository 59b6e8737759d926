/** GetObject and HeadObject: conditions, one range, and the `response-…` overrides of presigned URLs. */
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { S3Error } from './errors.ts'
import { checkedHeader, type Exchange, type Operation } from './exchange.ts'
import { keyPath } from './key-path.ts'
import { type ObjectFacts, openObject } from './object-file.ts'
import { header, type S3Request } from './request.ts'

const READ_BYTES = 256 * 1024

/** Also answers HEAD: the same headers, no body. */
export const getObject: Operation = async exchange => {
  const object = await openObject(join(exchange.bucketFolder, keyPath(exchange.request.key)))
  if (object === undefined) throw new S3Error('NoSuchKey', 'The specified key does not exist')
  const { handle, facts } = object
  try {
    const headers = objectHeaders(exchange.request, facts)
    if (isUnchanged(exchange.request, facts)) return answerUnchanged(exchange, headers)
    const range = readRange(exchange.request, facts)
    const { first, last } = range ?? { first: 0, last: facts.bytes - 1 }
    exchange.outgoing.writeHead(range ? 206 : 200, {
      ...headers,
      ...(range ? { 'content-range': `bytes ${first}-${last}/${facts.bytes}` } : facts.checksums),
      'content-length': last - first + 1,
    })
    if (exchange.request.method === 'HEAD' || facts.bytes === 0) return void exchange.outgoing.end()
    const bytes = handle.createReadStream({ start: first, end: last, highWaterMark: READ_BYTES, autoClose: false })
    await pipeline(bytes, exchange.outgoing)
  } finally {
    await handle.close()
  }
}

/** RFC 9110 section 13.2.2, in its order. Throws where the answer is 412. */
const isUnchanged = (request: S3Request, { etag, storedAt }: ObjectFacts): boolean => {
  const [ifMatch, ifNoneMatch] = [header(request, 'if-match'), header(request, 'if-none-match')]
  const since = Date.parse(header(request, 'if-modified-since') ?? '')
  const until = Date.parse(header(request, 'if-unmodified-since') ?? '')
  const storedSecond = Math.floor(storedAt / 1000) * 1000
  const failed = ifMatch === undefined ? storedSecond > until : !matches(ifMatch, etag)
  if (failed) throw new S3Error('PreconditionFailed', 'At least one of the preconditions did not hold')
  return ifNoneMatch === undefined ? storedSecond <= since : matches(ifNoneMatch, etag)
}

const answerUnchanged = ({ outgoing }: Exchange, headers: Readonly<Record<string, string>>): void => {
  const { 'content-type': _, ...kept } = headers
  outgoing.writeHead(304, kept).end()
}

const matches = (condition: string, etag: string): boolean =>
  condition
    .split(',')
    .some(one => one.trim() === '*' || one.trim().replace(/^W\//, '').replaceAll('"', '') === etag.slice(1, -1))

/** One range; several, or a malformed one, are ignored as RFC 9110 section 14.2 allows. */
const readRange = (request: S3Request, facts: ObjectFacts): { first: number; last: number } | undefined => {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header(request, 'range') ?? '') ?? []
  const ifRange = header(request, 'if-range')
  if ((from === '' && to === '') || (from !== '' && to !== '' && Number(to) < Number(from))) return undefined
  if (ifRange !== undefined && !matches(ifRange, facts.etag)) return undefined
  const end = facts.bytes - 1
  const first = from === '' ? Math.max(0, facts.bytes - Number(to)) : Number(from)
  const last = from === '' || to === '' ? end : Math.min(end, Number(to))
  if (first > end || (from === '' && Number(to) === 0)) {
    throw new S3Error('InvalidRange', 'The range lies outside the object', {
      'content-range': `bytes */${facts.bytes}`,
    })
  }
  return { first, last }
}

const OVERRIDES = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
]

const objectHeaders = (request: S3Request, facts: ObjectFacts): Record<string, string> => {
  const headers: Record<string, string> = {
    ...facts.headers,
    etag: facts.etag,
    'last-modified': new Date(facts.storedAt).toUTCString(),
    'accept-ranges': 'bytes',
  }
  for (const name of OVERRIDES) {
    const value = request.query.get(`response-${name}`)
    if (value !== undefined) headers[name] = checkedHeader(name, value)
  }
  return headers
}
