/** Edges on single assets: wider and narrower than the collection's, seen by every route alike, ended by time. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let aheadMs = 0
const now = (): number => Date.now() + aheadMs
const at = (offMs: number): string => new Date(now() + offMs).toISOString()
let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
/** One that edges are put on, and one beside it. */
let asset: string
let beside: string

const admin = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: ADMIN_KEY, headers, ...(body && { body }) })
const grantPath = (product: string, id = asset): string => `/v1/assets/${id}/grants/${product}`
const say = async (product: string, edge: object, id = asset): Promise<void> => {
  expect((await admin('PUT', grantPath(product, id), edge)).status).toBeLessThan(300)
}
const unsay = (product: string, id = asset) => admin('DELETE', grantPath(product, id), undefined, { 'If-Match': '*' })
const inCollection = async (product: string, edge: object): Promise<void> => {
  expect((await admin('PUT', `/v1/collections/product-photo/grants/${product}`, edge)).status).toBeLessThan(300)
}

const keys: Record<string, string> = {}
beforeAll(async () => {
  system = await startSystem({ clock: { now }, env: { TRUSTED_PROXIES: '127.0.0.0/8,::1' } })
  send = await openClient(system)
  socket = await openSocketClient(system)
  await expectJson(admin('PUT', '/v1/products/guest', { display_name: 'Guest' }), 201)
  for (const product of ['guest', 'partner-api'])
    keys[product] = (
      await expectJson<{ secret: string }>(admin('POST', `/v1/products/${product}/keys`, {}), 201)
    ).secret
  asset = (await system.upload(await photo({ width: 500, height: 300 }))).asset
  beside = (await system.upload(await photo({ width: 400, height: 300 }))).asset
  // Beside the edge on the asset: what the product calls its pictures is said for the collection.
  await say('guest', { role: 'reader' })
  const feed = { recipe: { resize: { width: 100 }, formats: ['jpeg'] }, lane: 'lazy' }
  const written = await admin('PUT', '/v1/collections/product-photo/products/guest/renditions/feed', feed)
  expect(await written.text()).toContain('"name":"feed"')
  await settled(system)
  for (const product of ['guest', 'partner-api'])
    await expectJson(
      send('GET', `/v1/products/${product}/assets/${asset}/renditions/feed?wait=10`, {
        key: keys[product],
        headers: { Accept: 'application/json' },
      }),
      200,
    )
})
afterAll(async () => {
  await socket.close()
  await system.close()
})
beforeEach(async () => {
  aheadMs = 0
  await inCollection('partner-api', { role: 'reader' })
  for (const product of ['guest', 'partner-api']) await unsay(product)
})

const call = (product: string, method: string, path: string, options = {}) =>
  send(method, path, { key: keys[product], ...options })
/** Through a socket, where the warm lane answers. */
const resolve = (product: string, id = asset, headers: Record<string, string> = {}) =>
  socket.send('GET', `/v1/products/${product}/assets/${id}/renditions/feed`, { key: keys[product], headers })
const original = (product: string, id = asset) =>
  call(product, 'GET', `/v1/products/${product}/assets/${id}/renditions/original`)
const listed = async (product: string, query = ''): Promise<string[] | number> => {
  const response = await call(product, 'GET', `/v1/assets?collection=product-photo${query}`)
  if (response.status !== 200) return response.status
  return ((await response.json()) as { items: { id: string }[] }).items.map(({ id }) => id)
}
const statuses = async (product: string, id = asset) => ({
  resolve: (await resolve(product, id)).status,
  original: (await original(product, id)).status,
  read: (await call(product, 'GET', `/v1/assets/${id}`)).status,
  versions: (await call(product, 'GET', `/v1/assets/${id}/versions`)).status,
  patch: (
    await call(product, 'PATCH', `/v1/assets/${id}`, { body: { labels: ['seen'] }, headers: { 'If-Match': '*' } })
  ).status,
  explain: await explained(product, id),
})
const explained = async (product: string, id: string): Promise<string> => {
  const body = { asset: id, rendition: 'feed' }
  const response = await call(product, 'POST', `/v1/products/${product}/resolve/explain`, { body })
  const said = (await response.json()) as { outcome?: string; code?: string }
  return said.outcome ?? said.code ?? ''
}
const HIDDEN = { resolve: 404, original: 404, read: 404, versions: 404, patch: 404, explain: 'not-found' }
const READER = { resolve: 302, original: 403, read: 200, versions: 200, patch: 403, explain: 'ready: jpeg' }

