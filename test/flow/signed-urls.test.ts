/** T6, and what a signed URL is worth: what its product may, as long as it may, until it expires; and nothing in any other spelling. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureTenant, putAdminKey } from '../../src/manifest/products.ts'
import { hashSecret } from '../../src/model/ids.ts'
import { signatureOf } from '../../src/policy/signature.ts'
import { type SignOptions, signUrl } from '../../src/sdk/index.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'

interface Key {
  readonly kid: string
  readonly secret: string
}
/** Ahead of the machine's clock by what a test has advanced. */
let aheadMs = 0
const now = (): number => Date.now() + aheadMs
let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
/** Of shop-web, which redirects; of mobile, which streams, and has no originals; of another tenant's shop-web. */
let shop: Key
let mobile: Key
let elsewhere: Key
const admin = (method: string, path: string, body?: object, key = ADMIN_KEY) =>
  inProcess(method, path, { key, ...(body && { body }), ...(method !== 'PUT' && { headers: { 'If-Match': '*' } }) })
const makeKey = (product: string, key = ADMIN_KEY) =>
  expectJson<Key>(admin('POST', `/v1/products/${product}/signing-keys`, {}, key), 201)
const grant = (product: string, more: object = {}) =>
  admin('PUT', `/v1/collections/product-photo/grants/${product}`, { role: 'editor', delivery: 'stream', ...more })

