/**
 * Events: how many get their numbers, how soon each way of hearing has them, and how fast the log is read again. Beside them what one
 * would write first: a table that numbers its rows and a loop that asks for those behind the last, and a loop of POSTs.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { readConfig } from '../../src/config.ts'
import { openRelay } from '../../src/events/relay.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { logHead } from '../../src/manifest/event-log.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { openRedisStreams } from '../../src/streams/redis-streams.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { openMetrics } from '../../src/telemetry/metrics.ts'
import { findRedis, startRedis } from '../support/redis.ts'
import { call, setUp, upload } from './client.ts'
import { type Append, appendEvents, appendingFacts, openEventDatabase } from './event-load.ts'
import { headOf, type Output, openPlain, pages, receiver, redisStream, serverSent, webhook } from './event-outputs.ts'
import type { Photo } from './photos.ts'
import { percent, quantile, type Row, ratio, type Table } from './report.ts'
import type { Gateway, World } from './world.ts'

const TENANT = 'demo'
const ASSETS = 80
const WRITERS = 4
const FACTS = 5
const RATES = [100, 1_000]
/** After this, what has not come is left out and said. */
const LATE_MS = 15_000
const BACKLOG = 20_000
const REPLAYED_BY_WEBHOOK = 1_000
const PAGE = 500

const whole = (value: number): string => Math.round(value).toLocaleString('en')

/** Until it holds, or too late. */
const settled = async (holds: () => boolean | Promise<boolean>, withinMs = LATE_MS): Promise<boolean> => {
  const until = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > until) return false
    await delay(10)
  }
  return true
}

const lag = async (
  name: string,
  append: Append,
  open: () => Promise<Output>,
  options: { assets: readonly string[]; seconds: number; perSecond: number },
): Promise<Row> => {
  const output = await open()
  const commits = await appendEvents(append, { ...options, writers: WRITERS, facts: FACTS })
  await settled(() => output.at.size >= commits.at.size)
  await output.stop()
  const lags = [...commits.at].flatMap(([mark, at]) => {
    const received = output.at.get(mark)
    return received === undefined ? [] : [Math.max(0, received - at)]
  })
  const quantiles = [0.5, 0.95, 0.99].map(q => quantile(lags, q).toFixed(0))
  const appended = whole(commits.at.size / commits.seconds)
  return [name, appended, ...quantiles, percent(lags.length, commits.at.size)]
}

/** As fast as they can, until all have their numbers. */
const throughput = async (
  world: World,
  gateway: Gateway,
  assets: readonly string[],
  seconds: number,
): Promise<Table> => {
  const database = openEventDatabase(gateway.store)
  const options = { assets, writers: 8, facts: FACTS, seconds }
  const before = await logHead(database)
  const startedAt = performance.now()
  const { at } = await appendEvents(appendingFacts(database, TENANT), options)
  const appendedBy = performance.now()
  await settled(async () => (await logHead(database)) >= before + at.size, 60_000)
  const numberedBy = performance.now()
  const plain = await openPlain(gateway.store)
  const rows = await appendEvents(plain.insert, options)
  const perPlain = rows.at.size / rows.seconds
  await plain.close()
  await database.close()

  const store = await world.newStore()
  await (await world.startGateway({ store })).stop()
  const alone = openEventDatabase(store)
  for (let n = 0; n < BACKLOG; n += 1_000) {
    await alone.rows(
      {
        name: 'bench_backlog',
        text: `insert into event (event_id, tenant_id, type, asset_id, asset_event_no, data, actor, correlation_id)
               select gen_random_uuid(), '${TENANT}', 'asset.metadata_changed', gen_random_uuid(), 1, '{"changed":[]}', 'bench', 'bench' from generate_series(1, 1000)`,
      },
      [],
    )
  }
  const sequencedFrom = performance.now()
  const sequenced = await sequenceEvents(alone)
  const sequencedMs = performance.now() - sequencedFrom
  await alone.close()
  const per = (count: number, ms: number): number => (count * 1_000) / ms
  const row = (name: string, perSecond: number): Row => [name, whole(perSecond), ratio(perSecond, perPlain)]
  return {
    title: 'Events: appended and numbered',
    note: `8 writers, each with a connection of its own, ${FACTS} facts of one asset a transaction, as fast as they can for ${seconds} s; a gateway numbers meanwhile. Baseline: as many rows a transaction into a table with a serial key, which numbers them when they are written and so loses to its readers what commits late.`,
    columns: ['', 'events a second', 'against baseline'],
    rows: [
      row('plain insert (baseline)', perPlain),
      row('facts committed', per(at.size, appendedBy - startedAt)),
      row('committed and numbered', per(at.size, numberedBy - startedAt)),
      row(`the sequencer alone, ${whole(sequenced)} that wait`, per(sequenced, sequencedMs)),
    ],
  }
}

