/** Limits as callers meet them: through a socket, the warm lane included, with quotas small enough to reach. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { parseItems } from '../support/structured-fields.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const RESOLVES = 30
let system: System
let send: Send
let close: () => Promise<void>
let asset: string
const shop = () => system.keys['shop-web']
const card = (product = 'shop-web', rendition = 'card') =>
  `/v1/products/${product}/assets/${asset}/renditions/${rendition}`
const admin = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: ADMIN_KEY, headers, ...(body && { body }) })

beforeAll(async () => {
  system = await startSystem({
    env: {
      RATE_LIMITS: 'enforce',
      RATE_RESOLVE: `${RESOLVES}/600s`,
      RATE_COLD: '2/600s',
      RATE_INGEST: '4/600s',
      RATE_WRITE: '3/600s',
      RATE_AUTH: '5/600s',
      RATE_PRODUCT_KEYS: '2',
      TRUSTED_PROXIES: '127.0.0.0/8',
    },
  })
  const client = await openSocketClient(system)
  send = client.send
  close = client.close
  asset = (await system.upload(await photo({ width: 900, height: 600 }))).asset
  await settled(system)
})
afterAll(async () => {
  await close()
  await system.close()
})

/** A key of its own for each test, of the same product. */
const newKey = async (product: string): Promise<string> =>
  (await expectJson<{ secret: string }>(admin('POST', `/v1/products/${product}/keys`, {}), 201)).secret
const newProduct = async (product: string, body: object = {}): Promise<string> => {
  await expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product, ...body }), 201)
  await expectJson(admin('PUT', `/v1/collections/product-photo/grants/${product}`, { role: 'editor' }), 201)
  return newKey(product)
}
const rendition = (product: string, name: string, recipe: object, lane = 'lazy') =>
  admin('PUT', `/v1/collections/product-photo/products/${product}/renditions/${name}`, { recipe, lane })

const limitedCount = async (labels: string): Promise<number> => {
  const text = await (await system.call('GET', '/metrics')).text()
  return Number(new RegExp(`matrix_rate_limited_total\\{${labels}\\} (\\d+)`).exec(text)?.[1] ?? 0)
}

test('every answer tells how its caller stands, those of the warm lane too', async () => {
  const key = await newKey('mobile')
  const ask = async (path: string) => {
    const response = await send('GET', path, { key })
    const fields = ['RateLimit-Policy', 'RateLimit'].map(name => parseItems(response.headers.get(name) ?? ''))
    await response.text()
    return { status: response.status, policy: fields[0], standing: fields[1] }
  }
  const first = await ask(card('mobile', 'tile'))
  expect(first.status).toBe(302)
  expect(first.policy).toEqual([
    ['resolve', { q: RESOLVES, w: 600 }],
    ['resolve-product', { q: 2 * RESOLVES, w: 600 }],
    ['resolve-tenant', { q: 20 * RESOLVES, w: 600 }],
  ])
  expect(first.standing).toEqual([['resolve', { r: RESOLVES - 1, t: 600 }]])
  const lane = await ask(card('mobile', 'tile'))
  expect(lane.standing?.[0]?.[1]?.r).toBe(RESOLVES - 2)
  const document = await ask(`/v1/assets/${asset}`)
  expect(document.standing?.[0]?.[1]?.r).toBe(RESOLVES - 3)
  const refusal = await ask(card('mobile', 'nothing'))
  expect(refusal.status).toBe(404)
  expect(refusal.standing?.[0]?.[1]?.r).toBe(RESOLVES - 4)
})

