/** Who goes first when much is waiting, and what is answered when too much is. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { claimNodes, giveBackNodes } from '../../src/manifest/nodes.ts'
import { runnableOriginals } from '../../src/manifest/runnable.ts'
import { LANES } from '../../src/queue/queue.ts'
import { openPixelBudget } from '../../src/transform/pixel-budget.ts'
import type { Worker } from '../../src/transform/worker.ts'
import { openWorker } from '../../src/worker.ts'
import { query } from '../faults/intact.ts'
import { expectRefusal, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const QUEUE = 8

let system: System
let send: Send
let worker: Worker | undefined
let jpeg: Buffer

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WAIT_QUEUE: String(QUEUE), WORKERS: '1', POLL_MS: '60000' } })
  send = await openClient(system)
  jpeg = await photo({ width: 800, height: 600 })
  for (const product of ['shop-web', 'mobile'] as const) {
    await name(product, 'eager', { lane: 'eager', formats: ['jpeg'] })
    await name(product, 'lazy', { lane: 'lazy', formats: ['jpeg'] })
  }
})
afterEach(async () => {
  await worker?.drain()
  worker = undefined
  await query(system.core, `delete from leaf`)
  await query(system.core, `delete from node`)
})
afterAll(() => system.close())

const name = async (product: string, rendition: string, { lane, formats }: { lane: string; formats: string[] }) => {
  const owner = { owner: product }
  await system.call('PUT', `/v1/collections/of-${product}`, { key: ADMIN_KEY, body: owner })
  const width = product === 'mobile' ? 200 : 300
  const put = await system.call('PUT', `/v1/collections/of-${product}/products/${product}/renditions/${rendition}`, {
    key: ADMIN_KEY,
    body: { recipe: { resize: { width: lane === 'lazy' ? width + 1 : width }, formats }, lane },
  })
  expect(put.ok).toBe(true)
}

const upload = async (product: 'shop-web' | 'mobile'): Promise<string> => {
  const body = new Uint8Array(Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())]))
  const response = await system.call('POST', `/v1/assets?collection=of-${product}&publish=now`, {
    key: system.keys[product],
    body,
  })
  return ((await response.json()) as { asset: string }).asset
}
const uploads = async (product: 'shop-web' | 'mobile', count: number): Promise<string[]> => {
  const assets: string[] = []
  while (assets.length < count) assets.push(await upload(product))
  return assets
}

const waiting = async (): Promise<number> => {
  const urgent = `select count(*)::int as count from node where state = 'QUEUED' and priority <= ${LANES.interactive}`
  return (await query<{ count: number }>(system.core, urgent))[0]?.count ?? 0
}

const ask = (product: 'shop-web' | 'mobile', asset: string, rendition = 'lazy', headers = {}) =>
  send('GET', `/v1/products/${product}/assets/${asset}/renditions/${rendition}`, { key: system.keys[product], headers })

test('a product that fills its part of the queue is told so, and all are when nothing is left', async () => {
  const [mine, theirs] = [await uploads('shop-web', 7), await uploads('mobile', 3)]
  for (const asset of mine.slice(0, 6)) expect((await ask('shop-web', asset)).status).toBe(202)
  const limited = await expectRefusal(ask('shop-web', mine[6] ?? ''), 429, 'rate-limited')
  expect(limited.retry_after).toBeGreaterThanOrEqual(1)
  expect(await waiting()).toBe(6)
  for (const asset of theirs.slice(0, 2)) expect((await ask('mobile', asset)).status).toBe(202)
  const refused = await system.call('GET', `/v1/products/mobile/assets/${theirs[2]}/renditions/lazy`, {
    key: system.keys.mobile,
  })
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await refused.json()).toMatchObject({ code: 'overloaded', retryable: true })
  // Whoever has a place keeps it.
  expect((await ask('shop-web', mine[0] ?? '')).status).toBe(202)

  worker = await openWorker(system.core)
  await worker.poll()
  expect((await ask('mobile', theirs[2] ?? '', 'lazy', { Prefer: 'wait=10' })).status).toBe(302)
})

test('what somebody asks for goes from its lane to the first', async () => {
  const asset = await upload('shop-web')
  await query(system.core, `update node set priority = ${LANES.backfill}`)
  await ask('shop-web', asset, 'eager')
  expect(await waiting()).toBe(1)
})

const finished = () =>
  query<{ product_id: string; priority: number }>(
    system.core,
    `select product_id, priority from node where state = 'DONE' order by finished_at`,
  )

test('a flood of one product leaves the others their turn', async () => {
  await uploads('shop-web', 12)
  await uploads('mobile', 3)
  worker = await openWorker(system.core)
  await worker.poll()
  const order = (await finished()).map(node => node.product_id)
  expect(order).toHaveLength(15)
  expect(order.lastIndexOf('mobile'), order.join(' ')).toBeLessThanOrEqual(9)
})

test('lanes come before products', async () => {
  await uploads('shop-web', 6)
  await query(system.core, `update node set priority = ${LANES.backfill}`)
  await uploads('mobile', 2)
  worker = await openWorker(system.core)
  await worker.poll()
  expect((await finished()).slice(0, 2).map(node => node.product_id)).toEqual(['mobile', 'mobile'])
})

test('a backlog is in nobody’s way who waits', async () => {
  await uploads('shop-web', 30)
  const asset = await upload('mobile')
  await query(system.core, `update node set priority = ${LANES.backfill}`)
  worker = await openWorker(system.core)
  const backlog = worker.poll()
  await until('the backlog is being worked on', async () => (await finished()).length > 0)
  const response = await ask('mobile', asset, 'lazy', { Prefer: 'wait=10' })
  expect(response.status).toBe(302)
  expect((await finished()).length).toBeLessThan(20)
  await backlog
})

test('while AVIF is over its budget, what else there is of an original is worked on, and what is AVIF alone waits', async () => {
  await system.call('PUT', '/v1/collections/of-avif', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  const put = (rendition: string, formats: string[]) =>
    system.call('PUT', `/v1/collections/of-avif/products/shop-web/renditions/${rendition}`, {
      key: ADMIN_KEY,
      body: { recipe: { resize: { width: 500 }, formats } },
    })
  await put('slow', ['avif'])
  const body = () => new Uint8Array(Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())]))
  const add = () => system.call('POST', '/v1/assets?collection=of-avif', { key: system.keys['shop-web'], body: body() })
  await add()
  await put('mixed', ['avif', 'jpeg'])
  await add()
  const { database } = system.core
  expect(await runnableOriginals(database, { each: 9, avif: true })).toHaveLength(2)
  const [mixed, ...more] = await runnableOriginals(database, { each: 9, avif: false })
  expect(more).toEqual([])
  const claim = { tenant: 'demo', original: mixed?.original ?? '', owner: 'test', limit: 9, leaseMs: 60_000 }
  const light = await claimNodes(database, { ...claim, withAvif: false })
  expect(light.map(node => node.format)).toEqual(['jpeg'])
  await giveBackNodes(database, light)
  expect((await claimNodes(database, claim)).map(node => node.format)).toEqual(['jpeg', 'avif'])
})

test('a pixel budget admits one that is larger than itself, and then nothing until it is back', () => {
  const budget = openPixelBudget(10)
  const giveBack = budget.take(25)
  expect(budget.isOpen()).toBe(false)
  giveBack()
  expect(budget.isOpen()).toBe(true)
})
