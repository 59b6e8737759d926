/**
 * One request of the client with all its tries. It is tried again only where that can do no harm: it reads, or it carries an
 * `Idempotency-Key`, so that the gateway does it once and says what came of it.
 */
import { fullJitter } from '../lib/backoff.ts'
import { pause } from '../lib/pause.ts'
import { KEYED, type Routes } from './api.ts'
import { MatrixProblem, problemOf } from './problem.ts'

export interface TransportOptions {
  /** Of the gateway: `https://assets.example`. */
  readonly baseUrl: string
  /** An API key. */
  readonly key?: string
  /** In place of a key: a token of an identity provider, asked for before each try. */
  readonly token?: () => string | Promise<string>
  /** The global one unless given. */
  readonly fetch?: typeof fetch
  /** So many tries after the first, where that is safe. 4 unless said. */
  readonly retries?: number
  /** Of a request with all its tries, 30,000 unless said; of one that sends bytes there is none unless said in the call. */
  readonly timeoutMs?: number
}

export interface CallOptions {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Names what is wanted: said again, also by another process, it is the same. A new one unless said. */
  readonly idempotencyKey?: string
}

/** What has been read cannot be sent again: a function opens it anew for each try. */
export type Content = RequestInit['body'] | (() => RequestInit['body'])

export interface Asked {
  readonly path?: Readonly<Record<string, string | number>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly content?: Content
}

export interface Transport {
  /** Resolves with an answer of 2xx, whose body nobody has touched yet; else throws `MatrixProblem`, or the reason of the signal. */
  send(route: keyof Routes, asked: Asked, options?: CallOptions): Promise<Response>
  readonly authorization: () => Promise<string>
  readonly fetch: typeof fetch
  readonly baseUrl: string
}

const BACKOFF = { baseMs: 200, capMs: 10_000 }

/** The gateway is busy or away, or just has this very request in hand; what else is refused is refused again. */
const mayPass = ({ status, code }: MatrixProblem): boolean =>
  status === 0 || status === 429 || status >= 500 || code === 'idempotency-in-flight'

const urlOf = (baseUrl: string, template: string, { path = {}, query = {} }: Asked): URL => {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = path[name]
    if (value === undefined || value === '') throw new TypeError(`Expected ${name} for ${template} but received none.`)
    return encodeURIComponent(value)
  })
  const url = new URL(baseUrl.replace(/\/+$/, '') + filled)
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one))
  }
  return url
}

/** Of the web, or of node. */
const isStream = (content: Content): boolean =>
  typeof content === 'object' && content !== null && ('getReader' in content || Symbol.asyncIterator in content)

export const openTransport = (options: TransportOptions): Transport => {
  const { baseUrl, key, token, retries = 4, timeoutMs: usualMs = 30_000 } = options
  if (!URL.canParse(baseUrl)) throw new TypeError(`Expected baseUrl to be a URL but received ${baseUrl}.`)
  if ((key === undefined) === (token === undefined)) throw new TypeError('Expected either a key or a token.')
  const ask = options.fetch ?? globalThis.fetch
  const authorization = async (): Promise<string> => `Bearer ${key ?? (await token?.())}`

  const send: Transport['send'] = async (route, asked, own = {}) => {
    const [method = 'GET', template = ''] = route.split(' ')
    const url = urlOf(baseUrl, template, asked)
    const { content } = asked
    const isSafe = method === 'GET' || method === 'HEAD' || KEYED.has(route)
    const tries = isSafe && !isStream(content) ? retries + 1 : 1
    const isJson = content === undefined || typeof content === 'string'
    const timeoutMs = own.timeoutMs ?? (isJson ? usualMs : Number.POSITIVE_INFINITY)
    const deadline = Date.now() + timeoutMs
    const headers = new Headers({ Accept: 'application/json' })
    if (typeof content === 'string') headers.set('Content-Type', 'application/json')
    if (KEYED.has(route)) headers.set('Idempotency-Key', own.idempotencyKey ?? globalThis.crypto.randomUUID())
    for (const [name, value] of Object.entries(own.headers ?? {})) headers.set(name, value)

    const once = async (): Promise<Response | MatrixProblem> => {
      const late = new AbortController()
      const signal = own.signal ? AbortSignal.any([late.signal, own.signal]) : late.signal
      const leftMs = deadline - Date.now()
      const timer = Number.isFinite(leftMs) ? setTimeout(() => late.abort(), Math.max(0, leftMs)) : undefined
      try {
        headers.set('Authorization', await authorization())
        const body = typeof content === 'function' ? content() : content
        const init = { method, headers, signal, ...(body !== undefined && body !== null && { body, duplex: 'half' }) }
        const response = await ask(url, init as RequestInit)
        return response.ok ? await whole(response) : await problemOf(route, response)
      } catch (error) {
        own.signal?.throwIfAborted()
        const told = late.signal.aborted
          ? { code: 'deadline-exceeded' as const, detail: `There was no answer within ${timeoutMs} ms.` }
          : { code: 'unreachable' as const, detail: `${url.origin} does not answer: ${reasonOf(error)}` }
        return new MatrixProblem(route, { ...told, status: 0, cause: error })
      } finally {
        clearTimeout(timer)
      }
    }
    for (let tried = 1; ; tried++) {
      const outcome = await once()
      if (!(outcome instanceof MatrixProblem)) return outcome
      if (tried >= tries || !mayPass(outcome)) throw outcome
      const waitMs = (outcome.retryAfterMs ?? 0) + fullJitter(tried - 1, BACKOFF)
      if (Date.now() + waitMs >= deadline) throw outcome
      await pause(waitMs, own.signal)
    }
  }
  return { send, authorization, fetch: ask, baseUrl }
}

/** Documents are read before they are handed on, so that tries and deadline hold for all of them; other bodies flow as they are read. */
const whole = async (response: Response): Promise<Response> => {
  const { status, headers } = response
  if (!isDocument(headers)) return response
  return new Response(await response.arrayBuffer(), { status, headers })
}

export const isDocument = (headers: Headers): boolean =>
  /^application\/(?:[\w.+-]+\+)?json\b/.test(headers.get('content-type') ?? '')

const reasonOf = (error: unknown): string => {
  const { message, cause } = error as { message?: string; cause?: { message?: string; code?: string } }
  return cause?.message || cause?.code || message || String(error)
}
