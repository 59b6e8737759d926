/** Quarantine: a poisoned original dies, is listed with who waits for it, and runs again when it is redriven. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createOpsApp } from '../../src/http/ops.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { claimNodes, failNode } from '../../src/manifest/nodes.ts'
import { openWorker } from '../../src/worker.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { photo, truncated } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Letter {
  readonly id: string
  readonly original: string
  readonly class: string
  readonly attempts: number
  readonly crashes: number
  readonly at: string
  readonly asks: number
  readonly asked_by: readonly { product: string; asset: string; version: number; rendition: string }[]
}
interface Page {
  readonly items: readonly Letter[]
  readonly next_cursor?: string
}
interface Redriven {
  readonly redriven: number
  readonly remaining: number
  readonly before?: string
}

let system: System
let send: Send
let seed = 0

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WORKERS: '1', POLL_MS: '50' } })
  send = await openClient(system)
  const put = (path: string, body: object) => system.call('PUT', path, { key: ADMIN_KEY, body })
  await put('/v1/collections/small', { owner: 'shop-web' })
  await put('/v1/collections/small/grants/mobile', { role: 'reader' })
  const recipe = { resize: { width: 60 }, formats: ['jpeg'] }
  for (const product of ['shop-web', 'mobile'])
    await put(`/v1/collections/small/products/${product}/renditions/thumb`, { recipe })
})
afterAll(() => system.close())
/** Each test begins with nothing that waits or is dead. */
beforeEach(async () => {
  await withWorker(async () => undefined)
  await system.core.database.rows(
    { name: 'no_dead', text: `update node set state = 'QUEUED' where state = 'DEAD'` },
    [],
  )
  await withWorker(async () => undefined)
})

const list = (query = ''): Promise<Page> =>
  expectJson<Page>(send('GET', `/v1/dead-letters?kind=node${query}`, { key: ADMIN_KEY }), 200)
const redrive = (body: object): Promise<Redriven> =>
  expectJson<Redriven>(send('POST', '/v1/dead-letters/redrive', { key: ADMIN_KEY, body }), 200)
const versionOf = async (asset: string) => {
  const { items } = await expectJson<{ items: { state: string; failure?: { code: string } }[] }>(
    send('GET', `/v1/assets/${asset}/versions`, { key: ADMIN_KEY }),
    200,
  )
  return items[0]
}

const OPEN = `select 1 from node where state in ('QUEUED', 'RETRY', 'RUNNING')`
/** Runs a worker until nothing is open. */
const withWorker = async <T>(work: () => Promise<T>): Promise<T> => {
  const worker = await openWorker(system.core)
  try {
    const result = await work()
    await until(
      'nothing is open',
      async () => (await system.core.database.rows({ name: 'open', text: OPEN }, [])).length === 0,
    )
    return result
  } finally {
    await worker.drain()
  }
}

const upload = async (bytes: Uint8Array) => (await system.upload(bytes, 'collection=small')).asset
const another = (): Promise<Buffer> => photo({ width: 120 + ++seed, height: 80 })

/** An original that could be made, and whose node was given up nevertheless. */
const giveUp = async (code: string): Promise<{ asset: string; original: string }> => {
  const bytes = await another()
  const asset = await upload(bytes)
  const original = sha256Hex(bytes)
  const [node] = await claimNodes(system.core.database, {
    tenant: 'demo',
    original,
    owner: 'test',
    limit: 1,
    leaseMs: 60_000,
  })
  await failNode(system.core.database, {
    node: node!,
    code,
    retryable: false,
    crashed: true,
    retryAfterMs: 0,
    cause: { actor: 'test', correlationId: 'test' },
  })
  return { asset, original }
}

