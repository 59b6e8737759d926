/**
 * The log, carried into streams. Any process may at any time: the head of the streams moves from where it was seen or not at all, so
 * that two who carry the same write it once, and one that was asleep writes nothing.
 *
 *     look --the head is of this log--> read behind it -> publish, head and entries in one step -> note
 *       |--there is none, or a stream has lost entries--> begin anew, with the first event that is still kept
 *       |--under its number is another event (a backup of the log came back)--> the streams go, begin anew
 *       \--of another log--> nothing is touched, nor trimmed: two deployments name one Redis
 *
 * Crash before the publish: it is carried later. After it, and before the note: the note is wrong until the next one.
 */
import type { Config } from '../config.ts'
import type { SchemaAt } from '../contracts/registry.ts'
import type { Clock } from '../lib/clock.ts'
import type { Database } from '../manifest/database.ts'
import { logHead, readWholeLog } from '../manifest/event-log.ts'
import { eventAt, firstNumberedSince, notePublished, relayStanding } from '../manifest/event-relay.ts'
import { type LoggedEvent, toldIn } from '../model/event.ts'
import { EVENTS } from '../model/event-catalogue.ts'
import { majorsOf } from '../model/event-majors.ts'
import { STREAMS, type StreamEntry, type StreamName } from '../model/event-streams.ts'
import type { EventStreams } from '../streams/streams.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { envelopeOf } from './envelope.ts'

export interface RelayDependencies {
  readonly database: Database
  readonly streams: EventStreams
  readonly config: Pick<
    Config,
    'streamAssetsHours' | 'streamRenditionsHours' | 'streamContractsHours' | 'streamSystemHours'
  >
  readonly schemaAt: SchemaAt
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
}

/** The script that puts so many holds Redis up for some milliseconds. */
const BATCH = 500
/** What a Redis has forgotten is seen so soon where nothing happens, and at once where something does. */
const LOOK_MS = 5_000
/** Others are at it. */
const MOST_MOVED = 3
const HOUR_MS = 3_600_000

type Floors = Readonly<Record<StreamName, number>>

export const openRelay = ({ database, streams, config, schemaAt, clock, metrics, log }: RelayDependencies) => {
  const keptHours: Readonly<Record<StreamName, number>> = {
    assets: config.streamAssetsHours,
    renditions: config.streamRenditionsHours,
    contracts: config.streamContractsHours,
    system: config.streamSystemHours,
  }
  /** Of this log, up to where it has been carried. */
  let place: { readonly log: string; readonly seq: number } | undefined
  let floors: Floors | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  let isRebuilding = false
  let isStopping = false

  const findFloors = async (): Promise<Floors> => {
    const head = await logHead(database)
    const found = new Map<number, number>()
    for (const hours of new Set(Object.values(keptHours))) {
      const at = new Date(clock.now() - hours * HOUR_MS)
      found.set(hours, await firstNumberedSince(database, { at, head }))
    }
    floors = Object.fromEntries(STREAMS.map(stream => [stream, found.get(keptHours[stream]) ?? 1])) as Floors
    return floors
  }

  const entryOf = (event: LoggedEvent): StreamEntry => {
    const { seq, id } = event
    // What a newer release tells has its stream there; from here it goes into none.
    if (!(event.type in EVENTS))
      return { seq, id, stream: undefined, body: '', type: '', subject: '', partitionKey: '', later: [] }
    const { stream } = EVENTS[event.type]
    // Whoever may read a stream may know whose credential it was.
    const told = (major: number) => envelopeOf({ ...toldIn(major, event), tellsActor: true }, schemaAt)
    const envelope = told(1)
    const { type, subject, partitionkey } = envelope
    const later = majorsOf(event.type).slice(1)
    return {
      seq,
      id,
      stream: seq < (floors?.[stream] ?? 0) ? undefined : stream,
      body: JSON.stringify(envelope),
      type,
      subject,
      partitionKey: partitionkey,
      later: later.map(major => ({ major, body: JSON.stringify(told(major)) })),
    }
  }

  /** Where to go on; `undefined`: another process has begun meanwhile. Throws where the streams are not ours. */
  const settle = async (hasOther: boolean): Promise<typeof place> => {
    const { log: mine } = await relayStanding(database)
    const { head, isLost, lengths } = await streams.look()
    lookedAt = performance.now()
    for (const stream of STREAMS) metrics.streamLength.set({ stream }, lengths[stream])
    if (head !== undefined && head.log !== mine)
      throw new Error(`The streams are those of another log: ${head.log}, and not ${mine}`)
    const isOther = hasOther || (head?.event !== undefined && (await eventAt(database, head.seq))?.id !== head.event)
    if (head !== undefined && !isLost && !isOther) return { log: mine, seq: head.seq }
    const first = Math.min(...Object.values(await findFloors()))
    const reason = isOther ? 'other' : head === undefined ? 'empty' : 'lost'
    if (!(await streams.begin(head, { log: mine, seq: first - 1, clear: isOther }))) return undefined
    isRebuilding = true
    metrics.streamRebuilds.inc({ reason })
    log.warn({ reason, first }, 'streams are filled anew')
    return { log: mine, seq: first - 1 }
  }

  const note = (events: readonly LoggedEvent[], { added, found }: { added: number; found: number }): void => {
    metrics.streamEntries.inc({ result: 'added' }, added)
    metrics.streamEntries.inc({ result: 'found' }, found)
    metrics.eventsTold.inc({ way: 'redis' }, added)
    if (isRebuilding) return
    for (const { sequencedAt } of events)
      metrics.streamLag.observe(Math.max(0, clock.now() - sequencedAt.getTime()) / 1000)
  }

  /** Until the end of the log. */
  const carry = async (): Promise<void> => {
    let hasOther = false
    for (let moved = 0; moved < MOST_MOVED && !isStopping; ) {
      place ??= await settle(hasOther)
      if (place === undefined) return
      const events = await readWholeLog(database, place.seq, BATCH)
      const last = events.at(-1)
      if (last === undefined) break
      const done = await streams.publish(place.log, place.seq, events.map(entryOf))
      if (done.outcome === 'published') {
        note(events, done)
        place = { ...place, seq: last.seq }
        await notePublished(database, last.seq)
        if (events.length < BATCH) break
      } else {
        place = undefined
        hasOther = done.outcome === 'other'
        moved++
      }
    }
    isRebuilding = false
  }

  const carefully = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      place = undefined // what has become of it there, nobody knows
      throw error
    }
  }

  return {
    /** Something has got its number. */
    carry: () => carefully(carry),
    /** In case nobody said so, or the streams have lost what they had. */
    look: () =>
      carefully(async () => {
        const { published, head } = await relayStanding(database)
        metrics.streamBehind.set(Math.max(0, head - published))
        if (published >= head && performance.now() - lookedAt < LOOK_MS) return
        place = undefined
        await carry()
      }),
    /** What is kept no longer goes; the log has it. */
    tidy: async (): Promise<number> => streams.trim((await relayStanding(database)).log, await findFloors()),
    stop: (): void => {
      isStopping = true
    },
  }
}

export type Relay = ReturnType<typeof openRelay>
