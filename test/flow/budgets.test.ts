/** Budgets: what a product may spend, accounted from the facts; what it has goes on being answered. And T5, the cap an asset. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const CAP = 5
let system: System
let send: Send
beforeAll(async () => {
  system = await startSystem({ env: { MAX_VARIANTS: String(CAP) } })
  send = await openClient(system)
})
afterAll(() => system.close())

interface Usage {
  readonly cpu: { readonly seconds: number; readonly derivatives: number; readonly limit?: number }
  readonly stored: { readonly bytes: number; readonly originals: number; readonly limit?: number }
  readonly tenant?: { readonly bytes: number; readonly originals: number }
}

const admin = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: ADMIN_KEY, headers, ...(body && { body }) })
const usageOf = (product: string, key = ADMIN_KEY) =>
  expectJson<Usage>(send('GET', `/v1/products/${product}/usage`, { key }), 200)
const limit = (product: string, limits: object) =>
  expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product, limits }), 200)

/** A product with a collection of its own, so that nobody else's renditions are made of its uploads. */
const newProduct = async (product: string): Promise<string> => {
  await expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product }), 201)
  await expectJson(admin('PUT', `/v1/collections/${product}`, { owner: product }), 201)
  return (await expectJson<{ secret: string }>(admin('POST', `/v1/products/${product}/keys`, {}), 201)).secret
}
const rendition = (collection: string, name: string, width: number, { product = collection, lane = 'lazy' } = {}) =>
  expectJson(
    admin('PUT', `/v1/collections/${collection}/products/${product}/renditions/${name}`, {
      recipe: { resize: { width }, formats: ['jpeg'] },
      lane,
    }),
    201,
  )
const upload = (collection: string, key: string, body: Uint8Array) =>
  send('POST', `/v1/assets?collection=${collection}`, { key, body: new Uint8Array(body) })
const uploaded = async (collection: string, key: string, body: Uint8Array): Promise<string> =>
  (await expectJson<{ asset: string }>(upload(collection, key, body), 201)).asset
const resolve = (product: string, asset: string, name: string, key: string) =>
  send('GET', `/v1/products/${product}/assets/${asset}/renditions/${name}?delivery=json&wait=10`, { key })
const made = async (product: string, asset: string, name: string, key: string): Promise<void> => {
  expect(await expectJson(resolve(product, asset, name, key), 200)).toMatchObject({ state: 'ready' })
}

describe('stored bytes', () => {
  test('are those that a product brought first, and none twice', async () => {
    const [one, two] = [await newProduct('bytes-a'), await newProduct('bytes-b')]
    const before = (await usageOf('bytes-a')).tenant
    const text = Buffer.alloc(1000, crypto.randomUUID())
    await uploaded('bytes-a', one, text)
    await uploaded('bytes-a', one, text)
    await uploaded('bytes-b', two, text)
    expect(await usageOf('bytes-a', one)).toMatchObject({ stored: { bytes: 1000, originals: 1 } })
    expect(await usageOf('bytes-b', two)).toMatchObject({ stored: { bytes: 0, originals: 0 } })
    const { tenant } = await usageOf('bytes-a')
    expect(tenant).toEqual({ bytes: (before?.bytes ?? 0) + 1000, originals: (before?.originals ?? 0) + 1 })
    expect(await usageOf('bytes-a', one)).not.toHaveProperty('tenant')
  })

  test('beyond the budget are refused and leave nothing; what is there costs nothing again', async () => {
    const key = await newProduct('full')
    await limit('full', { stored_bytes: 2500 })
    const first = Buffer.alloc(1000, crypto.randomUUID())
    const asset = await uploaded('full', key, first)
    await uploaded('full', key, Buffer.alloc(1000, crypto.randomUUID()))
    const objects = async () => {
      const keys: string[] = []
      for await (const { key: name } of system.core.originals.list('')) keys.push(name)
      return keys.length
    }
    const before = await objects()
    const problem = await expectRefusal(upload('full', key, Buffer.alloc(501, crypto.randomUUID())), 403, 'over-budget')
    expect(problem).toMatchObject({ retryable: false, budget: { name: 'stored_bytes', limit: 2500 } })
    expect(await objects()).toBe(before)
    await uploaded('full', key, first)
    await uploaded('full', key, Buffer.alloc(500, crypto.randomUUID()))
    expect(await usageOf('full', key)).toMatchObject({ stored: { bytes: 2500, originals: 3, limit: 2500 } })
    await expectJson(send('GET', `/v1/products/full/assets/${asset}/renditions/original?delivery=json`, { key }), 200)
  })

  test('of uploads at once are within it all the same', async () => {
    const key = await newProduct('rush')
    await limit('rush', { stored_bytes: 3000 })
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => upload('rush', key, Buffer.alloc(1000, crypto.randomUUID()))),
    )
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses).toEqual([201, 201, 201, 403, 403, 403, 403, 403, 403, 403])
    expect(await usageOf('rush')).toMatchObject({ stored: { bytes: 3000, originals: 3 } })
  })

  test('follow the originals that go, by whoever removes them', async () => {
    const key = await newProduct('gone')
    const { core } = system
    const query = (text: string, values: unknown[] = []) => core.database.rows({ name: '', text }, values)
    const sha = 'ab'.repeat(32)
    await query(
      `insert into original (tenant_id, sha256, byte_length, media_type, object_key, product_id) values ('demo', decode($1, 'hex'), 70, 'text/plain', 'x', 'gone')`,
      [sha],
    )
    expect(await usageOf('gone', key)).toMatchObject({ stored: { bytes: 70, originals: 1 } })
    await query(`delete from original where tenant_id = 'demo' and sha256 = decode($1, 'hex')`, [sha])
    expect(await usageOf('gone', key)).toMatchObject({ stored: { bytes: 0, originals: 0 } })
  })
})

