/**
 * The body of a route that takes JSON: it says that it is JSON, or there is none, for the framework leaves any other kind unread
 * and unchecked; and it is read whole before it is parsed, so it is bounded in length and in the time that it may take.
 */
import { createMiddleware } from 'hono/factory'
import { refuse } from '../../model/errors.ts'
import type { Env, MatrixContext } from '../context.ts'
import { isJson, refuseEncoded } from '../media-type.ts'

/** A hundred times the longest recipe that makes sense. */
const MAX_BYTES = 1024 * 1024

const tooLarge = () =>
  refuse('payload-too-large', `A JSON body has at most ${MAX_BYTES} bytes.`, { details: { limit: MAX_BYTES } })
const otherKind = () => refuse('unsupported-media', 'Send the body as application/json.')

const readWhole = async (body: ReadableStream<Uint8Array>, maxMs: number): Promise<Buffer<ArrayBuffer>> => {
  const reader = body.getReader()
  let isLate = false
  const late = setTimeout(() => {
    isLate = true
    reader.cancel().catch(() => undefined) // the loop below ends with what has come
  }, maxMs)
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      bytes += read.value.length
      if (bytes > MAX_BYTES) throw tooLarge()
      chunks.push(read.value)
    }
  } finally {
    clearTimeout(late)
  }
  if (isLate) throw refuse('upload-incomplete', 'The body took too long to arrive.')
  return Buffer.concat(chunks)
}

/** The body, bounded in length and time. Throws `unsupported-media`, `payload-too-large` or `upload-incomplete`. */
export const boundedBody = async (
  c: MatrixContext,
  { uploadIdleMs }: { uploadIdleMs: number },
): Promise<Buffer<ArrayBuffer>> => {
  refuseEncoded(c)
  if (Number(c.req.header('content-length') ?? 0) > MAX_BYTES) throw tooLarge()
  const { body } = c.req.raw
  return body === null ? Buffer.alloc(0) : readWhole(body, uploadIdleMs)
}

/** Throws `unsupported-media`, `payload-too-large` or `upload-incomplete`. */
export const jsonOnly = (config: { uploadIdleMs: number }) =>
  createMiddleware<Env>(async (c, next) => {
    const { raw } = c.req
    const mediaType = c.req.header('content-type')
    if (mediaType !== undefined && !isJson(mediaType)) throw otherKind()
    if (raw.body === null) return next()
    const body = await boundedBody(c, config)
    if (body.length > 0 && mediaType === undefined) throw otherKind()
    c.req.raw = new Request(raw, { body })
    return next()
  })
