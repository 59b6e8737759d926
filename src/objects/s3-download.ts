/**
 * The body of a get. It fails when the store goes silent or sends fewer bytes than it announced, and then with an error
 * of ours. A reader that pauses is not a silent store: the watch counts only while the reader wants bytes.
 */
import { pipeline, type Readable, Transform } from 'node:stream'
import { MatrixError } from '../model/errors.ts'
import { translate } from './s3-errors.ts'

/** What waits for a reader that paused. */
const HELD_BYTES = 256 * 1024

export interface DownloadOptions {
  readonly key: string
  /** As announced by the store; `undefined` where it announced nothing. */
  readonly bytes: number | undefined
  readonly silenceMs: number
  readonly signal: AbortSignal | undefined
}

export const guardDownload = (source: Readable, { key, bytes, silenceMs, signal }: DownloadOptions): Readable => {
  let received = 0
  const guarded = new Transform({
    highWaterMark: HELD_BYTES,
    transform(chunk: Uint8Array, _encoding, done) {
      received += chunk.byteLength
      timer.refresh()
      done(null, chunk)
    },
    flush(done) {
      clearInterval(timer)
      done(bytes === undefined || received === bytes ? null : truncated(key, received, bytes))
    },
    destroy(error, done) {
      clearInterval(timer)
      signal?.removeEventListener('abort', abort)
      done(error === null ? null : signal?.aborted ? signal.reason : translate(error, `get ${key}`))
    },
  })
  const timer = setInterval(() => {
    const readerPaused = guarded.readableLength >= guarded.readableHighWaterMark
    if (!readerPaused) guarded.destroy(new MatrixError('dependency-timeout', `get ${key}: silent for ${silenceMs} ms`))
  }, silenceMs)
  const abort = () => guarded.destroy(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  // The pipeline destroys the source with the guard and the guard with the source; the guard reports.
  pipeline(source, guarded, () => undefined)
  return guarded
}

const truncated = (key: string, received: number, bytes: number): MatrixError =>
  new MatrixError('storage-unavailable', `get ${key}: received ${received} of ${bytes} bytes`)
