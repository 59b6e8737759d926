import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorker } from '../../src/worker.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Resolution {
  readonly digest: string
  readonly media_type: string
  readonly delivery: { readonly url: string; readonly expires_at: string; readonly cacheable: boolean }
}

const JSON_ONLY = { Accept: 'application/json' }
let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
let jpeg: Buffer
beforeAll(async () => {
  system = await startSystem()
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  jpeg = await photo({ width: 1700, height: 900 })
  asset = (await system.upload(jpeg, 'collection=product-photo&filename=photo.jpg')).asset
  await settled(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const pathOf = (rendition: string, { product = 'shop-web', id = asset } = {}): string =>
  `/v1/products/${product}/assets/${id}/renditions/${rendition}`
const key = (): string => system.keys['shop-web']
const ask = (rendition: string, { query = '', headers = {} as Record<string, string>, send = inProcess } = {}) =>
  send('GET', `${pathOf(rendition)}${query}`, { key: key(), headers })
const sha256 = (bytes: ArrayBuffer): string => `sha256:${createHash('sha256').update(Buffer.from(bytes)).digest('hex')}`

describe.each(['in process', 'through a socket'] as const)('%s', transport => {
  const send: Send = (...request) => (transport === 'in process' ? inProcess : socket.send)(...request)

  test('the resolution says everything that section 3 promises, and nothing else', async () => {
    const response = await ask('card', { headers: JSON_ONLY, send })
    const { headers } = response
    expect(headers.get('etag')).toMatch(/^"1\.1\.jpeg\.[0-9a-f]{8}\.[0-9a-z]{6}"$/)
    expect(headers.get('cache-control')).toBe('private, max-age=60')
    expect(headers.get('vary')).toBe('Accept, Authorization')
    expect(headers.get('matrix-publication')).toBe('1')
    // The placeholder comes when it comes (looks.test.ts).
    const { placeholder: _, ...body } = await expectJson<Resolution & { node: string; placeholder?: object }>(
      response,
      200,
    )
    expect(headers.get('cache-tag')).toBe(
      `a:${asset},v:${asset}.1,p:shop-web,n:${body.node.slice(7, 15)},r:shop-web.card`,
    )
    expect(body).toEqual({
      state: 'ready',
      asset,
      version: 1,
      publication: 1,
      product: 'shop-web',
      rendition: 'card',
      revision: 1,
      node: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      media_type: 'image/jpeg',
      width: 400,
      height: 212,
      bytes: expect.any(Number),
      delivery: {
        url: expect.stringMatching(/^http:/),
        expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        cacheable: true,
        via: 's3',
      },
      shared_with: 1,
    })
    const bytes = await (await fetch(body.delivery.url)).arrayBuffer()
    expect(sha256(bytes)).toBe(body.digest)
  })

  test('a redirect leads to the bytes, privately, for no longer than they may be had', async () => {
    const response = await ask('card', { send })
    expect(response.status).toBe(302)
    expect(await response.text()).toBe('')
    const { headers } = response
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    const [, maxAge] = /^private, max-age=(\d+)$/.exec(headers.get('cache-control') ?? '') ?? []
    const { delivery, digest } = await expectJson<Resolution>(ask('card', { headers: JSON_ONLY, send }), 200)
    expect(Number(maxAge)).toBeLessThan((Date.parse(delivery.expires_at) - Date.now()) / 1000)
    expect(headers.get('location')).toBe(delivery.url)
    expect(sha256(await (await fetch(delivery.url)).arrayBuffer())).toBe(digest)
  })

  test('a stream is the bytes', async () => {
    const response = await ask('card', { query: '?delivery=stream', send })
    const { digest } = await expectJson<Resolution>(ask('card', { headers: JSON_ONLY, send }), 200)
    expect(response.status).toBe(200)
    expect(response.headers.get('etag')).toBe(`"${digest.slice(7)}"`)
    expect(response.headers.get('accept-ranges')).toBe('bytes')
    expect(sha256(await response.arrayBuffer())).toBe(digest)
  })

  test('a HEAD is the GET without its body', async () => {
    for (const query of ['?delivery=stream', '?delivery=redirect', '?delivery=json']) {
      const [get, head] = [
        await ask('card', { query, send }),
        await send('HEAD', pathOf('card') + query, { key: key() }),
      ]
      expect(head.status).toBe(get.status)
      expect(await head.text()).toBe('')
      for (const name of ['etag', 'content-type', 'cache-control', 'vary', 'location'])
        expect(head.headers.get(name), `${query} ${name}`).toBe(get.headers.get(name))
    }
  })
})

test('the socket has a short cut, and nobody can tell', async () => {
  const OWN = new Set([
    'x-request-id',
    'x-correlation-id',
    'traceparent',
    'server-timing',
    'cache-status',
    // Callers without a key are limited by their address, which there is none of in process.
    'ratelimit',
    'ratelimit-policy',
    'date',
    'connection',
    'keep-alive',
    'content-length',
    'transfer-encoding',
  ])
  const told = async (response: Response) => ({
    status: response.status,
    headers: Object.fromEntries([...response.headers].filter(([name]) => !OWN.has(name))),
    body: (await response.text()).replace(/req_\w+/, ''),
  })
  const missing = crypto.randomUUID()
  const questions: [string, { key?: string; headers?: Record<string, string> }][] = [
    [pathOf('card'), { key: key(), headers: JSON_ONLY }],
    [pathOf('card'), { key: key() }],
    [pathOf('hero'), { key: key(), headers: { Accept: 'image/webp, */*' } }],
    [pathOf('hero'), { key: key(), headers: { Accept: 'image/png' } }],
    [pathOf('original'), { key: key(), headers: JSON_ONLY }],
    [pathOf('card', { id: missing }), { key: key() }],
    [pathOf('card', { product: 'mobile' }), { key: key() }],
    [pathOf('nothing'), { key: key() }],
    [pathOf('card'), {}],
    [pathOf('card'), { key: 'garbage' }],
    [pathOf('card'), { key: ADMIN_KEY, headers: JSON_ONLY }],
    [`/i/shop-web/${asset}/v1/card.jpg`, { key: key() }],
    [`/i/shop-web/${asset}/current/hero.auto`, { key: key(), headers: { Accept: 'image/avif' } }],
    [`/i/shop-web/${asset}/v2/card.jpg`, { key: key() }],
    [`/i/shop-web/${asset}/v1/card.jpg`, {}],
    [`/i/shop-web/${asset}/v1/card.exe`, { key: key() }],
  ]
  for (const [path, options] of questions)
    expect(await told(await socket.send('GET', path, options)), path).toEqual(
      await told(await inProcess('GET', path, options)),
    )
})

test('the mode of delivery follows Accept, or what is asked for', async () => {
  const status = async (query: string, accept?: string) =>
    (await ask('card', { query, headers: accept === undefined ? {} : { Accept: accept } })).status
  expect(await status('')).toBe(302)
  expect(await status('', 'image/avif,image/*')).toBe(302)
  expect(await status('', 'application/json')).toBe(200)
  expect(await status('?delivery=redirect', 'application/json')).toBe(302)
  expect(await status('?delivery=json')).toBe(200)
})

test('parameters are read strictly', async () => {
  const bad = [
    '?delivery=fax',
    '?format=bmp',
    '?format=',
    '?version=0',
    '?version=-1',
    '?version=1.5',
    '?version=',
    '?version=1e3',
    '?version=9999999999',
  ]
  const more = [
    '?wait=-1',
    '?wait=NaN',
    '?wait=abc',
    '?wait=1e999',
    '?w=100',
    '?format=webp&format=jpeg',
    '?version=1&version=1',
    '?__proto__=1',
  ]
  for (const query of [...bad, ...more])
    await expectRefusal(ask('card', { query, headers: JSON_ONLY }), 400, 'invalid-request')
  for (const query of ['?version=2', '?version=999999999', '?format=webp', '?format=avif'])
    await expectRefusal(ask('card', { query, headers: JSON_ONLY }), 404, 'not-found')
  for (const query of [
    '?version=1',
    '?version=current',
    '?format=jpg',
    '?format=jpeg',
    '?format=auto',
    '?wait=0',
    '?wait=100000',
  ])
    await expectJson(ask('card', { query, headers: JSON_ONLY }), 200)
})

test('what one has seen is not sent again', async () => {
  const tagged = async (tag: string) => ask('card', { headers: { ...JSON_ONLY, 'If-None-Match': tag } })
  const full = await ask('card', { headers: JSON_ONLY })
  const response = await tagged(full.headers.get('etag') ?? '')
  expect(response.status).toBe(304)
  for (const name of ['etag', 'cache-control', 'vary', 'cache-tag', 'matrix-publication'])
    expect(response.headers.get(name)).toBe(full.headers.get(name))
  expect((await tagged('"1.1.webp"')).status).toBe(200)
})

test('an original is resolved like a rendition, where the product may have it', async () => {
  const original = await expectJson<Resolution>(ask('original', { headers: JSON_ONLY }), 200)
  expect(original).toMatchObject({
    rendition: 'original',
    media_type: 'image/jpeg',
    filename: 'photo.jpg',
    digest: sha256(new Uint8Array(jpeg).buffer),
  })
  const bytes = await fetch(original.delivery.url)
  expect(bytes.headers.get('content-disposition')).toBe(`attachment; filename="photo.jpg"; filename*=UTF-8''photo.jpg`)
  expect(Buffer.from(await bytes.arrayBuffer()).equals(jpeg)).toBe(true)
  const forbidden = inProcess('GET', pathOf('original', { product: 'partner-api' }), {
    key: system.keys['partner-api'],
  })
  expect(await expectRefusal(forbidden, 403, 'forbidden')).toMatchObject({ reasons: ['originals-closed'] })
})

describe('a format is chosen', () => {
  const chosen = async (accept: string | undefined, query = ''): Promise<unknown> =>
    (
      await expectJson<Resolution>(
        ask('hero', { query: `?delivery=json${query}`, headers: accept === undefined ? {} : { Accept: accept } }),
        200,
      )
    ).media_type

  test.each([
    [undefined, 'image/jpeg'],
    ['*/*', 'image/jpeg'],
    ['image/*', 'image/jpeg'],
    ['image/webp,*/*', 'image/webp'],
    ['image/avif,image/webp,image/apng,image/*,*/*;q=0.8', 'image/avif'],
    ['image/avif;q=0,image/webp,*/*', 'image/webp'],
    ['IMAGE/WEBP, */*', 'image/webp'],
    ['image/avif-sequence, */*', 'image/jpeg'],
    ['image/jpeg', 'image/jpeg'],
    ['application/json', 'image/avif'],
  ])('for Accept: %s', async (accept, expected) => {
    expect(await chosen(accept)).toBe(expected)
  })

  test('by name, whatever the client accepts', async () => {
    for (const [format, type] of [
      ['webp', 'image/webp'],
      ['jpg', 'image/jpeg'],
      ['avif', 'image/avif'],
    ])
      expect(await chosen('image/png', `&format=${format}`)).toBe(type)
  })

  test('or none', async () => {
    await expectRefusal(
      ask('hero', { query: '?delivery=json', headers: { Accept: 'image/png' } }),
      406,
      'not-acceptable',
    )
    await expectRefusal(ask('hero', { headers: { Accept: 'text/html' } }), 406, 'not-acceptable')
  })
})

describe('what is not ready', () => {
  let idle: System
  let send: Send
  beforeAll(async () => {
    idle = await startSystem({ worker: false })
    send = await openClient(idle)
  })
  afterAll(() => idle.close())
  const path = (id: string, rendition: string): string => pathOf(rendition, { id })

  test('is pending, never cached, and says where to look', async () => {
    const { asset: id } = await idle.upload(jpeg, 'collection=product-photo&publish=now')
    for (const delivery of ['json', 'redirect', 'stream']) {
      const response = await send('GET', `${path(id, 'card')}?delivery=${delivery}`, { key: idle.keys['shop-web'] })
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('retry-after')).toBe('1')
      const body = await expectJson<{ status_url: string }>(response, 202)
      expect(body).toEqual({
        state: 'pending',
        asset: id,
        version: 1,
        product: 'shop-web',
        rendition: 'card',
        queued_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        blocking: [{ node: expect.stringMatching(/^sha256:/), format: 'jpeg', state: 'QUEUED', attempts: 0 }],
        retry_after: 1,
        status_url: expect.stringMatching(`/v1/assets/${id}/versions/1/completeness$`),
      })
      await expectJson(send('GET', new URL(body.status_url).pathname, { key: idle.keys['shop-web'] }), 200)
    }
  })

  test('is pending too while nothing has been published', async () => {
    const { asset: id } = await idle.upload(jpeg)
    const body = await expectJson(send('GET', path(id, 'card'), { key: idle.keys['shop-web'] }), 202)
    expect(body).toMatchObject({ state: 'pending', blocking: [], status_url: expect.stringMatching(/\/versions$/) })
  })

  test('is waited for as long as the caller says', async () => {
    const { asset: id } = await idle.upload(jpeg, 'collection=product-photo&publish=now')
    const timed = async (query: string, headers = {}) => {
      const startedAt = performance.now()
      await expectJson(send('GET', path(id, 'card') + query, { key: idle.keys['shop-web'], headers }), 202)
      return performance.now() - startedAt
    }
    expect(await timed('?wait=0.4')).toBeGreaterThan(390)
    expect(await timed('', { Prefer: 'respond-async, wait=1' })).toBeGreaterThan(990)
    expect(await timed('?wait=0', { Prefer: 'wait=9' })).toBeLessThan(5_000)
  })
})

test('who waits gets the bytes of what has just been uploaded, and of what nobody has asked for before', async () => {
  const bytes = Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])
  const { asset: id } = await system.upload(bytes)
  const options = { key: key(), headers: { ...JSON_ONLY, Prefer: 'wait=10' } }
  await expectJson(inProcess('GET', pathOf('card', { id }), options), 200)
  const recipe = { resize: { width: 50 }, formats: ['png'] }
  const rendition = '/v1/collections/product-photo/products/shop-web/renditions/on-demand'
  await expectJson(inProcess('PUT', rendition, { key: key(), body: { recipe, lane: 'lazy' } }), 201)
  expect(await expectJson(inProcess('GET', pathOf('on-demand', { id }), options), 200)).toMatchObject({
    width: 50,
    media_type: 'image/png',
  })
})

