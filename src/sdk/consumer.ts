/**
 * Events, taken: each once whatever comes twice, those of an asset in their order, and what cannot be taken laid aside.
 *
 * A crash at any place: before the commit there is neither mark nor effect, and the event comes again; after it both are there, and it
 * is known when it comes again. A source is told to go on only after the commit.
 */
import { fullJitter } from '../lib/backoff.ts'
import { groupBy } from '../lib/group-by.ts'
import { inLanes } from '../lib/in-lanes.ts'
import { pause } from '../lib/pause.ts'
import { type VerifyOptions, verifyWebhook, WebhookRefused } from '../lib/verify-webhook.ts'
import type { Client } from './client.ts'
import { type AnyEvent, type EventType, type MatrixEvent, seqOf } from './events.ts'
import type { Inbox } from './inbox.ts'
import { type GroupEntry, type GroupOptions, groupEntries, type RedisConnection } from './stream-group.ts'

export interface Context<Tx> {
  /** What is written with it is there if and only if the event counts as taken. */
  readonly tx: Tx
  /** A later event of the same asset has been taken before. */
  readonly isLate: boolean
}

export interface Gap {
  readonly asset: string
  /** From this number on something is missing, up to the one before `received`. */
  readonly expected: number
  readonly received: number
  readonly event: AnyEvent
}

type Handler<Tx, E> = (event: E, context: Context<Tx>) => Promise<void> | void
/** `asset.published` hears its first major; `asset.published.v2` another one. */
export type Handlers<Tx> = { readonly [T in EventType]?: Handler<Tx, MatrixEvent<T>> } & {
  readonly [type: `${string}.v${number}`]: Handler<Tx, AnyEvent>
}

/**
 * `late` was covered by the state that was fetched for a gap; `ignored` has no handler; `parked` is of a major that no handler knows,
 * and `dead` has failed too often: both are in `letters`.
 */
export type Outcome = 'done' | 'duplicate' | 'late' | 'ignored' | 'parked' | 'dead'

export interface ConsumerOptions<Tx> {
  /** Whose marks these are: every group takes each event once. */
  readonly group: string
  readonly inbox: Inbox<Tx>
  readonly on: Handlers<Tx>
  /**
   * Events of an asset are missing, for a reader does not hear of drafts, or something is late: fetch the asset, which has the truth. It
   * covers what comes late; without it, and of several streams of Redis, late events are handled when they come, once too. Of no use where
   * `types` are left out.
   */
  readonly onGap?: (gap: Gap, context: Context<Tx>) => Promise<void> | void
  /** After so many failures an event is laid aside. 5 unless said. */
  readonly tries?: number
  readonly onFailure?: (error: unknown, event: AnyEvent) => void
}

/** It has failed and may come again. `cause` is why. */
export class NotTaken extends Error {
  override readonly name = 'NotTaken'
  constructor({ type, id }: AnyEvent, tries: number, cause: unknown) {
    super(`${type} ${id} was not taken, try ${tries}`, { cause })
  }
}

export interface RunOptions {
  readonly signal: AbortSignal
  /** Where the group begins that has taken nothing yet. 0, the beginning of the log, unless said. */
  readonly after?: number
  readonly types?: readonly EventType[]
  /** Assets at once; those of one are one after the other. 8 unless said. */
  readonly atOnce?: number
}

const TYPE = /^io\.matrix\.(.+)\.v(\d+)$/
const BACKOFF = { baseMs: 100, capMs: 10_000 }
const OUTCOMES: readonly Outcome[] = ['done', 'duplicate', 'late', 'ignored', 'parked', 'dead']

const partitionOf = ({ partitionkey, subject }: AnyEvent): string => partitionkey ?? subject

const placeOf = (event: AnyEvent) =>
  typeof event.data.asset_event_no === 'number'
    ? { partition: partitionOf(event), no: event.data.asset_event_no }
    : undefined

