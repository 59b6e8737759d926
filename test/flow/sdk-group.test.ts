/** A consumer as members of a group of Redis: they share what there is, take over from each other, and outlive the Redis that had the group. */
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openRelay } from '../../src/events/relay.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { type AnyEvent, createConsumer, type Gap, type GroupOptions, memoryInbox } from '../../src/sdk/index.ts'
import type { EventStreams } from '../../src/streams/streams.ts'
import { findRedis, startRedis, type TestRedis } from '../support/redis.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const binary = await findRedis()
const reason = 'missing' in binary ? ` (${binary.missing})` : ''
const KEY = '{matrix}:events:assets'

describe.skipIf('missing' in binary)(`a group of Redis${reason}`, () => {
  let redis: TestRedis
  let client: Redis
  let system: System
  let assets: string[]
  const ends: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    if ('missing' in binary) return
    redis = await startRedis(binary)
    client = new Redis(redis.url)
    system = await startSystem({ worker: false, env: { REDIS_URL: redis.url } })
    const text = (n: number) => new TextEncoder().encode(`thing ${n}`)
    assets = await Promise.all([1, 2, 3].map(async n => (await system.upload(text(n))).asset))
  })
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
    await client.flushall()
  })
  afterAll(async () => {
    await system?.close()
    client?.disconnect()
    await redis?.remove()
  })

  const carry = async (): Promise<void> => {
    await sequenceEvents(system.core.database)
    await openRelay({ ...system.core, streams: system.core.streams as EventStreams }).carry()
  }
  const change = async (asset: string, caption: string): Promise<void> => {
    const made = { key: ADMIN_KEY, body: { attributes: { caption } }, headers: { 'If-Match': '*' } }
    expect((await system.call('PATCH', `/v1/assets/${asset}`, made)).status).toBe(200)
  }
  const logged = async (): Promise<AnyEvent[]> => {
    const answer = await system.call('GET', '/v1/events?limit=500', { key: ADMIN_KEY })
    return ((await answer.json()) as { items: AnyEvent[] }).items.filter(({ type }) => type.includes('.asset.'))
  }
  const ids = (events: readonly AnyEvent[]): string[] => events.map(({ id }) => id).sort()

  /** Of one inbox, as members of one service have it. */
  const openGroup = (group: string) => {
    const taken: (AnyEvent & { readonly by: string })[] = []
    const inbox = memoryInbox()
    const open = (
      member: string,
      over: Partial<GroupOptions> = {},
      fails: (event: AnyEvent) => boolean = () => false,
    ) => {
      const take = (event: AnyEvent): void => {
        if (fails(event)) throw new Error('not now')
        taken.push({ ...event, by: member })
      }
      const types = ['asset.created', 'asset.version_created', 'asset.published', 'asset.metadata_changed'] as const
      const on = Object.fromEntries(types.map(type => [type, take]))
      const consumer = createConsumer({ group, inbox, on, tries: 2 })
      const leaving = new AbortController()
      const connection = new Redis(redis.url, { retryStrategy: () => 50 })
      connection.on('error', () => undefined)
      const run = {
        streams: ['assets', 'contracts'] as const,
        member,
        signal: leaving.signal,
        claimAfterMs: 300,
        ...over,
      }
      const following = consumer.followGroup(connection, run).catch(error => {
        if (!leaving.signal.aborted) throw error
      })
      const leave = async (): Promise<void> => {
        leaving.abort()
        await following
        connection.disconnect()
      }
      ends.push(leave)
      return { consumer, leave }
    }
    return { taken, open, letters: () => inbox.letters(group) }
  }
  const pending = async (group: string): Promise<number> => Number((await client.xpending(KEY, group))[0])

  test('its members share all that there was and comes, those of an asset in their order', async () => {
    const { taken, open } = openGroup('shared')
    await carry()
    open('one')
    open('two')
    for (const n of [1, 2, 3, 4]) {
      await Promise.all(assets.map(asset => change(asset, `${n}`)))
      await carry()
    }
    const log = await logged()
    const heard = log.filter(({ type }) => /created|published|metadata_changed/.test(type))
    await until('all are taken', () => taken.length >= heard.length)
    expect(ids(taken)).toEqual(ids(heard))
    await until('all are acknowledged', async () => (await pending('shared')) === 0)
  })

  test('what a member has died with another takes, and itself when it is back', async () => {
    await carry()
    const { taken, open } = openGroup('left')
    await client.xgroup('CREATE', KEY, 'left', '0', 'MKSTREAM')
    await client.xreadgroup('GROUP', 'left', 'dead', 'COUNT', 3, 'STREAMS', KEY, '>')
    await client.xreadgroup('GROUP', 'left', 'back', 'COUNT', 3, 'STREAMS', KEY, '>')
    expect(await pending('left')).toBe(6)
    open('back', { claimAfterMs: 60_000 })
    await until('it has its own', async () => (await pending('left')) === 3)
    open('heir')
    await until('nothing is left', async () => (await pending('left')) === 0)
    expect(taken.some(({ by }) => by === 'heir')).toBe(true)
    const heard = (await logged()).filter(({ type }) => /created|published|metadata_changed/.test(type))
    await until('all are taken', () => taken.length >= heard.length)
    expect(ids(taken)).toEqual(ids(heard))
  })

  test('a Redis that loses all of it is read again from its beginning, and nothing is done twice', async () => {
    const { taken, open } = openGroup('lost')
    await carry()
    open('one')
    await until('some are taken', () => taken.length > 3)
    await client.flushall()
    await change(assets[0] as string, 'after the loss')
    await carry()
    const heard = (await logged()).filter(({ type }) => /created|published|metadata_changed/.test(type))
    await until('all are taken', () => taken.length >= heard.length)
    await until('all are acknowledged', async () => (await pending('lost').catch(() => 1)) === 0)
    expect(ids(taken)).toEqual(ids(heard))
  })

  test('what fails too often is laid aside and acknowledged; those behind it go on', async () => {
    await carry()
    const { taken, open, letters } = openGroup('failing')
    const bad = (await logged()).find(({ type }) => type.includes('metadata_changed')) as AnyEvent
    open('one', {}, ({ id }) => id === bad.id)
    await until('it is laid aside', async () => (await letters()).length === 1)
    expect((await letters()).map(({ event }) => event.id)).toEqual([bad.id])
    const heard = (await logged()).filter(({ type }) => /created|published|metadata_changed/.test(type))
    await until('the others are taken', () => taken.length === heard.length - 1)
    await until('all are acknowledged', async () => (await pending('failing')) === 0)
  })

  describe('what was trimmed while it was held', () => {
    const holdAndTrim = async (group: string, member: string, count: number): Promise<string[]> => {
      await carry()
      await client.xgroup('CREATE', KEY, group, '0', 'MKSTREAM')
      const given = await client.xreadgroup('GROUP', group, member, 'COUNT', count, 'STREAMS', KEY, '>')
      const held = (given as [string, [string, string[]][]][])[0]?.[1].map(([id]) => id) ?? []
      // As the relay trims: from the beginning, so that the last one that is held is kept.
      await client.xtrim(KEY, 'MINID', held.at(-1) ?? '')
      return held.slice(0, -1)
    }
    const told: { stream: string; ids: readonly string[]; pending: number }[] = []
    const onMissedOf = (group: string) => async (stream: string, ids: readonly string[]) => {
      told.push({ stream, ids, pending: await pending(group) })
    }
    afterEach(() => void told.splice(0))

    test.each([
      ['by itself', 'one'],
      ['by one that has died', 'dead'],
    ])('%s is told, then acknowledged; what is behind it goes on', async (_, holder) => {
      const group = `trimmed-${holder}`
      const ids = await holdAndTrim(group, holder, 4)
      const { taken, open } = openGroup(group)
      open('one', { onMissed: onMissedOf(group) })
      await until('nothing is left', async () => (await pending(group)) === 0)
      expect(told).toEqual([{ stream: 'assets', ids, pending: 4 }])
      await change(assets[1] as string, 'after the trim')
      await carry()
      await until('it goes on', () => taken.some(({ type }) => type.includes('metadata_changed')))
      await until('nothing is left again', async () => (await pending(group)) === 0)
      expect(told).toHaveLength(1)
    })

    test.each(['one', 'dead'])(
      'ends reading where nobody is there to be told, and stays (held by %s)',
      async holder => {
        const group = `missed-${holder}`
        const ids = await holdAndTrim(group, holder, 4)
        const consumer = createConsumer({ group, inbox: memoryInbox(), on: {} })
        const connection = new Redis(redis.url)
        ends.push(async () => connection.disconnect())
        const run = { streams: ['contracts', 'assets'], member: 'one', signal: AbortSignal.timeout(20_000) } as const
        await expect(consumer.followGroup(connection, run)).rejects.toThrow(`Expected onMissed for ${ids} of assets`)
        const onMissed = () => Promise.reject(new Error('the log is away'))
        await expect(consumer.followGroup(connection, { ...run, onMissed })).rejects.toThrow('the log is away')
        expect((await client.xpending(KEY, group, '-', '+', 9)).map(entry => (entry as string[])[0])).toEqual(
          expect.arrayContaining(ids),
        )
      },
    )

    test('is in the log under its number', async () => {
      const [id = ''] = await holdAndTrim('log', 'one', 2)
      const page = await system.call('GET', `/v1/events?after=${Number.parseInt(id, 10) - 1}&limit=1`, {
        key: ADMIN_KEY,
      })
      const { items } = (await page.json()) as { items: AnyEvent[] }
      expect(items.map(({ sequence }) => Number(sequence))).toEqual([Number.parseInt(id, 10)])
    })
  })

  describe('several streams that share the numbers of an asset', () => {
    const put = async (stream: 'assets' | 'renditions', no: number, of: string): Promise<void> => {
      const event = {
        ...{ id: crypto.randomUUID(), type: `io.matrix.${stream}.told.v1`, partitionkey: of, subject: `assets/${of}` },
        data: { asset: of, asset_event_no: no },
      }
      await client.xadd(`{matrix}:events:${stream}`, `${no}-0`, 'e', JSON.stringify(event))
    }
    const openBoth = (group: string) => {
      const taken: (readonly [no: unknown, isLate: boolean])[] = []
      const gaps: Gap[] = []
      const take = ({ data }: AnyEvent, { isLate }: { isLate: boolean }) =>
        void taken.push([data.asset_event_no, isLate])
      const on = { 'assets.told.v1': take, 'renditions.told.v1': take }
      const onGap = (gap: Gap) => void gaps.push(gap)
      const consumer = createConsumer({ group, inbox: memoryInbox(), on, onGap })
      const leaving = new AbortController()
      const connection = new Redis(redis.url)
      const run = { streams: ['assets', 'renditions'], member: 'one', signal: leaving.signal } as const
      const following = consumer.followGroup(connection, run).catch(() => undefined)
      ends.push(async () => {
        leaving.abort()
        await following
        connection.disconnect()
      })
      return { taken, gaps, consumer }
    }

    test('what is read together is in one order', async () => {
      for (const no of [1, 2, 5, 6, 10]) await put('assets', no, 'a')
      for (const no of [3, 4, 7, 8, 9]) await put('renditions', no, 'a')
      const { taken, gaps } = openBoth('together')
      await until('all are taken', () => taken.length === 10)
      expect(taken).toEqual(Array.from({ length: 10 }, (_, at) => [at + 1, false]))
      expect(gaps).toEqual([])
    })

    test('what one of them gives later is handled, and known to be late', async () => {
      const { taken, gaps, consumer } = openBoth('apart')
      for (const no of [1, 2, 5, 6]) await put('assets', no, 'a')
      await until('one is read', () => taken.length === 4)
      for (const no of [3, 4]) await put('renditions', no, 'a')
      await until('the other is, too', () => consumer.counts().done === 6)
      expect(taken.slice(4)).toEqual([
        [3, true],
        [4, true],
      ])
      expect(gaps).toMatchObject([{ expected: 3, received: 5 }])
    })
  })

  test('it ends when it is told to, and says why', async () => {
    const consumer = createConsumer({ group: 'ending', inbox: memoryInbox(), on: {} })
    const connection = new Redis(redis.url)
    const leaving = new AbortController()
    const run = { streams: ['system'] as const, member: 'one', signal: leaving.signal }
    const following = consumer.followGroup(connection, run)
    leaving.abort(new Error('going'))
    await expect(following).rejects.toThrow('going')
    connection.disconnect()
  })
})