describe('CPU a day', () => {
  test('is that of the nodes, charged to who had them made, and once', async () => {
    const [payer, sharer] = [await newProduct('payer'), await newProduct('sharer')]
    await expectJson(admin('PUT', '/v1/collections/payer/grants/sharer', { role: 'reader' }), 201)
    await rendition('payer', 'small', 120)
    await rendition('payer', 'same', 120, { product: 'sharer' })
    const asset = await uploaded('payer', payer, await photo({ width: 600, height: 400 }))
    expect((await usageOf('payer')).cpu).toEqual({ seconds: 0, derivatives: 0 })
    await made('payer', asset, 'small', payer)
    const { cpu } = await usageOf('payer', payer)
    expect(cpu.derivatives).toBe(1)
    expect(cpu.seconds).toBeGreaterThan(0)
    await made('sharer', asset, 'same', sharer)
    await made('payer', asset, 'small', payer)
    expect((await usageOf('payer')).cpu).toEqual(cpu)
    expect((await usageOf('sharer')).cpu).toEqual({ seconds: 0, derivatives: 0 })
    const metrics = await (await system.call('GET', '/metrics')).text()
    expect(metrics).toContain(`matrix_product_cpu_seconds_today{tenant="demo",product="payer"} ${cpu.seconds}`)
    expect(metrics).toMatch(/matrix_product_stored_bytes\{tenant="demo",product="payer"\} \d{3,}/)
  })

  test('that is used up refuses what would cost more, and nothing else', async () => {
    const [spender, other] = [await newProduct('spender'), await newProduct('other')]
    await expectJson(admin('PUT', '/v1/collections/spender/grants/other', { role: 'editor' }), 201)
    for (const [name, width] of [
      ['a', 110],
      ['b', 111],
      ['c', 112],
    ] as const) {
      await rendition('spender', name, width)
      await rendition('spender', name, width, { product: 'other' })
    }
    const asset = await uploaded('spender', spender, await photo({ width: 601, height: 400 }))
    await made('spender', asset, 'a', spender)
    await limit('spender', { cpu_seconds_per_day: 0.000_1 })
    const problem = await expectRefusal(resolve('spender', asset, 'b', spender), 403, 'over-budget')
    expect(problem.budget).toEqual({ name: 'cpu_seconds_per_day', limit: 0.000_1 })
    await expectRefusal(upload('spender', spender, Buffer.from('another')), 403, 'over-budget')
    await made('spender', asset, 'a', spender)
    await made('other', asset, 'b', other)
    await made('spender', asset, 'b', spender) // made for somebody else: costs nothing
    await expectRefusal(resolve('spender', asset, 'c', spender), 403, 'over-budget')
    await uploaded('spender', other, Buffer.from('of another product'))
    await limit('spender', {})
    await made('spender', asset, 'c', spender)
  })
})