test('a better format comes later, and until then an answer is not to be kept', async () => {
  const held = await startSystem({ worker: false })
  try {
    const send = await openClient(held)
    const { rows } = held.core.database
    const set = (name: string, change: string) =>
      rows({ name, text: `update node set ${change} where format = 'avif'` }, [])
    const { asset: id } = await held.upload(jpeg)
    // As after a try that failed: not to be claimed for as long as this test likes.
    await set('hold', `not_before = now() + interval '1 hour'`)
    const worker = await openWorker(held.core)
    try {
      const ask = (query = '') =>
        send('GET', `${pathOf('hero', { id })}?wait=10&delivery=json${query}`, {
          key: held.keys['shop-web'],
          headers: { Accept: 'image/avif,image/webp,*/*' },
        })
      expect(await expectJson<Resolution>(ask(), 200)).toMatchObject({
        media_type: 'image/webp',
        delivery: { cacheable: false },
      })
      expect(await expectJson<Resolution>(ask('&format=webp'), 200)).toMatchObject({ delivery: { cacheable: true } })
      const bytes = (file: string) =>
        send('GET', `/i/shop-web/${id}/v1/${file}`, {
          key: held.keys['shop-web'],
          headers: { Accept: 'image/avif,image/webp' },
        })
      const edge = { role: 'owner', original_access: true, delivery: 'stream' }
      await expectJson(
        send('PUT', '/v1/collections/product-photo/grants/shop-web', { key: ADMIN_KEY, body: edge }),
        200,
      )
      expect((await bytes('hero.auto')).headers.get('cache-control')).toBe('private, max-age=5')
      expect((await bytes('hero.webp')).headers.get('cache-control')).toContain('immutable')
      await set('release', 'not_before = null')
      expect(await expectJson<Resolution>(ask('&format=avif'), 200)).toMatchObject({ media_type: 'image/avif' })
      expect(await expectJson<Resolution>(ask(), 200)).toMatchObject({
        media_type: 'image/avif',
        delivery: { cacheable: true },
      })
      expect((await bytes('hero.auto')).headers.get('cache-control')).toContain('immutable')
    } finally {
      await worker.drain()
    }
  } finally {
    await held.close()
  }
})