beforeAll(async () => {
  system = await startSystem({ clock: { now } })
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  asset = (await system.upload(await photo({ width: 500, height: 300 }))).asset
  await settled(system)
  await grant('mobile')
  shop = await makeKey('shop-web')
  mobile = await makeKey('mobile')
  const { database } = system.core
  await ensureTenant(database, 'elsewhere')
  await putAdminKey(database, 'elsewhere', hashSecret('admin-of-elsewhere'))
  await expectJson(admin('PUT', '/v1/products/shop-web', { display_name: 'x' }, 'admin-of-elsewhere'), 201)
  elsewhere = await makeKey('shop-web', 'admin-of-elsewhere')
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const pathOf = (file = 'card.jpg', { product = 'shop-web', version = 'v1', id = asset } = {}): string =>
  `/i/${product}/${id}/${version}/${file}`
const tile = (version = 'v1'): string => pathOf('tile.jpg', { product: 'mobile', version })
const sign = (path: string, key: Key, options: Partial<SignOptions> = {}): string =>
  signUrl({ path, ...key, now: now(), lifetimeSeconds: 600, ...options })
const maxAge = (response: Response): number =>
  Number(/max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1])

describe.each(['in process', 'through a socket'] as const)('%s', transport => {
  const send: Send = (...request) => (transport === 'in process' ? inProcess : socket.send)(...request)
  const get = (target: string, options: CallOptions = {}) => send('GET', target, options)

  describe.each([false, true])('with the signature in the path: %s', inPath => {
    test.each(['card.jpg', 'card.auto', 'original'])('%s is redirected to without a credential', async file => {
      const response = await get(sign(pathOf(file), shop, { inPath }))
      expect(response.status).toBe(302)
      expect(response.headers.get('referrer-policy')).toBe('no-referrer')
      expect(response.headers.get('cache-control')).toMatch(/^private, max-age=\d+$/)
      expect((await fetch(response.headers.get('location') ?? '')).status).toBe(200)
    })

    test('T6: what is signed is answered as it was sent, and in no other spelling', async () => {
      const target = sign(pathOf('card.jpg'), shop, { inPath })
      for (const other of ['card.jpeg', 'card@1x.jpg', 'card@2x.jpg', 'card.jpg/name', 'x/w_400.jpg'])
        await expectRefusal(get(target.replace('card.jpg', other)), 403, 'forbidden')
      // Of somebody who signs without our code.
      const path = pathOf('card@1x.jpeg')
      const exp = Math.floor(now() / 1000) + 600
      const { kid, secret } = shop
      const sig = signatureOf(secret, { path, query: '', exp, kid })
      const own = inPath ? `/s/${kid}.${exp}.${sig}${path}` : `${path}?exp=${exp}&kid=${kid}&sig=${sig}`
      expect((await get(own)).status).toBe(302)
    })

    test('HEAD is answered like GET', async () => {
      for (const target of [sign(pathOf(), shop, { inPath }), sign(tile(), mobile, { inPath })]) {
        const [head, whole] = [await send('HEAD', target), await get(target)]
        expect(head.status).toBe(whole.status)
        expect(await head.text()).toBe('')
        for (const name of ['cache-control', 'location', 'etag', 'content-type', 'cache-tag'])
          expect(head.headers.get(name), name).toBe(whole.headers.get(name))
      }
    })

    test('bytes are streamed, whole, in part and by condition', async () => {
      const target = sign(tile(), mobile, { inPath })
      const whole = await get(target)
      expect(whole.status).toBe(200)
      expect(whole.headers.get('referrer-policy')).toBe('no-referrer')
      const etag = whole.headers.get('etag') ?? ''
      expect((await get(target, { headers: { Range: 'bytes=0-9' } })).status).toBe(206)
      expect((await get(target, { headers: { 'If-None-Match': etag } })).status).toBe(304)
    })

    test('a copy is fresh at most until the URL expires, and shared only where the path is the key', async () => {
      const pinned = await get(sign(tile(), mobile, { inPath }))
      const life = 600 + 300 - ((now() / 1000) % 300)
      expect(maxAge(pinned)).toBeLessThanOrEqual(life)
      expect(maxAge(pinned)).toBeGreaterThan(life - 5)
      expect(pinned.headers.get('cache-control')).toMatch(inPath ? /^public, .*immutable$/ : /^private, .*immutable$/)
      expect(pinned.headers.get('vary')).toBeNull()
      const current = await get(sign(tile('current'), mobile, { inPath }))
      expect(maxAge(current)).toBe(5)
      const short = await get(sign(tile('current'), mobile, { inPath, lifetimeSeconds: 1, windowSeconds: 1 }))
      expect(maxAge(short)).toBeLessThanOrEqual(2)
    })

    test('an Authorization beside it changes nothing', async () => {
      const target = sign(pathOf(), shop, { inPath })
      const plain = await get(target)
      for (const key of ['garbage', system.keys.mobile, ADMIN_KEY]) {
        const response = await get(target, { key })
        expect(response.status).toBe(302)
        expect(response.headers.get('location')).toBe(plain.headers.get('location'))
        expect((await get(sign(pathOf(), { ...shop, secret: 'x' }, { inPath }), { key })).status).toBe(403)
      }
    })

    test('an original keeps the name that was signed for it', async () => {
      const parameters = { dl: 'Été (1).jpg' }
      const response = await get(sign(pathOf('original'), shop, { inPath, parameters }))
      const location = new URL(response.headers.get('location') ?? '')
      expect(location.searchParams.get('response-content-disposition')).toContain("filename*=UTF-8''%C3%89t%C3%A9")
      const other = await get(sign(pathOf('original'), shop, { inPath, parameters }).replace('%281%29', '%282%29'))
      expect(other.status).toBe(403)
    })
  })

  describe('what is not to the letter what was signed is refused in one way', () => {
    const refused = async (target: string) => {
      const response = await get(target)
      const { instance: _, ...body } = (await response.clone().json()) as Record<string, unknown>
      const headers = [...response.headers]
        .filter(
          ([name]) =>
            !/^(x-request-id|x-correlation-id|traceparent|server-timing|date|ratelimit|ratelimit-policy)$/.test(name),
        )
        .sort()
      return { status: response.status, body, headers }
    }
    const flipped = (target: string, at: number): string => {
      const i = at < 0 ? target.length + at : at
      return target.slice(0, i) + (target[i] === 'A' ? 'B' : 'A') + target.slice(i + 1)
    }
    const inQuery = () => sign(pathOf(), shop)
    const inPath = () => sign(pathOf(), shop, { inPath: true })
    const dl = () => sign(pathOf('original'), shop, { parameters: { dl: 'a' } })
    const CASES: readonly [string, () => string][] = [
      ['another file', () => inQuery().replace('card.jpg', 'hero.jpg')],
      ['another asset', () => inQuery().replace(asset, crypto.randomUUID())],
      ['another version', () => inQuery().replace('/v1/', '/current/')],
      ['another product', () => inQuery().replace('/shop-web/', '/mobile/')],
      ['another case', () => inQuery().replace('card', 'Card')],
      ['an encoded letter', () => inQuery().replace('card', '%63ard')],
      ['a parameter changed', () => dl().replace('dl=a', 'dl=b')],
      ['a parameter added', () => inQuery().replace('?', '?dl=a&')],
      ['a parameter added behind', () => `${inQuery()}&dl=a`],
      ['a parameter added to a path', () => `${inPath()}?dl=a`],
      ['a parameter left out', () => dl().replace('dl=a&', '')],
      ['a parameter repeated', () => dl().replace('dl=a', 'dl=a&dl=a')],
      ['parameters in another order', () => dl().replace(/dl=a&(.*)$/, '$1&dl=a')],
      ['exp later', () => inQuery().replace(/exp=(\d+)/, (_, exp) => `exp=${Number(exp) + 1}`)],
      ['exp with a zero in front', () => inQuery().replace('exp=', 'exp=0')],
      ['exp dropped', () => inQuery().replace(/exp=\d+&/, '')],
      ['exp repeated', () => inQuery().replace(/(exp=\d+)/, '$1&$1')],
      ['kid dropped', () => inQuery().replace(/&kid=[^&]*/, '')],
      ['sig dropped', () => inQuery().replace(/&sig=.*$/, '')],
      ['sig empty', () => inQuery().replace(/&sig=.*$/, '&sig=')],
      ['a signature truncated', () => inQuery().slice(0, -1)],
      ['a signature longer', () => `${inQuery()}A`],
      ['a signature padded', () => `${inQuery()}=`],
      ['a signature wrong in the first letter', () => flipped(inQuery(), inQuery().indexOf('sig=') + 4)],
      ['a signature wrong in the last letter', () => flipped(inQuery(), -1)],
      ['a signature wrong in the path', () => flipped(inPath(), inPath().indexOf('/i/') - 1)],
      ['a signature of nothing in the path', () => inPath().replace(/^\/s\/[^/]*/, '/s/x')],
      ['an unknown key', () => sign(pathOf(), { ...shop, kid: 'shop-web-0000000000' })],
      ['another secret', () => sign(pathOf(), { ...shop, secret: mobile.secret })],
      ['a key of another product', () => sign(pathOf(), mobile)],
      ['a key of another tenant under our name', () => sign(pathOf(), { kid: shop.kid, secret: elsewhere.secret })],
      ['an expiry that has passed', () => sign(pathOf(), shop, { now: now() - 1_000_000 })],
      ['an expiry too far away', () => sign(pathOf(), shop, { lifetimeSeconds: 8 * 86_400 })],
      ['nothing that is there', () => flipped(sign(pathOf('nothing.jpg'), shop), -1)],
      ['an asset that is not there', () => flipped(sign(pathOf('card.jpg', { id: crypto.randomUUID() }), shop), -1)],
      ['a product that is not there', () => flipped(sign(pathOf('card.jpg', { product: 'nobody' }), shop), -1)],
    ]
    test.each(CASES)('%s', async (_what, target) => {
      const reference = await refused(flipped(inQuery(), -3))
      expect(reference.status).toBe(403)
      expect(reference.body.code).toBe('forbidden')
      expect(await refused(target())).toEqual(reference)
    })

    test('and the cases are different ones', () => {
      expect(new Set(CASES.map(([, target]) => target())).size).toBe(CASES.length)
    })
  })

  test('a key opens nothing of another tenant, and cannot tell what is there', async () => {
    for (const id of [asset, crypto.randomUUID()])
      await expectRefusal(get(sign(pathOf('card.jpg', { id }), elsewhere)), 404, 'not-found')
  })

  test('originals only where the edge has them', async () => {
    const target = sign(pathOf('original', { product: 'mobile' }), mobile)
    expect((await expectRefusal(get(target), 403, 'forbidden')).reasons).toEqual(['originals-closed'])
  })

  test('the life of a URL: a window more than was asked, and over to the second', async () => {
    const target = sign(pathOf(), shop, { lifetimeSeconds: 60 })
    const exp = Number(/exp=(\d+)/.exec(target)?.[1]) * 1000
    try {
      aheadMs += exp - now() - 1_500
      const response = await get(target)
      expect(response.status).toBe(302)
      expect(maxAge(response)).toBeLessThanOrEqual(1)
      const query = new URL(response.headers.get('location') ?? '').searchParams
      expect(Number(query.get('X-Amz-Expires'))).toBeGreaterThan(0)
      aheadMs += 1_500
      await expectRefusal(get(target), 403, 'forbidden')
    } finally {
      aheadMs = 0
    }
  })

  test('never longer than the grant: neither the URL that it leads to, nor a copy, nor itself', async () => {
    const [redirected, streamed] = [sign(pathOf(), shop), sign(tile(), mobile, { inPath: true })]
    const until = (ms: number) => ({ expires_at: new Date(now() + ms).toISOString() })
    try {
      await expectJson(grant('mobile', until(20_000)), 200)
      const copy = await get(streamed)
      expect(maxAge(copy)).toBeLessThanOrEqual(20)
      expect(maxAge(copy)).toBeGreaterThan(10)
      await expectJson(grant('mobile', { ...until(20_000), delivery: 'redirect' }), 200)
      const { headers } = await get(streamed)
      const query = new URL(headers.get('location') ?? '').searchParams
      const [, y, mo, d, h, mi, s] =
        /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '') ?? []
      const signedAt = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
      expect(signedAt + Number(query.get('X-Amz-Expires')) * 1000).toBeLessThanOrEqual(now() + 20_000)
      await expectJson(grant('mobile', until(-1_000)), 200)
      await expectRefusal(get(streamed), 404, 'not-found')
      expect((await admin('DELETE', '/v1/collections/product-photo/grants/mobile')).status).toBe(204)
      await expectRefusal(get(streamed), 404, 'not-found')
      expect((await get(redirected)).status).toBe(302)
    } finally {
      await grant('mobile')
    }
    expect((await get(streamed)).status).toBe(200)
  })

  test('of an archived asset it shows nothing, and of a restored one again', async () => {
    const [redirected, streamed] = [sign(pathOf(), shop), sign(tile('current'), mobile, { inPath: true })]
    await expectJson(admin('POST', `/v1/assets/${asset}/archive`), 200)
    for (const target of [redirected, streamed]) await expectRefusal(get(target), 410, 'asset-archived')
    await expectJson(admin('POST', `/v1/assets/${asset}/restore`), 200)
    for (const target of [redirected, streamed]) expect((await get(target)).status).toBeLessThan(400)
  })

  test('a revoked key is refused with the next request, and others are not', async () => {
    const key = await makeKey('shop-web')
    const target = sign(pathOf(), key)
    for (let i = 0; i < 2; i++) expect((await get(target)).status).toBe(302)
    expect((await admin('DELETE', `/v1/signing-keys/${key.kid}`)).status).toBe(204)
    await expectRefusal(get(target), 403, 'forbidden')
    expect((await get(sign(pathOf(), shop))).status).toBe(302)
  })

  test('a rotated key goes on for the overlap, and ends with it', async () => {
    const key = await makeKey('shop-web')
    const rotate = (overlap: string | number, { kid }: Key) =>
      admin('POST', `/v1/signing-keys/${kid}/rotate`, { overlap })
    const next = await expectJson<Key & { replaces: { kid: string; expires_at: string } }>(rotate('1h', key), 201)
    expect(next.kid).not.toBe(key.kid)
    expect(next.replaces.kid).toBe(key.kid)
    expect(Date.parse(next.replaces.expires_at)).toBeGreaterThan(now() + 3_500_000)
    for (const one of [key, next]) expect((await get(sign(pathOf(), one))).status).toBe(302)
    const last = await expectJson<Key>(rotate(0, next), 201)
    await expectRefusal(get(sign(pathOf(), next)), 403, 'forbidden')
    for (const one of [key, last]) expect((await get(sign(pathOf(), one))).status).toBe(302)
    await expectRefusal(rotate('1h', next), 409, 'conflict')
  })

  test('what came of it is counted', async () => {
    await get(sign(pathOf(), shop))
    const metrics = await (await get('/metrics')).text()
    for (const outcome of ['accepted', 'mismatch', 'unknown-key', 'other-product', 'expired', 'too-long'])
      expect(metrics).toMatch(new RegExp(`matrix_url_signatures_total\\{outcome="${outcome}"\\} [1-9]`))
  })
})
