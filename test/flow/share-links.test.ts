/** A share link shows one asset to whoever has it: what was named, while its product may, until it is over or taken back. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'

interface Made {
  readonly id: string
  readonly token: string
  readonly expires_at: string
  readonly renditions?: readonly string[]
  readonly links: readonly { readonly rendition: string; readonly url: string }[]
}
const DAY_MS = 86_400_000
let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
let other: string
const admin = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
const grant = (product: string, more: object = {}) =>
  admin('PUT', `/v1/collections/product-photo/grants/${product}`, { role: 'editor', original_access: true, ...more })
const ask = (body: object, key = system.keys.mobile, id = asset) =>
  send('POST', `/v1/assets/${id}/shares`, { key, body })
const share = (body: object = {}, key = system.keys.mobile) => expectJson<Made>(ask(body, key), 201)
const take = (id: string, options: CallOptions = {}) =>
  send('DELETE', `/v1/shares/${id}`, { key: system.keys.mobile, headers: { 'If-Match': '*' }, ...options })
const pathIn = ({ links }: Made, rendition: string): string =>
  new URL(links.find(link => link.rendition === rendition)?.url ?? '').pathname

beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  socket = await openSocketClient(system)
  asset = (await system.upload(await photo({ width: 1500, height: 900 }))).asset
  other = (await system.upload(await photo({ width: 500, height: 400 }))).asset
  await settled(system)
  // Keys that are made with their defaults may share.
  for (const product of ['mobile', 'partner-api'] as const) {
    const { secret } = await expectJson<{ secret: string }>(admin('POST', `/v1/products/${product}/keys`, {}), 201)
    system.keys[product] = secret
  }
})
afterAll(async () => {
  await socket.close()
  await system.close()
})
beforeEach(async () => {
  await grant('mobile')
  await grant('partner-api', { role: 'reader' })
})

describe.each(['in process', 'through a socket'] as const)('%s', transport => {
  const get = (path: string, options: CallOptions = {}) =>
    (transport === 'in process' ? send : socket.send)('GET', path, options)

  test('what is not named is all that the product has, and not the original', async () => {
    const made = await share()
    expect(made.links.map(({ rendition }) => rendition).sort()).toEqual(['hero', 'tile'])
    for (const { url } of made.links) {
      const response = await get(new URL(url).pathname, { headers: { Accept: 'image/webp,*/*' } })
      expect(response.status).toBe(302)
      expect(response.headers.get('referrer-policy')).toBe('no-referrer')
      expect((await fetch(response.headers.get('location') ?? '')).status).toBe(200)
    }
    await expectRefusal(get(pathIn(made, 'tile').replace('tile.auto', 'original')), 404, 'not-found')
    expect((await get(pathIn(made, 'tile').replace('/current/tile.auto', '/v1/tile.jpg'))).status).toBe(302)
  })

  test('what is named is all that it shows', async () => {
    const made = await share({ renditions: ['tile'] })
    expect(made.links).toHaveLength(1)
    const path = pathIn(made, 'tile')
    expect((await get(path)).status).toBe(302)
    for (const otherPath of [
      path.replace('tile.auto', 'hero.jpg'),
      path.replace('tile.auto', 'original'),
      path.replace(asset, other),
      path.replace('/mobile/', '/shop-web/').replace('tile', 'card'),
      path.replace(made.token, `${made.token.slice(0, -1)}${made.token.endsWith('a') ? 'b' : 'a'}`),
      path.replace(made.token, made.token.slice(0, -1)),
      path.replace(made.token, ''),
      path.replace('/share/', '/s/'),
    ]) {
      const response = await get(otherPath)
      expect([403, 404], otherPath).toContain(response.status)
    }
    await expectRefusal(get(path.replace('tile.auto', 'hero.jpg'), { key: ADMIN_KEY }), 404, 'not-found')
  })

  test('an original that is shared is given while its product has originals', async () => {
    const made = await share({ renditions: [], original: true })
    const path = pathIn(made, 'original')
    expect((await get(path)).status).toBe(302)
    expect((await get(`${path}?dl=a.jpg`)).status).toBe(302)
    await grant('mobile', { original_access: false })
    await expectRefusal(get(path), 403, 'forbidden')
  })

  test('streamed copies may be shared, and are fresh no longer than the link can be taken back', async () => {
    await grant('mobile', { delivery: 'stream' })
    const made = await share()
    const response = await get(pathIn(made, 'tile').replace('/current/tile.auto', '/v1/tile.jpg'))
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('public, max-age=300, immutable')
    expect(response.headers.get('vary')).toBeNull()
    await grant('mobile', { delivery: 'stream', conditions: { networks: ['127.0.0.0/8'] } })
    if (transport === 'through a socket') {
      const near = await get(pathIn(made, 'tile').replace('/current/tile.auto', '/v1/tile.jpg'))
      expect(near.headers.get('cache-control')).toMatch(/^private, /)
    } else await expectRefusal(get(pathIn(made, 'tile')), 404, 'not-found')
  })

  test('it is over with the next request once it is taken back', async () => {
    const made = await share()
    const path = pathIn(made, 'tile')
    for (let i = 0; i < 2; i++) expect((await get(path)).status).toBe(302)
    expect((await take(made.id)).status).toBe(204)
    await expectRefusal(get(path), 404, 'not-found')
  })

  test('it is over when its time is', async () => {
    const made = await share({ expires_at: new Date(Date.now() + 60_000).toISOString() })
    const path = pathIn(made, 'tile')
    const response = await get(path)
    const query = new URL(response.headers.get('location') ?? '').searchParams
    expect(Number(query.get('X-Amz-Expires'))).toBeLessThan(60 + 300 + 30)
    const sooner = `update share_link set expires_at = now() where tenant_id = $1 and share_id = $2`
    await system.core.database.rows({ name: 'test_over', text: sooner }, ['demo', made.id])
    await expectRefusal(get(path), 404, 'not-found')
  })

  test('it ends with the grant of its product, and when that becomes a reader', async () => {
    const path = pathIn(await share(), 'tile')
    await grant('mobile', { role: 'reader' })
    await expectRefusal(get(path), 404, 'not-found')
    await grant('mobile', { expires_at: new Date(Date.now() - 1_000).toISOString() })
    await expectRefusal(get(path), 404, 'not-found')
    await admin('DELETE', '/v1/collections/product-photo/grants/mobile', undefined, { 'If-Match': '*' })
    await expectRefusal(get(path), 404, 'not-found')
    await grant('mobile')
    expect((await get(path)).status).toBe(302)
  })

  test('of an archived asset it shows nothing', async () => {
    const path = pathIn(await share(), 'tile')
    const move = (verb: string) => admin('POST', `/v1/assets/${asset}/${verb}`, undefined, { 'If-Match': '*' })
    await expectJson(move('archive'), 200)
    await expectRefusal(get(path), 410, 'asset-archived')
    await expectJson(move('restore'), 200)
    expect((await get(path)).status).toBe(302)
  })
})

