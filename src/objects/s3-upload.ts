/**
 * The body of one try of a put, and the watch over the store that takes it. There is no limit on the whole: a put may take
 * as long as it makes progress. What is limited is the store's silence, between two chunks or after the last one. A body
 * that is slow to come is not the store's silence; whoever gives it limits it, by failing it or by the signal of the put.
 */
import { pipeline, Readable, Transform } from 'node:stream'
import { MatrixError } from '../model/errors.ts'
import type { PutRequest } from './store.ts'

/** Bodies up to here are written in one go; larger buffers are cut, so that progress shows. */
const SLICE_BYTES = 64 * 1024
/** After the last byte a store may flush and hash all of it before it answers: allow for 20 MB/s. */
const SETTLED_BYTES_PER_MS = 20_000

/** The caller's own failure, kept apart from the store's: it is neither translated nor retried. */
export class BodyFailed extends Error {
  override readonly name = 'BodyFailed'
}

export interface Upload {
  readonly body: Uint8Array | Readable
  /** Aborts when the body failed or the store was silent; its reason is the error to report. */
  readonly signal: AbortSignal
  /** Always call it: stops the watch and frees the body, whether it was read or not. */
  end(): void
}

export const beginUpload = (request: Pick<PutRequest, 'key' | 'body' | 'bytes'>, silenceMs: number): Upload => {
  const abort = new AbortController()
  const { body } = request
  let timer: NodeJS.Timeout | undefined
  let isStarved = () => false
  const expectProgress = (withinMs: number) => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      if (isStarved()) expectProgress(withinMs)
      else abort.abort(silence(request.key, withinMs))
    }, withinMs)
  }
  expectProgress(silenceMs)
  if (typeof body !== 'function' && body.byteLength <= SLICE_BYTES) {
    return { body, signal: abort.signal, end: () => clearTimeout(timer) }
  }
  const source = typeof body === 'function' ? body() : Readable.from(slices(body), { objectMode: false })
  let left = request.bytes
  const meter = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      left -= chunk.byteLength
      if (left < 0) return done(mismatch(request))
      expectProgress(left === 0 ? silenceMs + request.bytes / SETTLED_BYTES_PER_MS : silenceMs)
      done(null, chunk)
    },
    flush(done) {
      done(left === 0 ? null : mismatch(request))
    },
  })
  isStarved = () => left > 0 && meter.readableLength === 0
  pipeline(source, meter, error => {
    // The SDK pipes the body and does not hear it fail: without this the request would wait for bytes for ever.
    if (error) abort.abort(new BodyFailed(`The body of ${request.key} failed`, { cause: error }))
  })
  const end = () => {
    clearTimeout(timer)
    meter.destroy()
    source.destroy()
  }
  return { body: meter, signal: abort.signal, end }
}

function* slices(body: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < body.byteLength; start += SLICE_BYTES) yield body.subarray(start, start + SLICE_BYTES)
}

const silence = (key: string, withinMs: number): MatrixError =>
  new MatrixError('dependency-timeout', `put ${key}: no progress within ${Math.round(withinMs)} ms`)

const mismatch = ({ key, bytes }: Pick<PutRequest, 'key' | 'bytes'>): MatrixError =>
  new MatrixError('content-mismatch', `put ${key}: the body is not the ${bytes} bytes announced`)
