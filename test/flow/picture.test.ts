/** `<picture>` of an asset: which derivatives it names, by which URLs, and that a browser without a key can fetch each of them. */
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { openWorker } from '../../src/worker.ts'
import { expectJson, expectRefusal, looked, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { countingClient } from '../support/recording.ts'
import { ADMIN_KEY, requestOf, type System, startSystem } from '../support/system.ts'

interface Picture {
  readonly version: number
  readonly sources: readonly {
    readonly type?: string
    readonly srcset: string
    readonly sizes?: string
    readonly candidates: readonly { readonly url: string; readonly width: number; readonly rendition: string }[]
  }[]
  readonly sizes?: string
  readonly img: { readonly src: string; readonly width: number; readonly height: number; readonly alt?: string }
  readonly placeholder: { readonly colour: string }
  readonly pending: readonly { readonly rendition: string; readonly formats: readonly string[] }[]
  readonly left_out: readonly { readonly rendition?: string; readonly format?: string; readonly reason: string }[]
  readonly delivery: { readonly via: string; readonly expires_at?: string; readonly cacheable: boolean }
  readonly html: string
}

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let send: Send
let asset: string
let jpeg: Buffer
const fresh = (): Buffer => Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])
const admin = async (method: string, path: string, body?: object): Promise<Response> => {
  const headers: Record<string, string> = method === 'PUT' ? {} : { 'If-Match': '*' }
  const response = await system.call(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
  expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true)
  return response
}
const pathOf = (renditions: string, { id = asset, query = '', product = 'shop-web' } = {}): string =>
  `/v1/products/${product}/assets/${id}/picture?renditions=${renditions}${query}`
const picture = (renditions: string, options: { id?: string; query?: string } = {}): Promise<Picture> =>
  expectJson<Picture>(send('GET', pathOf(renditions, options), { key: system.keys['shop-web'] }), 200)

const ALL = ['avif', 'webp', 'jpeg']
const put = (name: string, recipe: object, lane = 'eager') =>
  admin('PUT', `/v1/collections/pages/products/shop-web/renditions/${name}`, { recipe, lane })