describe('gives one asset to a product without the collection', () => {
  test('which sees that one and no other', async () => {
    expect(await statuses('guest')).toEqual(HIDDEN)
    expect(await listed('guest')).toBe(404)
    await say('guest', { role: 'reader' })
    expect(await statuses('guest')).toEqual(READER)
    expect(await statuses('guest', beside)).toEqual(HIDDEN)
    expect(await listed('guest')).toEqual([asset])
    await unsay('guest')
    expect(await statuses('guest')).toEqual(HIDDEN)
    expect(await listed('guest')).toBe(404)
  })

  test('and may change it as an editor, but add nothing to the collection', async () => {
    await say('guest', { role: 'editor', original_access: true, attributes: ['labels'] })
    expect(await statuses('guest')).toEqual({ ...READER, original: 302, patch: 200 })
    const attributes = { body: { attributes: { caption: 'x' } }, headers: { 'If-Match': '*' } }
    await expectRefusal(call('guest', 'PATCH', `/v1/assets/${asset}`, attributes), 403, 'attribute-forbidden')
    const body = new TextEncoder().encode('a text')
    await expectRefusal(call('guest', 'POST', '/v1/assets?collection=product-photo', { body }), 404, 'not-found')
    await expectJson(call('guest', 'POST', `/v1/assets/${asset}/versions?publish=manual`, { body }), 201)
  })

  test('and to the public, where it says so', async () => {
    const path = `/i/guest/${asset}/current/feed.jpg`
    await say('guest', { role: 'reader' })
    await expectRefusal(socket.send('GET', path), 404, 'not-found')
    await say('guest', { role: 'reader', visibility: 'public' })
    expect((await socket.send('GET', path)).status).toBe(302)
    await expectRefusal(socket.send('GET', `/i/guest/${beside}/current/feed.jpg`), 404, 'not-found')
  })
})

describe('takes one asset from a product of the collection', () => {
  test('whole, with the role none: from every route, and from lists, whose pages stay full', async () => {
    expect(await statuses('partner-api')).toEqual(READER)
    await say('partner-api', { role: 'none' })
    expect(await statuses('partner-api')).toEqual(HIDDEN)
    expect(await statuses('partner-api', beside)).toMatchObject({ read: 200 })
    expect(await listed('partner-api')).toEqual([beside])
    expect(await listed('partner-api', '&limit=1')).toEqual([beside])
    await unsay('partner-api')
    expect(await listed('partner-api')).toEqual([asset, beside])
  })

  test('in part: what the edge on the asset does not give is not taken from the collection', async () => {
    await inCollection('partner-api', { role: 'editor', original_access: true, visibility: 'public' })
    expect(await statuses('partner-api')).toEqual({ ...READER, original: 302, patch: 200 })
    expect((await socket.send('GET', `/i/partner-api/${asset}/current/feed.jpg`)).status).toBe(302)
    await say('partner-api', { role: 'reader' })
    expect(await statuses('partner-api')).toEqual(READER)
    await expectRefusal(socket.send('GET', `/i/partner-api/${asset}/current/feed.jpg`), 404, 'not-found')
  })

  test('but not from an owner, whatever was said before it became one', async () => {
    await expectRefusal(admin('PUT', grantPath('shop-web'), { role: 'none' }), 409, 'conflict')
    await say('partner-api', { role: 'none' })
    await inCollection('partner-api', { role: 'owner', original_access: true })
    expect(await statuses('partner-api')).toEqual({ ...READER, original: 302, patch: 200 })
    expect(await listed('partner-api')).toEqual([asset, beside])
  })
})

