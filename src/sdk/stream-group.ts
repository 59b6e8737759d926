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
}

export interface GroupEntry {
  readonly stream: string
  readonly id: string
  readonly fields: readonly string[]
}

type Entries = readonly (readonly [id: string, fields: readonly string[] | null])[]

const MOST = 50
/** How soon a member ends that is told to, at the latest. */
const BLOCK_MS = 1_000
const AWAY_MS = 1_000

/** RESP2 has pairs, RESP3 a map, which clients give as they like: one after the other, or as an object. */
const byStream = (answer: unknown): readonly (readonly [stream: string, entries: Entries])[] => {
  if (answer === null) return []
  if (answer instanceof Map) return [...answer]
  if (!Array.isArray(answer)) return Object.entries(answer as object)
  if (Array.isArray(answer[0])) return answer
  return answer.flatMap((word, at) => (at % 2 === 0 ? [[word, answer[at + 1]] as const] : []))
}

const isSaying = (error: unknown, code: string): boolean => error instanceof Error && error.message.startsWith(code)

/** What was read together, until the signal; then it rejects with the signal's reason. */
export async function* groupEntries(
  redis: RedisConnection,
  group: string,
  { streams, member, signal, claimAfterMs = 30_000 }: GroupOptions,
): AsyncGenerator<readonly GroupEntry[], never> {
  const keys = streams.map(stream => `{matrix}:events:${stream}`)

  const join = async (): Promise<void> => {
    for (const key of keys)
      await redis.call('XGROUP', 'CREATE', key, group, '0', 'MKSTREAM').catch(error => {
        if (!isSaying(error, 'BUSYGROUP')) throw error
      })
  }
  /** Of one that was trimmed meanwhile there is nothing to be done: it is in the log. */
  const present = async (stream: string, entries: Entries): Promise<GroupEntry[]> => {
    const gone = entries.flatMap(([id, fields]) => (fields ? [] : [id]))
    if (gone.length > 0) await redis.call('XACK', stream, group, ...gone)
    return entries.flatMap(([id, fields]) => (fields ? [{ stream, id, fields }] : []))
  }
  /** `0`: what this member holds. `>`: what nobody has been given yet. */
  const read = async (from: '0' | '>'): Promise<GroupEntry[]> => {
    const words = [
      'GROUP',
      group,
      member,
      'COUNT',
      MOST,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      ...keys,
      ...keys.map(() => from),
    ]
    const found = byStream(await redis.call('XREADGROUP', ...words))
    return (await Promise.all(found.map(([key, entries]) => present(key, entries)))).flat()
  }
  const claim = async (): Promise<GroupEntry[]> => {
    const claimed: GroupEntry[] = []
    for (const key of keys)
      for (let cursor = '0-0', isMore = true; isMore; isMore = cursor !== '0-0') {
        const words = [key, group, member, claimAfterMs, cursor, 'COUNT', MOST]
        const [next, entries] = (await redis.call('XAUTOCLAIM', ...words)) as [string, Entries]
        claimed.push(...(await present(key, entries)))
        cursor = next
      }
    return claimed
  }

  let stage: 'join' | 'own' | 'new' = 'join'
  let claimedAt = Number.NEGATIVE_INFINITY
  const next = async (): Promise<readonly GroupEntry[]> => {
    if (stage === 'join') await join()
    if (stage !== 'new') {
      const own = await read('0')
      stage = own.length > 0 ? 'own' : 'new'
      return own
    }
    if (performance.now() - claimedAt < claimAfterMs / 2) return read('>')
    claimedAt = performance.now()
    return claim()
  }
  for (;;) {
    signal.throwIfAborted()
    const entries = await next().catch(async error => {
      stage = 'join'
      if (!isSaying(error, 'NOGROUP')) await pause(AWAY_MS, signal)
      return []
    })
    if (entries.length > 0) yield entries
  }
}

export const acknowledge = async (redis: RedisConnection, group: string, { stream, id }: GroupEntry): Promise<void> => {
  await redis.call('XACK', stream, group, id)
}
