/**
 * A client of tus 1.0 (https://tus.io/protocols/resumable-upload) that needs fetch and nothing else. It sends all that is left in one
 * request; where that breaks it asks how far the server has come and goes on from there, as long as it gets on.
 */
import { pause } from './pause.ts'

export interface TusSource {
  readonly bytes: number
  /** From this byte to the end; called once per try. */
  readonly open: (from: number) => ReadableStream<Uint8Array>
}

export interface TusUploadOptions {
  /** Where uploads are begun: `https://assets.example/v1/tus`. */
  readonly endpoint: string
  /** Of every request: `{ Authorization: 'Bearer …' }`. */
  readonly headers: Readonly<Record<string, string>>
  readonly metadata: Readonly<Record<string, string>>
  readonly source: TusSource
  /** Of one that was begun before. One that the server does not know any more is begun anew. */
  readonly url?: string | undefined
  /** Called when it has begun: whoever keeps this can go on with it in another process. */
  readonly onUrl?: (url: string) => Promise<void> | void
  /** What was sent, and of what went wrong what is tried again. */
  readonly onProgress?: (sent: number) => void
  readonly signal?: AbortSignal
  /** Gives up after so long without getting on. 120,000 by default. */
  readonly patienceMs?: number
}

const LOST = 0

/** An answer that says that trying again is of no use, or the last one before the patience ended; status 0: there was none. */
export class TusRefusal extends Error {
  override readonly name = 'TusRefusal'
  readonly method: string
  readonly status: number
  /** As the server wrote it. */
  readonly body: string
  constructor(method: string, status: number, body: string) {
    super(status === LOST ? body : `${method} was answered ${status}: ${body.slice(0, 500)}`)
    this.method = method
    this.status = status
    this.body = body
  }
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 10_000

/** Somebody else was faster (then HEAD says how far), it is just being stored, too many requests, or the server's own trouble. */
const mayTryAgain = ({ method, status }: TusRefusal): boolean =>
  status === LOST ||
  (status === 409 && method === 'PATCH') ||
  status === 423 ||
  status === 429 ||
  status === 460 ||
  status >= 500

const isGone = (error: unknown): boolean =>
  error instanceof TusRefusal && (error.status === 404 || error.status === 410)

const base64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)))

const writeMetadata = (metadata: TusUploadOptions['metadata']): string =>
  Object.entries(metadata)
    .map(([key, value]) => `${key} ${base64(value)}`)
    .join(',')

/** Everything that passes is counted; the stream itself stays as it is. */
const counted = (stream: ReadableStream<Uint8Array>, count: (bytes: number) => void): ReadableStream<Uint8Array> =>
  stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        count(chunk.byteLength)
        controller.enqueue(chunk)
      },
    }),
  )

/**
 * Resolves with the headers of the answer that says that the upload is whole. Throws `TusRefusal`, or the signal's reason.
 *
 * @example const headers = await tusUpload({ endpoint, headers, metadata: { collection: 'product-photo' }, source })
 *          headers.get('Matrix-Asset')
 */
export const tusUpload = async (options: TusUploadOptions): Promise<Headers> => {
  const { endpoint, metadata, source, signal, onUrl, onProgress = () => undefined, patienceMs = 120_000 } = options
  let { url } = options

  const ask = async (to: string, init: RequestInit & { method: string; duplex?: 'half' }): Promise<Response> => {
    signal?.throwIfAborted()
    const headers = { ...options.headers, 'Tus-Resumable': '1.0.0', ...(init.headers as Record<string, string>) }
    const response = await fetch(to, { ...init, headers, ...(signal && { signal }) }).catch(error => {
      signal?.throwIfAborted()
      throw new TusRefusal(init.method, LOST, String(error.cause?.message ?? error.message))
    })
    if (response.ok) return response
    throw new TusRefusal(init.method, response.status, await response.text().catch(() => ''))
  }

  const begin = async (): Promise<string> => {
    const headers = { 'Upload-Length': String(source.bytes), 'Upload-Metadata': writeMetadata(metadata) }
    const { headers: said } = await ask(endpoint, { method: 'POST', headers })
    const begun = new URL(said.get('location') ?? '', endpoint).href
    await onUrl?.(begun)
    return begun
  }
  const offsetIn = ({ headers }: Response): number => Number(headers.get('upload-offset') ?? Number.NaN)

  let reached = 0
  let reachedAt = Date.now()
  let waitMs = FIRST_WAIT_MS
  const reach = (offset: number): void => {
    if (offset <= reached) return
    reached = offset
    reachedAt = Date.now()
    waitMs = FIRST_WAIT_MS
  }
  /** How far it was, is now, and when it is whole, what that was answered with. */
  const step = async (known: string): Promise<Headers | undefined> => {
    const found = await ask(known, { method: 'HEAD' })
    const from = offsetIn(found)
    reach(from)
    onProgress(from)
    if (from === source.bytes) return found.headers
    let sent = from
    const body = counted(source.open(from), bytes => {
      sent += bytes
      onProgress(sent)
    })
    const headers = { 'Upload-Offset': String(from), 'Content-Type': 'application/offset+octet-stream' }
    const taken = await ask(known, { method: 'PATCH', headers, body, duplex: 'half' })
    reach(offsetIn(taken))
    return offsetIn(taken) === source.bytes ? taken.headers : undefined
  }

  let last: TusRefusal | undefined
  for (;;) {
    try {
      url ??= await begin()
      const whole = await step(url)
      if (whole) return whole
    } catch (error) {
      signal?.throwIfAborted()
      if (isGone(error) && url !== undefined && url === options.url && reached === 0) {
        url = undefined
        continue
      }
      if (!(error instanceof TusRefusal)) throw error
      // Answers to HEAD have no body: why an upload was refused was said before.
      if (!mayTryAgain(error)) throw error.body === '' ? (last ?? error) : error
      last = error
      if (Date.now() - reachedAt > patienceMs) throw error
    }
    await pause(waitMs, signal)
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
  }
}
