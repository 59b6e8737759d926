/** The warm lane may answer or step aside; where it answers, nobody can tell it from the routes. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWarmLane } from '../../src/http/warm-lane.ts'
import { looked, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type CallOptions, requestOf, type System, startSystem } from '../support/system.ts'

let system: System
let address: string
let stop: () => void
let asset: string
let steppedAside = 0

beforeAll(async () => {
  system = await startSystem()
  asset = (await system.upload(await photo({ width: 900, height: 600 }))).asset
  await settled(system)
  await looked(system, asset)
  const lane = openWarmLane(system.gateway)
  const routes = getRequestListener(system.app.fetch as never)
  const server = createServer((incoming, outgoing) =>
    lane(incoming, outgoing, () => {
      steppedAside++
      routes(incoming, outgoing)
    }),
  )
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  stop = () => void server.close().closeAllConnections()
})
afterAll(async () => {
  stop()
  await system.close()
})

/** Of its own to each answer, or to the socket. */
const INCIDENTAL = [
  'date',
  'connection',
  'keep-alive',
  'server-timing',
  // Who asks first has it read.
  'cache-status',
  'x-request-id',
  'x-correlation-id',
  'traceparent',
  'transfer-encoding',
]

/** The numbers of a limit go on from answer to answer; its names and the policy are the same. */
const withoutCount = (name: string, value: string): string =>
  name === 'ratelimit' ? value.replace(/=\d+/g, '=n') : value

const tell = async (response: Response) => ({
  status: response.status,
  headers: Object.fromEntries(
    [...response.headers]
      .filter(([name]) => !INCIDENTAL.includes(name))
      .map(([name, value]) => [name, withoutCount(name, value)]),
  ),
  body: await response.text(),
})

const both = async (path: string, options: CallOptions = {}) => {
  const before = steppedAside
  const throughLane = await fetch(`${address}${path}`, requestOf('GET', options))
  const answered = steppedAside === before
  const told = await tell(throughLane)
  return {
    answered,
    named: throughLane.headers,
    lane: told,
    routes: await tell(await system.call('GET', path, options)),
  }
}

const resolvePath = (rendition = 'card', id = asset): string =>
  `/v1/products/shop-web/assets/${id}/renditions/${rendition}`
const key = (): string => system.keys['shop-web']

