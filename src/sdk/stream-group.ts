/**
 * Entries of the streams of events in Redis, for one member of a consumer group: the new ones, those that it has taken and not
 * acknowledged before it was started again, and those that members have died with. A group that is gone with the Redis that had it is
 * made again; from its beginning, for what is known is not done twice.
 */
import { pause } from '../lib/pause.ts'

/** A connection of its own, for it waits: `ioredis` as it is; of `redis`, `{ call: (...words) => client.sendCommand(words.map(String)) }`. */
export interface RedisConnection {
  call(command: string, ...words: (string | number)[]): Promise<unknown>
}

export interface GroupOptions {
  /** By the product's name of each: `assets`, `renditions`, `contracts`, `system`. */
  readonly streams: readonly ('assets' | 'renditions' | 'contracts' | 'system')[]
  /** Its name in the group, the same when it is started again. */
  readonly member: string
  readonly signal: AbortSignal
  /** What a member has held for so long it has died with, ms. 30,000 unless said: longer than events take. */
  readonly claimAfterMs?: number
  /** Assets at once; those of one are one after the other, within what was read together. 8 unless said. */
  readonly atOnce?: number
  /**
   * Entries that were trimmed while they were held: acknowledged when this resolves. The first part of an id is the number of the event
   * in the log. Without it, and where it rejects, so does `followGroup`.
   */
  readonly onMissed?: (stream: string, ids: readonly string[]) => Promise<void> | void
}

export interface GroupEntry {
  readonly stream: string
  readonly id: string
  readonly fields: readonly string[]
}

type Stream = GroupOptions['streams'][number]
type Entries = readonly (readonly [id: string, fields: readonly string[] | null])[]

const MOST = 50
/** How soon a member ends that is told to, at the latest. */
const BLOCK_MS = 1_000
const AWAY_MS = 1_000

/** RESP2 has pairs, RESP3 a map, which clients give as they like: one after the other, or as an object. */
const pairsIn = <T>(answer: unknown): readonly (readonly [name: string, value: T])[] => {
  if (answer === null) return []
  if (answer instanceof Map) return [...answer]
  if (!Array.isArray(answer)) return Object.entries(answer as object)
  if (Array.isArray(answer[0])) return answer
  return answer.flatMap((word, at) => (at % 2 === 0 ? [[word, answer[at + 1]] as const] : []))
}

const isSaying = (error: unknown, code: string): boolean => error instanceof Error && error.message.startsWith(code)

/** What was read together, in the order of the log, until the signal; then it rejects with the signal's reason. */
export async function* groupEntries(
  redis: RedisConnection,
  group: string,
  run: GroupOptions,
): AsyncGenerator<readonly GroupEntry[], never> {
  const { streams, member, signal, claimAfterMs = 30_000, onMissed } = run
  const keyOf = (stream: Stream): string => `{matrix}:events:${stream}`
  const keys = streams.map(keyOf)

  const join = async (): Promise<void> => {
    for (const key of keys)
      await redis.call('XGROUP', 'CREATE', key, group, '0', 'MKSTREAM').catch(error => {
        if (!isSaying(error, 'BUSYGROUP')) throw error
      })
  }
  /** Told before anything else is read. */
  const missed: (readonly [stream: Stream, ids: readonly string[]])[] = []
  const miss = (stream: Stream, ids: readonly string[]): void => {
    if (ids.length > 0) missed.push([stream, ids])
  }
  const present = (stream: Stream, entries: Entries): GroupEntry[] => {
    const gone = entries.flatMap(([id, fields]) => (fields ? [] : [id]))
    miss(stream, gone)
    return entries.flatMap(([id, fields]) => (fields ? [{ stream: keyOf(stream), id, fields }] : []))
  }
  /** `0`: what this member holds. `>`: what nobody has been given yet. */
  const read = async (from: '0' | '>'): Promise<GroupEntry[]> => {
    const where = ['STREAMS', ...keys, ...keys.map(() => from)]
    const words = ['GROUP', group, member, 'COUNT', MOST, 'BLOCK', BLOCK_MS, ...where]
    const found = new Map(pairsIn<Entries>(await redis.call('XREADGROUP', ...words)))
    return streams.flatMap(stream => present(stream, found.get(keyOf(stream)) ?? []))
  }
  const claim = async (stream: Stream): Promise<GroupEntry[]> => {
    const key = keyOf(stream)
    // What is trimmed XAUTOCLAIM throws out, whoever holds it, and says so once: it is looked for before.
    const about = new Map(pairsIn<Entries[number] | null>(await redis.call('XINFO', 'STREAM', key)))
    const first = about.get('first-entry')
    const end = first ? `(${first[0]}` : '+'
    const held = (await redis.call('XPENDING', key, group, '-', end, MOST)) as [id: string][]
    const trimmed = held.map(([id]) => id)
    miss(stream, trimmed)
    const claimed: GroupEntry[] = []
    for (let cursor = '0-0', isMore = missed.length === 0; isMore; isMore = cursor !== '0-0') {
      const words = [key, group, member, claimAfterMs, cursor, 'COUNT', MOST]
      const answer = (await redis.call('XAUTOCLAIM', ...words)) as [string, Entries, (readonly string[])?]
      const [next, entries, thrownOut = []] = answer
      miss(stream, thrownOut)
      claimed.push(...present(stream, entries))
      cursor = next
    }
    return claimed
  }

  let stage: 'join' | 'own' | 'new' = 'join'
  let claimedAt = Number.NEGATIVE_INFINITY
  const next = async (): Promise<GroupEntry[]> => {
    if (stage === 'join') await join()
    if (stage !== 'new') {
      const own = await read('0')
      stage = own.length + missed.length > 0 ? 'own' : 'new'
      return own
    }
    if (performance.now() - claimedAt < claimAfterMs / 2) return read('>')
    const claimed: GroupEntry[] = []
    for (const stream of streams) claimed.push(...(await claim(stream)))
    if (missed.length === 0) claimedAt = performance.now()
    return claimed
  }
  for (;;) {
    signal.throwIfAborted()
    const entries = await next().catch(async error => {
      stage = 'join'
      if (!isSaying(error, 'NOGROUP')) await pause(AWAY_MS, signal)
      return []
    })
    for (const [stream, ids] of missed.splice(0)) {
      if (!onMissed) throw new TypeError(`Expected onMissed for ${ids} of ${stream}, which are kept no longer.`)
      await onMissed(stream, ids)
      await redis.call('XACK', keyOf(stream), group, ...ids).catch(() => undefined) // it is told again
    }
    if (entries.length > 0) yield entries.sort((one, other) => Number.parseFloat(one.id) - Number.parseFloat(other.id))
  }
}
