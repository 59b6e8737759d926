/** A changed rendition is made for what was there before: started, watched, held, ended; and begun again after a death at any place. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { advanceOperations } from '../../src/reconcile/backfill.ts'
import { openWorker } from '../../src/worker.ts'
import { expectConsistent, query } from '../faults/intact.ts'
import { openSide } from '../faults/side.ts'
import { FAULT_KINDS, openFaults } from '../support/failing.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { paint } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Operation {
  readonly id: string
  readonly state: string
  readonly revision: number
  readonly progress: {
    readonly total: number
    readonly done: number
    readonly failed: number
    readonly percent: number
    readonly eta_seconds?: number
  }
  readonly steps: readonly { readonly name: string; readonly state: string }[]
  readonly cpu_ms: number
  readonly reason?: string
}

let system: System
let send: Send
const ASSETS = 120
/** No two of equal bytes, but for every tenth. */
const tiny = (seed: number) =>
  paint({ width: 8, height: 8 }, (x, y) => [(seed * 7) % 256, (x * 16 + seed) % 256, (y * 16) % 256])
    .png()
    .toBuffer()

beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  await admin('PUT', '/v1/collections/bulk', { owner: 'shop-web' })
  for (let n = 0; n < ASSETS; n++) await system.upload(await tiny(n - (n % 10 === 9 ? 1 : 0)), 'collection=bulk')
  expect(await query(system.core, `select 1 from asset_version where state = 'ACTIVE'`)).toHaveLength(ASSETS)
}, 60_000)
afterAll(() => system.close())

const admin = (method: string, path: string, body?: object, key = ADMIN_KEY) =>
  send(method, path, { key, ...(body && { body }) })
const PATH = '/v1/collections/bulk/products/shop-web/renditions'
let name = ''
let count = 0
beforeEach(() => {
  name = `thumb-${++count}`
})
const recipe = (side = count + 10) => ({ recipe: { pad: { top: side }, formats: ['jpeg'] } })
const put = (body: object = recipe(), query = '?backfill=true') => admin('PUT', `${PATH}/${name}${query}`, body)
const start = async (body: object = recipe()): Promise<Operation> =>
  (await expectJson<{ operation: Operation }>(put(body), 202)).operation
const read = (id: string, key = ADMIN_KEY) =>
  expectJson<Operation>(admin('GET', `/v1/operations/${id}`, undefined, key), 200)
const verb = (id: string, what: string) => expectJson<Operation>(admin('POST', `/v1/operations/${id}/${what}`), 200)

/** Leaves of the rendition by version; nodes that wait behind all others. */
const leaves = () =>
  query<{ asset: string; revision: number; count: number }>(
    system.core,
    `select asset_id as asset, revision, count(*)::int from leaf where rendition = '${name}' group by 1, 2`,
  )
const queued = async (): Promise<number> =>
  (await query(system.core, `select 1 from node where state = 'QUEUED' and priority >= 90`)).length
/** As workers would have left it. */
const settle = (state: 'DONE' | 'DEAD' = 'DONE', most = 1_000_000) =>
  system.core.database.transaction(async tx => {
    const own = `select n.tenant_id, n.node_id from node n where n.state = 'QUEUED' and n.priority >= 90 limit ${most}`
    const run = (text: string) => query({ database: tx as never }, text)
    await run(`insert into derivative (tenant_id, sha256, byte_length, media_type, width, height, object_key)
               select 'demo', node_id, 100, 'image/jpeg', 10, 10, encode(node_id, 'hex') from (${own}) n on conflict do nothing`)
    await run(`create temporary table mine on commit drop as ${own}`)
    await tx.rows(
      {
        name: '',
        text: `update node set state = 'RUNNING', lease_owner = 't', lease_until = now() from mine where node.node_id = mine.node_id`,
      },
      [],
    )
    const end =
      state === 'DONE' ? 'output = node.node_id, cpu_ms = 10, executions = 1' : `failure = '{"code":"timed-out"}'`
    await tx.rows(
      {
        name: '',
        text: `update node set state = '${state}', ${end}, finished_at = clock_timestamp() from mine where node.node_id = mine.node_id`,
      },
      [],
    )
  })
const advance = () => advanceOperations(system.core.database)