describe('who may make one', () => {
  test('not a reader, and nobody in the name of another', async () => {
    const refused = await expectRefusal(ask({}, system.keys['partner-api']), 403, 'forbidden')
    expect(refused.reasons).toEqual(['reader-never-shares'])
    const foreign = await expectRefusal(ask({ product: 'shop-web' }), 403, 'forbidden')
    expect(foreign.reasons).toEqual(['other-product'])
  })

  test('not a key without the scope', async () => {
    const body = { scopes: ['resolve', 'assets:read', 'assets:write', 'publish'] }
    const { secret } = await expectJson<{ secret: string }>(admin('POST', '/v1/products/mobile/keys', body), 201)
    const refused = await expectRefusal(ask({}, secret), 403, 'forbidden')
    expect(refused.reasons).toEqual(['scope-missing:share'])
  })

  test('an administrator in the name of a product that could', async () => {
    const made = await expectJson<Made>(ask({ product: 'mobile', renditions: ['tile'] }, ADMIN_KEY), 201)
    expect((await send('GET', pathIn(made, 'tile'))).status).toBe(302)
    const refused = await expectRefusal(ask({ product: 'partner-api' }, ADMIN_KEY), 403, 'forbidden')
    expect(refused.reasons).toEqual(['share-withdrawn'])
    await expectRefusal(ask({ product: 'nobody' }, ADMIN_KEY), 422, 'contract-violation')
  })

  test('nobody promises originals that they do not have', async () => {
    await grant('mobile', { original_access: false })
    const refused = await expectRefusal(ask({ original: true }), 403, 'forbidden')
    expect(refused.reasons).toEqual(['originals-closed'])
  })
})

