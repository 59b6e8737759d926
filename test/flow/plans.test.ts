/**
 * Statements of requests and workers are index probes, whatever the database has been through: here one that was empty when its
 * sessions were opened and has ten thousand assets a moment later, without Postgres having looked at them.
 */
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Core, openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { refreshStatistics } from '../../src/manifest/statistics.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { openWorker } from '../../src/worker.ts'
import { photo } from '../support/images.ts'
import { insertManyAssets } from '../support/many-assets.ts'
import { type Recorded, recordingClient } from '../support/recording.ts'
import { ADMIN_KEY, requestOf, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const LARGE = ['asset', 'asset_version', 'derivative', 'event', 'leaf', 'node', 'original', 'publication']
/** The report, the invariants, the statistics themselves and the count of a collection look at everything by design. */
const MAY_SCAN = /^with leaves as|limit 10$|pg_stat_user_tables|^select count\(\*\)::int as count from asset a/
/** Rows read and thrown away: leaves of a version, grants of a collection and the like. */
const MOST_REMOVED = 50

let system: System
let empty: pg.Client
const recorded = new Map<string, Recorded>()

/** What users, workers and the sweep do. */
const exercise = async (core: Core): Promise<void> => {
  const app = createApp(openGateway(core))
  const send = async (method: string, path: string, options: object = {}): Promise<Response> =>
    app.request(path, requestOf(method, options))
  const worker = await openWorker(core)
  const key = system.keys['shop-web']
  const body = new Uint8Array(await photo())
  const uploaded = await send('POST', '/v1/assets?collection=product-photo', { key, body })
  expect(uploaded.status).toBe(201)
  const { asset } = (await uploaded.json()) as { asset: string }
  const card = `/v1/products/shop-web/assets/${asset}/renditions/card`
  await until('it is made', async () => (await send('GET', card, { key })).status === 302)
  await send('GET', card, { key, headers: { Accept: 'application/json' } })
  await send('GET', card.replace('card', 'original'), { key })
  await send('GET', card.replace('card', 'hero?format=avif'), { key })
  await send('POST', '/v1/products/shop-web/resolve/explain', { key, body: { asset, rendition: 'card' } })
  for (const verb of ['archive', 'restore'])
    await send('POST', `/v1/assets/${asset}/${verb}`, { key, headers: { 'If-Match': '*' } })
  for (const path of [
    '/v1/assets?collection=product-photo',
    ...['', '/versions', '/versions/1/completeness', '/versions/1/plan'].map(rest => `/v1/assets/${asset}${rest}`),
    '/v1/dead-letters',
    '/v1/operations',
    '/v1/costs',
    '/metrics',
    '/v1/report/efficiency',
    '/v1/doctor',
  ])
    expect((await send('GET', path, { key: ADMIN_KEY })).status, path).toBe(200)
  const redriven = await send('POST', '/v1/dead-letters/redrive', { key: ADMIN_KEY, body: { class: 'timed-out' } })
  expect(redriven.status).toBe(200)
  const backfill = '/v1/collections/product-photo/products/shop-web/renditions/card/backfill'
  expect((await send('POST', backfill, { key })).status).toBe(202)
  const sweep = startSweep(core)
  await sweep.once()
  await sweep.stop()
  await worker.drain()
}

const connect = async (options?: string): Promise<pg.Client> => {
  const client = new pg.Client({ ...(system.engines.database as object), ...(options !== undefined && { options }) })
  await client.connect()
  return client
}

const GATE = () => [...recorded.keys()].find(text => text.startsWith('select v.state, v.publish_policy')) ?? ''

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WORKERS: '1', POLL_MS: '50' } })
  const { database } = system.engines
  const client = await connect()
  for (const name of LARGE) await client.query(`alter table ${name} set (autovacuum_enabled = false)`)
  await client.end()
  const core = await openCore({
    config: system.config,
    engines: { ...system.engines, database: { ...database, Client: recordingClient(recorded) } as pg.PoolConfig },
    name: 'recorded',
  })
  await exercise(core)
  await core.close()
  empty = await connect('-c plan_cache_mode=force_generic_plan')
  await empty.query(`prepare gate as ${GATE()}`)
  await empty.query(`execute gate ('demo', '00000000-0000-7000-8000-000000000001', 1)`)
  await insertManyAssets(database)
}, 60_000)
afterAll(async () => {
  await empty?.end()
  await system.close()
})

const planOf = async (client: pg.Client, text: string, values: readonly unknown[] = []): Promise<string> => {
  await client.query('begin')
  // What may be done once is only planned.
  const analyse = /insert into|audit_head/.test(text) ? '' : '(analyze, timing off)'
  const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${analyse} ${text}`, values as unknown[])
  await client.query('rollback')
  return rows.map(row => row['QUERY PLAN']).join('\n')
}

const removed = (plan: string): number =>
  Math.max(0, ...[...plan.matchAll(/Rows Removed by [^:]*: (\d+)/g)].map(([, rows]) => Number(rows)))

test('tables that have outgrown their statistics are counted, once', async () => {
  expect(await refreshStatistics(system.core.database)).toEqual(expect.arrayContaining(LARGE))
  expect(await refreshStatistics(system.core.database)).toEqual([])
})

test('a plan that a session made while there was nothing is made anew', async () => {
  const plan = await planOf(empty, `execute gate ('demo', '00000000-0000-7000-8000-000000000001', 1)`)
  expect(removed(plan), plan).toBeLessThan(MOST_REMOVED)
})

test.each(['force_custom_plan', 'force_generic_plan'])('every statement is an index probe (%s)', async mode => {
  const statements = [...recorded.values()].filter(
    ({ text }) => /^\s*(select|insert|update|delete|with)\b/i.test(text) && !MAY_SCAN.test(text.trim()),
  )
  expect(statements.length).toBeGreaterThan(40)
  const clients = new Map<string | undefined, pg.Client>()
  const scans = new RegExp(`Seq Scan on (${LARGE.join('|')})\\b`)
  const wrong: string[] = []
  for (const { text, values, options } of statements) {
    const client = clients.get(options) ?? (await connect(options))
    clients.set(options, client)
    await client.query(`set plan_cache_mode = ${mode}`)
    const plan = await planOf(client, text, values)
    if (scans.test(plan) || removed(plan) > MOST_REMOVED) wrong.push(`${text}\n${plan}`)
  }
  for (const client of clients.values()) await client.end()
  expect(wrong).toEqual([])
})
