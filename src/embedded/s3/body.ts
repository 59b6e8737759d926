/** The body of a request: decoded, counted, and held against every digest that was announced for it. */
import { createHash, type Hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { crc32 } from 'node:zlib'
import type { Authentication } from './authenticate.ts'
import { decodeChunked } from './chunked.ts'
import { S3Error, systemCode } from './errors.ts'
import { header, type S3Request } from './request.ts'

export interface IncomingBody {
  /** Throws at its end when the body is not what was announced: commit nothing before that. */
  readonly chunks: AsyncIterable<Buffer>
  /** Once read to the end. */
  md5Hex(): string
  /** `x-amz-checksum-…` as announced and checked, base64. */
  checksums(): Readonly<Record<string, string>>
}

interface Sum {
  update(chunk: Buffer): void
  digest(): Buffer
}

const CHECKSUM_PREFIX = 'x-amz-checksum-'
const NOT_DIGESTS = new Set(['x-amz-checksum-mode', 'x-amz-checksum-algorithm', 'x-amz-checksum-type'])
const HEX_DIGEST = /^[0-9a-f]{64}$/
/** S3's own limit for one put or part. */
const BODY_BYTES = 5 * 1024 ** 3

export interface BodySource {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly request: S3Request
  readonly authentication: Authentication
}

export const openBody = ({ incoming, outgoing, request, authentication }: BodySource): IncomingBody => {
  const { payload } = authentication
  const chunked = payload.startsWith('STREAMING-')
  const announcedBytes = readLength(request, chunked)
  const announced = new Map<string, string>()
  const addAnnounced = (pairs: Iterable<[string, string | undefined]>) => {
    for (const [name, value = ''] of pairs) {
      if (name.startsWith(CHECKSUM_PREFIX) && !NOT_DIGESTS.has(name)) announced.set(name, value)
    }
  }
  addAnnounced(Object.keys(request.headers).map(name => [name, header(request, name)]))
  const trailer = header(request, 'x-amz-trailer')?.toLowerCase().trim()

  const md5 = createHash('md5')
  const sums = new Map<string, Sum>()
  for (const name of [...announced.keys(), ...(trailer ? [trailer] : [])]) sums.set(name, openSum(name))
  const sha256 = HEX_DIGEST.test(payload) ? createHash('sha256') : undefined
  const updated: Sum[] = [md5 as Hash & Sum, ...sums.values(), ...(sha256 ? [sha256 as Hash & Sum] : [])]
  let md5Hex = ''

  const decoded = (): AsyncIterable<Buffer> => {
    const source = readIncoming(incoming)
    if (!chunked) return source
    const signedBy = payload.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD') ? authentication : undefined
    return decodeChunked(source, { signedBy, onTrailers: addAnnounced })
  }

  async function* chunks(): AsyncGenerator<Buffer> {
    if (isWaitingForContinue(request)) outgoing.writeContinue()
    let bytes = 0
    for await (const chunk of decoded()) {
      bytes += chunk.length
      if (bytes > announcedBytes) throw new S3Error('IncompleteBody', 'The body is longer than announced')
      for (const sum of updated) sum.update(chunk)
      yield chunk
    }
    if (bytes !== announcedBytes) throw new S3Error('IncompleteBody', 'The body is shorter than announced')
    const md5Digest = md5.digest()
    md5Hex = md5Digest.toString('hex')
    checkMd5(header(request, 'content-md5'), md5Digest)
    if (sha256 && sha256.digest('hex') !== payload) {
      throw new S3Error('XAmzContentSHA256Mismatch', 'The body does not match x-amz-content-sha256')
    }
    for (const [name, sum] of sums) {
      const value = announced.get(name)
      if (value === undefined) throw new S3Error('MalformedTrailerError', `The trailer ${name} is missing`)
      if (sum.digest().toString('base64') !== value) throw new S3Error('BadDigest', `The body does not match ${name}`)
    }
  }

  return { chunks: chunks(), md5Hex: () => md5Hex, checksums: () => Object.fromEntries(announced) }
}

/** A body that is a document, whole. */
export const readText = async ({ chunks }: IncomingBody, limitBytes: number): Promise<string> => {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > limitBytes) throw new S3Error('EntityTooLarge', 'The document is too large')
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString('utf8')
}

const isWaitingForContinue = (request: S3Request): boolean =>
  header(request, 'expect')?.toLowerCase() === '100-continue'

const readLength = (request: S3Request, chunked: boolean): number => {
  const text = header(request, chunked ? 'x-amz-decoded-content-length' : 'content-length')
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw new S3Error('MissingContentLength', 'A length is required')
  const bytes = Number(text)
  if (bytes > BODY_BYTES) throw new S3Error('EntityTooLarge', 'The body exceeds 5 GiB')
  return bytes
}

async function* readIncoming(incoming: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    // Leaving the loop early must not close the socket: the refusal has yet to be sent over it.
    yield* incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  } catch (error) {
    if (systemCode(error) === 'ECONNRESET') throw new S3Error('IncompleteBody', 'The client went away within the body')
    throw error
  }
}

const openSum = (name: string): Sum => {
  const algorithm = name.slice(CHECKSUM_PREFIX.length)
  if (name.startsWith(CHECKSUM_PREFIX) && (algorithm === 'sha256' || algorithm === 'sha1')) {
    return createHash(algorithm) as Hash & Sum
  }
  if (name !== 'x-amz-checksum-crc32') throw new S3Error('NotImplemented', `${name} is not supported`)
  let value = 0
  const digest = Buffer.alloc(4)
  return {
    update(chunk) {
      value = crc32(chunk, value)
    },
    digest() {
      digest.writeUInt32BE(value)
      return digest
    },
  }
}

const checkMd5 = (announced: string | undefined, digest: Buffer): void => {
  if (announced === undefined) return
  const expected = Buffer.from(announced, 'base64')
  if (expected.length !== 16) throw new S3Error('InvalidDigest', 'Content-MD5 is not valid')
  if (!expected.equals(digest)) throw new S3Error('BadDigest', 'The body does not match Content-MD5')
}
