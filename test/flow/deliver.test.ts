import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
let jpeg: Buffer
/** Bytes of mobile/tile. */
let tile: Buffer
let digest: string
/** In product-photo, shop-web redirects privately and mobile streams publicly. */
beforeAll(async () => {
  system = await startSystem()
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  const edge = { role: 'editor', original_access: true, delivery: 'stream', visibility: 'public' }
  await expectJson(inProcess('PUT', '/v1/collections/product-photo/grants/mobile', { key: ADMIN_KEY, body: edge }), 200)
  jpeg = await photo({ width: 1700, height: 900 })
  asset = (await system.upload(jpeg, 'collection=product-photo&filename=Gr%C3%BC%C3%9Fe%20%22a%22.jpg')).asset
  await settled(system)
  const path = `/v1/products/mobile/assets/${asset}/renditions/tile`
  const resolved = await expectJson<{ digest: string; delivery: { url: string } }>(
    inProcess('GET', path, { key: system.keys.mobile, headers: { Accept: 'application/json' } }),
    200,
  )
  digest = resolved.digest.slice(7)
  tile = Buffer.from(await (await fetch(resolved.delivery.url)).arrayBuffer())
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const open = (
  file: string,
  { version = 'v1', product = 'mobile', headers = {} as Record<string, string>, method = 'GET', send = inProcess } = {},
) => send(method, `/i/${product}/${asset}/${version}/${file}`, { headers })
const locked = (file: string, { version = 'v1', headers = {} as Record<string, string>, send = inProcess } = {}) =>
  send('GET', `/i/shop-web/${asset}/${version}/${file}`, { key: system.keys['shop-web'], headers })

describe.each(['in process', 'through a socket'] as const)('bytes %s', transport => {
  const send: Send = (...request) => (transport === 'in process' ? inProcess : socket.send)(...request)
  const ranged = (range: string, headers: Record<string, string> = {}) =>
    open('tile.jpg', { headers: { Range: range, ...headers }, send })

  test('of a pinned version are immutable, and say what they are', async () => {
    const response = await open('tile.jpg', { send })
    expect(response.status).toBe(200)
    const { headers } = response
    expect(
      Object.fromEntries(
        [
          'content-type',
          'content-length',
          'cache-control',
          'etag',
          'accept-ranges',
          'x-content-type-options',
          'repr-digest',
          'vary',
          'matrix-publication',
        ].map(name => [name, headers.get(name)]),
      ),
    ).toEqual({
      'content-type': 'image/jpeg',
      'content-length': String(tile.length),
      'cache-control': 'public, max-age=31536000, immutable',
      etag: `"${digest}"`,
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'repr-digest': `sha-256=:${Buffer.from(digest, 'hex').toString('base64')}:`,
      vary: null,
      'matrix-publication': '1',
    })
    expect(headers.get('cache-tag')).toMatch(`a:${asset},v:${asset}.1,p:mobile,n:`)
    expect(headers.get('set-cookie')).toBeNull()
    expect(Buffer.from(await response.arrayBuffer()).equals(tile)).toBe(true)
  })

  test('of the current version are kept for a moment only', async () => {
    const response = await open('tile.jpg', { version: 'current', send })
    expect(response.headers.get('cache-control')).toBe(
      'public, max-age=5, stale-while-revalidate=25, stale-if-error=86400',
    )
    expect(Buffer.from(await response.arrayBuffer()).equals(tile)).toBe(true)
  })

  test('of a negotiated format vary by it', async () => {
    const response = await open('hero.auto', { headers: { Accept: 'image/webp,*/*' }, send })
    expect(response.headers.get('vary')).toBe('Accept')
    expect(response.headers.get('content-type')).toBe('image/webp')
    const locked = await send('GET', `/i/mobile/${asset}/v1/hero.webp`, { key: system.keys.mobile })
    expect(locked.headers.get('vary')).toBeNull()
  })

  test.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=100-', 100, -1],
    ['bytes=-7', -7, -1],
    ['bytes=0-99999999999999999999', 0, -1],
    ['bytes=-99999999999999999999', 0, -1],
  ])('come in part for %s', async (range, from, to) => {
    const first = from < 0 ? tile.length + from : from
    const last = to < 0 ? tile.length + to : to
    const response = await ranged(range)
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${first}-${last}/${tile.length}`)
    expect(response.headers.get('content-length')).toBe(String(last - first + 1))
    expect(response.headers.get('etag')).toBe(`"${digest}"`)
    expect(Buffer.from(await response.arrayBuffer()).equals(tile.subarray(first, last + 1))).toBe(true)
  })

  test('come whole for what is not one range', async () => {
    const many = `bytes=${Array.from({ length: 5000 }, (_, i) => `${i}-${i}`).join(',')}`
    for (const range of [
      'bytes=0-1,5-6',
      'bytes=9-1',
      'bytes=a-b',
      'bytes=',
      'bytes=-',
      'pages=1-2',
      'bytes 0-1',
      transport === 'in process' ? many : 'bytes=0-0,1-1,2-2',
    ]) {
      const response = await ranged(range)
      expect(response.status, range.slice(0, 40)).toBe(200)
      expect(response.headers.get('content-range')).toBeNull()
      expect((await response.arrayBuffer()).byteLength).toBe(tile.length)
    }
  })

  test('that lie outside are refused with the size', async () => {
    for (const range of [`bytes=${tile.length}-`, 'bytes=99999999999999999999-', 'bytes=-0']) {
      const response = await ranged(range)
      expect(response.status).toBe(416)
      expect(response.headers.get('content-range')).toBe(`bytes */${tile.length}`)
    }
  })

  test('come in part only of what the caller has the rest of', async () => {
    expect((await ranged('bytes=0-9', { 'If-Range': `"${digest}"` })).status).toBe(206)
    for (const tag of [`W/"${digest}"`, '"other"', 'Sat, 29 Oct 1994 19:43:31 GMT'])
      expect((await ranged('bytes=0-9', { 'If-Range': tag })).status).toBe(200)
  })

  test('are not sent to who has them', async () => {
    for (const tag of [`"${digest}"`, `W/"${digest}"`, `"a", "${digest}"`, '*']) {
      const response = await open('tile.jpg', { headers: { 'If-None-Match': tag }, send })
      expect(response.status).toBe(304)
      expect(response.headers.get('etag')).toBe(`"${digest}"`)
      expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(await response.text()).toBe('')
    }
    expect((await ranged('bytes=0-9', { 'If-None-Match': `"${digest}"` })).status).toBe(304)
    expect((await open('tile.jpg', { headers: { 'If-None-Match': '"other"' }, send })).status).toBe(200)
  })

  test('are described by HEAD, which knows no ranges', async () => {
    const response = await open('tile.jpg', { method: 'HEAD', headers: { Range: 'bytes=0-9' }, send })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-length')).toBe(String(tile.length))
    expect(response.headers.get('etag')).toBe(`"${digest}"`)
    expect(await response.text()).toBe('')
  })

  test('of an edge that redirects are elsewhere', async () => {
    const response = await locked('card.jpg', { send })
    expect(response.status).toBe(302)
    expect(response.headers.get('cache-control')).toMatch(/^private, max-age=\d+$/)
    expect(Number(/\d+$/.exec(response.headers.get('cache-control') ?? '')?.[0])).toBeGreaterThan(200)
    expect((await locked('card.jpg', { version: 'current', send })).headers.get('cache-control')).toBe(
      'private, max-age=5',
    )
  })
})

describe('the path', () => {
  test('says exactly one thing', async () => {
    const files = [
      'tile',
      'tile.',
      '.jpg',
      'tile.bmp',
      'tile.webp',
      'tile.JPG',
      'tile.jpg.jpg',
      'nothing.jpg',
      'original.jpg',
      'original.auto',
      'Tile.jpg',
      'tile@2x.bmp',
      'tile.jpg%20',
      'tile.jpg%00',
      '%2e%2e.jpg',
      'card.jpg',
    ]
    for (const file of files) await expectRefusal(open(file), 404, 'not-found')
    for (const version of [
      'v0',
      'v01x',
      'V1',
      'v-1',
      'v1.0',
      'v1e1',
      '1',
      'v',
      'latest',
      'Current',
      'v2',
      'v999999999',
      'v9999999999',
    ])
      await expectRefusal(open('tile.jpg', { version }), 404, 'not-found')
    for (const product of ['nobody', 'MOBILE', 'shop-web'])
      await expectRefusal(open('tile.jpg', { product }), 404, 'not-found')
    for (const file of ['tile.jpg', 'tile.auto', 'hero.avif', 'hero.webp']) expect((await open(file)).status).toBe(200)
    for (const path of [`/i/mobile/${asset}/v1`, `/i/mobile/${asset}/v1/`, `/i/mobile//v1/tile.jpg`])
      await expectRefusal(inProcess('GET', path), 404, 'not-found')
  })

  test('takes no query, so that a cache has one key for one thing', async () => {
    for (const query of ['?x=1', '?v=2', '?dl=a.jpg', '?format=webp', '?wait=1'])
      await expectRefusal(open(`tile.jpg${query}`), 400, 'invalid-request')
    for (const query of ['?dl=a&dl=b', '?dl=a&x=1', '?DL=a'])
      await expectRefusal(locked(`original${query}`), 400, 'invalid-request')
  })
})

