/** Consumers of the SDK, with marks and effects in a Postgres that breaks at every place, and events that come late, twice or never. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signedHeaders } from '../../src/events/sign.ts'
import {
  type AnyEvent,
  createConsumer,
  type Gap,
  type InboxPool,
  memoryInbox,
  NotTaken,
  postgresInbox,
} from '../../src/sdk/index.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'

let database: FreshDatabase
let pool: pg.Pool
let group: string

beforeAll(async () => {
  database = await freshDatabase()
  pool = new pg.Pool({ ...database.config, max: 6 })
  // A connection that a test breaks is no news.
  pool.on('error', () => undefined)
  const inbox = postgresInbox(pool)
  await inbox.prepare()
  await inbox.prepare()
  await pool.query('create table effect (id bigserial primary key, consumer text, event_id text, no int)')
})
beforeEach(() => {
  group = `group-${randomUUID()}`
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

const asset = (): string => randomUUID()
const eventOf = (partitionkey: string, no: number, type = 'asset.published', major = 1): AnyEvent => ({
  specversion: '1.0',
  id: randomUUID(),
  type: `io.matrix.${type}.v${major}`,
  source: '/t/demo',
  subject: `assets/${partitionkey}`,
  time: new Date().toISOString(),
  sequence: String(no).padStart(20, '0'),
  partitionkey,
  data: { asset: partitionkey, version: no, asset_event_no: no, mutation: 'UPDATED' },
})
const effects = async (): Promise<number[]> =>
  (await pool.query('select no from effect where consumer = $1 order by id', [group])).rows.map(({ no }) => no)
const write = (tx: pg.PoolClient, event: { id: string; data: { asset_event_no?: unknown } }) =>
  tx.query('insert into effect (consumer, event_id, no) values ($1, $2, $3)', [
    group,
    event.id,
    event.data.asset_event_no,
  ])

const consumerOn = (over: InboxPool<pg.PoolClient> = pool, more: object = {}) =>
  createConsumer<pg.PoolClient>({
    group,
    inbox: postgresInbox<pg.PoolClient>(over),
    on: { 'asset.published': async (event, { tx }) => void (await write(tx, event)) },
    ...more,
  })

/** The n-th statement breaks the connection, before it was executed or after it, as a process that is killed there. */
const breaking = (
  n: number,
  when: 'before' | 'after',
): InboxPool<pg.PoolClient> & { readonly reached: () => boolean } => {
  let statements = 0
  return {
    reached: () => statements >= n,
    query: (text, values) => pool.query(text, values),
    async connect() {
      const client = await pool.connect()
      const { query, release } = client
      client.query = (async (...args: Parameters<typeof query>) => {
        const isIt = ++statements === n
        const result =
          isIt && when === 'before' ? undefined : await (query as (...all: unknown[]) => unknown).apply(client, args)
        if (!isIt) return result
        ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
        throw new Error('the connection is gone')
      }) as never
      client.release = error => {
        Object.assign(client, { query, release })
        release.call(client, error)
      }
      return client
    },
  }
}

describe('effectively once', () => {
  test.each(['before', 'after'] as const)(
    'three deliveries of each event, with a crash %s each statement: one effect',
    async when => {
      const of = asset()
      let no = 0
      for (let n = 1; ; n++) {
        const event = eventOf(of, ++no)
        const fragile = breaking(n, when)
        const first = await consumerOn(fragile)
          .handle(event)
          .catch(error => error)
        // Told to come again whenever it is not certain that it was taken.
        expect(first).toSatisfy(it => it instanceof NotTaken || !fragile.reached())
        // By another process, which knows nothing but the database.
        const outcomes = [await consumerOn().handle(event), await consumerOn().handle(event)]
        expect(outcomes[1]).toBe('duplicate')
        expect(await effects()).toEqual(Array.from({ length: no }, (_, index) => index + 1))
        if (!fragile.reached()) break
      }
      // begin, lock, mark, move, effect, commit.
      expect(no).toBe(7)
    },
  )

  test('two processes that get the same at once: one effect', async () => {
    const of = asset()
    const one = consumerOn()
    const two = consumerOn()
    for (let no = 1; no <= 20; no++) {
      const event = eventOf(of, no)
      const outcomes = await Promise.all([one.handle(event), two.handle(event), one.handle(event)])
      expect(outcomes.sort()).toEqual(['done', 'duplicate', 'duplicate'])
    }
    expect(await effects()).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  })

  test('each group takes its own', async () => {
    const event = eventOf(asset(), 1)
    expect(await consumerOn().handle(event)).toBe('done')
    group = `group-${randomUUID()}`
    expect(await consumerOn().handle(event)).toBe('done')
  })
})

