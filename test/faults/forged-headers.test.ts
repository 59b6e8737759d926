/**
 * Attack T8: headers by which frameworks and proxies let a client say what it asked for, where, and of whom. Nothing here reads
 * them, so each answer is the one that would be given without them; and however odd an `Accept`, a cache keeps few variants.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, looked, openSocketClient, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
const startedAt = Date.now()

beforeAll(async () => {
  // Presigned URLs of one window are equal; the test does not run from one into the next.
  system = await startSystem({ clock: { now: () => startedAt } })
  socket = await openSocketClient(system)
  asset = (await system.upload(await photo({ width: 900, height: 600 }))).asset
  await settled(system)
  await looked(system, asset)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const FORGED: readonly Readonly<Record<string, string>>[] = [
  { 'X-Forwarded-Host': 'evil.example' },
  {
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Port': '1',
    'X-Forwarded-Prefix': '/p',
  },
  { Forwarded: 'for=127.0.0.1;host=evil.example;proto=https' },
  { 'X-Host': 'evil.example', 'X-HTTP-Host-Override': 'evil.example', 'X-Forwarded-Server': 'evil.example' },
  { 'X-Original-URL': '/v1/products' },
  { 'X-Rewrite-URL': '/v1/products', 'X-Original-URI': '/healthz' },
  { 'X-HTTP-Method-Override': 'DELETE' },
  { 'X-HTTP-Method': 'PUT', 'X-Method-Override': 'PATCH', _method: 'DELETE' },
  {
    'X-Forwarded-For': '127.0.0.1',
    'X-Real-IP': '127.0.0.1',
    'X-Client-IP': '127.0.0.1',
    'True-Client-IP': '127.0.0.1',
  },
  { 'X-Forwarded-User': 'admin', 'X-Remote-User': 'admin', 'X-Tenant': 'elsewhere', 'X-Product': 'mobile' },
  { 'X-Forwarded-Scheme': 'nothttps', 'X-Wap-Profile': 'http://evil.example/' },
  { 'Accept-Language': 'x'.repeat(2000), 'Accept-Charset': 'utf-7', 'Accept-Encoding': 'br;q=1, evil' },
]

const ASKS: readonly (readonly [what: string, method: string, path: () => string, options?: () => CallOptions])[] = [
  ['a redirect', 'GET', () => `/v1/products/shop-web/assets/${asset}/renditions/card`],
  [
    'a document',
    'GET',
    () => `/v1/products/shop-web/assets/${asset}/renditions/hero`,
    () => ({ headers: { Accept: 'application/json' } }),
  ],
  ['a delivery URL', 'GET', () => `/i/shop-web/${asset}/v1/hero.webp`],
  ['an original', 'GET', () => `/i/shop-web/${asset}/current/original`],
  ['a refusal', 'GET', () => `/v1/products/mobile/assets/${asset}/renditions/card`],
  ['a route that is none', 'GET', () => '/v1/nothing'],
  ['an upload', 'POST', () => `/v1/assets/${asset}/versions?publish=manual`, () => ({ body: Buffer.from('a text') })],
  ['a write', 'PUT', () => '/v1/products/other', () => ({ key: ADMIN_KEY, body: { display_name: 'Other' } })],
]

/** What is of the request alone, and the counters that an upload moves on. */
const told = async (response: Response) => ({
  status: response.status,
  location: response.headers.get('location'),
  vary: response.headers.get('vary'),
  cached: response.headers.get('cache-control'),
  body: (await response.text())
    .replace(/"instance":"[^"]*"/, '')
    .replace(/"(version|event_no)":\d+/g, '"$1":0')
    .replace(/"deduplicated":\w+/, ''),
})

describe('forged headers have no effect', () => {
  for (const [what, method, path, options] of ASKS)
    test(`on ${what}`, async () => {
      const ask = async (headers: Readonly<Record<string, string>>) => {
        const given: CallOptions = { key: system.keys['shop-web'], ...options?.() }
        return told(await socket.send(method, path(), { ...given, headers: { ...given.headers, ...headers } }))
      }
      // A write is new once only.
      await ask({})
      const honest = await ask({})
      for (const headers of FORGED) expect(await ask(headers), JSON.stringify(headers)).toEqual(honest)
      expect(JSON.stringify(honest)).not.toContain('evil')
    })

  test('and a method is what the request line says', async () => {
    const name = '/v1/collections/product-photo/products/shop-web/renditions/card'
    const headers = { 'X-HTTP-Method-Override': 'DELETE', 'If-Match': '*' }
    await expectJson(socket.send('GET', name, { key: ADMIN_KEY, headers }), 200)
    expect((await socket.send('POST', name, { key: ADMIN_KEY, headers })).status).toBe(404)
    await expectJson(socket.send('GET', name, { key: ADMIN_KEY }), 200)
  })
})

const ODD_ACCEPTS = [
  '*/*',
  'image/*',
  'image/avif',
  'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
  'image/webp,*/*',
  'image/jpeg',
  'IMAGE/AVIF , */*;q=0.1',
  'image/avif;q=0, image/webp;q=0.0, */*',
  'image/avif;q=1.000;x="a,b", image/*',
  'image/avif-sequence, image/*',
  'image/*;q=0.0001, */*;q=0',
  'text/html, image/webp;level=1',
  'application/xhtml+xml, image/png;q=0.3, */*;q=0.1',
  ';;;,,,image/webp',
  'image/webp'.padEnd(4000, ' '),
  Array.from({ length: 300 }, (_, i) => `image/x-${i}`).join(','),
  'image/webp,image/avif,image/jpeg;q=1e9',
  '*',
  'x',
  '\t image/avif',
  'image/gif, image/tiff, image/heic',
  'null',
]

test('an Accept picks one of few variants, and says that it did', async () => {
  const seen = new Map<string, string>()
  for (const accept of ODD_ACCEPTS) {
    for (const path of [`/i/shop-web/${asset}/v1/hero.auto`, `/v1/products/shop-web/assets/${asset}/renditions/hero`]) {
      const response = await socket.send('GET', path, { key: system.keys['shop-web'], headers: { Accept: accept } })
      expect([302, 406], accept).toContain(response.status)
      if (response.status === 302) expect(response.headers.get('vary')).toBe('Accept, Authorization')
      const variant = response.headers.get('location') ?? 'none'
      seen.set(variant, accept)
      await response.text()
    }
  }
  expect(seen.size).toBeGreaterThan(2)
  expect(seen.size, [...seen.values()].join('\n')).toBeLessThanOrEqual(4)
})