describe('an original', () => {
  const streamed = (query: string) =>
    inProcess('GET', `/i/mobile/${asset}/v1/original${query}`, { key: system.keys.mobile })

  test('is not public where the renditions are', async () => {
    await expectRefusal(open('original'), 404, 'not-found')
    expect((await streamed('')).status).toBe(200)
  })

  test('leaves as a download that no browser runs', async () => {
    const response = await streamed('')
    const { headers } = response
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cache-control')).toBe('private, max-age=60')
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="Gr__e _a_.jpg"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%22a%22.jpg`,
    )
    expect(Buffer.from(await response.arrayBuffer()).equals(jpeg)).toBe(true)
  })

  test.each([
    ['plain.jpg', 'plain.jpg', 'plain.jpg'],
    ['with space.jpg', 'with space.jpg', 'with%20space.jpg'],
    ['ü.jpg', '_.jpg', '%C3%BC.jpg'],
    ['a"; x="b', 'a_; x=_b', 'a%22%3B%20x%3D%22b'],
    ['back\\slash', 'back_slash', 'back%5Cslash'],
    ["it's (1)*.jpg", "it's (1)*.jpg", 'it%27s%20%281%29%2A.jpg'],
    ['100%.jpg', '100_.jpg', '100%25.jpg'],
    ['line\r\nSet-Cookie: a=b', 'lineSet-Cookie: a=b', 'lineSet-Cookie%3A%20a%3Db'],
    ['nul\u0000tab\t', 'nultab', 'nultab'],
    ['<script>', '<script>', '%3Cscript%3E'],
    [`${'x'.repeat(254)}🌸`, `${'x'.repeat(254)}`, `${'x'.repeat(254)}`],
  ])('is named %j', async (name, ascii, encoded) => {
    const response = await streamed(`?dl=${encodeURIComponent(name)}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-disposition')).toBe(
      `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`,
    )
    const redirected = await locked(`original?dl=${encodeURIComponent(name)}`)
    const location = redirected.headers.get('location') ?? ''
    expect(new URL(location).searchParams.get('response-content-disposition')).toBe(
      response.headers.get('content-disposition'),
    )
    const bytes = await fetch(location)
    expect(bytes.status).toBe(200)
    expect(bytes.headers.get('content-disposition')).toBe(response.headers.get('content-disposition'))
    await bytes.body?.cancel()
  })
})

