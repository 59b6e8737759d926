/** JSON bodies are read whole before they are parsed, so they are bounded: in length, and in the time that they may take. */
import { createMiddleware } from 'hono/factory'
import { refuse } from '../../model/errors.ts'
import type { Env } from '../context.ts'

/** A hundred times the longest recipe that makes sense. */
const MAX_BYTES = 1024 * 1024

/** Puts a JSON body that has arrived in full in the place of one that is arriving; other bodies stay streams. */
export const boundedJson = ({ maxMs }: { maxMs: number }) =>
  createMiddleware<Env>(async (c, next) => {
    const { raw } = c.req
    const isJson = c.req.header('content-type')?.toLowerCase().includes('json') === true
    if (!isJson || raw.body === null) return next()
    if (Number(c.req.header('content-length') ?? 0) > MAX_BYTES) throw tooLarge()
    const reader = raw.body.getReader()
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
    c.req.raw = new Request(raw, { body: Buffer.concat(chunks) })
    return next()
  })

const tooLarge = () =>
  refuse('payload-too-large', `A JSON body has at most ${MAX_BYTES} bytes.`, { details: { limit: MAX_BYTES } })