const lags = async (
  gateway: Gateway,
  assets: readonly string[],
  seconds: number,
  redisUrl?: string,
): Promise<Table[]> => {
  const database = openEventDatabase(gateway.store)
  const plain = await openPlain(gateway.store)
  const facts = appendingFacts(database, TENANT)
  const ways: readonly (readonly [string, Append, () => Promise<Output>])[] = [
    ['plain table, polled (baseline)', plain.insert, plain.poll],
    ['pages, polled', facts, () => pages(gateway)],
    ['server-sent events', facts, () => serverSent(gateway)],
    ...(redisUrl === undefined ? [] : [['Redis stream', facts, () => redisStream(redisUrl)] as const]),
    ['webhook', facts, () => webhook(gateway)],
  ]
  const tables: Table[] = []
  for (const perSecond of RATES) {
    const rows: Row[] = []
    for (const [name, append, open] of ways) rows.push(await lag(name, append, open, { assets, seconds, perSecond }))
    tables.push({
      title: `Events: commit to receipt at ${whole(perSecond)} a second`,
      note: `${WRITERS} writers, ${FACTS} facts a transaction, ${seconds} s for each way; writers and receiver are one process. Who polls waits 20 ms after a page that was empty. What came later than ${LATE_MS / 1_000} s after the last commit counts as not received.`,
      columns: ['', 'appended a second', 'p50 ms', 'p95 ms', 'p99 ms', 'received'],
      rows,
    })
  }
  await plain.close()
  await database.close()
  return tables
}

const bodies = async (gateway: Gateway): Promise<string[]> => {
  const { items } = (await (await call(gateway, 'GET', `/v1/events?limit=${PAGE}`)).json()) as { items: object[] }
  return items.map(item => JSON.stringify(item))
}

/** The same number at once as a subscription is told. */
const barePosts = async (gateway: Gateway, count: number): Promise<number> => {
  const [{ url, stop }, texts] = [await receiver(), await bodies(gateway)]
  let sent = 0
  const startedAt = performance.now()
  const post = async (): Promise<void> => {
    while (sent < count) {
      const body = texts[sent++ % texts.length] ?? ''
      await (await fetch(url, { method: 'POST', body })).arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: 8 }, post))
  const perSecond = (count * 1_000) / (performance.now() - startedAt)
  await stop()
  return perSecond
}

