/** info.json: what is known of a version, for whoever may see its renditions. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signUrl } from '../../src/sdk/index.ts'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { gradient, photo, storedAs } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Info {
  readonly version: number
  readonly media_type: string
  readonly width?: number
  readonly height?: number
  readonly placeholder?: object
  readonly renditions: readonly {
    rendition: string
    format: string
    width: number
    bytes: number
    digest: string
    path: string
  }[]
}

let system: System
let send: Send
let asset: string
const GRANT = '/v1/collections/product-photo/grants/mobile'
const key = () => ({ key: system.keys['shop-web'] })
const path = (product = 'shop-web', version = 'v1') => `/i/${product}/${asset}/${version}/info.json`
const open = (target: string, options = {}) => send('GET', target, options)

beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  asset = (await system.upload(await photo({ width: 640, height: 480 }))).asset
  await settled(system)
})
afterAll(() => system.close())

test('sizes, and what the product has ready, under paths that give just these bytes', async () => {
  const info = await expectJson<Info>(open(path(), key()), 200)
  expect(info).toMatchObject({ asset, version: 1, media_type: 'image/jpeg', width: 640, height: 480, frames: 1 })
  expect(info.renditions.map(({ rendition, format }) => `${rendition} ${format}`)).toContain('card jpeg')
  for (const { path: file, bytes, digest, width } of info.renditions) {
    const stream = `/v1/products/shop-web/assets/${asset}/renditions/${file.split('/').at(-1)?.split('.')[0]}?delivery=json`
    expect(width).toBeLessThanOrEqual(1600)
    const format = file.split('.').at(-1)
    const said = await expectJson<{ bytes: number; digest: string }>(open(`${stream}&format=${format}`, key()), 200)
    expect(said).toMatchObject({ bytes, digest })
    expect((await open(file, key())).status).toBe(302)
  }
  expect(JSON.stringify(info)).not.toContain('mobile')
})

test('turned as a person sees it', async () => {
  const stored = await storedAs(gradient({ width: 120, height: 400 }), 6)
  const turned = await system.upload(await stored.jpeg().toBuffer())
  await settled(system)
  const info = await expectJson<Info>(open(`/i/shop-web/${turned.asset}/current/info.json`, key()), 200)
  expect([info.width, info.height]).toEqual([120, 400])
})

test('as private as the renditions: keys, links and strangers', async () => {
  for (const target of [path('mobile'), path('shop-web', 'v9'), `/i/shop-web/${crypto.randomUUID()}/v1/info.json`])
    await expectRefusal(open(target, key()), 404, 'not-found')
  await expectRefusal(open(path()), 404, 'not-found')
  const closed = await open(path(), key())
  expect(closed.headers.get('cache-control')).toMatch(/^private/)
  expect(closed.headers.get('vary')).toContain('Authorization')
  const made = await expectJson<{ kid: string; secret: string }>(
    send('POST', '/v1/products/shop-web/signing-keys', { key: ADMIN_KEY, body: {} }),
    201,
  )
  const signed = signUrl({ path: path(), ...made, lifetimeSeconds: 600, inPath: true })
  expect((await open(signed)).headers.get('cache-control')).toMatch(/^public, max-age=5,/)
  await expectRefusal(open(signed.replace('info.json', 'original')), 403, 'forbidden')
})

test('in public, with a tag that changes with what it says', async () => {
  await expectJson(
    send('PUT', GRANT, { key: ADMIN_KEY, body: { role: 'reader', delivery: 'stream', visibility: 'public' } }),
    200,
  )
  const first = await open(path('mobile'))
  expect(first.status).toBe(200)
  expect(first.headers.get('cache-tag')).toBe(`a:${asset},v:${asset}.1,p:mobile`)
  const etag = first.headers.get('etag') ?? ''
  const again = await open(path('mobile'), { headers: { 'If-None-Match': etag } })
  expect([again.status, again.headers.get('etag')]).toEqual([304, etag])
  await expectJson(
    send('PUT', '/v1/collections/product-photo/products/mobile/renditions/strip', {
      key: ADMIN_KEY,
      body: { recipe: { resize: { width: 90 }, formats: ['webp'] } },
    }),
    201,
  )
  const shown = await send('GET', `/i/mobile/${asset}/v1/strip.webp`, { headers: { Prefer: 'wait=20' } })
  expect(shown.status).toBe(200)
  const after = await open(path('mobile'), { headers: { 'If-None-Match': etag } })
  expect(after.status).toBe(200)
  expect(((await after.json()) as Info).renditions.map(({ rendition }) => rendition)).toContain('strip')
})

test('it takes no parameters, and has no other spelling', async () => {
  await expectRefusal(open(`${path()}?dl=x`, key()), 400, 'invalid-request')
  await expectRefusal(open(path().replace('info.json', 'info.json/name'), key()), 404, 'not-found')
})
