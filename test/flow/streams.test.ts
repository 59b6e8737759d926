/** Events in streams of a real Redis: what groups of consumers are given, and that the streams follow the log whatever becomes of them. */
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openRelay } from '../../src/events/relay.ts'
import { startRelay } from '../../src/events/start-relay.ts'
import { openCore } from '../../src/gateway.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { EVENTS, type EventType } from '../../src/model/event-catalogue.ts'
import { STREAMS, type StreamEntry, type StreamName, streamKey } from '../../src/model/event-streams.ts'
import { examine } from '../../src/reconcile/doctor.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import type { EventStreams } from '../../src/streams/streams.ts'
import { photo } from '../support/images.ts'
import { findRedis, startRedis, type TestRedis } from '../support/redis.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const binary = await findRedis()
const reason = 'missing' in binary ? ` (${binary.missing})` : ''
const HOUR_MS = 3_600_000

interface Envelope {
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly sequence: string
  readonly partitionkey: string
}
type Entry = readonly [id: string, fields: readonly string[]]

describe.skipIf('missing' in binary)(`streams of Redis${reason}`, () => {
  let redis: TestRedis
  let client: Redis
  let system: System
  let asset: string
  let streams: EventStreams
  let now = 0
  const opened: { stop(): Promise<void> }[] = []

  beforeAll(async () => {
    if ('missing' in binary) return
    redis = await startRedis(binary)
    client = new Redis(redis.url)
    client.on('error', () => undefined)
    system = await startSystem({ env: { REDIS_URL: redis.url, WORKERS: '1' } })
    streams = system.core.streams as EventStreams
    asset = (await system.upload(await photo())).asset
    await until('it is shown', async () => {
      await sequenceEvents(system.core.database)
      const card = `/v1/products/shop-web/assets/${asset}/renditions/card`
      return (await system.call('GET', card, { key: system.keys['shop-web'] })).status === 302
    })
  })
  afterEach(async () => {
    for (const { stop } of opened.splice(0)) await stop()
    now = 0
    await client.flushall()
  })
  afterAll(async () => {
    await system?.close()
    client?.disconnect()
    await redis?.remove()
  })

  const relayOf = (over: Partial<Parameters<typeof openRelay>[0]> = {}) =>
    openRelay({ ...system.core, streams, clock: { now: () => Date.now() + now }, ...over })
  const change = async (caption: string): Promise<void> => {
    const body = { attributes: { caption } }
    const done = await system.call('PATCH', `/v1/assets/${asset}`, {
      key: ADMIN_KEY,
      body,
      headers: { 'If-Match': '*' },
    })
    expect(done.status).toBe(200)
  }
  const changeAndNumber = async (caption: string): Promise<void> => {
    await change(caption)
    await sequenceEvents(system.core.database)
  }
  /** Of the whole tenant, as its administrator reads it. */
  const logged = async (): Promise<Envelope[]> => {
    const answer = await system.call('GET', '/v1/events?limit=500', { key: ADMIN_KEY })
    return ((await answer.json()) as { items: Envelope[] }).items
  }
  const entriesOf = (stream: StreamName): Promise<Entry[]> =>
    client.xrange(streamKey(stream), '-', '+') as Promise<Entry[]>
  const streamOf = ({ type }: Envelope): StreamName =>
    EVENTS[type.slice('io.matrix.'.length, -'.v1'.length) as EventType].stream
  const entryOf = (event: Envelope): Entry => [
    `${Number(event.sequence)}-0`,
    ['e', JSON.stringify(event), 't', event.type, 's', event.subject, 'p', event.partitionkey],
  ]
  const parsed = ([id, fields]: Entry) => [id, JSON.parse(fields[1] ?? ''), ...fields.slice(2)]
  const expectAll = async (): Promise<void> => {
    const log = await logged()
    for (const stream of STREAMS) {
      const wanted = log.filter(event => streamOf(event) === stream).map(entryOf)
      expect((await entriesOf(stream)).map(parsed)).toEqual(wanted.map(parsed))
    }
  }

  test('every event is in its stream, under its number, as pages show it', async () => {
    await relayOf().carry()
    const log = await logged()
    expect(new Set(log.map(streamOf))).toEqual(new Set(['assets', 'renditions', 'contracts']))
    await expectAll()
    await changeAndNumber('once more')
    await relayOf().carry()
    await expectAll()
  })

  test('a process that numbers events carries them, and one that only looks finds what others have left', async () => {
    const relay = startRelay({ ...system.core, clock: { now: () => Date.now() } })
    const sweep = startSweep(system.core)
    opened.push(relay, sweep)
    await change('by the sweep')
    await until('it is in the stream', async () => {
      const [last] = (await client.xrevrange(streamKey('assets'), '+', '-', 'COUNT', 1)) as Entry[]
      return last?.[1][1]?.includes('metadata_changed')
    })
    await sweep.stop()
    await changeAndNumber('by another process')
    await until('that is, too', async () => (await streams.look()).head?.seq === (await logged()).length)
    await expectAll()
  })

  test('each group is given everything; the members of one share it, and take over from one that has died', async () => {
    await relayOf().carry()
    const key = streamKey('assets')
    const all = (await entriesOf('assets')).map(([id]) => id)
    for (const group of ['search', 'mail']) await client.xgroup('CREATE', key, group, '0')
    const read = async (group: string, member: string, count: number): Promise<string[]> => {
      const given = (await client.xreadgroup('GROUP', group, member, 'COUNT', count, 'STREAMS', key, '>')) as
        | [string, Entry[]][]
        | null
      return given?.[0]?.[1].map(([id]) => id) ?? []
    }
    expect(await read('search', 'one', 500)).toEqual(all)
    const [first, second] = [await read('mail', 'one', 2), await read('mail', 'two', 500)]
    expect(first).toHaveLength(2)
    expect([...first, ...second]).toEqual(all)
    await client.xack(key, 'mail', ...second)
    const [, claimed] = (await client.xautoclaim(key, 'mail', 'two', 0, '0')) as [string, Entry[]]
    expect(claimed.map(([id]) => id)).toEqual(first)
    const { checks } = await examine(system.core)
    expect(checks.find(({ check }) => check === 'streams')).toMatchObject({
      ok: true,
      detail: {
        groups: [
          { stream: 'assets', group: 'mail', pending: 2, lag: 0, has_missed_some: false },
          { stream: 'assets', group: 'search', pending: all.length, lag: 0, has_missed_some: false },
        ],
      },
    })
  })

  test('a product reads with the rights that the documentation gives it, and writes nothing', async () => {
    await relayOf().carry()
    const page = readFileSync('docs/events.md', 'utf8')
    const [, rights = ''] = /^ACL SETUSER search (.+)$/m.exec(page) ?? []
    await client.call('ACL', 'SETUSER', 'search', ...rights.split(' '))
    const product = new Redis(redis.url, { username: 'search', password: 'secret' })
    const key = streamKey('assets')
    await product.xgroup('CREATE', key, 'search', '0', 'MKSTREAM')
    const given = await product.xreadgroup('GROUP', 'search', 'one', 'COUNT', 1, 'STREAMS', key, '>')
    const [[, [[id = '']] = [['']]] = []] = (given ?? []) as [string, Entry[]][]
    expect(await product.xpending(key, 'search', id, id, 1)).toMatchObject([[id, 'one', expect.any(Number), 1]])
    expect(await product.xpending(key, 'search')).toMatchObject([1, id, id, expect.anything()])
    expect(await product.xinfo('STREAM', key)).toContain('first-entry')
    expect(await product.xautoclaim(key, 'search', 'two', 0, '0')).toBeTruthy()
    expect(await product.xack(key, 'search', id)).toBe(1)
    for (const forbidden of [
      () => product.xadd(key, '*', 'e', '{}'),
      () => product.del(key),
      () => product.xtrim(key, 'MAXLEN', 0),
      () => product.xgroup('DELCONSUMER', key, 'search', 'one'),
      () => product.get('matrix:rate:x'),
    ])
      await expect(forbidden()).rejects.toThrow('NOPERM')
    product.disconnect()
    await client.call('ACL', 'DELUSER', 'search')
  })

  test('what Redis has lost is filled from the log: everything, one stream, or the last that it had not on its disk', async () => {
    const relay = relayOf()
    await relay.carry()
    await client.flushall()
    await changeAndNumber('after the flood')
    await relay.carry()
    await expectAll()

    await client.del(streamKey('renditions'))
    const before = await entriesOf('assets')
    await relayOf().look()
    await expectAll()
    expect(await entriesOf('assets')).toEqual(before)
    await client.del(streamKey('assets'))
    await changeAndNumber('and one more')
    await relay.carry()
    await expectAll()

    // As a Redis comes back that had not written its last second.
    const head = (await streams.look()).head
    const log = await logged()
    const kept = log.at(-4)
    for (const event of log.slice(-3)) await client.xdel(streamKey(streamOf(event)), entryOf(event)[0])
    const back = { seq: Number(kept?.sequence), event: kept?.id }
    await client.hset('{matrix}:events:head', { ...back, log: head?.log ?? '' })
    for (const stream of STREAMS) {
      const last = log.filter(event => streamOf(event) === stream && Number(event.sequence) <= back.seq).at(-1)
      if (last === undefined) continue
      await client.hset('{matrix}:events:head', { [`last:${streamKey(stream)}`]: Number(last.sequence) })
      await client.call('XSETID', streamKey(stream), entryOf(last)[0])
    }
    await relayOf().look()
    await expectAll()
  })

  test('who was asleep writes nothing, and what is there already is found and not doubled', async () => {
    const asleep = relayOf()
    await asleep.carry()
    const seen = (await streams.look()).head
    if (seen === undefined) throw new Error('There is no head')
    for (const caption of ['one', 'two']) await changeAndNumber(caption)
    await relayOf().carry()
    const all = await Promise.all(STREAMS.map(entriesOf))
    const late: StreamEntry = {
      ...{ seq: seen.seq + 1, id: crypto.randomUUID(), stream: 'assets', body: '{}' },
      ...{ type: 'late', subject: 'late', partitionKey: 'late', later: [] },
    }
    expect(await streams.publish(seen.log, seen.seq, [late])).toEqual({ outcome: 'moved' })
    await asleep.carry()
    expect(await Promise.all(STREAMS.map(entriesOf))).toEqual(all)

    // The head alone is lost: everything is carried once more.
    await client.del('{matrix}:events:head')
    const metrics = system.core.metrics.streamEntries
    const found = async () => (await metrics.get()).values.find(({ labels }) => labels.result === 'found')?.value ?? 0
    const before = await found()
    await relayOf().carry()
    expect((await found()) - before).toBe((await logged()).length)
    expect(await Promise.all(STREAMS.map(entriesOf))).toEqual(all)
  })

  test('a log that has gone back, as a backup does, is told from the streams by what is under the number, and they are filled anew', async () => {
    const relay = relayOf()
    await relay.carry()
    const { head } = await streams.look()
    if (head === undefined) throw new Error('There is no head')
    const never = (seq: number): StreamEntry => ({
      ...{ seq, id: crypto.randomUUID(), stream: 'assets', body: `{"seq":${seq}}` },
      ...{ type: 'gone', subject: 'gone', partitionKey: 'gone', later: [] },
    })
    const published = await streams.publish(head.log, head.seq, [never(head.seq + 1), never(head.seq + 2)])
    expect(published).toEqual({ outcome: 'published', added: 2, found: 0 })
    await changeAndNumber('what took their numbers')
    await relayOf().look()
    await expectAll()
  })

  test('streams of another log are left as they are, and the doctor says so', async () => {
    await client.hset('{matrix}:events:head', { log: crypto.randomUUID(), seq: 7, event: 'x' })
    await client.xadd(streamKey('assets'), '7-0', 'e', '{}')
    await expect(relayOf().look()).rejects.toThrow('another log')
    now = 169 * HOUR_MS
    expect(await relayOf().tidy()).toBe(0)
    expect(await entriesOf('assets')).toHaveLength(1)
    expect(await client.hkeys('{matrix}:events:head')).toEqual(['log', 'seq', 'event'])
    const { checks } = await examine(system.core)
    expect(checks.find(({ check }) => check === 'streams')).toMatchObject({ ok: false })
  })

  test('what is kept no longer goes from its stream, comes not back with the others, and stays in the log', async () => {
    const relay = relayOf()
    await relay.carry()
    const counts = async () => (await streams.look()).lengths
    const { assets, renditions } = await counts()
    expect(renditions).toBeGreaterThan(0)
    await client.xgroup('CREATE', streamKey('renditions'), 'slow', '0')
    await client.xreadgroup('GROUP', 'slow', 'one', 'COUNT', 1, 'STREAMS', streamKey('renditions'), '>')
    now = 25 * HOUR_MS
    expect(await relay.tidy()).toBe(renditions)
    expect(await counts()).toMatchObject({ assets, renditions: 0 })
    expect(await streams.groups()).toMatchObject([{ group: 'slow', isTrimmed: true }])
    await client.flushall()
    await relayOf().look()
    expect(await counts()).toMatchObject({ assets, renditions: 0 })
    now = 169 * HOUR_MS
    await relayOf().tidy()
    expect(await counts()).toMatchObject({ assets: 0, renditions: 0 })
    await changeAndNumber('long after')
    now = 0
    await relayOf().look()
    expect((await counts()).assets).toBe(1)
    expect((await logged()).filter(event => streamOf(event) === 'renditions')).toHaveLength(renditions)
  })

  test('a Redis that is away stops nothing else, and gets what it has missed', async () => {
    const relay = startRelay({ ...system.core, clock: { now: () => Date.now() } })
    opened.push(relay)
    await until('it is carried', async () => (await streams.look()).head?.seq === (await logged()).length)
    await redis.kill9()
    const before = (await logged()).length
    await changeAndNumber('meanwhile')
    expect(await logged()).toHaveLength(before + 1)
    const { checks } = await examine(system.core)
    expect(checks.find(({ check }) => check === 'streams')).toMatchObject({ ok: false })
    await redis.start()
    await until('it has it', async () => (await streams.look().catch(() => undefined))?.head?.seq === before + 1)
    await expectAll()
  })

  test('metrics say how far it is, and EVENT_STREAMS=0 leaves Redis alone', async () => {
    const relay = relayOf()
    await changeAndNumber('for the metrics')
    await relay.look()
    await relayOf().look()
    const text = await system.core.metrics.registry.metrics()
    expect(text).toMatch(/^matrix_stream_behind_events 0$/m)
    expect(text).toMatch(/^matrix_stream_length\{stream="assets"\} [1-9]/m)
    expect(text).toMatch(/^matrix_stream_entries_total\{result="added"\} [1-9]/m)
    expect(text).toMatch(/^matrix_stream_rebuilds_total\{reason="lost"\} [1-9]/m)
    const { engines, core } = system
    const off = await openCore({ config: { ...core.config, eventStreams: false }, engines, name: 'off' })
    expect(off.streams).toBeUndefined()
    await startRelay(off).stop()
    const { checks } = await examine(off)
    expect(checks.find(({ check }) => check === 'streams')).toMatchObject({ ok: true })
    await off.close()
  })
})
