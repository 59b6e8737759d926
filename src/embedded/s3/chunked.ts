/**
 * The `aws-chunked` coding: `<hex size>[;chunk-signature=…]\r\n<data>\r\n`, ended by a chunk of size 0 and trailers.
 * Signed chunks are checked as they end; data may have been handed on by then, so nobody commits before the generator ends.
 */
import { createHash } from 'node:crypto'
import type { Authentication } from './authenticate.ts'
import { S3Error } from './errors.ts'
import { EMPTY_SHA256, hmac, sameText, scopeText, sha256Hex } from './signature.ts'

const LINE_BYTES = 8 * 1024

export interface ChunkedOptions {
  /** `undefined`: `STREAMING-UNSIGNED-PAYLOAD-TRAILER`. */
  readonly signedBy: Authentication | undefined
  readonly onTrailers: (trailers: ReadonlyMap<string, string>) => void
}

export async function* decodeChunked(source: AsyncIterable<Buffer>, options: ChunkedOptions): AsyncGenerator<Buffer> {
  const cursor = openCursor(source)
  const signer = options.signedBy && openChunkSigner(options.signedBy)
  for (;;) {
    const [, size = '', signature] =
      /^([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(await cursor.line()) ?? []
    let left = Number.parseInt(size, 16)
    if (Number.isNaN(left)) throw new S3Error('IncompleteBody', 'A chunk is malformed')
    const last = left === 0
    const hash = signer && createHash('sha256')
    while (left > 0) {
      const part = await cursor.take(left)
      left -= part.length
      hash?.update(part)
      yield part
    }
    signer?.checkChunk(hash?.digest('hex') ?? '', signature)
    if (last) break
    if ((await cursor.line()) !== '') throw new S3Error('IncompleteBody', 'A chunk is longer than it said')
  }
  const trailers = await readTrailers(cursor)
  if (trailers.size > 0) signer?.checkTrailers(trailers)
  options.onTrailers(trailers)
}

interface Cursor {
  /** At least one byte, at most `limit`. */
  take(limit: number): Promise<Buffer>
  /** Without its end; the empty string where the body ends instead. */
  line(): Promise<string>
}

const openCursor = (source: AsyncIterable<Buffer>): Cursor => {
  const iterator = source[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  const next = async (): Promise<Buffer | undefined> => {
    const { done, value } = await iterator.next()
    return done ? undefined : value
  }
  return {
    async take(limit) {
      while (held.length === 0) {
        const more = await next()
        if (more === undefined) throw new S3Error('IncompleteBody', 'The body ended within a chunk')
        held = more
      }
      const part = held.subarray(0, limit)
      held = held.subarray(part.length)
      return part
    },
    async line() {
      for (;;) {
        const end = held.indexOf('\r\n')
        if (end >= 0) {
          const line = held.toString('latin1', 0, end)
          held = held.subarray(end + 2)
          return line
        }
        if (held.length > LINE_BYTES) throw new S3Error('IncompleteBody', 'A line of the chunked body is too long')
        const more = await next()
        if (more === undefined && held.length > 0) throw new S3Error('IncompleteBody', 'The body ended within a line')
        if (more === undefined) return ''
        held = held.length === 0 ? more : Buffer.concat([held, more])
      }
    },
  }
}

const readTrailers = async (cursor: Cursor): Promise<Map<string, string>> => {
  const trailers = new Map<string, string>()
  for (let line = await cursor.line(); line !== ''; line = await cursor.line()) {
    const colon = line.indexOf(':')
    if (colon < 1 || trailers.size >= 16) throw new S3Error('MalformedTrailerError', 'A trailer is malformed')
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  return trailers
}

/** Each signature covers the one before it, the first one the signature of the request. */
const openChunkSigner = ({ key, dateTime, scope, signature: seed }: Authentication) => {
  let previous = seed
  const check = (lines: readonly string[], signature: string | undefined): void => {
    const expected = hmac(key, [lines[0], dateTime, scopeText(scope), previous, ...lines.slice(1)].join('\n')).toString(
      'hex',
    )
    if (!sameText(expected, signature ?? ''))
      throw new S3Error('SignatureDoesNotMatch', 'A chunk has another signature')
    previous = expected
  }
  return {
    checkChunk: (digest: string, signature: string | undefined) =>
      check(['AWS4-HMAC-SHA256-PAYLOAD', EMPTY_SHA256, digest], signature),
    checkTrailers(trailers: ReadonlyMap<string, string>) {
      const signed = [...trailers].filter(([name]) => name !== 'x-amz-trailer-signature').sort()
      const text = signed.map(([name, value]) => `${name}:${value}\n`).join('')
      check(['AWS4-HMAC-SHA256-TRAILER', sha256Hex(text)], trailers.get('x-amz-trailer-signature'))
    },
  }
}
