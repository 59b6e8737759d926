/** Edges that hold only while something is so: kind of content, labels, where the caller sits. What is not met hides. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  expectJson,
  expectRefusal,
  leavesNothing,
  openClient,
  openSocketClient,
  type Send,
  settled,
} from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let picture: string
let words: string
let key: string

const admin = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: ADMIN_KEY, headers, ...(body && { body }) })
const grant = async (edge: object): Promise<void> => {
  const response = await admin('PUT', '/v1/collections/product-photo/grants/partner-api', edge)
  expect(response.status, await response.clone().text()).toBeLessThan(300)
}
const feed = (id: string, headers: Record<string, string> = {}) =>
  socket.send('GET', `/v1/products/partner-api/assets/${id}/renditions/feed`, { key, headers })
const read = (id: string) => send('GET', `/v1/assets/${id}`, { key })
const listed = async (): Promise<string[]> =>
  (
    await expectJson<{ items: { id: string }[] }>(send('GET', '/v1/assets?collection=product-photo', { key }), 200)
  ).items.map(({ id }) => id)
const label = (id: string, labels: string[]) =>
  expectJson(admin('PATCH', `/v1/assets/${id}`, { labels }, { 'If-Match': '*' }), 200)
const text = () => new TextEncoder().encode(crypto.randomUUID())

beforeAll(async () => {
  // The test is a proxy that says who its clients are.
  system = await startSystem({ env: { TRUSTED_PROXIES: '127.0.0.0/8,::1' } })
  send = await openClient(system)
  socket = await openSocketClient(system)
  key = (await expectJson<{ secret: string }>(admin('POST', '/v1/products/partner-api/keys', {}), 201)).secret
  picture = (await system.upload(await photo({ width: 500, height: 300 }))).asset
  words = (await system.upload(text())).asset
  await settled(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})
beforeEach(() => grant({ role: 'reader' }))

describe('networks', () => {
  const from = (address: string) => ({ 'X-Forwarded-For': address })

  test.each([
    ['10.0.0.0/8', ['10.1.2.3', '::ffff:10.1.2.3', '10.255.255.255'], ['11.0.0.1', '2001:db8::1', '::ffff:11.0.0.1']],
    ['2001:db8::/32', ['2001:db8::1', '2001:0DB8:0:0::7'], ['2001:db9::1', '10.1.2.3', '127.0.0.1']],
    ['::ffff:192.0.2.0/120', ['192.0.2.9', '::ffff:192.0.2.9'], ['192.0.3.1', '2001:db8::1']],
    ['203.0.113.7', ['203.0.113.7'], ['203.0.113.8']],
  ])('%s', async (block, inside, outside) => {
    await grant({ role: 'reader', conditions: { networks: ['198.51.100.0/24', block] } })
    for (const address of inside) expect((await feed(picture, from(address))).status, address).toBe(302)
    for (const address of outside) expect((await feed(picture, from(address))).status, address).toBe(404)
  })

  test('a caller of whom no address is known is in none, and hears what strangers hear', async () => {
    await grant({ role: 'reader', conditions: { networks: ['0.0.0.0/0', '::/0'] } })
    await expectRefusal(read(picture), 404, 'not-found')
    await expectRefusal(send('GET', '/v1/assets?collection=product-photo', { key }), 404, 'not-found')
  })

  test('what a network is shown is not given to caches that others share', async () => {
    await grant({
      role: 'reader',
      visibility: 'public',
      delivery: 'stream',
      conditions: { networks: ['10.0.0.0/8'] },
    })
    const path = `/i/partner-api/${picture}/v1/feed.jpg`
    const shown = await socket.send('GET', path, { headers: from('10.1.2.3') })
    expect(shown.status).toBe(200)
    expect(shown.headers.get('cache-control')).toMatch(/^private/)
    await expectRefusal(socket.send('GET', path, { headers: from('203.0.113.7') }), 404, 'not-found')
    await grant({ role: 'reader', visibility: 'public', delivery: 'stream' })
    expect((await socket.send('GET', path)).headers.get('cache-control')).toMatch(/^public/)
  })
})

describe('media types', () => {
  test('of the original: what is of another is hidden, in lists too', async () => {
    expect(await listed()).toEqual([picture, words])
    await grant({ role: 'reader', original_access: true, conditions: { media_types: ['IMAGE/*'] } })
    expect(await listed()).toEqual([picture])
    expect((await feed(picture)).status).toBe(302)
    await expectRefusal(read(words), 404, 'not-found')
    const original = `/v1/products/partner-api/assets/${words}/renditions/original`
    await expectRefusal(socket.send('GET', original, { key }), 404, 'not-found')
  })

  test('of each version: the next one may be of another', async () => {
    await grant({ role: 'reader', conditions: { media_types: ['text/plain'] } })
    const { asset } = await system.upload(text(), 'collection=product-photo', {
      headers: { 'Content-Type': 'text/plain' },
    })
    expect((await read(asset)).status).toBe(200)
    const next = { key: ADMIN_KEY, body: new Uint8Array(await photo({ width: 200, height: 100 })) }
    await expectJson(send('POST', `/v1/assets/${asset}/versions?publish=now`, next), 201)
    await expectRefusal(read(asset), 404, 'not-found')
    expect(
      (await send('GET', `/v1/products/partner-api/assets/${asset}/renditions/original?version=1`, { key })).status,
    ).toBe(403)
  })

  test('what is added has to be of them', async () => {
    await grant({ role: 'editor', conditions: { media_types: ['image/*'] } })
    const add = (body: Uint8Array, path = '/v1/assets?collection=product-photo') => send('POST', path, { key, body })
    await leavesNothing(system, () => expectRefusal(add(text()), 403, 'forbidden'))
    const { asset } = await expectJson<{ asset: string }>(
      add(new Uint8Array(await photo({ width: 200, height: 101 }))),
      201,
    )
    await leavesNothing(system, () => expectRefusal(add(text(), `/v1/assets/${asset}/versions`), 403, 'forbidden'))
    await expectRefusal(add(text(), `/v1/assets/${words}/versions`), 404, 'not-found')
  })
})

describe('labels', () => {
  test('that are given and taken take effect at the next request, on the warm path too', async () => {
    await grant({ role: 'reader', conditions: { labels: { all: ['press'], any: ['winter', 'summer'] } } })
    await label(picture, ['press'])
    await expectRefusal(feed(picture), 404, 'not-found')
    await label(picture, ['press', 'summer'])
    expect((await feed(picture)).status).toBe(302)
    expect((await feed(picture)).status).toBe(302)
    expect(await listed()).toEqual([picture])
    await label(picture, ['summer'])
    await expectRefusal(feed(picture), 404, 'not-found')
    await expectRefusal(read(picture), 404, 'not-found')
  })

  test('an editor may label an asset out of its own sight, and add none, for what is new has no labels', async () => {
    await grant({ role: 'editor', conditions: { labels: { any: ['draft'] } } })
    await label(picture, ['draft'])
    const patch = { key, body: { labels: ['done'] }, headers: { 'If-Match': '*' } }
    expect(await expectJson(send('PATCH', `/v1/assets/${picture}`, patch), 200)).toMatchObject({ labels: ['done'] })
    await expectRefusal(read(picture), 404, 'not-found')
    await expectRefusal(send('POST', '/v1/assets?collection=product-photo', { key, body: text() }), 404, 'not-found')
  })
})

test('an owner keeps the collection only while its edge holds without end and condition', async () => {
  const path = '/v1/collections/product-photo/grants/shop-web'
  for (const edge of [
    { conditions: { networks: ['10.0.0.0/8'] } },
    { not_before: '2026-01-01T00:00:00Z' },
    { expires_at: '2126-01-01T00:00:00Z' },
  ])
    await expectRefusal(admin('PUT', path, { role: 'owner', ...edge }), 409, 'last-owner')
})