type Fields = readonly string[] | Readonly<Record<string, string>>
/** The envelopes in an entry of a stream, by major: `e`, `e2`, … */
const toldIn = (fields: Fields): readonly string[] => {
  const pairs = Array.isArray(fields)
    ? fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? ''] as const] : []))
    : Object.entries(fields as Record<string, string>)
  const majorOf = (name: string): number => Number(name.slice(1) || 1)
  const told = pairs.filter(([name]) => /^e\d*$/.test(name))
  return told.sort(([one], [other]) => majorOf(one) - majorOf(other)).map(([, text]) => text)
}

export const createConsumer = <Tx>(options: ConsumerOptions<Tx>) => {
  const { group, inbox, onGap, tries: most = 5, onFailure = () => undefined } = options
  const handlers = options.on as Readonly<Record<string, Handler<Tx, AnyEvent> | undefined>>
  /** Of several streams: one may be ahead of another, and what is late was not missing. */
  const apart = new WeakSet<AnyEvent>()
  const counts = Object.fromEntries(OUTCOMES.map(outcome => [outcome, 0])) as Record<Outcome, number>

  const handlerOf = (wire: string): Handler<Tx, AnyEvent> | undefined => {
    const [, type = wire, major = '1'] = TYPE.exec(wire) ?? []
    return handlers[`${type}.v${major}`] ?? (major === '1' ? handlers[type] : undefined)
  }
  /** The fact is one that is heard here, told in a way that is not. */
  const isUnknownMajor = (wire: string): boolean => {
    const [, type] = TYPE.exec(wire) ?? []
    return Object.keys(handlers).some(known => known.replace(/\.v\d+$/, '') === type)
  }

  const take = (event: AnyEvent): Promise<Outcome> =>
    inbox.transaction(async tx => {
      const place = placeOf(event)
      const { isNew, last } = await inbox.mark(tx, { group, id: event.id, ...(place && { place }) })
      if (!isNew) return 'duplicate'
      const handler = handlerOf(event.type)
      const isParked = !handler && isUnknownMajor(event.type)
      const context = { tx, isLate: place !== undefined && place.no <= last }
      if (onGap && context.isLate && !isParked && !apart.has(event)) return 'late'
      // Of what is parked the number counts, too.
      if (onGap && place && place.no > last + 1)
        await onGap({ asset: place.partition, expected: last + 1, received: place.no, event }, context)
      if (isParked) {
        await inbox.bury(tx, group, { event, reason: 'unknown-major', tries: 0 })
        return 'parked'
      }
      await handler?.(event, context)
      return handler ? 'done' : 'ignored'
    })

  const bury = (event: AnyEvent, tries: number, error: unknown): Promise<Outcome> =>
    inbox.transaction(async tx => {
      const place = placeOf(event)
      const { isNew } = await inbox.mark(tx, { group, id: event.id, ...(place && { place }) })
      if (!isNew) return 'duplicate'
      const said = error instanceof Error ? error.message : String(error)
      await inbox.bury(tx, group, { event, reason: 'failed', tries, error: said.slice(0, 1_000) })
      return 'dead'
    })

  /** One event from wherever. Throws `NotTaken` where it should come again. */
  const handle = async (event: AnyEvent): Promise<Outcome> => {
    let outcome: Outcome
    try {
      outcome = await take(event)
    } catch (error) {
      onFailure(error, event)
      const tries = await inbox.countFailure(group, event.id)
      if (tries < most) throw new NotTaken(event, tries, error)
      outcome = await bury(event, tries, error)
    }
    counts[outcome]++
    return outcome
  }

  /** In place, until it is taken or laid aside; an inbox that is away is waited for as well. */
  const insist = async (event: AnyEvent, signal: AbortSignal): Promise<void> => {
    for (let failed = 0; ; failed++) {
      signal.throwIfAborted()
      try {
        await handle(event)
        return
      } catch {
        await pause(fullJitter(failed, BACKOFF), signal)
      }
    }
  }

  const insistOnAll = async (
    events: readonly AnyEvent[],
    { signal, atOnce = 8 }: Pick<RunOptions, 'signal' | 'atOnce'>,
    taken: (event: AnyEvent) => Promise<void> = async () => undefined,
  ): Promise<void> => {
    const work = async (some: readonly AnyEvent[]): Promise<void> => {
      for (const event of some) {
        await insist(event, signal)
        await taken(event)
      }
    }
    await inLanes([...groupBy(events, partitionOf).values()], { atOnce, work })
  }
  /** Of several majors the newest that has a handler. */
  const eventIn = (fields: Fields): AnyEvent => {
    const events = toldIn(fields).map(text => JSON.parse(text) as AnyEvent)
    const event = events.findLast(({ type }) => handlerOf(type)) ?? events[0]
    if (event === undefined) throw new TypeError('Expected an entry of {matrix}:events, with a field e.')
    return event
  }
  const begin = async ({ after = 0 }: RunOptions): Promise<number> => Math.max(after, await inbox.cursor(group))

  return {
    handle,
    /** How many came to what since it was made. */
    counts: (): Readonly<Record<Outcome, number>> => ({ ...counts }),
    letters: () => inbox.letters(group),

    /** Pages of the log, on and on from where the group is, until the signal; then it rejects with the signal's reason. */
    async followPages(client: Pick<Client, 'pages'>, run: RunOptions & { readonly everyMs?: number }): Promise<void> {
      const { signal, types, everyMs = 1_000 } = run
      for await (const page of client.pages({ after: await begin(run), signal, everyMs, ...(types && { types }) })) {
        await insistOnAll(page.items, run)
        await inbox.keepCursor(group, page.next_after)
      }
    },

    /** Events as they happen, from where the group is. */
    async followStream(client: Pick<Client, 'stream'>, run: RunOptions): Promise<void> {
      const { signal, types } = run
      for await (const event of client.stream({ after: await begin(run), signal, ...(types && { types }) })) {
        await insist(event, signal)
        const seq = seqOf(event)
        if (seq !== undefined) await inbox.keepCursor(group, seq)
      }
    },

    /** A receiver of webhooks, from request to answer: 204 it is taken, 401 it is not believed, 500 it should come again. */
    webhook:
      (secrets: string | readonly string[], verify: VerifyOptions = {}) =>
      async (request: Request): Promise<Response> => {
        try {
          const body = new Uint8Array(await request.arrayBuffer())
          await handle(await verifyWebhook<AnyEvent>(body, request.headers, secrets, verify))
          return new Response(null, { status: 204 })
        } catch (error) {
          if (error instanceof WebhookRefused) return new Response(error.flaw, { status: 401 })
          return new Response(null, { status: 500 })
        }
      },

    /**
     * An entry of a Redis stream, as `XREADGROUP` gives its fields: acknowledge it when this resolves, and leave it when it rejects. Of
     * several majors the newest is taken that has a handler.
     */
    entry: async (fields: Fields): Promise<Outcome> => handle(eventIn(fields)),

    /** Streams of Redis, shared with the other members of the group in Redis that has the name of this one. */
    async followGroup(redis: RedisConnection, run: GroupOptions): Promise<void> {
      for await (const entries of groupEntries(redis, group, run)) {
        const given = new Map(entries.map(entry => [eventIn(entry.fields), entry]))
        if (run.streams.length > 1) for (const event of given.keys()) apart.add(event)
        await insistOnAll([...given.keys()], run, async event => {
          const { stream, id } = given.get(event) as GroupEntry
          await redis.call('XACK', stream, group, id).catch(() => undefined) // it comes again, and is known
        })
      }
    },

    /** Handles once more what was laid aside, oldest first, by the handlers of now. What fails stays; gives the number of those that are done. */
    async redrive(ids?: readonly string[]): Promise<number> {
      let done = 0
      for (const { event } of await inbox.letters(group)) {
        const handler = handlerOf(event.type)
        if (!handler || (ids && !ids.includes(event.id))) continue
        const isDone = await inbox
          .transaction(async tx => {
            if (!(await inbox.unbury(tx, group, event.id))) return false
            await handler(event, { tx, isLate: true })
            return true
          })
          .catch(error => {
            onFailure(error, event)
            return false
          })
        if (isDone) done++
      }
      return done
    },
  }
}

export type Consumer = ReturnType<typeof createConsumer>
