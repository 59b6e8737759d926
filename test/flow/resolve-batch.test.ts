/** Many resolutions in one request: the answers of single ones, for few statements. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { expectJson, expectRefusal, looked, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { countingClient } from '../support/recording.ts'
import { ADMIN_KEY, requestOf, type System, startSystem } from '../support/system.ts'

interface Item {
  readonly ref: number
  readonly status: number
  readonly resolution?: {
    readonly state: string
    readonly delivery?: { readonly url: string }
    readonly version?: number
  }
  readonly problem?: { readonly code: string; readonly instance: string; readonly retry_after?: number }
}

const BATCH = '/v1/products/shop-web/resolve/batch'
let system: System
let send: Send
let assets: string[]
let jpeg: Buffer
const fresh = (): Buffer => Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])
const batch = async (items: readonly object[], { key = system.keys['shop-web'], headers = {}, path = BATCH } = {}) =>
  (await expectJson<{ items: Item[] }>(send('POST', path, { key, body: { items }, headers }), 200)).items

beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  jpeg = await photo({ width: 500, height: 400 })
  assets = []
  for (let made = 0; made < 3; made++) assets.push((await system.upload(fresh())).asset)
  await settled(system)
  for (const asset of assets) await looked(system, asset)
})
afterAll(() => system.close())

describe('each item', () => {
  test('is answered as it would be alone, in its place', async () => {
    const [first = '', second = ''] = assets
    const questions = [
      { asset: second, rendition: 'hero', format: 'webp' },
      { asset: first, rendition: 'card' },
      { asset: first, rendition: 'card', format: 'png' },
      { asset: first, rendition: 'nothing' },
      { asset: crypto.randomUUID(), rendition: 'card' },
      { asset: first, rendition: 'original' },
      { asset: first, rendition: 'card', version: 1 },
      { asset: first, rendition: 'card', version: 2 },
      { asset: 'no-id', rendition: 'card' },
    ]
    const items = await batch(questions)
    for (const [at, { asset, rendition, format = 'auto', version = 'current' }] of questions.entries()) {
      const item = items[at]
      const path = `/v1/products/shop-web/assets/${asset}/renditions/${rendition}?format=${format}&version=${version}`
      const alone = await send('GET', path, { key: system.keys['shop-web'], headers: { Accept: 'application/json' } })
      const body = (await alone.json()) as { instance?: string }
      expect(item).toEqual({
        ref: at,
        status: alone.status,
        ...(alone.ok ? { resolution: body } : { problem: { ...body, instance: expect.stringMatching(/^req_/) } }),
      })
    }
    expect(items.map(({ status }) => status)).toEqual([200, 200, 404, 404, 404, 200, 200, 404, 404])
  })

  test('that is asked twice is asked once, and answered twice', async () => {
    const [asset] = assets
    const items = await batch(Array.from({ length: 200 }, () => ({ asset, rendition: 'card' })))
    expect(items).toHaveLength(200)
    expect(items.map(({ ref }) => ref)).toEqual(items.map((_, index) => index))
    expect(new Set(items.map(({ resolution }) => resolution?.delivery?.url)).size).toBe(1)
  })

  test('of a stranger is there for nobody', async () => {
    const [asset] = assets
    const own = await batch([{ asset, rendition: 'card' }], { key: system.keys['partner-api'] })
    const missing = await batch([{ asset: crypto.randomUUID(), rendition: 'card' }], {
      key: system.keys['partner-api'],
    })
    expect({ ...own[0]?.problem, instance: '' }).toEqual({ ...missing[0]?.problem, instance: '' })
  })

  test('of an archived asset says so, beside others that go on', async () => {
    const { asset } = await system.upload(fresh())
    await settled(system)
    await send('POST', `/v1/assets/${asset}/archive`, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })
    const items = await batch([
      { asset, rendition: 'card' },
      { asset: assets[0], rendition: 'card' },
    ])
    expect(items.map(({ status, problem }) => [status, problem?.code])).toEqual([
      [410, 'asset-archived'],
      [200, undefined],
    ])
  })

  test('an array is a body, too', async () => {
    const body = [{ asset: assets[0], rendition: 'card' }]
    const options = {
      key: system.keys['shop-web'],
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    }
    const { items } = await expectJson<{ items: Item[] }>(send('POST', BATCH, options), 200)
    expect(items.map(({ status }) => status)).toEqual([200])
  })
})

describe('the request itself', () => {
  const ask = (body: object, key: string | undefined = system.keys['shop-web']) => send('POST', BATCH, { key, body })
  const item = { asset: crypto.randomUUID(), rendition: 'card' }

  test('is refused where it is bad', async () => {
    await expectRefusal(ask({ items: [] }), 422, 'contract-violation')
    await expectRefusal(ask({ items: Array.from({ length: 201 }, () => item) }), 422, 'contract-violation')
    await expectRefusal(ask({ items: [{ ...item, more: 1 }] }), 422, 'contract-violation')
    await expectRefusal(ask({ items: [{ ...item, format: 'bmp' }] }), 422, 'contract-violation')
  })

  test('of nobody is refused before its body is read', async () => {
    await expectRefusal(send('POST', BATCH, { body: { items: [item] } }), 401, 'unauthenticated')
    await expectRefusal(ask({ items: [item] }, 'mtx_live_nobody'), 401, 'unauthenticated')
  })
})

describe('what is not there yet', () => {
  test('is planned, waited for together and told', async () => {
    await system.call('PUT', '/v1/collections/cold', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
    for (const width of [100, 200, 300])
      await system.call('PUT', `/v1/collections/cold/products/shop-web/renditions/w${width}`, {
        key: ADMIN_KEY,
        body: { recipe: { resize: { width }, formats: ['jpeg'] }, lane: 'lazy' },
      })
    const { asset } = await system.upload(fresh(), 'collection=cold')
    const questions = [100, 200, 300].map(width => ({ asset, rendition: `w${width}` }))
    const items = await batch(questions, { headers: { Prefer: 'wait=10' } })
    expect(items.map(({ status }) => status)).toEqual([200, 200, 200])
  })

  test('is pending without a wait, as alone', async () => {
    const side = await startSystem({ worker: false })
    try {
      const { asset } = await side.upload(fresh(), 'collection=product-photo&publish=now')
      const body = {
        items: [
          { asset, rendition: 'card' },
          { asset, rendition: 'hero' },
        ],
      }
      const options = { key: side.keys['shop-web'], body }
      const { items } = await expectJson<{ items: Item[] }>(side.call('POST', BATCH, options), 200)
      expect(items.map(({ status, resolution }) => [status, resolution?.state])).toEqual([
        [202, 'pending'],
        [202, 'pending'],
      ])
    } finally {
      await side.close()
    }
  })
})

describe('costs', () => {
  test('three statements at most, of whatever size', async () => {
    const sent: string[] = []
    const { engines, config } = system
    const database = { ...engines.database, Client: countingClient(sent) } as pg.PoolConfig
    const core = await openCore({ config, engines: { ...engines, database }, name: 'counted' })
    const app = createApp(openGateway(core))
    const ask = async (count: number, from = 0) => {
      sent.length = 0
      const all = assets.flatMap(asset => ['card', 'hero', 'original'].map(rendition => ({ asset, rendition })))
      const formats = ['auto', 'jpeg', 'webp', 'avif', 'png', 'gif']
      const items = Array.from({ length: count }, (_, index) => ({
        ...all[(from + index) % all.length],
        format: formats[Math.floor((from + index) / all.length) % formats.length],
      }))
      const response = await app.request(BATCH, requestOf('POST', { key: system.keys['shop-web'], body: { items } }))
      expect(response.status).toBe(200)
      return sent.filter(text => !/^(begin|commit|set)/i.test(text)).length
    }
    await ask(1) // the key is met, and with it its account
    expect(await ask(54)).toBeLessThanOrEqual(3)
    expect(await ask(54)).toBeLessThanOrEqual(3)
    const [asset] = assets
    await system.call('PATCH', `/v1/assets/${asset}`, {
      key: ADMIN_KEY,
      body: { labels: ['seen'] },
      headers: { 'If-Match': '*' },
    })
    const mixed = await ask(54)
    expect(mixed).toBeGreaterThan(0)
    expect(mixed).toBeLessThanOrEqual(3)
    await core.close()
  })

  test('as many requests as there are different items; those beyond are told when to come again', async () => {
    const limited = await startSystem({ worker: false, env: { RATE_LIMITS: 'enforce', RATE_RESOLVE: '5/60s' } })
    const socket = await openSocketClient(limited)
    try {
      const items = Array.from({ length: 8 }, () => ({ asset: crypto.randomUUID(), rendition: 'card' }))
      const response = await socket.send('POST', BATCH, { key: limited.keys['shop-web'], body: { items } })
      expect(response.headers.get('ratelimit')).toMatch(/;r=0;/)
      const said = (await expectJson<{ items: Item[] }>(response, 200)).items
      expect(said.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 429, 429, 429])
      expect(said[7]?.problem).toMatchObject({ code: 'rate-limited', retry_after: expect.any(Number) })
    } finally {
      await socket.close()
      await limited.close()
    }
  })
})

describe('many assets', () => {
  const GET = '/v1/assets/batchGet'

  test('each as alone, in the order of the request', async () => {
    const [first = '', second = ''] = assets
    const missing = crypto.randomUUID()
    const ids = [second, first, missing, 'no-id', first]
    const response = send('POST', GET, { key: system.keys['shop-web'], body: { ids } })
    const { items } = await expectJson<{ items: { id: string; asset?: object; problem?: { code: string } }[] }>(
      response,
      200,
    )
    expect(items.map(({ id }) => id)).toEqual(ids)
    for (const { id, asset, problem } of items.slice(0, 3)) {
      const alone = await (await send('GET', `/v1/assets/${id}`, { key: system.keys['shop-web'] })).json()
      expect(asset ?? { ...problem, instance: '' }).toEqual(asset ? alone : { ...(alone as object), instance: '' })
    }
    expect(items[3]?.problem?.code).toBe('not-found')
    await expectRefusal(send('POST', GET, { key: ADMIN_KEY, body: { ids: [] } }), 422, 'contract-violation')
  })
})