describe('who may see what', () => {
  test('a public edge answers anybody, and nobody whose key is no key', async () => {
    expect((await open('tile.jpg')).status).toBe(200)
    const withKey = (key: string) => inProcess('GET', `/i/mobile/${asset}/v1/tile.jpg`, { key })
    expect((await withKey(system.keys.mobile)).status).toBe(200)
    await expectRefusal(withKey('garbage'), 401, 'unauthenticated')
    await expectRefusal(withKey(system.keys['shop-web']), 404, 'not-found')
  })

  test('a private edge answers its product only', async () => {
    const path = `/i/shop-web/${asset}/v1/card.jpg`
    await expectRefusal(inProcess('GET', path), 404, 'not-found')
    await expectRefusal(inProcess('GET', path, { key: system.keys.mobile }), 404, 'not-found')
    expect((await inProcess('GET', path, { key: system.keys['shop-web'] })).status).toBe(302)
    expect((await inProcess('GET', path, { key: ADMIN_KEY })).status).toBe(302)
  })

  test('a grant that ends or is taken back ends the answer at once', async () => {
    const grant = '/v1/collections/product-photo/grants/partner-api'
    const ask = () => inProcess('GET', `/i/partner-api/${asset}/v1/feed.jpg`, { key: system.keys['partner-api'] })
    expect((await ask()).status).toBe(302)
    const ended = { role: 'reader', expires_at: '2020-01-01T00:00:00Z' }
    await expectJson(inProcess('PUT', grant, { key: ADMIN_KEY, body: ended }), 200)
    await expectRefusal(ask(), 404, 'not-found')
    await expectJson(inProcess('PUT', grant, { key: ADMIN_KEY, body: { role: 'reader' } }), 200)
    expect((await ask()).status).toBe(302)
    expect((await inProcess('DELETE', grant, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })).status).toBe(204)
    await expectRefusal(ask(), 404, 'not-found')
    await expectJson(inProcess('PUT', grant, { key: ADMIN_KEY, body: { role: 'reader' } }), 201)
  })
})

test('no header that pretends to come from a proxy changes an answer', async () => {
  const plain = await open('tile.jpg')
  const pretending = {
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Proto': 'https',
    'X-Original-URL': '/v1/products',
    'X-HTTP-Method-Override': 'DELETE',
    Forwarded: 'host=evil.example',
  }
  for (const [name, value] of Object.entries(pretending)) {
    const response = await open('tile.jpg', { headers: { [name]: value } })
    expect(response.status).toBe(200)
    expect(response.headers.get('etag')).toBe(plain.headers.get('etag'))
    expect((await locked('card.jpg', { headers: { [name]: value } })).headers.get('location')).not.toContain('evil')
    expect(await (await open('nothing.jpg', { headers: { [name]: value } })).text()).not.toContain('evil')
  }
})