test('one key beyond its limit is told when to come back; its product has room, and so have others', async () => {
  const [flooding, quiet] = [await newProduct('flooding'), await newKey('flooding')]
  await expectJson(rendition('flooding', 'small', { resize: { width: 100 }, formats: ['jpeg'] }, 'eager'), 201)
  const path = card('flooding', 'small')
  await expectJson(send('GET', `${path}?delivery=json&wait=10`, { key: flooding }), 200)
  const statuses: number[] = []
  for (let i = 1; i < 2 * RESOLVES; i++) statuses.push((await send('GET', path, { key: flooding })).status)
  expect(statuses).toEqual([...Array(RESOLVES - 1).fill(302), ...Array(RESOLVES).fill(429)])
  const refused = await send('GET', path, { key: flooding })
  const [[, standing] = []] = parseItems(refused.headers.get('RateLimit') ?? '')
  expect(standing?.r).toBe(0)
  expect(Number(refused.headers.get('Retry-After'))).toBe(standing?.t)
  expect(await expectRefusal(refused, 429, 'rate-limited')).toMatchObject({
    retryable: true,
    retry_after: standing?.t,
    limit: { name: 'resolve', requests: RESOLVES, seconds: 600 },
  })
  expect((await send('GET', path, { key: quiet })).status).toBe(302)
  expect((await send('GET', card(), { key: shop() })).status).toBe(302)
  expect(await limitedCount('class="resolve",tenant="demo",product="flooding",effect="refused"')).toBe(RESOLVES + 1)
})

test('who knocks at another product uses up his own quota', async () => {
  const stranger = await newProduct('stranger')
  for (let i = 0; i < RESOLVES; i++) expect((await send('GET', card(), { key: stranger })).status).toBe(404)
  expect((await send('GET', card(), { key: stranger })).status).toBe(429)
  expect((await send('GET', card(), { key: shop() })).status).toBe(302)
})

test('uploads and writes have limits of their own', async () => {
  const key = await newProduct('writer')
  const upload = () =>
    send('POST', '/v1/assets?collection=product-photo', { key, body: Buffer.from(crypto.randomUUID()) })
  const write = () =>
    send('PUT', '/v1/collections/product-photo/products/writer/renditions/own', {
      key,
      body: { recipe: { formats: ['jpeg'] }, lane: 'lazy' },
    })
  const statuses = []
  for (let i = 0; i < 5; i++) statuses.push((await upload()).status)
  expect(statuses).toEqual([201, 201, 201, 201, 429])
  const writes = []
  for (let i = 0; i < 4; i++) writes.push((await write()).status)
  expect(writes).toEqual([201, 200, 200, 429])
  expect((await send('GET', '/v1/assets?collection=product-photo', { key })).status).toBe(200)
})

test('new derivatives are counted when they are asked for, those that exist or are on their way are not', async () => {
  const key = await newProduct('cold')
  const names = ['a', 'b', 'c']
  for (const [i, name] of names.entries())
    await expectJson(rendition('cold', name, { resize: { width: 50 + i }, formats: ['jpeg'] }), 201)
  for (const name of ['a', 'b'])
    await expectJson(send('GET', `${card('cold', name)}?delivery=json&wait=10`, { key }), 200)
  const problem = await expectRefusal(send('GET', card('cold', 'c'), { key }), 429, 'rate-limited')
  expect(problem.limit).toMatchObject({ name: 'cold', requests: 2 })
  for (const name of ['a', 'b']) expect((await send('GET', card('cold', name), { key })).status).toBe(302)
})

describe('credentials that fail', () => {
  const from = (address: string) => ({ 'X-Forwarded-For': address })
  const guess = (address: string, key = 'guessed') => send('GET', card(), { key, headers: from(address) })

  test('are refused from an address that had too many, where a good one is answered', async () => {
    const statuses = []
    for (let i = 0; i < 8; i++) statuses.push((await guess('203.0.113.1', `guess-${i}`)).status)
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
    const refused = await guess('203.0.113.1')
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(500)
    expect((await guess('203.0.113.1', shop())).status).toBe(302)
    expect((await guess('203.0.113.1', await newKey('shop-web'))).status).toBe(302)
    expect((await guess('203.0.113.2')).status).toBe(401)
    expect(await limitedCount('class="auth",tenant="",product="",effect="refused"')).toBeGreaterThanOrEqual(4)
  })

  test('an address of IPv6 is a network of 64 bits', async () => {
    for (let i = 0; i < 5; i++) expect((await guess(`2001:db8::${i}:1`)).status).toBe(401)
    expect((await guess('2001:db8:0:0:ffff::9')).status).toBe(429)
    expect((await guess('2001:db8:0:1::1')).status).toBe(401)
  })

  test('no credential is no guess', async () => {
    const headers = from('203.0.113.3')
    for (let i = 0; i < 10; i++) expect((await send('GET', card(), { headers })).status).toBe(401)
  })
})

