/** The body of an upload as a stream of bytes, whichever way it was sent. */
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { Busboy } from '@fastify/busboy'
import { silence } from '../ingest/receive.ts'
import { isMatrixError, refuse } from '../model/errors.ts'
import type { MatrixContext } from './context.ts'
import { essenceOf, refuseEncoded } from './media-type.ts'

export interface UploadBody {
  readonly stream: Readable
  readonly mediaType: string | undefined
  readonly filename: string | undefined
  /** Resolves when the body has ended as it should; rejects when it has not. Call after the stream was consumed. */
  readonly finished: () => Promise<void>
}

/** Behind a socket this is node's own stream (faster than the web stream around it); in-process requests have the latter only. */
export const rawBody = (c: MatrixContext): Readable => {
  const incoming = c.env?.incoming
  if (incoming) return incoming
  const { body } = c.req.raw
  return body === null ? Readable.from([]) : Readable.fromWeb(body as ReadableStream)
}

/** Room for the boundaries and part headers around a file. */
const MULTIPART_OVERHEAD = 64 * 1024

export interface BodyLimits {
  readonly maxBytes: number
  /** The longest silence between two chunks. */
  readonly idleMs: number
}

const tooLarge = (limit: number) => refuse('payload-too-large', `The limit is ${limit} bytes.`, { details: { limit } })

/** Throws `unsupported-media` for what is no asset, and `payload-too-large` for an announced length beyond the limit, before anything is read. */
export const uploadBody = async (c: MatrixContext, limits: BodyLimits): Promise<UploadBody> => {
  const { maxBytes } = limits
  const mediaType = c.req.header('content-type')
  refuseEncoded(c)
  const isForm = mediaType !== undefined && essenceOf(mediaType) === 'multipart/form-data'
  const announced = Number(c.req.header('content-length') ?? 0)
  if (announced > maxBytes + (isForm ? MULTIPART_OVERHEAD : 0)) throw tooLarge(maxBytes)
  const stream = rawBody(c)
  if (isForm) return filePart(stream, mediaType as string, limits)
  return { stream, mediaType, filename: undefined, finished: async () => undefined }
}

/** A part that does not say what it is counts as text (RFC 7578 section 4.4): that is no claim. */
const UNSAID = 'text/plain'

/** One part named `file` and nothing else, streamed. What surrounds the file is bounded like the file: in length and in silence. */
const filePart = async (body: Readable, contentType: string, { maxBytes, idleMs }: BodyLimits): Promise<UploadBody> => {
  const parser = openParser(contentType)
  const finished = once(parser, 'finish').then(() => undefined)
  finished.catch(() => undefined) // asked for below, once the file has been read
  let seen = false
  const failure = new Promise<never>((_, reject) => {
    const fail = (error: Error) => {
      body.unpipe(parser)
      parser.destroy(error)
      reject(error)
    }
    const failForm = () => fail(refuse('invalid-request', 'The form has one part, named file.'))
    for (const other of ['field', 'partsLimit', 'filesLimit', 'fieldsLimit'] as const) parser.on(other, failForm)
    const idle = setTimeout(() => fail(silence(idleMs)), idleMs)
    let bytes = 0
    const watch = (chunk: Buffer) => {
      idle.refresh()
      bytes += chunk.length
      if (bytes > maxBytes + MULTIPART_OVERHEAD) fail(tooLarge(maxBytes))
    }
    body.on('data', watch)
    const unwatch = () => {
      clearTimeout(idle)
      body.off('data', watch)
    }
    parser.on('close', unwatch)
    parser.on('finish', unwatch)
    parser.on('error', error => reject(asIncomplete(error)))
    parser.on('finish', () => {
      if (!seen) reject(refuse('invalid-request', 'The form has no part named file.'))
    })
    body.on('error', error => parser.destroy(asIncomplete(error)))
    body.on('close', () => {
      if (!body.readableEnded)
        parser.destroy(refuse('upload-incomplete', 'The upload ended early: the connection was lost.'))
    })
  })
  failure.catch(() => undefined) // whoever reads the file sees it
  const file = new Promise<UploadBody>((resolve, reject) => {
    parser.on('file', (name, part, filename, _encoding, mediaType) => {
      if (name !== 'file') return reject(refuse('invalid-request', 'The form has one part, named file.'))
      seen = true
      const stream = part.pipe(new PassThrough())
      // The form may break before the first read and after the last; whoever reads in between hears it through the loop, and an
      // error event that nobody listens to would end the process.
      for (const half of [part, stream]) half.on('error', error => stream.destroy(asIncomplete(error)))
      failure.catch(error => stream.destroy(error))
      resolve({
        stream,
        mediaType: mediaType === UNSAID ? undefined : mediaType,
        filename,
        finished: () => Promise.race([finished, failure]),
      })
    })
  })
  body.pipe(parser)
  return Promise.race([file, failure])
}

const openParser = (contentType: string): InstanceType<typeof Busboy> => {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      limits: {
        files: 1,
        fields: 1,
        parts: 4,
        fieldNameSize: 100,
        fieldSize: 1024,
        headerPairs: 50,
        headerSize: 8 * 1024,
      },
    })
  } catch (cause) {
    throw refuse('invalid-request', 'The multipart/form-data header has no usable boundary.', { cause })
  }
}

const asIncomplete = (cause: unknown): Error =>
  isMatrixError(cause) ? cause : refuse('upload-incomplete', 'The form ended early.', { cause })