describe('time', () => {
  test('an exception that ends leaves the collection to answer; a URL does not outlive it', async () => {
    const end = now() + 20_000
    await say('guest', { role: 'reader', expires_at: new Date(end).toISOString() })
    await say('partner-api', { role: 'none', expires_at: new Date(end).toISOString() })
    const response = await resolve('guest', asset, { Accept: 'application/json' })
    const { delivery } = await expectJson<{ delivery: { expires_at: string } }>(response, 200)
    expect(Date.parse(delivery.expires_at)).toBeLessThanOrEqual(end)
    expect((await resolve('partner-api')).status).toBe(404)
    aheadMs = 20_000
    expect((await resolve('guest')).status).toBe(404)
    expect((await resolve('partner-api')).status).toBe(302)
  })

  test('a wider exception ends with its URL, and the answer that was kept for it is not given under the other', async () => {
    await say('partner-api', { role: 'reader', expires_at: at(20_000) })
    const ask = async () =>
      expectJson<{ delivery: { expires_at: string } }>(
        resolve('partner-api', asset, { Accept: 'application/json' }),
        200,
      )
    const during = await ask()
    expect(await ask()).toEqual(during)
    aheadMs = 20_000
    const after = await ask()
    expect(Date.parse(after.delivery.expires_at)).toBeGreaterThan(now() + 60_000)
  })

  test('an embargo: the asset is hidden until it begins, and then there', async () => {
    await say('partner-api', { role: 'reader', not_before: at(60_000) })
    expect(await statuses('partner-api')).toEqual(HIDDEN)
    expect(await listed('partner-api')).toEqual([beside])
    aheadMs = 60_001
    expect(await statuses('partner-api')).toEqual(READER)
  })

  test('a window that ends before it begins is refused', async () => {
    const edge = { role: 'reader', not_before: at(2_000), expires_at: at(1_000) }
    await expectRefusal(admin('PUT', grantPath('guest'), edge), 422, 'contract-violation')
  })
})

describe('as configuration', () => {
  test('it is read, listed, written under conditions and tried without effect', async () => {
    const edge = { role: 'reader', conditions: { networks: ['10.0.0.0/8'], labels: { any: ['press'] } } }
    const tried = await expectJson(admin('PUT', `${grantPath('guest')}?validate_only=true`, edge), 200)
    expect(tried).toMatchObject(edge)
    await expectRefusal(admin('GET', grantPath('guest')), 404, 'not-found')
    const made = await admin('PUT', grantPath('guest'), edge, { 'If-None-Match': '*' })
    expect(made.status).toBe(201)
    const tag = made.headers.get('etag') ?? ''
    await expectRefusal(
      admin('PUT', grantPath('guest'), { role: 'none' }, { 'If-None-Match': '*' }),
      412,
      'precondition-failed',
    )
    const read = await admin('GET', grantPath('guest'))
    expect(read.headers.get('etag')).toBe(tag)
    const shown = { ...edge, product: 'guest', original_access: false, visibility: 'private' }
    expect(await expectJson(read, 200)).toEqual(shown)
    expect(await expectJson(admin('GET', `/v1/assets/${asset}/grants`), 200)).toEqual({ items: [shown] })
    expect((await admin('PUT', grantPath('guest'), { role: 'none' }, { 'If-Match': tag })).status).toBe(200)
    await expectRefusal(admin('DELETE', grantPath('guest')), 428, 'precondition-required')
    expect((await unsay('guest')).status).toBe(204)
    expect(await expectJson(admin('GET', `/v1/assets/${asset}/grants`), 200)).toEqual({ items: [] })
  })

  test('what is not there is not found, and what does not fit is refused', async () => {
    const missing = crypto.randomUUID()
    await expectRefusal(admin('PUT', grantPath('guest', missing), { role: 'reader' }), 404, 'not-found')
    await expectRefusal(admin('GET', `/v1/assets/${missing}/grants`), 404, 'not-found')
    for (const edge of [
      { role: 'admin' },
      { role: 'reader', delivery: 'stream' },
      { role: 'reader', attributes: ['labels'] },
      { role: 'reader', conditions: { networks: ['10.0.0.0/33'] } },
      { role: 'reader', conditions: { networks: ['everywhere'] } },
      { role: 'reader', conditions: { networks: [] } },
      { role: 'reader', conditions: { media_types: ['*/*'] } },
      { role: 'reader', conditions: { media_types: ['image'] } },
      { role: 'reader', conditions: { labels: {} } },
      { role: 'reader', conditions: { labels: { all: ['Not A Label'] } } },
      { role: 'reader', conditions: { weekday: 'monday' } },
    ])
      await expectRefusal(admin('PUT', grantPath('guest'), edge), 422, 'contract-violation')
    await expectRefusal(admin('PUT', grantPath('nobody'), { role: 'reader' }), 422, 'contract-violation')
  })
})
