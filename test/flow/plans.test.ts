/**
 * Statements of requests, workers and the sweep cost the same however many assets there are: each is carried out against twenty
 * thousand assets of three products, and has to be index probes. With what Postgres knows of its tables and without: a database
 * that was empty when its sessions were opened, and has all of it a moment later.
 */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Core, openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { chainAudit } from '../../src/manifest/audit-chain.ts'
import { readWholeLog } from '../../src/manifest/event-log.ts'
import { firstNumberedSince, notePublished, relayStanding } from '../../src/manifest/event-relay.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { refreshStatistics } from '../../src/manifest/statistics.ts'
import { startKeyUse } from '../../src/policy/key-use.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { openWorker } from '../../src/worker.ts'
import { photo } from '../support/images.ts'
import { assetIdAt, insertManyAssets, type Numbering } from '../support/many-assets.ts'
import { faultsOf, planOf } from '../support/plans.ts'
import { type Recorded, recordingClient } from '../support/recording.ts'
import { ADMIN_KEY, requestOf, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const ASSETS = 20_000
/** What has a row, or several, for each asset, version or request. */
const GROWING = [
  'asset',
  'asset_alias',
  'asset_search',
  'asset_term',
  'asset_version',
  'audit',
  'delivery',
  'derivative',
  'event',
  'leaf',
  'node',
  'original',
  'original_look',
  'original_metadata',
  'publication',
]
/**
 * The report, the invariants, the statistics themselves and the counts of a collection look at everything by design; the weights of
 * derivatives are a sample of two thousand, and the gauges of usage add up the work of a day.
 */
const MAY_SCAN = [
  /^with leaves as/,
  /limit 10$/,
  /pg_stat_user_tables/,
  /^select count\(\*\)::int as count from asset a/,
  /order by sha256 limit 2000/,
  /n\.cpu_ms::float8 as "cpuMs"/,
]

let system: System
let empty: pg.Client
let template = ''
let numbering: Numbering
const recorded = new Map<string, Recorded>()

interface Opened {
  readonly send: (method: string, path: string, options?: object) => Promise<Response>
  readonly ok: (method: string, path: string, options?: object) => Promise<Record<string, unknown>>
}

const open = (core: Core): Opened => {
  const app = createApp(openGateway(core))
  const send: Opened['send'] = async (method, path, options = {}) => app.request(path, requestOf(method, options))
  const ok: Opened['ok'] = async (method, path, options) => {
    const response = await send(method, path, options)
    const text = await response.text()
    if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text.startsWith('{') ? JSON.parse(text) : {}
  }
  return { send, ok }
}

const IF_ANY = { 'If-Match': '*' }

/** A collection in which three products want one rendition each, and one of them a second when it asks. */
const setUpCatalogue = async ({ ok }: Opened): Promise<void> => {
  const key = ADMIN_KEY
  const jpeg = (width: number) => ({ resize: { width }, formats: ['jpeg'] })
  await ok('PUT', '/v1/collections/catalogue', { key, body: { owner: 'shop-web' } })
  for (const product of ['mobile', 'partner-api'])
    await ok('PUT', `/v1/collections/catalogue/grants/${product}`, { key, body: { role: 'reader' } })
  for (const [product, name, recipe, lane] of [
    ['shop-web', 'card', jpeg(400), 'eager'],
    ['mobile', 'tile', jpeg(400), 'eager'],
    ['partner-api', 'feed', jpeg(300), 'eager'],
    ['shop-web', 'large', jpeg(500), 'lazy'],
  ] as const)
    await ok('PUT', `/v1/collections/catalogue/products/${product}/renditions/${name}`, { key, body: { recipe, lane } })
}

/** The key of a product without a grant. */
const strangerTo = async ({ ok }: Opened): Promise<string> => {
  await ok('PUT', '/v1/products/stranger', { key: ADMIN_KEY, body: { display_name: 'Stranger' } })
  const body = { label: 'stranger', scopes: ['assets:read'] }
  return (await ok('POST', '/v1/products/stranger/keys', { key: ADMIN_KEY, body })).secret as string
}

/** By its id, which is another one for each of many. */
const nameThem = async ({ ok }: Opened, whole: string, asset: string): Promise<void> => {
  const key = system.keys['shop-web']
  const name = (external_id: string) => [{ namespace: 'erp', external_id }]
  for (const each of [whole, asset])
    await ok('POST', `/v1/assets/${each}/aliases`, { key, body: { add: name(each), remove: name('none') } })
  await ok('POST', `/v1/assets?collection=catalogue&aliases=erp:${crypto.randomUUID()}`, {
    key,
    body: new Uint8Array([1]),
  })
  for (const path of [`assets/${whole}/aliases`, `aliases/erp/${whole}`]) await ok('GET', `/v1/${path}`, { key })
  await expect(ok('GET', '/v1/aliases/alias/none', { key })).rejects.toThrow('404')
  await ok('POST', `/v1/assets/${asset}/aliases`, { key, body: { remove: name(asset) } })
}

const SEARCHES = [
  'labels=ware',
  'sort=-created',
  'sort=updated&limit=5',
  'sort=-updated&limit=5',
  'attribute=price%3E5&attribute=season%3Dspring&state=ACTIVE,DRAFT',
  'text=shoe&alias_prefix=sku:',
]

/** Asked by who sees all, by who sees one collection, and by who sees a single asset. */
const search = async ({ ok }: Opened, asset: string): Promise<void> => {
  await ok('PUT', '/v1/products/guest', { key: ADMIN_KEY, body: { display_name: 'Guest' } })
  const body = { label: 'guest', scopes: ['assets:read'] }
  const guest = (await ok('POST', '/v1/products/guest/keys', { key: ADMIN_KEY, body })).secret as string
  await ok('PUT', `/v1/assets/${asset}/grants/guest`, { key: ADMIN_KEY, body: { role: 'reader' } })
  for (const query of SEARCHES)
    for (const key of [ADMIN_KEY, system.keys['shop-web'], guest]) await ok('GET', `/v1/assets?${query}`, { key })
  const schema = { owner: 'shop-web', attribute_schema: { required: ['price'] } }
  for (const body of [schema, { owner: 'shop-web' }])
    await ok('PUT', '/v1/collections/catalogue', { key: ADMIN_KEY, body })
}

/** Told to somebody who is not there. */
const tellThem = async (core: Core, { ok }: Opened, asset: string): Promise<void> => {
  const key = ADMIN_KEY
  const url = 'http://127.0.0.1:9/hook'
  const id = (await ok('POST', '/v1/subscriptions', { key, body: { url } })).id as string
  const apart = (await ok('POST', '/v1/subscriptions', { key: system.keys['shop-web'], body: { url } })).id as string
  const path = `/v1/subscriptions/${id}`
  await ok('PATCH', `/v1/assets/${asset}`, { key, body: { attributes: { caption: 'told' } }, headers: IF_ANY })
  await sequenceEvents(core.database)
  const { telling } = openGateway(core)
  const states = async (): Promise<string[]> =>
    ((await ok('GET', `${path}/deliveries`, { key })).items as { state: string; class?: string }[]).map(
      ({ state, class: kind = '' }) => `${state} ${kind}`.trim(),
    )
  await until('it is tried', async () => {
    await telling.round()
    return (await states()).includes('PENDING unreachable')
  })
  const since = new Date(0).toISOString()
  await ok('POST', `${path}/replay`, { key, body: { since, subject: `assets/${asset}` } })
  await ok('GET', `${path}/replay`, { key })
  await ok('POST', `${path}/redrive`, { key, body: { from_seq: 1 } })
  for (const rest of ['', '/deliveries?state=DEAD', '/deliveries?state=PENDING'])
    await ok('GET', `${path}${rest}`, { key })
  for (const body of [{ collection: 'catalogue' }, { state: 'PAUSED' }, { state: 'ACTIVE' }])
    await ok('PATCH', path, { key, body, headers: IF_ANY })
  await ok('POST', `${path}/rotate-secret`, { key, body: {}, headers: IF_ANY })
  await until('it is replayed', async () => {
    await telling.round()
    return (await states()).filter(state => state.startsWith('WAITING')).length > 0
  })
  await telling.tidy()
  await telling.stop(0)
  await ok('GET', '/v1/subscriptions', { key })
  await ok('DELETE', `/v1/subscriptions/${apart}`, { key, headers: IF_ANY })
}

/** What carries the log into streams asks of it. */
const carryThem = async ({ database }: Core): Promise<void> => {
  const { published, head } = await relayStanding(database)
  await firstNumberedSince(database, { at: new Date(), head })
  await readWholeLog(database, published, 500)
  await notePublished(database, head)
}

/** As many as there are events, of the subscription that is there. */
const DELIVERED = `insert into delivery (tenant_id, delivery_id, subscription_id, event_seq, event_id, asset_id, type, replay_id, state, finished_at)
  select e.tenant_id, gen_random_uuid(), s.subscription_id, e.insert_no, e.event_id, e.asset_id, e.type, gen_random_uuid(), 'DONE', now()
  from event e join subscription s on s.tenant_id = e.tenant_id where e.asset_id is not null limit ${ASSETS}`

/** What users, workers and the sweep do. Gives an asset that is complete. */
const exercise = async (core: Core): Promise<string> => {
  const opened = open(core)
  const { send, ok } = opened
  const worker = await openWorker(core)
  const key = system.keys['shop-web']
  const bytes = async () =>
    new Uint8Array(Buffer.concat([Buffer.from(await photo()), Buffer.from(crypto.randomUUID())]))
  const upload = async (path: string) => (await ok('POST', path, { key, body: await bytes() })) as { asset: string }
  const made = async (asset: string) => {
    const card = `/v1/products/shop-web/assets/${asset}/renditions/card`
    await until('it is made', async () => (await send('GET', card, { key })).status === 302, {
      withinMs: 30_000,
    })
  }
  const said = encodeURIComponent(JSON.stringify({ price: 9, season: 'spring' }))
  const { asset: whole } = await upload(
    `/v1/assets?collection=catalogue&labels=ware&filename=a-shoe.jpg&attributes=${said}`,
  )
  await search(opened, whole)
  const { asset } = await upload('/v1/assets?collection=catalogue')
  await Promise.all([made(whole), made(asset)])
  await nameThem(opened, whole, asset)
  await tellThem(core, opened, asset)
  await carryThem(core)
  const card = `/v1/products/shop-web/assets/${asset}/renditions/card`
  await ok('GET', card, { key, headers: { Accept: 'application/json' } })
  await ok('GET', card, { key, headers: { Accept: 'application/json' } })
  await ok('GET', card.replace('card', 'original'), { key })
  await ok('GET', card.replace('card', 'large'), { key, headers: { Prefer: 'wait=10' } })
  await send('GET', `/i/shop-web/${asset}/current/card.jpg`, { key })
  await send('GET', `/i/shop-web/${asset}/v1/card.jpg`, { key })
  await ok('POST', '/v1/products/shop-web/resolve/explain', { key, body: { asset, rendition: 'card' } })
  await upload(`/v1/assets/${asset}/versions`)
  const shown = async (): Promise<unknown> => (await ok('GET', `/v1/assets/${asset}`, { key })).version
  await until('the second version is shown', async () => (await shown()) === 2, { withinMs: 30_000 })
  await ok('POST', `/v1/assets/${asset}/publish`, { key, body: { version: 1 }, headers: IF_ANY })
  await ok('POST', `/v1/assets/${asset}/rollback`, { key, headers: IF_ANY })
  const point = { key: ADMIN_KEY, body: { focal_point: { x: 0.2, y: 0.5 } }, headers: IF_ANY }
  await ok('PATCH', `/v1/assets/${asset}`, point)
  const late = '/v1/collections/catalogue/products/shop-web/renditions/late'
  for (const width of [33, 34])
    await ok('PUT', late, { key, body: { recipe: { resize: { width }, formats: ['jpeg'] }, lane: 'lazy' } })
  await ok('POST', `${late}/deprecate`, { key, body: { sunset: '2999-01-01T00:00:00Z' } })
  await ok('POST', `${late}/rollback`, { key, body: {}, headers: IF_ANY })
  const share = await ok('POST', `/v1/assets/${asset}/shares`, { key, body: {} })
  await ok('GET', `/v1/assets/${asset}/shares`, { key })
  await ok('GET', `/share/${share.token}/i/shop-web/${asset}/current/card.jpg`)
  await ok('PUT', `/v1/assets/${asset}/grants/partner-api`, { key: ADMIN_KEY, body: { role: 'reader' } })
  const page = await ok('GET', '/v1/assets?collection=catalogue&limit=1', { key })
  await ok('GET', `/v1/assets?collection=catalogue&limit=5&cursor=${page.next_cursor}`, { key })
  const stranger = await send('GET', '/v1/assets?collection=catalogue', { key: await strangerTo(opened) })
  expect(stranger.status).toBe(404)
  const hold = `/v1/assets/${asset}/holds/case-7`
  await ok('PUT', hold, { key: ADMIN_KEY, body: { reason: 'case 7' } })
  await sequenceEvents(core.database)
  const [event] = (await ok('GET', `/v1/events?subject=assets/${asset}`, { key: ADMIN_KEY })).items as { id: string }[]
  for (const path of ['/v1/events?after=5', `/v1/events/${event?.id}`]) await ok('GET', path, { key })
  for (const path of ['/v1/holds', `/v1/assets/${asset}/holds`]) await ok('GET', path, { key: ADMIN_KEY })
  await ok('DELETE', hold, { key: ADMIN_KEY, headers: IF_ANY })
  for (const verb of ['archive', 'restore']) await ok('POST', `/v1/assets/${asset}/${verb}`, { key, headers: IF_ANY })
  for (const path of [
    '/v1/assets?collection=catalogue',
    '/v1/assets?collection=catalogue&limit=5',
    ...['', '/versions', '/versions/1/completeness', '/versions/1/plan'].map(rest => `/v1/assets/${asset}${rest}`),
    '/v1/dead-letters',
    '/v1/dead-letters?kind=delivery',
    '/v1/operations',
    '/v1/costs',
    '/v1/audit',
    `/v1/audit?resource=assets/${asset}`,
    '/v1/products/shop-web/usage',
    '/metrics',
  ])
    await ok('GET', path, { key: ADMIN_KEY })
  await ok('POST', '/v1/dead-letters/redrive', { key: ADMIN_KEY, body: { class: 'timed-out' } })
  await ok('POST', '/v1/dead-letters/redrive', { key: ADMIN_KEY, body: { kind: 'delivery', class: 'refused' } })
  await ok('DELETE', `/v1/assets/${asset}`, { key, headers: IF_ANY })
  const keyUse = startKeyUse(openGateway(core).keyUse, () => undefined)
  await keyUse.stop()
  await worker.poll()
  const sweep = startSweep(core)
  await sweep.once()
  await sweep.stop()
  await worker.drain()
  return whole
}

const connect = async (options?: string): Promise<pg.Client> => {
  const client = new pg.Client({ ...(system.engines.database as object), ...(options !== undefined && { options }) })
  await client.connect()
  return client
}

const withClient = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = await connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const GATE = () => [...recorded.keys()].find(text => text.startsWith('select v.state, v.publish_policy')) ?? ''
const GATE_CALL = `execute gate ('demo', '00000000-0000-7000-8000-000000000001', 1)`

const openRecorded = () => {
  const { database } = system.engines
  const Client = recordingClient(recorded)
  const engines = { ...system.engines, database: { ...database, Client } as pg.PoolConfig }
  return openCore({ config: system.config, engines, name: 'recorded' })
}

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WORKERS: '1', POLL_MS: '50', WEBHOOK_ALLOW: '127.0.0.1' } })
  await withClient(async client => {
    for (const name of GROWING) await client.query(`alter table ${name} set (autovacuum_enabled = false)`)
  })
  const core = await openRecorded()
  await setUpCatalogue(open(core))
  template = await exercise(core)
  await core.close()
  empty = await connect('-c plan_cache_mode=force_generic_plan')
  await empty.query(`prepare gate as ${GATE()}`)
  await empty.query(GATE_CALL)
  numbering = await insertManyAssets({ connection: system.engines.database, template, count: ASSETS })
  await withClient(client => client.query(DELIVERED))
  // The second finds nothing, and leaves behind it what the first has made of the index of those that wait.
  for (let round = 0; round < 2; round++) await chainAudit(system.core.database)
}, 180_000)
afterAll(async () => {
  await empty?.end()
  await system.close()
})