test.each([
  ['a rendition that is not there', { renditions: ['tile', 'nothing'] }],
  ['nothing at all', { renditions: [] }],
  ['an end that has passed', { expires_at: '2020-01-01T00:00:00Z' }],
  ['an end in a year', { expires_at: new Date(Date.now() + 365 * DAY_MS).toISOString() }],
  ['a key that is not known', { password: 'x' }],
])('%s is refused', async (_what, body) => {
  await expectRefusal(ask(body), 422, 'contract-violation')
})

test('a week by default; a repeated request is answered without the token; at rest there is its hash', async () => {
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  const make = () => send('POST', `/v1/assets/${asset}/shares`, { key: system.keys.mobile, body: {}, headers })
  const made = await expectJson<Made>(make(), 201)
  expect(Math.abs(Date.parse(made.expires_at) - Date.now() - 7 * DAY_MS)).toBeLessThan(60_000)
  expect(made.token).toMatch(/^[0-9A-Za-z]{32}$/)
  const again = await expectJson<Partial<Made>>(make(), 201)
  expect(again.id).toBe(made.id)
  expect([again.token, again.links]).toEqual([undefined, undefined])
  const dump = await system.core.database.rows<{ all: string }>(
    {
      name: 'test_dump',
      text: `select (select json_agg(s)::text from share_link s where tenant_id = $1) || (select json_agg(i)::text from idempotency i) as all`,
    },
    ['demo'],
  )
  expect(dump[0]?.all).toContain(made.id)
  expect(dump[0]?.all).not.toContain(made.token)
})

test('they are listed in pages, to those who made them and to administrators', async () => {
  const list = (query: string, key = system.keys.mobile) =>
    expectJson<{ items: { id: string; product: string; revoked_at?: string; etag: string }[]; next_cursor?: string }>(
      send('GET', `/v1/assets/${asset}/shares?${query}`, { key }),
      200,
    )
  const ids = [(await share()).id, (await share()).id]
  await expectJson<Made>(ask({ product: 'shop-web' }, ADMIN_KEY), 201)
  const mine = await list('limit=500')
  expect(mine.items.map(({ id }) => id)).toEqual(expect.arrayContaining(ids))
  expect(new Set(mine.items.map(({ product }) => product))).toEqual(new Set(['mobile']))
  const everybodys = await list('limit=500', ADMIN_KEY)
  expect(everybodys.items.length).toBeGreaterThan(mine.items.length)
  const walked: string[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page = await list(`limit=2${cursor && `&cursor=${cursor}`}`)
    walked.push(...page.items.map(({ id }) => id))
    cursor = page.next_cursor
  }
  expect(walked).toEqual(mine.items.map(({ id }) => id))
})

test('nobody takes back what is of another, and the state that was seen counts', async () => {
  const made = await share()
  await grant('partner-api')
  const foreign = await take(made.id, { key: system.keys['partner-api'] })
  await expectRefusal(foreign, 404, 'not-found')
  await expectRefusal(take(made.id, { headers: { 'If-Match': '"0000000000000000"' } }), 412, 'precondition-failed')
  await expectRefusal(take(made.id, { headers: {} }), 428, 'precondition-required')
  expect((await take(made.id, { key: ADMIN_KEY })).status).toBe(204)
})