test('what is redriven after its cause is mended is made, and the version that waited is published', async () => {
  const { asset } = await giveUp('memory-exceeded')
  expect(await versionOf(asset)).toMatchObject({ state: 'FAILED', failure: { code: 'memory-exceeded' } })
  const told = {
    name: 'test_version_failed',
    text: `select data->'failed' as first, newest->'failed' as second from event where asset_id = $1 and type = 'asset.version_failed'`,
  }
  const first = ['mobile', 'shop-web'].map(product => ({ product, state: 'DEAD', code: 'memory-exceeded' }))
  const second = first.map(one => ({ cause: 'rendition-failed', ...one }))
  expect(await system.core.database.rows(told, [asset])).toMatchObject([{ first, second }])
  const { items } = await list()
  expect(items).toMatchObject([{ class: 'memory-exceeded', attempts: 1, crashes: 1 }])
  await withWorker(() => redrive({ class: 'memory-exceeded' }))
  expect((await list()).items).toEqual([])
  const made = await versionOf(asset)
  expect(made).toMatchObject({ state: 'ACTIVE' })
  expect(made?.failure).toBeUndefined()
  const answer = send('GET', `/v1/products/mobile/assets/${asset}/renditions/thumb`, {
    key: system.keys.mobile,
    headers: { Accept: 'application/json' },
  })
  expect(await expectJson(answer, 200)).toMatchObject({ state: 'ready', width: 60 })
  expect(await expectJson(send('GET', '/v1/doctor', { key: ADMIN_KEY }), 200)).toMatchObject({ healthy: true })
})

test('a version whose other renditions are dead still stays failed', async () => {
  const recipe = { resize: { width: 61 }, formats: ['jpeg'] }
  await system.call('PUT', '/v1/collections/small/products/shop-web/renditions/second', {
    key: ADMIN_KEY,
    body: { recipe },
  })
  const { asset, original } = await giveUp('memory-exceeded')
  const { database } = system.core
  const [node] = await claimNodes(database, { tenant: 'demo', original, owner: 'test', limit: 1, leaseMs: 60_000 })
  const cause = { actor: 'test', correlationId: 'test' }
  await failNode(database, { node: node!, code: 'timed-out', retryable: false, crashed: true, retryAfterMs: 0, cause })
  expect(await redrive({ class: 'timed-out' })).toMatchObject({ redriven: 1, remaining: 0 })
  expect((await versionOf(asset))?.state).toBe('FAILED')
  expect(await redrive({ class: 'memory-exceeded' })).toMatchObject({ redriven: 1 })
  expect((await versionOf(asset))?.state).toBe('PROCESSING')
  await withWorker(async () => undefined)
  expect((await versionOf(asset))?.state).toBe('ACTIVE')
  const path = '/v1/collections/small/products/shop-web/renditions/second'
  const gone = await system.call('DELETE', path, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })
  expect(gone.status).toBe(204)
})

describe('with several dead', () => {
  let originals: string[]
  beforeEach(async () => {
    originals = []
    for (const code of ['timed-out', 'memory-exceeded', 'timed-out', 'worker-lost', 'timed-out'])
      originals.push(`sha256:${(await giveUp(code)).original}`)
  })

  test('pages follow each other, the last to die first, without gap or repetition', async () => {
    const seen: string[] = []
    let cursor: string | undefined
    for (let pages = 0; ; pages++) {
      expect(pages).toBeLessThan(3)
      const page = await list(`&limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`)
      seen.push(...page.items.map(item => item.original))
      cursor = page.next_cursor
      if (cursor === undefined) break
    }
    expect(seen).toEqual([...originals].reverse())
    expect((await list('&class=timed-out')).items).toHaveLength(3)
    expect((await list('&class=no-such')).items).toEqual([])
  })

  test('a redrive takes what fits everything that is given, and nothing twice', async () => {
    const [last] = (await list()).items
    expect(await redrive({ class: 'worker-lost', ids: [last!.id] })).toMatchObject({ redriven: 0 })
    expect(await redrive({ class: 'timed-out', before: last!.at })).toMatchObject({ redriven: 2, remaining: 0 })
    expect(await redrive({ ids: [last!.id, `sha256:${'0'.repeat(64)}`] })).toEqual({ redriven: 1, remaining: 0 })
    expect(await redrive({ ids: [last!.id] })).toEqual({ redriven: 0, remaining: 0 })
    expect((await list()).items.map(item => item.class)).toEqual(['worker-lost', 'memory-exceeded'])
    expect(await redrive({ before: '2000-01-01T00:00:00Z' })).toMatchObject({ redriven: 0 })
    const all = await redrive({ before: '9999-12-31T23:59:59Z' })
    expect(all).toMatchObject({ redriven: 2 })
    // Repeating it does not take what dies later.
    expect(Date.parse(all.before ?? '')).toBeLessThan(Date.now() + 60_000)
  })

  test('metrics count them by class, on a gateway and on the port of a worker', async () => {
    for (const metrics of [await system.call('GET', '/metrics'), await createOpsApp(system.core).request('/metrics')]) {
      const text = await metrics.text()
      expect(text).toContain('matrix_dead_nodes{class="timed-out"} 3')
      expect(text).toContain('matrix_dead_nodes{class="worker-lost"} 1')
    }
    await redrive({ class: 'timed-out' })
    expect(await (await system.call('GET', '/metrics')).text()).not.toContain('matrix_dead_nodes{class="timed-out"}')
  })
})

