/**
 * One event, told to a receiver whom others have named. The connection goes to an address that has been checked
 * (hook-connections.ts); nothing is followed. Of the answer the status counts: no more of its body is read than lets it end, none of it
 * is unpacked, kept or repeated, for it may come from inside.
 */
import type { IncomingMessage } from 'node:http'
import { retryAfterMs } from '../lib/retry-after.ts'
import type { FailureClass } from '../model/subscription.ts'
import type { HookRoute } from './hook-connections.ts'
import { openHop } from './hop.ts'

export interface HookPost {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** From the look at its name to the head of its answer. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Where it leads now. `undefined`: nowhere that anything is told. */
  route(signal: AbortSignal): Promise<HookRoute | undefined>
}

export type HookAnswer =
  | { readonly ok: true; readonly status: number }
  | {
      readonly ok: false
      readonly class: FailureClass
      readonly status: number | undefined
      readonly retryAfterMs: number | undefined
    }

const MAX_ANSWER_BYTES = 65_536
/** For the rest of an answer whose status is known; a receiver that writes longer is hung up on. */
const REST_MS = 1_000

const classOf = (status: number): FailureClass => {
  if (status === 410) return 'gone'
  if (status === 429 || status === 502 || status === 504) return 'throttled'
  if (status >= 300 && status < 400) return 'redirect'
  return status >= 500 ? 'failed' : 'refused'
}

/** Receivers that are cut off while they answer log an error; most answers are a line. */
const readRest = async (response: IncomingMessage): Promise<void> => {
  const late = setTimeout(() => response.destroy(), REST_MS)
  let bytes = 0
  try {
    for await (const chunk of response) {
      bytes += (chunk as Buffer).length
      if (bytes > MAX_ANSWER_BYTES) break
    }
  } catch {
    // The status has been said.
  } finally {
    clearTimeout(late)
    response.destroy()
  }
}

const unanswered = (kind: FailureClass): HookAnswer => ({
  ok: false,
  class: kind,
  status: undefined,
  retryAfterMs: undefined,
})

/** Rejects only where the caller's signal says so. */
export const postHook = async (
  { url, headers, body, timeoutMs, signal: leave, route: routeOf }: HookPost,
  now: number,
): Promise<HookAnswer> => {
  const ending = new AbortController()
  const { signal } = ending
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    ending.abort()
  }, timeoutMs)
  const end = (): void => ending.abort()
  leave.addEventListener('abort', end)
  if (leave.aborted) end()
  try {
    const route = await routeOf(signal)
    if (route === undefined) return unanswered('url-forbidden')
    const post = { headers: { ...headers, 'Content-Length': String(Buffer.byteLength(body)) }, body }
    const response = await openHop(url, { ...route, idleMs: 2 * timeoutMs, signal, post })
    const status = response.statusCode ?? 0
    await readRest(response)
    if (status >= 200 && status < 300) return { ok: true, status }
    const retry = retryAfterMs(response.headers['retry-after'], now)
    return { ok: false, class: classOf(status), status, retryAfterMs: retry }
  } catch (error) {
    if (leave.aborted) throw error
    return unanswered(isLate ? 'timeout' : 'unreachable')
  } finally {
    clearTimeout(timer)
    leave.removeEventListener('abort', end)
  }
}