describe('a backfill', () => {
  test('makes every version once, tells how far it is, and ends', async () => {
    const begun = await start()
    expect(begun).toMatchObject({
      state: 'RUNNING',
      revision: 1,
      progress: { total: ASSETS, done: 0, failed: 0 },
      cpu_ms: 0,
    })
    expect(begun.progress.eta_seconds).toBeUndefined()
    await advance()
    expect(await leaves()).toHaveLength(ASSETS)
    expect((await leaves()).every(leaf => leaf.count === 1)).toBe(true)
    expect(await queued()).toBe(ASSETS - ASSETS / 10)
    await settle('DONE', 54)
    const half = await read(begun.id)
    expect(half.progress.done).toBeGreaterThan(ASSETS / 4)
    expect(half.progress.done).toBeLessThan(ASSETS)
    expect(half.cpu_ms).toBe(540)
    const elapsed = (Date.now() - Date.parse((half as never as { created_at: string }).created_at)) / 1000
    const expected = (elapsed * (ASSETS - half.progress.done)) / half.progress.done
    expect(half.progress.eta_seconds).toBeGreaterThanOrEqual(Math.floor(expected * 0.5))
    expect(half.progress.eta_seconds).toBeLessThanOrEqual(Math.ceil(expected * 1.5) + 1)
    await settle()
    await advance()
    await advance()
    const over = await read(begun.id)
    expect(over).toMatchObject({ state: 'SUCCEEDED', progress: { total: ASSETS, done: ASSETS, failed: 0 } })
    expect(over.cpu_ms).toBeGreaterThanOrEqual(1080)
    expect(over.progress.eta_seconds).toBeUndefined()
    const { items } = await expectJson<{ items: Operation[] }>(admin('GET', '/v1/operations?state=SUCCEEDED'), 200)
    expect(items[0]?.id).toBe(begun.id)
    expect(await (await send('GET', '/metrics')).text()).toMatch(
      /matrix_operations\{kind="backfill",state="SUCCEEDED"\} [1-9]/,
    )
    await expectConsistent(system.core)
  })

  test('is started once: an equal wish starts nothing, before and after its end', async () => {
    const { id } = await start()
    const again = await put()
    expect(again.status).toBe(200)
    expect(again.headers.get('location')).toBeNull()
    const asked = await admin('POST', `${PATH}/${name}/backfill`)
    expect(asked.headers.get('location')).toBe(`/v1/operations/${id}`)
    expect(await expectJson(asked, 202)).toMatchObject({ id })
    await advance()
    await settle()
    await advance()
    await advance()
    expect((await read(id)).state).toBe('SUCCEEDED')
    expect((await put()).status).toBe(200)
    expect(await query(system.core, `select 1 from operation where input ->> 'rendition' = '${name}'`)).toHaveLength(1)
    expect((await put(recipe(), '?backfill=true&validate_only=true')).status).toBe(200)
  })

  test('needs no work where another product has made it', async () => {
    const { id } = await start(recipe(11))
    await advance()
    await advance()
    expect(await queued()).toBe(0)
    expect(await read(id)).toMatchObject({ state: 'SUCCEEDED', progress: { done: ASSETS }, cpu_ms: 0 })
  })

  test('counts what cannot be made', async () => {
    const { id } = await start({ recipe: { crop: { left: 8, top: 8, width: 5, height: 5 }, formats: ['jpeg'] } })
    await advance()
    await advance()
    expect(await read(id)).toMatchObject({ state: 'PARTIAL', progress: { total: ASSETS, done: 0, failed: ASSETS } })
    const dead = await (async () => {
      name = `${name}-dead`
      return start(recipe(200))
    })()
    await advance()
    await settle('DEAD')
    await advance()
    await advance()
    expect(await read(dead.id)).toMatchObject({ state: 'PARTIAL', progress: { failed: ASSETS } })
  })

  test('makes lazy renditions too', async () => {
    expect((await put({ ...recipe(), lane: 'lazy' }, '')).status).toBe(201)
    await start({ ...recipe(), lane: 'lazy' })
    await advance()
    expect(await queued()).toBe(ASSETS - ASSETS / 10)
    await settle()
    await advance()
    await advance()
  })

  test('waits for a version that is being processed', async () => {
    await admin('PUT', '/v1/collections/slow', { owner: 'shop-web' })
    const slow = '/v1/collections/slow/products/shop-web/renditions'
    await expectJson(admin('PUT', `${slow}/first`, recipe(31)), 201)
    const { asset } = await system.upload(await tiny(900), 'collection=slow')
    const { operation } = await expectJson<{ operation: Operation }>(
      admin('PUT', `${slow}/second?backfill=true`, recipe(32)),
      202,
    )
    await advance()
    await advance()
    const bound = () => query(system.core, `select 1 from leaf where asset_id = '${asset}' and rendition = 'second'`)
    expect(await bound()).toHaveLength(0)
    expect(await read(operation.id)).toMatchObject({ state: 'RUNNING', progress: { total: 1, done: 0 } })
    const worker = await openWorker(system.core)
    await worker.poll()
    await advance()
    expect(await bound()).toHaveLength(1)
    await worker.poll()
    await advance()
    await advance()
    expect(await read(operation.id)).toMatchObject({ state: 'SUCCEEDED', progress: { total: 1, done: 1 } })
    await worker.drain()
    await expectConsistent(system.core)
  })
})

