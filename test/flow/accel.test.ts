/** Edges that deliver by accel, and the bytes by their content that a front fetches then. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureTenant, putAdminKey } from '../../src/manifest/products.ts'
import { hashSecret } from '../../src/model/ids.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const ACCEL_SECRET = 'the-front-of-the-tests'
const FRONT = { 'Matrix-Front': ACCEL_SECRET }
const ELSEWHERE = 'admin-key-of-elsewhere'

let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
let origin: { readonly id: string; readonly secret: string }
let original: Buffer
let tile: Buffer
let sha256: string

const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const place = (digest: string, extension: string): string => `/o/${digest.slice(0, 2)}/${digest}.${extension}`
const admin = (method: string, path: string, body?: object) =>
  inProcess(method, path, { key: ADMIN_KEY, ...(body && { body }) })
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

/** In product-photo mobile delivers by accel to everybody, and shop-web, whose card is the same recipe, to its own. */
beforeAll(async () => {
  system = await startSystem({ env: { ACCEL_SECRET, ACCEL_PREFIX: '/inside' } })
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  const edge = { role: 'editor', original_access: true, delivery: 'accel' }
  await expectJson(admin('PUT', '/v1/collections/product-photo/grants/mobile', { ...edge, visibility: 'public' }), 200)
  await expectJson(admin('PUT', '/v1/collections/product-photo/grants/shop-web', { ...edge, role: 'owner' }), 200)
  original = await photo({ width: 900, height: 600 })
  asset = (await system.upload(original, 'collection=product-photo&filename=sun.jpg')).asset
  const card = `/i/shop-web/${asset}/v1/card.jpg`
  const isThere = async (path: string, key?: string) => (await system.call('GET', path, { key })).status === 200
  await until('the tile', () => isThere(`/i/mobile/${asset}/v1/tile.jpg`), { withinMs: 60_000 })
  await until('the card', () => isThere(card, system.keys['shop-web']), { withinMs: 60_000 })
  origin = await expectJson(admin('POST', '/v1/keys', { scopes: ['origin'], label: 'nginx' }), 201)
  tile = await bytesOf(await inProcess('GET', `/i/mobile/${asset}/v1/tile.jpg`))
  sha256 = sha(tile)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

describe.each(['in process', 'through a socket'] as const)('accel %s', transport => {
  const send: Send = (...request) => (transport === 'in process' ? inProcess : socket.send)(...request)
  const open = (headers: Record<string, string> = {}, method = 'GET', file = 'tile.jpg') =>
    send(method, `/i/mobile/${asset}/v1/${file}`, { headers })

  test('the front is told where the bytes are, with all that is to be said of them', async () => {
    const told = await open(FRONT)
    expect(told.status).toBe(200)
    expect((await bytesOf(told)).length).toBe(0)
    expect(told.headers.get('x-accel-redirect')).toBe(`/inside${place(sha256, 'jpg')}`)
    const streamed = await open()
    expect(told.headers.get('cache-control')).toBeNull()
    expect(told.headers.get('matrix-cache-control')).toBe(streamed.headers.get('cache-control'))
    const names = ['content-type', 'cache-tag', 'etag', 'repr-digest', 'vary', 'matrix-publication']
    for (const name of [...names, 'x-content-type-options'])
      expect(told.headers.get(name), name).toBe(streamed.headers.get(name))
    expect(streamed.headers.get('x-accel-redirect')).toBeNull()
    expect((await bytesOf(streamed)).equals(tile)).toBe(true)
  })

  test.each([
    ['nothing', {}],
    ['another secret', { 'Matrix-Front': 'the-front-of-the-testz' }],
    ['a part of it', { 'Matrix-Front': ACCEL_SECRET.slice(0, -1) }],
    ['more than it', { 'Matrix-Front': `${ACCEL_SECRET}x` }],
    ['what only a proxy would say', { 'X-Accel-Redirect': '/x', 'X-Forwarded-For': '10.0.0.1' }],
  ])('who says %s is no front and gets the bytes', async (_, headers) => {
    const response = await open(headers)
    expect(response.headers.get('x-accel-redirect')).toBeNull()
    expect((await bytesOf(response)).equals(tile)).toBe(true)
  })

  test('equal bytes of two products are in one place, and each is asked for its own right', async () => {
    const card = `/i/shop-web/${asset}/v1/card.jpg`
    const told = await send('GET', card, { key: system.keys['shop-web'], headers: FRONT })
    expect(told.headers.get('x-accel-redirect')).toBe((await open(FRONT)).headers.get('x-accel-redirect'))
    expect(told.headers.get('matrix-cache-control')).toMatch(/^private/)
    await expectRefusal(send('GET', card, { headers: FRONT }), 404, 'not-found')
    await expectRefusal(send('GET', card, { key: system.keys.mobile, headers: FRONT }), 404, 'not-found')
  })

  test('conditions are answered here, ranges by the front', async () => {
    const seen = await open({ ...FRONT, 'If-None-Match': `"${sha256}"` })
    expect(seen.status).toBe(304)
    expect(seen.headers.get('x-accel-redirect')).toBeNull()
    expect(seen.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    const ranged = await open({ ...FRONT, Range: 'bytes=0-9' })
    expect(ranged.status).toBe(200)
    expect(ranged.headers.get('x-accel-redirect')).toBe(`/inside${place(sha256, 'jpg')}`)
    expect((await open(FRONT, 'HEAD')).headers.get('x-accel-redirect')).toBe(`/inside${place(sha256, 'jpg')}`)
  })

  test('originals and signed paths leave the same way', async () => {
    const key = system.keys['shop-web']
    const told = await send('GET', `/i/shop-web/${asset}/v1/original?dl=a.jpg`, { key, headers: FRONT })
    expect(told.headers.get('x-accel-redirect')).toBe(`/inside${place(sha(original), 'original')}`)
    expect(told.headers.get('content-disposition')).toContain('a.jpg')
    expect(told.headers.get('content-security-policy')).toContain('sandbox')
    const made = await expectJson<{ kid: string; secret: string }>(
      admin('POST', '/v1/products/shop-web/signing-keys', {}),
      201,
    )
    const signed = signUrl({ path: `/i/shop-web/${asset}/v1/card.jpg`, ...made, inPath: true })
    const response = await send('GET', signed, { headers: FRONT })
    expect(response.headers.get('x-accel-redirect')).toBe(`/inside${place(sha256, 'jpg')}`)
    expect(response.headers.get('referrer-policy')).toBe('no-referrer')
  })

  test('the API gives what it was asked for', async () => {
    const path = `/v1/products/mobile/assets/${asset}/renditions/tile`
    const response = await send('GET', path, { key: system.keys.mobile, headers: FRONT })
    expect(response.status).toBe(302)
  })
})

describe('bytes by their content', () => {
  const fetchOrigin = (path: string, headers: Record<string, string> = {}, method = 'GET', key = origin.secret) =>
    inProcess(method, path, { key, headers })

  test('of a derivative may be kept for ever', async () => {
    const response = await fetchOrigin(place(sha256, 'jpg'))
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(response.headers.get('content-type')).toBe('image/jpeg')
    expect(response.headers.get('etag')).toBe(`"${sha256}"`)
    expect((await bytesOf(response)).equals(tile)).toBe(true)
  })

  test('of an original are private, and do nothing in a browser', async () => {
    const response = await fetchOrigin(place(sha(original), 'original'))
    expect(response.headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
    expect(response.headers.get('content-disposition')).toBe('attachment')
    expect(response.headers.get('content-security-policy')).toContain('sandbox')
    expect((await bytesOf(response)).equals(original)).toBe(true)
  })

  test('in parts, by their head, and not again', async () => {
    const part = await fetchOrigin(place(sha256, 'jpg'), { Range: 'bytes=1-4' })
    expect(part.status).toBe(206)
    expect((await bytesOf(part)).equals(tile.subarray(1, 5))).toBe(true)
    const head = await fetchOrigin(place(sha256, 'jpg'), {}, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(tile.length)])
    expect((await fetchOrigin(place(sha256, 'jpg'), { 'If-None-Match': `"${sha256}"` })).status).toBe(304)
    expect((await fetchOrigin(place(sha256, 'jpg'), { Range: `bytes=${tile.length}-` })).status).toBe(416)
  })

  test.each([
    [
      'another folder',
      () => `/o/00${place(sha256, 'jpg').slice(5)}`.replace(`/o/00`, sha256.startsWith('00') ? '/o/01' : '/o/00'),
    ],
    ['another type', () => place(sha256, 'webp')],
    ['no type of ours', () => place(sha256, 'auto')],
    ['the original of a derivative', () => place(sha256, 'original')],
    ['the derivative of an original', () => place(sha(original), 'jpg')],
    ['capitals', () => place(sha256.toUpperCase(), 'jpg')],
    ['a digest of nothing', () => place('0'.repeat(64), 'jpg')],
    ['half a digest', () => place(sha256.slice(0, 32), 'jpg')],
    ['a query', () => `${place(sha256, 'jpg')}?x=1`],
  ])('under %s are not there, which a cache may keep for seconds', async (_, path) => {
    const response = await fetchOrigin(path())
    expect(response.headers.get('cache-control')).toBe('public, max-age=5')
    await expectRefusal(response, 404, 'not-found')
  })

  test('are for the fronts of their tenant alone', async () => {
    await expectRefusal(inProcess('GET', place(sha256, 'jpg')), 401, 'unauthenticated')
    await expectRefusal(fetchOrigin(place(sha256, 'jpg'), {}, 'GET', system.keys['shop-web']), 403, 'forbidden')
    const { database } = system.core
    await ensureTenant(database, 'elsewhere')
    await putAdminKey(database, 'elsewhere', hashSecret(ELSEWHERE))
    const theirs = await expectJson<{ secret: string }>(
      inProcess('POST', '/v1/keys', { key: ELSEWHERE, body: { scopes: ['origin'] } }),
      201,
    )
    expect((await fetchOrigin(place(sha256, 'jpg'), {}, 'GET', theirs.secret)).status).toBe(404)
  })
})

describe('keys of caches in front', () => {
  test('are listed with the admin key, replaced and revoked like any other', async () => {
    const list = async () =>
      (await expectJson<{ items: { id: string; label: string; etag: string }[] }>(admin('GET', '/v1/keys'), 200)).items
    const found = (await list()).find(({ id }) => id === origin.id)
    expect(found).toMatchObject({ label: 'nginx', scopes: ['origin'] })
    const headers = { 'If-Match': found?.etag ?? '' }
    const options = { key: ADMIN_KEY, body: { overlap: 0 }, headers }
    const next = await expectJson<{ id: string; secret: string }>(
      inProcess('POST', `/v1/keys/${origin.id}/rotate`, options),
      201,
    )
    const ask = (key: string) => inProcess('GET', place(sha256, 'jpg'), { key })
    expect((await ask(origin.secret)).status).toBe(401)
    expect((await ask(next.secret)).status).toBe(200)
    const gone = { key: ADMIN_KEY, headers: { 'If-Match': '*' } }
    expect((await inProcess('DELETE', `/v1/keys/${next.id}`, gone)).status).toBe(204)
    expect((await ask(next.secret)).status).toBe(401)
  })

  test('are nothing that a product or a token may be', async () => {
    const scopes = ['resolve', 'origin']
    await expectRefusal(admin('POST', '/v1/products/mobile/keys', { scopes }), 403, 'forbidden')
    const subjects = [{ value: 'robot', product: 'mobile', scopes }]
    const issuer = {
      iss: 'https://a.example/',
      audience: 'b',
      jwks_uri: 'https://a.example/keys',
      algorithms: ['ES256'],
    }
    await expectRefusal(admin('PUT', '/v1/issuers/idp', { ...issuer, subjects }), 422, 'contract-violation')
    for (const body of [{}, { scopes: [] }, { scopes: ['resolve'] }, { scopes: ['origin', 'matrix:admin'] }])
      await expectRefusal(admin('POST', '/v1/keys', body), 422, 'contract-violation')
  })
})

test('without a secret nobody is a front', async () => {
  const plain = await startSystem({ worker: false })
  const body = { role: 'owner', original_access: true, delivery: 'accel' }
  await plain.call('PUT', '/v1/collections/product-photo/grants/shop-web', { key: ADMIN_KEY, body })
  const uploaded = await plain.upload(original, 'collection=product-photo&publish=now')
  const options = { key: plain.keys['shop-web'], headers: { 'Matrix-Front': '' } }
  const response = await plain.call('GET', `/i/shop-web/${uploaded.asset}/v1/original`, options)
  expect(response.headers.get('x-accel-redirect')).toBeNull()
  expect((await bytesOf(response)).equals(original)).toBe(true)
  await plain.close()
})