describe('answers', () => {
  test.each([
    ['a redirect', () => resolvePath(), {}],
    ['JSON', () => resolvePath(), { Accept: 'application/json' }],
    ['a negotiated format', () => resolvePath('hero'), { Accept: 'image/avif,image/webp,*/*' }],
    ['the fallback format', () => resolvePath('hero'), { Accept: '*/*' }],
    ['a current delivery path', () => `/i/shop-web/${asset}/current/card.jpg`, {}],
    ['a pinned delivery path', () => `/i/shop-web/${asset}/v1/hero.auto`, { Accept: 'image/webp' }],
  ])('%s as the routes do', async (_what, path, headers) => {
    const { answered, lane, routes, named } = await both(path(), { key: key(), headers })
    expect(answered).toBe(true)
    expect([200, 302]).toContain(lane.status)
    const { 'content-length': length, ...rest } = lane.headers
    const { 'content-length': _, ...expected } = routes.headers
    expect({ ...lane, headers: rest }).toEqual({ ...routes, headers: expected })
    if (lane.status === 200) expect(length).toBe(String(Buffer.byteLength(lane.body)))
    expect(named.get('x-request-id')).toMatch(/^req_/)
    expect(named.get('server-timing')).toMatch(/^resolve;dur=[\d.]+, app;dur=[\d.]+$/)
  })

  test('a rendition that is to go says so, from the first answer on', async () => {
    const path = '/v1/collections/product-photo/products/shop-web/renditions/card/deprecate'
    const deprecate = (sunset: string | null) => system.call('POST', path, { key: ADMIN_KEY, body: { sunset } })
    for (const accept of ['*/*', 'application/json']) {
      const headers = { Accept: accept }
      await both(resolvePath(), { key: key(), headers })
      expect((await deprecate('2999-01-01T00:00:00Z')).status).toBe(200)
      const first = await fetch(`${address}${resolvePath()}`, requestOf('GET', { key: key(), headers }))
      expect(first.headers.get('sunset')).toBe('Tue, 01 Jan 2999 00:00:00 GMT')
      const { answered, lane, routes } = await both(resolvePath(), { key: key(), headers })
      expect(answered).toBe(true)
      expect(lane.headers).toMatchObject({ deprecation: expect.stringMatching(/^@\d{10}$/) })
      const { 'content-length': _, ...said } = lane.headers
      const { 'content-length': __, ...expected } = routes.headers
      expect(said).toEqual(expected)
      expect((await deprecate(null)).status).toBe(200)
      expect((await both(resolvePath(), { key: key(), headers })).lane.headers).not.toHaveProperty('sunset')
    }
  })

  test('a correlation id of the caller is kept, and never one that could break a header', async () => {
    const ask = (id: string) => both(resolvePath(), { key: key(), headers: { 'X-Correlation-Id': id } })
    expect((await ask('order-17')).named.get('x-correlation-id')).toBe('order-17')
    const { named } = await ask('a b')
    expect(named.get('x-correlation-id')).toBe(named.get('x-request-id'))
  })

  test('the trace of the caller is kept', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
    const given = `00-${trace}-00f067aa0ba902b7-01`
    const { named, answered } = await both(resolvePath(), { key: key(), headers: { traceparent: given } })
    expect(answered).toBe(true)
    expect(named.get('traceparent')).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`))
    expect(named.get('traceparent')).not.toBe(given)
    expect((await both(resolvePath(), { key: key() })).named.get('traceparent')).toMatch(/^00-[0-9a-f]{32}-/)
  })

  test('they are counted under the name of the route', async () => {
    await both(resolvePath(), { key: key() })
    const metrics = await (await system.call('GET', '/metrics', { key: ADMIN_KEY })).text()
    expect(metrics).toMatch(
      /duration_seconds_count\{[^}]*route="\/v1\/products\/:product\/assets\/:asset\/renditions\/:rendition"/,
    )
  })
})

describe('bytes', () => {
  const path = (version: string, file = 'tile.jpg'): string => `/i/mobile/${asset}/${version}/${file}`
  const edge = (delivery: string, visibility = 'public') =>
    system.call('PUT', '/v1/collections/product-photo/grants/mobile', {
      key: ADMIN_KEY,
      body: { role: 'editor', delivery, visibility },
    })

  test('are read by the routes, and answered from memory as the routes do from then on', async () => {
    expect((await edge('stream')).status).toBe(200)
    const first = await both(path('v1'))
    expect(first.answered).toBe(false)
    expect(first.lane.status).toBe(200)
    for (const version of ['v1', 'current']) {
      for (const caller of [{}, { key: system.keys.mobile }]) {
        await both(path(version), caller) // a key is known from its first question on
        const { answered, lane, routes, named } = await both(path(version), caller)
        expect(answered).toBe(true)
        // Who asks in process has no address, by which the nameless are limited.
        const { ratelimit, 'ratelimit-policy': policy, ...headers } = lane.headers
        expect({ ...lane, headers: 'key' in caller ? lane.headers : headers }).toEqual(routes)
        expect([ratelimit, policy]).not.toContain(undefined)
        expect(lane.body).toBe(first.lane.body)
        expect(named.get('x-request-id')).toMatch(/^req_/)
      }
    }
  })

  test('in part, for who has them, and their head alone are left to the routes, which need no S3 for them', async () => {
    const whole = await both(path('v1'))
    const ask = async (init: RequestInit): Promise<Response> => fetch(`${address}${path('v1')}`, init)
    const { metrics } = system.gateway
    const misses = metrics.hot.miss
    const part = await ask({ headers: { Range: 'bytes=10-19' } })
    expect([part.status, part.headers.get('content-length')]).toEqual([206, '10'])
    const bytes = Buffer.from(await (await ask({})).arrayBuffer())
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(10, 20))).toBe(true)
    const etag = whole.lane.headers.etag ?? ''
    expect((await ask({ headers: { 'If-None-Match': etag } })).status).toBe(304)
    const head = await ask({ method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe(String(bytes.length))
    expect(metrics.hot.miss).toBe(misses)
  })

  test('are no answer for who may not have them, in memory or not', async () => {
    expect((await edge('stream', 'private')).status).toBe(200)
    expect((await both(path('v1'))).lane.status).toBe(404)
    expect((await both(path('v1'), { key: key() })).lane.status).toBe(404)
    const own = { key: system.keys.mobile }
    expect((await both(path('v1'), own)).lane.status).toBe(200)
    expect(await both(path('v1'), own)).toMatchObject({ answered: true, lane: { status: 200 } })
    expect((await edge('redirect', 'private')).status).toBe(200)
    expect((await both(path('v1'), own)).lane.status).toBe(302)
  })

  test('are those of the screen, where the product heeds that', async () => {
    expect((await edge('redirect')).status).toBe(200)
    const heed = (client_hints: boolean) =>
      system.call('PUT', '/v1/products/mobile', { key: ADMIN_KEY, body: { display_name: 'mobile', client_hints } })
    expect((await heed(true)).status).toBe(200)
    const at = (dpr: string) => both(path('v1', 'tile.auto'), { headers: { 'Sec-CH-DPR': dpr } })
    // Not made yet: the routes see to it.
    expect((await at('2')).answered).toBe(false)
    await settled(system)
    const places = []
    for (const dpr of ['1', '2', '2', '1']) {
      const { answered, lane, routes } = await at(dpr)
      expect(answered).toBe(true)
      expect(lane.headers['accept-ch']).toBe('Sec-CH-DPR, DPR')
      for (const name of ['vary', 'accept-ch', 'location', 'cache-control'])
        expect(lane.headers[name], name).toBe(routes.headers[name])
      places.push(lane.headers.location)
    }
    expect(places[0]).not.toBe(places[1])
    expect(places).toEqual([places[0], places[1], places[1], places[0]])
    expect((await heed(false)).status).toBe(200)
  })

  test('that were archived are gone at once', async () => {
    expect((await edge('stream')).status).toBe(200)
    const other = (await system.upload(await photo({ width: 640, height: 400 }))).asset
    await settled(system)
    const ask = () => both(`/i/mobile/${other}/current/tile.jpg`)
    expect((await ask()).lane.status).toBe(200)
    expect((await ask()).answered).toBe(true)
    const archive = { key: key(), headers: { 'If-Match': '*' } }
    expect((await system.call('POST', `/v1/assets/${other}/archive`, archive)).status).toBe(200)
    expect((await ask()).lane.status).toBe(410)
  })
})

describe('steps aside', () => {
  const unknown = '01936f3e-8c1a-7c4e-9b0d-3f1f5a0b6c11'
  test.each([
    ['a query', () => `${resolvePath()}?format=jpeg`, () => ({ key: key() })],
    [
      'a condition',
      () => resolvePath(),
      () => ({ key: key(), headers: { Accept: 'application/json', 'If-None-Match': '"1.1.jpeg"' } }),
    ],
    ['an original', () => resolvePath('original'), () => ({ key: key() })],
    ['an unknown asset', () => resolvePath('card', unknown), () => ({ key: key() })],
    ['an unknown rendition', () => resolvePath('nothing'), () => ({ key: key() })],
    ['a path that is no name', () => resolvePath('a%20b'), () => ({ key: key() })],
    ['an unknown key', () => resolvePath(), () => ({ key: 'not-a-key' })],
    ['a mistyped key', () => resolvePath(), () => ({ key: `${key().slice(0, -1)}!` })],
    ['no key', () => resolvePath(), () => ({})],
    ['a key of another product', () => resolvePath(), () => ({ key: system.keys.mobile })],
    ['an anonymous delivery path', () => `/i/shop-web/${asset}/current/card.jpg`, () => ({})],
    ['another path', () => '/healthz', () => ({})],
  ])('%s', async (_what, path, options) => {
    const { answered, lane, routes } = await both(path(), options() as CallOptions)
    expect(answered).toBe(false)
    expect(lane.status).toBe(routes.status)
  })

  test('what is not ready, which is then planned and waited for once', async () => {
    const { keys } = system
    await system.call('PUT', '/v1/collections/product-photo/products/shop-web/renditions/late', {
      key: ADMIN_KEY,
      body: { recipe: { resize: { width: 210 }, formats: ['webp'] }, lane: 'lazy' },
    })
    const fresh = (await system.upload(await photo({ width: 800, height: 500 }))).asset
    await settled(system)
    const before = steppedAside
    const ask = () =>
      fetch(`${address}/i/shop-web/${fresh}/current/late.webp`, requestOf('GET', { key: keys['shop-web'] }))
    expect((await ask()).status).toBe(302)
    expect(steppedAside).toBe(before + 1)
    expect((await ask()).status).toBe(302)
    expect(steppedAside).toBe(before + 1)
  })
})

test('a revoked key is refused at once', async () => {
  const made = await system.call('POST', '/v1/products/shop-web/keys', {
    key: ADMIN_KEY,
    body: { label: 'short', scopes: ['resolve'] },
  })
  const { id, secret } = (await made.json()) as { id: string; secret: string }
  const ask = async () => (await both(resolvePath(), { key: secret })).lane.status
  expect(await ask()).toBe(302)
  expect((await system.call('DELETE', `/v1/keys/${id}`, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })).status).toBe(
    204,
  )
  expect(await ask()).toBe(401)
})