test('callers without a credential are counted by address, and take nothing from the product', async () => {
  const key = await newProduct('open')
  await expectJson(
    admin('PUT', '/v1/collections/product-photo/grants/open', { role: 'reader', visibility: 'public' }),
    200,
  )
  await expectJson(rendition('open', 'pub', { resize: { width: 77 }, formats: ['jpeg'] }, 'eager'), 201)
  const path = `/i/open/${asset}/v1/pub.jpg`
  await expectJson(send('GET', `${card('open', 'pub')}?delivery=json&wait=10`, { key }), 200)
  const ask = async (address: string) => (await send('GET', path, { headers: { 'X-Forwarded-For': address } })).status
  for (let i = 0; i < RESOLVES; i++) expect(await ask('203.0.113.7')).toBe(302)
  expect(await ask('203.0.113.7')).toBe(429)
  expect(await ask('203.0.113.8')).toBe(302)
  expect((await send('GET', card('open', 'pub'), { key })).status).toBe(302)
})

describe('limits of a product', () => {
  const limits = {
    stored_bytes: 1_000_000,
    key_rates: { resolve: { seconds: 600, requests: 3 } },
    rates: { resolve: { requests: 5, seconds: 600 } },
  }

  test('are set, shown and kept by their ETag, and heeded at once', async () => {
    const key = await newProduct('own')
    const path = '/v1/products/own'
    const read = async () => {
      const response = await admin('GET', path)
      return { etag: response.headers.get('etag') ?? '', body: await response.json() }
    }
    const before = await read()
    expect(before.body).toEqual({ product: 'own', display_name: 'own', share: 1 })
    const written = await admin('PUT', path, { display_name: 'own', limits }, { 'If-Match': before.etag })
    expect(await expectJson(written, 200)).toEqual({ product: 'own', display_name: 'own', share: 1, limits })
    const after = await read()
    expect(after.etag).toBe(written.headers.get('etag'))
    expect(after.etag).not.toBe(before.etag)
    expect(after.body).toMatchObject({ limits })
    const again = admin('PUT', path, { display_name: 'own', limits }, { 'If-Match': before.etag })
    await expectRefusal(again, 412, 'precondition-failed')
    const statuses = []
    for (let i = 0; i < 4; i++) statuses.push((await send('GET', card('own'), { key })).status)
    expect(statuses).toEqual([404, 404, 404, 429])
    await expectJson(admin('PUT', path, { display_name: 'own' }), 200)
    expect((await read()).body).toEqual(before.body)
    expect((await send('GET', card('own'), { key })).status).toBe(404)
  })

  test.each([
    { rates: { resolve: { requests: 0, seconds: 1 } } },
    { rates: { resolve: { requests: 1 } } },
    { rates: { resolve: { requests: 1, seconds: 86_401 } } },
    { rates: { everything: { requests: 1, seconds: 1 } } },
    { rates: { resolve: { requests: 1.5, seconds: 1 } } },
    { stored_bytes: -1 },
    { stored_bytes: '1' },
    { cpu_seconds_per_day: -1 },
    { colour: 'red' },
    null,
    7,
  ])('are not %j', async wrong => {
    const body = { display_name: 'other', limits: wrong }
    await expectRefusal(admin('PUT', '/v1/products/other', body), 422, 'contract-violation')
  })
})

test('administrators are not held to limits, and neither are monitors', async () => {
  for (let i = 0; i < 2 * RESOLVES; i++) {
    const response = await admin('GET', `/v1/assets/${asset}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('RateLimit')).toBeNull()
  }
  for (let i = 0; i < 2 * RESOLVES; i++) expect((await send('GET', '/healthz')).status).toBe(200)
})
