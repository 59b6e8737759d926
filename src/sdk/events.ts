/** Events as they come from the gateway: in pages, and as a stream. Both go on from a number, and lose nothing. */
import { fullJitter } from '../lib/backoff.ts'
import { pause } from '../lib/pause.ts'
import type { Events } from './api.ts'
import { isProblem } from './problem.ts'
import type { Transport } from './transport.ts'

/** A CloudEvent of the gateway, of whatever type and major. */
export interface AnyEvent {
  readonly specversion: '1.0'
  readonly id: string
  /** `io.matrix.asset.published.v1`. */
  readonly type: string
  readonly source: string
  readonly subject: string
  readonly time: string
  /** 20 digits: the number in the log. */
  readonly sequence?: string
  readonly partitionkey?: string
  readonly correlationid?: string
  readonly causationid?: string
  readonly traceparent?: string
  readonly authtype?: string
  readonly authid?: string
  readonly dataschema?: string
  readonly recordedtime?: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A type in its first major, or in a later one: `asset.version_failed.v2`. */
export type EventType = keyof Events

/** One of a type that this SDK knows. */
export interface MatrixEvent<T extends EventType = EventType> extends Omit<AnyEvent, 'type' | 'data'> {
  readonly type: T extends `${string}.v${number}` ? `io.matrix.${T}` : `io.matrix.${T}.v1`
  readonly data: Events[T] & { readonly asset_event_no?: number; readonly mutation?: 'CREATED' | 'UPDATED' | 'DELETED' }
}

/** The number of an event in the log; `undefined` of one that is in none, like a test of a subscription. */
export const seqOf = ({ sequence }: Pick<AnyEvent, 'sequence'>): number | undefined =>
  sequence === undefined ? undefined : Number(sequence)

export interface EventFilter {
  /** Number of the last one that is known. Pages begin with the first event of the log unless said, streams behind the last. */
  readonly after?: number
  readonly types?: readonly EventType[]
  /** `assets/{id}`. */
  readonly subject?: string
}

export interface EventPage {
  readonly items: readonly AnyEvent[]
  /** Where to go on. */
  readonly next_after: number
  readonly head: number
}

export const queryOf = ({ after, types, subject }: EventFilter): Readonly<Record<string, unknown>> => ({
  after,
  subject,
  types: types?.join(','),
})

const PAGE = 200
const POLL_MS = 1_000

export interface FollowOptions extends EventFilter {
  readonly signal?: AbortSignal
  readonly limit?: number
  /** Asks again at the end of the log, for ever, this often. Unless said it ends there. */
  readonly everyMs?: number
}

/** Pages of the log in its order. Those without an event that is for the caller come, too: their `next_after` counts. */
export const followPages = async function* (
  transport: Transport,
  { signal, limit = PAGE, everyMs, ...filter }: FollowOptions,
): AsyncGenerator<EventPage, void, undefined> {
  for (let after = filter.after ?? 0; ; ) {
    const query = { ...queryOf({ ...filter, after }), limit }
    const response = await transport.send('GET /v1/events', { query }, { ...(signal && { signal }) })
    const page = (await response.json()) as EventPage
    if (page.next_after > after) yield page
    after = page.next_after
    if (after < page.head) continue
    if (everyMs === undefined) return
    await pause(Math.max(everyMs, POLL_MS / 10), signal)
  }
}

/** The frames of a stream of server-sent events; lines that are comments give none. */
export const readFrames = async function* (
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ readonly id?: string; readonly event?: string; readonly data: string }, void, undefined> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const frames = (rest + decoder.decode(value, { stream: true })).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) {
        const fields: Record<string, string> = {}
        for (const line of frame.split('\n')) {
          const [, name, text = ''] = /^(id|event|data): ?(.*)$/.exec(line) ?? []
          if (name) fields[name] = text
        }
        yield { data: '', ...fields }
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

const headOf = async (transport: Transport, signal: AbortSignal | undefined): Promise<number> => {
  const response = await transport.send('GET /v1/events', { query: { limit: 1 } }, { ...(signal && { signal }) })
  return ((await response.json()) as EventPage).head
}

const AGAIN = { baseMs: 250, capMs: 10_000 }

/**
 * Events as they happen, without end: a connection that breaks, or that the gateway ends, is made again behind the last event that
 * was taken. Throws what asking again does not mend.
 */
export const followStream = async function* (
  transport: Transport,
  { signal, ...filter }: EventFilter & { readonly signal?: AbortSignal },
): AsyncGenerator<AnyEvent, void, undefined> {
  // Where it begins is settled first: what happens before the first connection is made would be lost else.
  let last = filter.after ?? (await headOf(transport, signal))
  for (let failed = 0; ; ) {
    try {
      const headers = { Accept: 'text/event-stream', 'Last-Event-ID': String(last) }
      const { after: _, ...query } = queryOf(filter)
      const response = await transport.send('GET /v1/events/stream', { query }, { headers, ...(signal && { signal }) })
      for await (const { id, event, data } of readFrames(response.body as ReadableStream<Uint8Array>)) {
        if (event === 'problem') throw new Error(data) // of a token that is over the next request has a fresh one
        failed = 0
        if (data) yield JSON.parse(data) as AnyEvent
        if (id) last = Number(id)
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (isProblem(error) && error.status >= 400 && error.status < 500 && error.status !== 429) throw error
      await pause(fullJitter(failed++, AGAIN), signal)
    }
  }
}