describe('order', () => {
  test('late, twice and in any order, in two processes: each once, and each gap told', async () => {
    const of = asset()
    const events = Array.from({ length: 30 }, (_, index) => eventOf(of, index + 1))
    const shuffled = [...events, ...events].map((event, index) => ({ event, at: (index * 7_919) % 61 }))
    shuffled.sort((a, b) => a.at - b.at)
    const consumers = [consumerOn(), consumerOn()]
    await Promise.all(shuffled.map(({ event }, index) => consumers[index % 2]?.handle(event)))
    expect((await effects()).sort((a, b) => a - b)).toEqual(events.map((_, index) => index + 1))
  })

  test('a gap is told before what shows it, and covers what comes late', async () => {
    const of = asset()
    const gaps: Gap[] = []
    const seen: unknown[] = []
    const consumer = createConsumer({
      group,
      inbox: memoryInbox(),
      on: { 'asset.published': event => void seen.push(event.data.asset_event_no) },
      onGap: gap => {
        gaps.push(gap)
        seen.push('fetched')
      },
    })
    const [first, second, third, fourth] = [1, 2, 3, 4].map(no => eventOf(of, no)) as AnyEvent[]
    for (const event of [first, fourth, second, third, eventOf(of, 5)]) await consumer.handle(event as AnyEvent)
    expect(seen).toEqual([1, 'fetched', 4, 5])
    expect(gaps).toMatchObject([{ asset: of, expected: 2, received: 4 }])
    expect(consumer.counts()).toMatchObject({ done: 3, late: 2 })
    // Whoever begins in the middle has a gap before the first.
    await consumer.handle(eventOf(asset(), 9))
    expect(gaps.at(-1)).toMatchObject({ expected: 1, received: 9 })
  })

  test('a fetch that fails is a failure of the event: neither is marked', async () => {
    let isAway = true
    const onGap = () => {
      if (isAway) throw new Error('away')
    }
    const consumer = consumerOn(pool, { onGap })
    const event = eventOf(asset(), 3)
    await expect(consumer.handle(event)).rejects.toThrow(NotTaken)
    isAway = false
    expect(await consumer.handle(event)).toBe('done')
    expect(await effects()).toEqual([3])
  })
})