describe('a hand on it', () => {
  test('paused, it plans nothing; resumed, it goes on', async () => {
    const { id } = await start()
    expect(await verb(id, 'pause')).toMatchObject({ state: 'PAUSED' })
    expect(await verb(id, 'pause')).toMatchObject({ state: 'PAUSED' })
    await advance()
    expect(await leaves()).toHaveLength(0)
    expect(await verb(id, 'resume')).toMatchObject({ state: 'RUNNING' })
    await advanceOperations(system.core.database, 1)
    const some = (await leaves()).length
    expect(some).toBe(50)
    await verb(id, 'pause')
    await advance()
    expect(await leaves()).toHaveLength(some)
    await settle()
    expect(await read(id)).toMatchObject({ state: 'PAUSED', progress: { done: some } })
    await verb(id, 'resume')
    await advance()
    expect(await leaves()).toHaveLength(ASSETS)
    await verb(id, 'cancel')
  })

  test('cancelled, it keeps what it has done and is over', async () => {
    const { id } = await start()
    await advanceOperations(system.core.database, 1)
    await settle()
    expect(await verb(id, 'cancel')).toMatchObject({ state: 'CANCELLED', reason: 'cancelled', progress: { done: 50 } })
    expect(await verb(id, 'cancel')).toMatchObject({ state: 'CANCELLED', progress: { done: 50 } })
    await advance()
    expect(await leaves()).toHaveLength(50)
    await expectRefusal(admin('POST', `/v1/operations/${id}/resume`), 409, 'conflict')
    const next = await start()
    await advance()
    expect(await leaves()).toHaveLength(ASSETS)
    await verb(next.id, 'cancel')
  })

  test('a newer revision overtakes it', async () => {
    const { id } = await start()
    await expectJson(put(recipe(99), ''), 201)
    await advance()
    expect(await read(id)).toMatchObject({ state: 'CANCELLED', reason: 'superseded' })
    expect(await leaves()).toHaveLength(0)
  })

  test('is that of the product or of an administrator', async () => {
    const { id } = await start()
    expect(await read(id, system.keys['shop-web'])).toMatchObject({ id })
    await expectRefusal(admin('GET', `/v1/operations/${id}`, undefined, system.keys.mobile), 404, 'not-found')
    await expectRefusal(admin('POST', `/v1/operations/${id}/cancel`, undefined, system.keys.mobile), 404, 'not-found')
    const { items } = await expectJson<{ items: Operation[] }>(
      admin('GET', '/v1/operations', undefined, system.keys.mobile),
      200,
    )
    expect(items).toEqual([])
    await verb(id, 'cancel')
  })
})

test('a death at any statement loses no version and makes none twice', async () => {
  const faults = openFaults()
  const side = await openSide(system, faults)
  let runs = 0
  for (const kind of FAULT_KINDS.filter(({ process }) => process === 'dies')) {
    for (let n = 1; ; n += 23) {
      name = `crash-${++runs}`
      const { id } = await start(recipe(40 + runs))
      faults.arm({ n, ...kind })
      await advanceOperations(side.core.database).catch(() => undefined)
      const { broke } = faults.disarm()
      await until('it is over', async () => {
        await advance()
        await settle()
        return (await read(id)).state !== 'RUNNING'
      })
      expect(await read(id), `${kind.when} statement ${n}: ${broke}`).toMatchObject({
        state: 'SUCCEEDED',
        progress: { total: ASSETS, done: ASSETS, failed: 0 },
      })
      const bound = await leaves()
      expect(bound).toHaveLength(ASSETS)
      expect(bound.every(({ count }) => count === 1)).toBe(true)
      if (broke === undefined) break
    }
  }
  expect(runs).toBeGreaterThan(10)
  await side.close()
  await expectConsistent(system.core)
}, 120_000)

test('two processes that advance one operation plan everything once', async () => {
  const { id } = await start()
  const side = await openSide(system)
  await Promise.all([advance(), advanceOperations(side.core.database), advance()])
  await until('all is planned', async () => {
    await advance()
    return (await leaves()).length === ASSETS
  })
  expect((await leaves()).every(({ count }) => count === 1)).toBe(true)
  await settle()
  await advance()
  await delay(0)
  await advance()
  expect(await read(id)).toMatchObject({ state: 'SUCCEEDED', progress: { total: ASSETS, done: ASSETS } })
  await side.close()
})