const replays = async (gateway: Gateway, redisUrl?: string): Promise<Table> => {
  const head = await headOf(gateway)
  const timed = async (work: () => Promise<number>): Promise<number> => {
    const startedAt = performance.now()
    return ((await work()) * 1_000) / (performance.now() - startedAt)
  }
  const database = openEventDatabase(gateway.store)
  const plain = await openPlain(gateway.store)
  await appendEvents(plain.insert, { assets: ['a'], writers: 1, facts: head, seconds: 0.001 })
  const polled = await timed(async () => {
    let read = 0
    for (let last = '0'; ; ) {
      const rows = await plain.after(last)
      last = rows.at(-1)?.id ?? last
      read += rows.length
      if (rows.length < PAGE) return read
    }
  })
  const paged = await timed(async () => {
    let read = 0
    for (let after = 0; after < head; ) {
      const answer = await call(gateway, 'GET', `/v1/events?after=${after}&limit=${PAGE}`)
      const page = (await answer.json()) as { items: object[]; next_after: number }
      read += page.items.length
      after = page.next_after
    }
    return read
  })
  const streamed = await timed(async () => {
    const output = await serverSent(gateway, 0)
    let seen = -1
    await settled(async () => {
      const before = seen
      seen = output.at.size
      await delay(200)
      return seen > 0 && seen === before
    }, 60_000)
    await output.stop()
    return output.at.size
  })
  const rows: [string, number][] = [
    ['pages', paged],
    ['server-sent events', streamed],
  ]
  if (redisUrl !== undefined) {
    const streams = openRedisStreams(`${redisUrl}/1`, { onError: () => undefined })
    await settled(() =>
      streams.look().then(
        () => true,
        () => false,
      ),
    )
    const config = readConfig({}, { cores: 1, terminal: false })
    const log = openLog({ level: 'silent', name: 'bench' })
    const schemaAt = (type: string, major: number): string => `http://127.0.0.1/v1/contracts/${type}/${major}`
    const relay = openRelay({ database, streams, config, schemaAt, clock: systemClock, metrics: openMetrics(), log })
    rows.push(['Redis streams, filled anew', await timed(async () => relay.carry().then(() => head))])
    streams.close()
  }
  const posted = await barePosts(gateway, REPLAYED_BY_WEBHOOK)
  const hook = await receiver()
  const body = { url: hook.url }
  const { id } = (await (await call(gateway, 'POST', '/v1/subscriptions', { body })).json()) as { id: string }
  const told = await timed(async () => {
    const range = { from_seq: Math.max(1, head - REPLAYED_BY_WEBHOOK + 1), to_seq: head }
    await call(gateway, 'POST', `/v1/subscriptions/${id}/replay`, { body: range })
    await settled(() => hook.at.size >= REPLAYED_BY_WEBHOOK, 120_000)
    return hook.at.size
  })
  await hook.stop()
  await plain.close()
  await database.close()
  return {
    title: 'Events: the log read again',
    note: `${whole(head)} events, of one tenant, as its administrator; by webhook the last ${whole(REPLAYED_BY_WEBHOOK)} to one receiver that takes all at once. Baselines: pages of ${PAGE} of a plain table, and as many POSTs of such events to that receiver, eight at once, with nothing written down.`,
    columns: ['', 'events a second', 'against baseline'],
    rows: [
      ['plain table (baseline)', whole(polled), '1.00'],
      ...rows.map(([name, perSecond]): Row => [name, whole(perSecond), ratio(perSecond, polled)]),
      ['bare POSTs (baseline)', whole(posted), '1.00'],
      ['webhook', whole(told), ratio(told, posted)],
    ],
  }
}

export const events = async (world: World, _photos: readonly Photo[], seconds: number): Promise<Table[]> => {
  const binary = await findRedis()
  const redis = 'missing' in binary ? undefined : await startRedis(binary)
  const env = { WEBHOOK_ALLOW: '127.0.0.1', ...(redis && { REDIS_URL: redis.url }) }
  const gateway = await world.startGateway({ env })
  const recipe = { resize: { width: 400 }, formats: ['jpeg'] }
  const key = (await setUp(gateway, [{ product: 'shop', name: 'card', recipe }])).shop ?? ''
  const assets: string[] = []
  for (let n = 0; n < ASSETS; n++)
    assets.push((await upload(gateway, key, new TextEncoder().encode(`thing ${n}`))).asset)
  try {
    const soon = await lags(gateway, assets, seconds, redis?.url)
    return [await throughput(world, gateway, assets, seconds), ...soon, await replays(gateway, redis?.url)]
  } finally {
    await gateway.stop()
    await redis?.remove()
  }
}