describe('what cannot be taken', () => {
  test('a type without a handler is counted, and leaves no gap', async () => {
    const of = asset()
    const gaps: Gap[] = []
    const consumer = consumerOn(pool, { onGap: (gap: Gap) => void gaps.push(gap) })
    expect(await consumer.handle(eventOf(of, 1, 'asset.invented'))).toBe('ignored')
    expect(await consumer.handle(eventOf(of, 2))).toBe('done')
    expect(gaps).toEqual([])
    expect(consumer.counts()).toMatchObject({ ignored: 1, done: 1 })
  })

  test('another major is parked, and taken when there is a handler for it', async () => {
    const event = eventOf(asset(), 1, 'asset.published', 2)
    expect(await consumerOn().handle(event)).toBe('parked')
    expect(await consumerOn().letters()).toMatchObject([{ reason: 'unknown-major', event: { id: event.id } }])
    expect(await consumerOn().redrive()).toBe(0)
    const next = consumerOn(pool, {
      on: { 'asset.published.v2': async (it: AnyEvent, { tx }: { tx: pg.PoolClient }) => void (await write(tx, it)) },
    })
    expect(await next.redrive()).toBe(1)
    expect(await effects()).toEqual([1])
    expect(await next.letters()).toEqual([])
    expect(await next.redrive()).toBe(0)
  })

  test('what is missing before one that is parked is told, for its number counts', async () => {
    const of = asset()
    const gaps: Gap[] = []
    const consumer = consumerOn(pool, { onGap: (gap: Gap) => void gaps.push(gap) })
    expect(await consumer.handle(eventOf(of, 1))).toBe('done')
    expect(await consumer.handle(eventOf(of, 3, 'asset.published', 2))).toBe('parked')
    expect(gaps).toMatchObject([{ asset: of, expected: 2, received: 3 }])
    expect(await consumer.handle(eventOf(of, 2))).toBe('late')
    expect(await consumer.handle(eventOf(of, 4))).toBe('done')
    expect(gaps).toHaveLength(1)
  })

  test('one that fails each time is laid aside after its tries, whoever tried, and those behind it go on', async () => {
    const of = asset()
    const poison = eventOf(of, 1)
    let isMended = false
    const on = {
      'asset.published': async (event: AnyEvent, { tx }: { tx: pg.PoolClient }) => {
        await write(tx, event as never)
        if (event.id === poison.id && !isMended) throw new Error('cannot be read')
      },
    }
    const failures: unknown[] = []
    const consumer = () => consumerOn(pool, { on, tries: 3, onFailure: (error: unknown) => failures.push(error) })
    await expect(consumer().handle(poison)).rejects.toThrow(NotTaken)
    await expect(consumer().handle(poison)).rejects.toThrow(NotTaken)
    expect(await consumer().handle(poison)).toBe('dead')
    expect(await consumer().handle(poison)).toBe('duplicate')
    expect(await consumer().handle(eventOf(of, 2))).toBe('done')
    expect(await effects()).toEqual([2])
    expect(await consumer().letters()).toMatchObject([{ reason: 'failed', tries: 3, error: 'cannot be read' }])
    expect(failures).toHaveLength(3)
    expect(await consumer().redrive()).toBe(0)
    isMended = true
    expect(await consumer().redrive([poison.id])).toBe(1)
    expect(await effects()).toEqual([2, 1])
  })

  test('while the inbox is away nothing counts as a failure of an event', async () => {
    const away: InboxPool<pg.PoolClient> = {
      connect: () => Promise.reject(new Error('away')),
      query: () => Promise.reject(new Error('away')),
    }
    const event = eventOf(asset(), 1)
    for (let n = 0; n < 6; n++) await expect(consumerOn(away).handle(event)).rejects.toThrow('away')
    expect(await consumerOn().handle(event)).toBe('done')
  })

  test('marks that are old enough are forgotten, places are not', async () => {
    const of = asset()
    const event = eventOf(of, 1)
    await consumerOn().handle(event)
    const inbox = postgresInbox(pool)
    await inbox.prune({ olderThanSeconds: 3_600 })
    expect(await consumerOn().handle(event)).toBe('duplicate')
    await inbox.prune({ olderThanSeconds: 0 })
    const late = consumerOn(pool, { onGap: () => undefined })
    expect(await late.handle(event)).toBe('late')
  })
})

describe('where they come from', () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const request = (event: AnyEvent, secrets = [secret]): Request => {
    const body = JSON.stringify(event)
    const headers = signedHeaders(secrets, { id: event.id, body, now: Date.now() })
    return new Request('http://shop.example/hook', { method: 'POST', body, headers })
  }

  test('a webhook is answered when it is committed, and refused when it is not believed', async () => {
    const event = eventOf(asset(), 1)
    const answer = async (one: AnyEvent, secrets?: string[]) =>
      (await consumerOn().webhook([secret])(request(one, secrets))).status
    expect(await answer(event, [`whsec_${Buffer.alloc(32, 8).toString('base64')}`])).toBe(401)
    expect(await effects()).toEqual([])
    expect(await answer(event)).toBe(204)
    expect(await answer(event)).toBe(204)
    expect(await effects()).toEqual([1])
    const failing = consumerOn(pool, { on: { 'asset.published': () => Promise.reject(new Error('no')) } })
    expect((await failing.webhook(secret)(request(eventOf(asset(), 1)))).status).toBe(500)
  })

  test('an entry of a stream of Redis, as a list and as a map', async () => {
    const event = eventOf(asset(), 1)
    const e = JSON.stringify(event)
    expect(await consumerOn().entry(['e', e, 't', event.type, 's', event.subject, 'p', 'x'])).toBe('done')
    expect(await consumerOn().entry({ t: event.type, e })).toBe('duplicate')
    await expect(consumerOn().entry(['t', event.type])).rejects.toThrow(TypeError)
  })
})