describe('T5: derivatives of one version', () => {
  test('are as many as the cap, and asking for more is answered 429; other assets and products have their own', async () => {
    const [key, other] = [await newProduct('sizes'), await newProduct('sizes-b')]
    await expectJson(admin('PUT', '/v1/collections/sizes/grants/sizes-b', { role: 'reader' }), 201)
    const names = Array.from({ length: CAP + 3 }, (_, i) => `w${i}`)
    for (const [i, name] of names.entries()) await rendition('sizes', name, 40 + i)
    await rendition('sizes', 'own', 33, { product: 'sizes-b' })
    const asset = await uploaded('sizes', key, await photo({ width: 300, height: 200 }))
    for (const name of names.slice(0, CAP)) await made('sizes', asset, name, key)
    for (const name of names.slice(CAP)) {
      const refused = await resolve('sizes', asset, name, key)
      expect(refused.headers.get('retry-after')).toBe('3600')
      expect(await expectRefusal(refused, 429, 'rate-limited')).toMatchObject({
        limit: { name: 'variants', most: CAP },
      })
    }
    for (const name of names.slice(0, CAP)) await made('sizes', asset, name, key)
    await made('sizes-b', asset, 'own', other)
    const second = await uploaded('sizes', key, await photo({ width: 299, height: 200 }))
    await made('sizes', second, names[CAP]!, key)
  })

  test('beyond it no screen gets more pixels, and what there is goes on being answered', async () => {
    const key = await newProduct('screens')
    await expectJson(admin('PUT', '/v1/products/screens', { display_name: 'screens', client_hints: true }), 200)
    for (let i = 0; i < CAP; i++) await rendition('screens', `w${i}`, 40 + i)
    const asset = await uploaded('screens', key, await photo({ width: 303, height: 200 }))
    for (let i = 0; i < CAP; i++) await made('screens', asset, `w${i}`, key)
    const path = `/i/screens/${asset}/v1/w0`
    await expectRefusal(send('GET', `${path}@2x.auto`, { key }), 429, 'rate-limited')
    const place = async (headers = {}) => {
      const response = await send('GET', `${path}.auto`, { key, headers })
      expect(response.status).toBe(302)
      return new URL(response.headers.get('location') ?? '').pathname
    }
    expect(await place({ 'Sec-CH-DPR': '2' })).toBe(await place())
  })

  test('beyond it none is made ahead, and the version is published with those that are', async () => {
    const key = await newProduct('ahead')
    // Equal ones of two names are one.
    await rendition('ahead', 'twin', 50, { lane: 'eager' })
    for (let i = 0; i < CAP + 3; i++) await rendition('ahead', `w${i}`, 50 + i, { lane: 'eager' })
    const asset = await uploaded('ahead', key, await photo({ width: 301, height: 200 }))
    await settled(system)
    expect((await usageOf('ahead')).cpu.derivatives).toBe(CAP)
    const version = await expectJson(send('GET', `/v1/assets/${asset}/versions/1`, { key }), 200)
    expect(version.state).toBe('ACTIVE')
    await made('ahead', asset, 'twin', key)
    const statuses = []
    for (let i = 0; i < CAP + 3; i++) statuses.push((await resolve('ahead', asset, `w${i}`, key)).status)
    expect(statuses.filter(status => status === 200)).toHaveLength(CAP)
    expect(statuses.filter(status => status === 429)).toHaveLength(3)
  })
})

test('originals are closed and sizes have names, unless somebody opens them', async () => {
  const [owner, reader] = [await newProduct('closed'), await newProduct('closed-b')]
  await expectJson(admin('PUT', '/v1/collections/closed/grants/closed-b', { role: 'reader' }), 201)
  const asset = await uploaded('closed', owner, await photo({ width: 302, height: 200 }))
  const original = () =>
    send('GET', `/v1/products/closed-b/assets/${asset}/renditions/original?delivery=json`, { key: reader })
  expect(await expectRefusal(original(), 403, 'forbidden')).toMatchObject({ reasons: ['originals-closed'] })
  const path = `/v1/products/closed-b/assets/${asset}/renditions`
  await expectRefusal(send('GET', `${path}/w100`, { key: reader }), 404, 'not-found')
  await expectRefusal(send('GET', `${path}/card?w=100`, { key: reader }), 400, 'invalid-request')
  await expectJson(
    admin('PUT', '/v1/collections/closed/grants/closed-b', { role: 'reader', original_access: true }),
    200,
  )
  await expectJson(original(), 200)
})