describe('refused', () => {
  test('without the right to look at all products', async () => {
    for (const [method, path, body] of [
      ['GET', '/v1/dead-letters', undefined],
      ['POST', '/v1/dead-letters/redrive', { class: 'timed-out' }],
    ] as const) {
      await expectRefusal(send(method, path, { ...(body && { body }) }), 401, 'unauthenticated')
      await expectRefusal(send(method, path, { key: system.keys['shop-web'], ...(body && { body }) }), 403, 'forbidden')
    }
  })

  test.each([
    ['nothing said', {}],
    ['an id that is none', { ids: ['sha256:abc'] }],
    ['no ids', { ids: [] }],
    ['a class that is none', { class: 'Robert; drop' }],
    ['a time that is none', { before: 'yesterday' }],
    ['a key that is none', { all: true }],
  ])('%s', async (_what, body) => {
    const answer = send('POST', '/v1/dead-letters/redrive', { key: ADMIN_KEY, body })
    await expectRefusal(answer, 422, 'contract-violation')
  })

  test.each([
    ['kind=letter', 'invalid-request'],
    ['cursor=AAAA', 'invalid-cursor'],
    ['class=A', 'invalid-request'],
    ['limit=0', 'invalid-request'],
    [`cursor=${Buffer.from(`2026-02-30T00:00:00.000000Z ${'0'.repeat(64)}`).toString('base64url')}`, 'invalid-cursor'],
  ])('?%s', async (query, code) => {
    await expectRefusal(send('GET', `/v1/dead-letters?${query}`, { key: ADMIN_KEY }), 400, code)
  })
})

test('a poisoned original: dead, listed, redriven, run again, and dead again', async () => {
  const bytes = truncated(await another(), 0.6)
  const asset = await withWorker(() => upload(bytes))
  const [letter, ...others] = (await list()).items
  expect(others).toEqual([])
  expect(letter).toEqual({
    kind: 'node',
    id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    original: `sha256:${sha256Hex(bytes)}`,
    format: 'jpeg',
    class: 'corrupt-media',
    attempts: 1,
    crashes: 0,
    at: expect.any(String),
    asks: 2,
    asked_by: [
      { product: 'mobile', asset, version: 1, rendition: 'thumb' },
      { product: 'shop-web', asset, version: 1, rendition: 'thumb' },
    ],
  })
  expect((await versionOf(asset))?.state).toBe('FAILED')

  expect(await redrive({ ids: [letter!.id] })).toEqual({ redriven: 1, remaining: 0 })
  expect((await list()).items).toEqual([])
  expect((await versionOf(asset))?.state).toBe('PROCESSING')

  await withWorker(async () => undefined)
  const [again] = (await list()).items
  expect(again).toMatchObject({ id: letter!.id, class: 'corrupt-media', attempts: 1 })
  expect(Date.parse(again!.at)).toBeGreaterThan(Date.parse(letter!.at))
  expect((await versionOf(asset))?.state).toBe('FAILED')
})