beforeAll(async () => {
  system = await startSystem()
  socket = await openSocketClient(system)
  send = socket.send
  jpeg = await photo({ width: 500, height: 400 })
  await admin('PUT', '/v1/collections/pages', { owner: 'shop-web' })
  for (const width of [100, 200, 400]) await put(`w${width}`, { resize: { width }, formats: ALL })
  await put('again', { resize: { width: 200 }, formats: ['jpeg'] })
  await put('plain', { resize: { width: 300 }, formats: ['jpeg'] })
  await put('wide', { resize: { width: 450 }, formats: ['jpeg'] })
  await put('square', { resize: { width: 150, height: 150, fit: 'cover' }, formats: ['jpeg'] })
  await put('late', { resize: { width: 120 }, formats: ['jpeg'] }, 'lazy')
  asset = (await system.upload(fresh(), 'collection=pages')).asset
  await settled(system)
  await looked(system, asset)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

describe('sources', () => {
  test('stand best first, each with its widths ascending and one sizes', async () => {
    const { sources, img, sizes, pending, left_out } = await picture('w400,w100,w200')
    expect(sources.map(({ type }) => type)).toEqual(['image/avif', 'image/webp', 'image/jpeg'])
    for (const source of sources) {
      expect(source.candidates.map(({ width }) => width)).toEqual([100, 200, 400])
      expect(source.srcset).toBe(source.candidates.map(({ url, width }) => `${url} ${width}w`).join(', '))
      expect(source.sizes).toBe('(max-width: 400px) 100vw, 400px')
    }
    expect(sizes).toBe('(max-width: 400px) 100vw, 400px')
    expect(img).toMatchObject({ width: 400, height: 320, src: sources[2]?.candidates[2]?.url })
    expect([pending, left_out]).toEqual([[], []])
  })

  test('name a width once, whichever renditions have it', async () => {
    const { sources } = await picture('w100,w200,w400,again')
    expect(sources.at(-1)?.candidates.map(({ rendition }) => rendition)).toEqual(['w100', 'w200', 'w400'])
  })

  test('lack what only some renditions have, but never the widest', async () => {
    const narrower = await picture('plain,w400')
    expect(narrower.sources.map(({ candidates }) => candidates.map(({ width }) => width))).toEqual([
      [400],
      [400],
      [300, 400],
    ])
    const wider = await picture('w400,wide')
    expect(wider.sources.map(({ type }) => type)).toEqual(['image/jpeg'])
    expect(wider.left_out).toEqual([
      { format: 'avif', reason: 'largest-missing' },
      { format: 'webp', reason: 'largest-missing' },
    ])
  })

  test('are of one shape', async () => {
    const { sources, left_out } = await picture('square,w400,w100')
    expect(sources.at(-1)?.candidates.map(({ rendition }) => rendition)).toEqual(['w100', 'w400'])
    expect(left_out).toEqual([{ rendition: 'square', reason: 'other-aspect' }])
  })

  test('of one width are one URL, and nothing is chosen by sizes', async () => {
    const { sources, sizes } = await picture('plain')
    expect(sources).toMatchObject([{ type: 'image/jpeg', srcset: sources[0]?.candidates[0]?.url }])
    expect([sizes, sources[0]?.sizes]).toEqual([undefined, undefined])
  })

  test('of one rendition for several screens are densities, and those that there are pixels for', async () => {
    const one = await picture('plain', { query: '&dpr=1,2,3&wait=10' })
    expect(one.sources.at(-1)?.candidates.map(({ width }) => width)).toEqual([300, 500])
    const [small, large] = one.sources.at(-1)?.candidates ?? []
    expect(one.sources.at(-1)?.srcset).toBe(`${small?.url} 1x, ${large?.url} 1.67x`)
    expect(one.img).toMatchObject({ width: 300, src: small?.url })
    expect(one.sizes).toBeUndefined()
    const several = await picture('w100,w200', { query: '&dpr=2&wait=10' })
    expect(several.sources.at(-1)?.candidates.map(({ width }) => width)).toEqual([100, 200, 400])
    expect(several.img.width).toBe(200)
  })

  test('take the sizes of the page', async () => {
    const wished = '(min-width: 60em) calc(50vw - 2rem), 100vw'
    const { html, sizes } = await picture('w100,w200', { query: `&sizes=${encodeURIComponent(wished)}` })
    expect(sizes).toBe(wished)
    expect(html).toContain(`sizes="${wished}"`)
  })
})

describe('what stands for the picture', () => {
  test('is its alt where it has one, escaped, and its colour', async () => {
    await admin('PATCH', `/v1/assets/${asset}`, { attributes: { alt: 'A "chair" <in> the \u001f sun' } })
    const { img, html, placeholder } = await picture('w100')
    expect(img.alt).toBe('A "chair" <in> the   sun')
    expect(html).toContain('alt="A &quot;chair&quot; &lt;in&gt; the   sun"')
    expect(html).toContain(`style="background-color:${placeholder.colour}"`)
    await admin('PATCH', `/v1/assets/${asset}`, { attributes: { alt: { en: 'Chair' } } })
    expect((await picture('w100')).img).not.toHaveProperty('alt')
  })
})

describe('URLs', () => {
  const everyUrl = ({ sources, img }: Picture): string[] => [
    ...sources.flatMap(({ candidates }) => candidates.map(({ url }) => url)),
    img.src,
  ]
  const expectFetched = async (found: Picture): Promise<void> => {
    for (const { type, candidates } of found.sources)
      for (const { url } of candidates) {
        const response = await fetch(url)
        expect([response.status, response.headers.get('content-type')]).toEqual([200, type])
        await response.arrayBuffer()
      }
  }

  test('of a private edge without a signing key are presigned, and end soon', async () => {
    const found = await picture('w100,w200')
    expect(found.delivery).toMatchObject({ via: 's3', cacheable: true })
    const end = Date.parse(found.delivery.expires_at ?? '')
    expect(end - Date.now()).toBeLessThan(3_600_000)
    await expectFetched(found)
  })

  test('of a private edge with one are signed paths of the version for a day, and nothing without the signature', async () => {
    const { kid } = await expectJson<{ kid: string }>(admin('POST', '/v1/products/shop-web/signing-keys', {}), 201)
    const found = await picture('w100,w200')
    expect(found.delivery.via).toBe('gateway')
    const left = Date.parse(found.delivery.expires_at ?? '') - Date.now()
    expect(left).toBeGreaterThan(86_000_000)
    for (const url of everyUrl(found)) {
      const { pathname } = new URL(url)
      expect(pathname).toMatch(
        new RegExp(`^/s/${kid}\\.\\d+\\.[\\w-]{43}/i/shop-web/${asset}/v1/w\\d00\\.(avif|webp|jpg)$`),
      )
      expect((await send('GET', pathname.replace(/^\/s\/[^/]+/, ''))).status).toBe(404)
    }
    await expectFetched(found)
    await admin('DELETE', `/v1/signing-keys/${kid}`)
    expect((await picture('w100,w200')).delivery.via).toBe('s3')
  })

  test('of a public edge are plain, the same for ever', async () => {
    await admin('PUT', '/v1/collections/pages/grants/shop-web', {
      role: 'owner',
      visibility: 'public',
      delivery: 'stream',
    })
    const found = await picture('w100,w200')
    expect(found.delivery).toEqual({ via: 'gateway', cacheable: true })
    for (const url of everyUrl(found))
      expect(url).toMatch(new RegExp(`^http://[^/]+/i/shop-web/${asset}/v1/w\\d00\\.\\w+$`))
    await expectFetched(found)
  })

  test('of a grant that ends do not outlive it', async () => {
    const expires_at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000).toISOString()
    await admin('PUT', '/v1/collections/pages/grants/mobile', { role: 'reader', expires_at })
    await admin('PUT', '/v1/collections/pages/products/mobile/renditions/tile', {
      recipe: { resize: { width: 100 }, formats: ['jpeg'] },
    })
    await admin('POST', '/v1/products/mobile/signing-keys', {})
    const url = pathOf('tile', { product: 'mobile', query: '&wait=10' })
    const found = await expectJson<Picture>(send('GET', url, { key: system.keys.mobile }), 200)
    expect(found.delivery).toEqual({ via: 'gateway', expires_at, cacheable: true })
  })
})

describe('what is not ready', () => {
  test('is left out and named, and planned by being asked for', async () => {
    const { asset: id } = await system.upload(fresh(), 'collection=pages')
    await settled(system)
    const asked = await send('GET', pathOf('late', { id }), { key: system.keys['shop-web'] })
    const pending = await expectJson<Picture & { state: string }>(asked, 202)
    expect(asked.headers.get('cache-control')).toBe('no-store')
    expect(pending).toMatchObject({ state: 'pending', pending: [{ rendition: 'late', formats: ['jpeg'] }] })
    expect((await picture('late', { id, query: '&wait=10' })).sources).toHaveLength(1)
  })

  test('in part is a picture of the rest, asked about each time', async () => {
    const side = await startSystem({ worker: false })
    try {
      const worker = await openWorker(side.core)
      const { asset: id } = await side.upload(fresh())
      await settled({ ...side, worker })
      await worker.drain()
      const recipe = { resize: { width: 90 }, formats: ['jpeg'] }
      const path = '/v1/collections/product-photo/products/shop-web/renditions/small'
      await side.call('PUT', path, { key: ADMIN_KEY, body: { recipe, lane: 'lazy' } })
      const response = await side.call('GET', pathOf('card,small', { id }), { key: side.keys['shop-web'] })
      expect(response.headers.get('cache-control')).toBe('private, no-cache')
      const { sources, pending, delivery } = await expectJson<Picture>(response, 200)
      expect(sources.flatMap(({ candidates }) => candidates.map(({ rendition }) => rendition))).toEqual(['card'])
      expect([pending, delivery.cacheable]).toEqual([[{ rendition: 'small', formats: ['jpeg'] }], false])
    } finally {
      await side.close()
    }
  })
})

describe('caches', () => {
  test('are told by an ETag of the text, which a new alt changes', async () => {
    const ask = (etag?: string) =>
      send('GET', pathOf('w100'), {
        key: system.keys['shop-web'],
        ...(etag !== undefined && { headers: { 'If-None-Match': etag } }),
      })
    const first = await ask()
    const etag = first.headers.get('etag') ?? ''
    expect(first.headers.get('cache-control')).toBe('private, max-age=60')
    expect(first.headers.get('vary')).toBe('Authorization')
    const again = await ask(etag)
    expect([again.status, again.headers.get('etag'), again.headers.get('cache-control')]).toEqual([
      304,
      etag,
      'private, max-age=60',
    ])
    await admin('PATCH', `/v1/assets/${asset}`, { attributes: { alt: 'Other' } })
    expect((await ask(etag)).status).toBe(200)
  })
})

describe('refusals', () => {
  test.each(['', 'w100,w100', 'original', 'W100', 'w100,', Array.from({ length: 21 }, (_, n) => `n${n}`).join()])(
    'renditions=%s is a bad request',
    async renditions => {
      await expectRefusal(send('GET', pathOf(renditions), { key: system.keys['shop-web'] }), 400, 'invalid-request')
    },
  )

  test('sizes with markup are a bad request', async () => {
    const path = pathOf('w100', { query: `&sizes=${encodeURIComponent('"><script>')}` })
    await expectRefusal(send('GET', path, { key: system.keys['shop-web'] }), 400, 'invalid-request')
  })

  test('are those of a resolve', async () => {
    const key = system.keys['shop-web']
    await expectRefusal(send('GET', pathOf('w100,nothing'), { key }), 404, 'not-found')
    await expectRefusal(send('GET', pathOf('w100', { id: crypto.randomUUID() }), { key }), 404, 'not-found')
    await expectRefusal(send('GET', pathOf('w100'), { key: system.keys['partner-api'] }), 404, 'not-found')
    await expectRefusal(send('GET', pathOf('w100')), 401, 'unauthenticated')
    const { asset: id } = await system.upload(fresh(), 'collection=pages')
    await settled(system)
    await admin('POST', `/v1/assets/${id}/archive`)
    await expectRefusal(send('GET', pathOf('w100', { id }), { key }), 410, 'asset-archived')
  })
})

test('costs three statements at most, and one when nothing has changed', async () => {
  const sent: string[] = []
  const { engines, config } = system
  const database = { ...engines.database, Client: countingClient(sent) } as pg.PoolConfig
  const core = await openCore({ config, engines: { ...engines, database }, name: 'counted' })
  const app = createApp(openGateway(core))
  const ask = async (renditions: string): Promise<number> => {
    sent.length = 0
    const response = await app.request(pathOf(renditions), requestOf('GET', { key: system.keys['shop-web'] }))
    expect(response.status).toBe(200)
    return sent.length
  }
  await admin('PUT', '/v1/collections/pages/grants/shop-web', { role: 'owner', visibility: 'private' })
  await admin('POST', '/v1/products/shop-web/signing-keys', {})
  await app.request(pathOf('square'), requestOf('GET', { key: system.keys['shop-web'] })) // the key is met
  expect(await ask('w100,w200')).toBeLessThanOrEqual(3)
  await admin('PATCH', `/v1/assets/${asset}`, { labels: ['seen'] })
  await admin('POST', '/v1/products/shop-web/signing-keys', {})
  expect(await ask('w100,w200,w400,again,plain,wide')).toBeLessThanOrEqual(3)
  expect(await ask('w100,w200,w400,again,plain,wide')).toBe(1)
  await core.close()
})
