/**
 * Files straight into the store, from browsers and from node: nothing but `fetch`. Whoever holds the key reserves and completes;
 * whoever holds the file sends it. `uploadDirect` is both at once.
 */

/** What `POST /v1/uploads` and `GET /v1/uploads/{id}` say of an upload that is open. */
export interface StagedTarget {
  readonly upload_id: string
  readonly url?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly part_bytes?: number
  readonly parts?: readonly {
    readonly number: number
    readonly bytes: number
    readonly received: boolean
    readonly url?: string
    readonly headers?: Readonly<Record<string, string>>
  }[]
  /** Nothing has to be sent. */
  readonly deduplicated?: boolean
  readonly received?: boolean
}

export interface SendOptions {
  readonly signal?: AbortSignal
  /** After each part, with the bytes that the store has of all. */
  readonly onProgress?: (sent: number, total: number) => void
  /** Parts on their way at once; 3 unless said. */
  readonly atOnce?: number
  /** Of each request; a part is sent so many times before it is given up, 3 unless said. */
  readonly tries?: number
}

/** An answer that is none of those that were hoped for. `body` is a problem document where the gateway gave it. */
export class UploadFailed extends Error {
  override readonly name = 'UploadFailed'
  readonly status: number
  readonly body: string
  /** Where the answer said when to ask again. */
  readonly retryAfterSeconds: number | undefined

  constructor(what: string, { status, headers }: Pick<Response, 'status' | 'headers'>, body: string) {
    super(`${what}: ${status} ${body.slice(0, 300)}`)
    this.status = status
    this.body = body
    const retryAfter = headers.get('retry-after') ?? ''
    this.retryAfterSeconds = /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) : undefined
  }
}

/** Set by the client itself, and forbidden to pages. */
const sendable = ({ 'content-length': _, ...headers }: Readonly<Record<string, string>> = {}) => headers

const isAgain = (status: number): boolean => status >= 500 || status === 408 || status === 429

const putOnce = async (url: string, init: RequestInit, what: string): Promise<void> => {
  const response = await fetch(url, { method: 'PUT', ...init })
  const body = await response.text()
  if (!response.ok) throw new UploadFailed(what, response, body)
}

const put = async (url: string, init: RequestInit, { what, tries }: { what: string; tries: number }): Promise<void> => {
  for (let tried = 1; ; tried++) {
    try {
      return await putOnce(url, init, what)
    } catch (error) {
      const isFinal = error instanceof UploadFailed && !isAgain(error.status)
      if (isFinal || init.signal?.aborted || tried >= tries) throw error
    }
  }
}

/**
 * Puts what the store does not have yet. Rejects with `UploadFailed` where it is refused; call it again with what
 * `GET /v1/uploads/{id}` says then, and it goes on.
 *
 * @example await sendStaged(await (await fetch('/my-server/reserve', { method: 'POST' })).json(), file)
 */
export const sendStaged = async (target: StagedTarget, content: Blob, options: SendOptions = {}): Promise<void> => {
  const { signal, onProgress, atOnce = 3, tries = 3 } = options
  const total = content.size
  if (target.deduplicated || target.received) return onProgress?.(total, total)
  const init = (body: Blob, headers?: Readonly<Record<string, string>>): RequestInit => ({
    body,
    headers: sendable(headers),
    ...(signal && { signal }),
  })
  if (target.url !== undefined) {
    await put(target.url, init(content, target.headers), { what: 'put', tries })
    return onProgress?.(total, total)
  }
  const { parts = [], part_bytes: partBytes = total } = target
  let sent = parts.reduce((sum, part) => sum + (part.received ? part.bytes : 0), 0)
  const waiting = parts.filter(part => !part.received && part.url !== undefined)
  const lane = async (): Promise<void> => {
    for (let part = waiting.shift(); part?.url !== undefined; part = waiting.shift()) {
      const start = (part.number - 1) * partBytes
      // A type of its own would be sent as a header that was not signed.
      const body = content.slice(start, start + part.bytes, '')
      await put(part.url, init(body, part.headers), { what: `part ${part.number}`, tries })
      sent += part.bytes
      onProgress?.(sent, total)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

export interface DirectOptions extends SendOptions {
  /** Of the gateway. */
  readonly url: string
  readonly key: string
  /** Where it goes and what is said of it, as `POST /v1/uploads` takes it; its length is that of the content. */
  readonly wish: Readonly<Record<string, unknown>>
  readonly content: Blob
  /** Names the wish: said again, it is the same upload. A new one unless said. */
  readonly idempotencyKey?: string
}

export interface DirectUpload {
  readonly asset: string
  readonly version: number
  readonly digest: string
  readonly state: string
}

/** Reserves, sends and completes, and waits for a completion that takes longer than its connection. Rejects with `UploadFailed`; with the same `idempotencyKey` it goes on where it ended. */
export const uploadDirect = async (options: DirectOptions): Promise<DirectUpload> => {
  const { url, key, wish, content, signal, idempotencyKey = globalThis.crypto.randomUUID() } = options
  const ask = async (path: string, body: object, step: string): Promise<unknown> => {
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': `${idempotencyKey}-${step}`,
      },
      ...(signal && { signal }),
    })
    const text = await response.text()
    if (!response.ok) throw new UploadFailed(step, response, text)
    return JSON.parse(text)
  }
  const target = (await ask('/v1/uploads', { ...wish, bytes: content.size }, 'reserve')) as StagedTarget
  await sendStaged(target, content, options)
  const complete = () => ask(`/v1/uploads/${target.upload_id}/complete`, {}, 'complete')
  return (await untilTold(complete, signal)) as DirectUpload
}

/** Of 5 GiB a gateway has finished by then; proxies hang up long before. */
const COMPLETION_MS = 15 * 60_000
const AGAIN_MS = 2_000

/** Another request has it in hand, or a proxy has given up on this one: it goes on over there. */
const isUnderWay = (error: unknown): boolean =>
  error instanceof UploadFailed &&
  (error.status === 504 || (error.status === 409 && error.retryAfterSeconds !== undefined))

const untilTold = async <T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  const end = Date.now() + COMPLETION_MS
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (signal?.aborted || Date.now() > end || !isUnderWay(error)) throw error
    }
    await new Promise<void>(resolve => {
      setTimeout(resolve, AGAIN_MS)
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