/** Statements that were sent, each in a session of its own kind, and what is wrong with their plans. */
const faults = async (mode: string): Promise<string[]> => {
  const statements = [...recorded.values()].filter(
    ({ text }) =>
      /^\s*(select|insert|update|delete|with)\b/i.test(text) && !MAY_SCAN.some(allowed => allowed.test(text.trim())),
  )
  expect(statements.length).toBeGreaterThan(80)
  const clients = new Map<string | undefined, pg.Client>()
  const wrong: string[] = []
  for (const { text, values, options } of statements) {
    const client = clients.get(options) ?? (await connect(options))
    clients.set(options, client)
    await client.query(`set plan_cache_mode = ${mode}`)
    const plan = await planOf(client, text, values)
    const found = faultsOf(plan, GROWING)
    if (found.length > 0) wrong.push(`${found.join(', ')}\n${text}`)
  }
  for (const client of clients.values()) await client.end()
  return wrong
}

const MODES = ['force_custom_plan', 'force_generic_plan']

test.each(MODES)(
  'before anything was counted every statement is index probes (%s)',
  async mode => {
    expect(await faults(mode)).toEqual([])
  },
  120_000,
)

test('tables that have outgrown their statistics are counted, once', async () => {
  expect(await refreshStatistics(system.core.database)).toEqual(expect.arrayContaining(['asset', 'leaf', 'node']))
  expect(await refreshStatistics(system.core.database)).toEqual([])
})

