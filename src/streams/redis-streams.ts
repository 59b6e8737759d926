/** Streams of Redis, 7.0 or newer: each step a script, so that no other sees half of it. */
import { Redis } from 'ioredis'
import { STREAMS, type StreamEntry, type StreamName, streamKey } from '../model/event-streams.ts'
import { BEGIN, LOOK, PUBLISH, TRIM } from './scripts.ts'
import type { EventStreams, Published, StreamGroup, StreamsHead } from './streams.ts'

/** A Redis that hangs sends no error. 500 entries take it some milliseconds, and to forget a day of them a second. */
const DEADLINE_MS = 5_000

const KEYS = ['{matrix}:events:head', ...STREAMS.map(streamKey)]
/** Among the keys as Lua counts them. */
const placeOf = (stream: StreamName | undefined): number => (stream === undefined ? 0 : STREAMS.indexOf(stream) + 2)

/** Who knows the first major alone finds it where it always was, and no entry more. */
const fieldsOf = ({ body, type, subject, partitionKey, later }: StreamEntry): readonly string[] => [
  ...['e', body, 't', type, 's', subject, 'p', partitionKey],
  ...later.flatMap(({ major, body }) => [`e${major}`, body]),
]
const argumentsOf = (entry: StreamEntry) => {
  const fields = fieldsOf(entry)
  return [placeOf(entry.stream), entry.seq, entry.id, fields.length, ...fields]
}

/** What XINFO answers is names and values by turns. */
const readFields = (reply: readonly unknown[]): ReadonlyMap<string, unknown> =>
  new Map(reply.flatMap((name, at) => (at % 2 === 0 ? [[String(name), reply[at + 1]] as const] : [])))

type Script = (...values: readonly (string | number)[]) => Promise<unknown>
type Scripted = Redis & Record<'matrixLook' | 'matrixBegin' | 'matrixPublish' | 'matrixTrim', Script>

/** Connects in the background, and again whenever the server is back; until then everything rejects at once. */
export const openRedisStreams = (url: string, { onError }: { onError: (error: unknown) => void }): EventStreams => {
  let closed = false
  const client = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    commandTimeout: DEADLINE_MS,
    disconnectTimeout: 200,
    socketTimeout: 10_000,
    retryStrategy: times => (closed ? null : Math.min(50 * 2 ** Math.min(times, 10), 2_000)),
  }) as Scripted
  client.on('error', onError)
  const define = (name: string, lua: string): void => client.defineCommand(name, { numberOfKeys: KEYS.length, lua })
  define('matrixLook', LOOK)
  define('matrixBegin', BEGIN)
  define('matrixPublish', PUBLISH)
  define('matrixTrim', TRIM)

  const groupsOf = async (stream: StreamName): Promise<StreamGroup[]> => {
    const key = streamKey(stream)
    if ((await client.exists(key)) === 0) return []
    const [info, groups] = await Promise.all([client.xinfo('STREAM', key), client.xinfo('GROUPS', key)])
    const of = readFields(info as unknown[])
    const trimmed = Number(of.get('entries-added')) - Number(of.get('length'))
    return (groups as unknown[][]).map(readFields).map(group => {
      const read = group.get('entries-read') // nobody knows where the group was not begun at an end
      return {
        stream,
        group: String(group.get('name')),
        consumers: Number(group.get('consumers')),
        pending: Number(group.get('pending')),
        lag: group.get('lag') === null ? undefined : Number(group.get('lag')),
        isTrimmed: read !== null && Number(read) < trimmed,
      }
    })
  }

  return {
    async look() {
      const [log, seq, event, isLost, ...lengths] = (await client.matrixLook(...KEYS)) as (string | number)[]
      const head: StreamsHead = { log: String(log), seq: Number(seq), event: event ? String(event) : undefined }
      const counted = STREAMS.map((stream, at) => [stream, Number(lengths[at])])
      return { head: log === '' ? undefined : head, isLost: isLost === 1, lengths: Object.fromEntries(counted) }
    },
    async begin(seen, { log, seq, clear }) {
      return (await client.matrixBegin(...KEYS, seen?.seq ?? '', log, seq, clear ? 1 : 0)) === 1
    },
    async publish(log, after, entries) {
      const answer = await client.matrixPublish(...KEYS, log, after, ...entries.flatMap(argumentsOf))
      const [outcome, added, found] = answer as [Published['outcome'], number, number]
      return outcome === 'published' ? { outcome, added, found } : { outcome }
    },
    async trim(log, floors) {
      return Number(await client.matrixTrim(...KEYS, log, ...STREAMS.map(stream => floors[stream])))
    },
    groups: async () => (await Promise.all(STREAMS.map(groupsOf))).flat(),
    close() {
      closed = true
      client.disconnect()
    },
  }
}