test('a plan that a session made while there was nothing is made anew', async () => {
  const plan = await planOf(empty, GATE(), ['demo', assetIdAt(numbering, 1), 1])
  expect(faultsOf(plan, GROWING)).toEqual([])
})

test.each(MODES)(
  'every statement is index probes (%s)',
  async mode => {
    expect(await faults(mode)).toEqual([])
  },
  120_000,
)

describe('a search among so many', () => {
  const page = async (query: string) => {
    const key = system.keys['shop-web']
    const answer = await open(system.core).ok('GET', `/v1/assets?${query}`, { key })
    return answer as unknown as { items: { id: string }[]; next_cursor?: string }
  }

  test('of what most have goes through them in order, page by page', async () => {
    const seen: string[] = []
    for (let cursor = ''; seen.length < 1_500; ) {
      const { items, next_cursor: next } = await page(`labels=ware&limit=500${cursor}`)
      seen.push(...items.map(({ id }) => id))
      cursor = `&cursor=${next}`
    }
    expect(seen).toEqual(seen.toSorted())
    expect(new Set(seen).size).toBe(1_500)
    expect((await page('labels=ware&sort=-created')).items[0]?.id).toBe(template)
  })

  test('of what nearly none have looks at so many at a time, and ends', async () => {
    let pages = 0
    for (let cursor = ''; ; pages++) {
      const { items, next_cursor: next } = await page(`labels=ware&min_width=99999${cursor}`)
      expect(items).toEqual([])
      if (next === undefined) break
      // The moment of the last one that was looked at, and not its id.
      expect(Buffer.from(next, 'base64url').toString()).toMatch(/-0000-0000-0{12}$/)
      cursor = `&cursor=${next}`
    }
    expect(pages).toBe(2)
  })
})

test('what a rendition would come to is told of all from some', async () => {
  const { ok } = open(system.core)
  const path = '/v1/collections/catalogue/products/shop-web/renditions/card?validate_only=true'
  const body = { recipe: { resize: { width: 410 }, formats: ['jpeg'] } }
  const { impact } = (await ok('PUT', path, { key: ADMIN_KEY, body })) as { impact: Record<string, number> }
  expect(impact.versions_planned).toBe(200)
  expect(impact.versions_affected).toBeGreaterThan(0.99 * ASSETS)
  expect(impact.versions_affected).toBeLessThan(1.01 * ASSETS)
})
