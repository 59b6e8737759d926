/** Resolutions that name a CDN: a real nginx in front, asked for what the JSON says and nothing else. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { examine } from '../../src/reconcile/doctor.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { findNginx, type Nginx, startNginx } from '../support/nginx.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Resolution {
  readonly version: number
  readonly delivery: { readonly url: string; readonly expires_at: string; readonly via: string }
}
interface SigningKey {
  readonly kid: string
  readonly secret: string
}

const nginxProgram = await findNginx()
const missing = 'missing' in nginxProgram ? nginxProgram.missing : undefined
const BASE = 'https://cdn.example/assets'
const JSON_ONLY = { Accept: 'application/json' }
const PRODUCTS = {
  closed: { delivery: 'stream' },
  open: { delivery: 'stream', visibility: 'public' },
  direct: { delivery: 'redirect' },
  local: { delivery: 'stream', conditions: { networks: ['10.0.0.0/8'] } },
} as const
type Product = keyof typeof PRODUCTS

describe.skipIf(missing).each(['query', 'path'] as const)(
  `signed in the %s${missing ? ` (skipped: ${missing})` : ''}`,
  place => {
    /** Ahead of the machine's clock by what a test has advanced. */
    let aheadMs = 0
    const now = (): number => Date.now() + aheadMs
    let system: System
    let inProcess: Send
    let socket: Awaited<ReturnType<typeof openSocketClient>>
    let nginx: Nginx
    let asset: string
    let statements: string[] = []
    let signer: SigningKey
    const keys = {} as Record<Product, string>

    const admin = (method: string, path: string, body?: object) =>
      inProcess(method, path, {
        key: ADMIN_KEY,
        ...(body && { body }),
        headers: method === 'DELETE' || path.endsWith('/rotate') ? { 'If-Match': '*' } : {},
      })
    const grant = async (product: Product, more: object = {}) =>
      expect(
        (
          await admin('PUT', `/v1/collections/pictures/grants/${product}`, {
            role: 'reader',
            ...PRODUCTS[product],
            ...more,
          })
        ).ok,
      ).toBe(true)
    const makeSigner = (product: Product) =>
      expectJson<SigningKey>(admin('POST', `/v1/products/${product}/signing-keys`, {}), 201)

    beforeAll(async () => {
      if ('missing' in nginxProgram) return
      const env = {
        CDN_BASE_URL: `${BASE}/`,
        CDN_SIGN_IN_PATH: place === 'path' ? '1' : '0',
        TRUSTED_PROXIES: '127.0.0.0/8',
      }
      system = await startSystem({
        env,
        clock: { now },
        alter: core => ({
          ...core,
          database: {
            ...core.database,
            rows: (statement, values) => {
              statements.push(statement.name)
              return core.database.rows(statement, values)
            },
            hotRows: (statement, values) => {
              statements.push(statement.name)
              return core.database.hotRows(statement, values)
            },
          },
        }),
      })
      inProcess = await openClient(system)
      await expectJson(admin('PUT', '/v1/products/keeper', { display_name: 'keeper' }), 201)
      await expectJson(admin('PUT', '/v1/collections/pictures', { owner: 'keeper' }), 201)
      for (const product of Object.keys(PRODUCTS) as Product[]) {
        await expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product }), 201)
        const made = await expectJson<{ secret: string }>(admin('POST', `/v1/products/${product}/keys`, {}), 201)
        keys[product] = made.secret
        await grant(product)
        const recipe = { recipe: { resize: { width: 48 }, formats: ['webp', 'jpeg'] } }
        await expectJson(admin('PUT', `/v1/collections/pictures/products/${product}/renditions/small`, recipe), 201)
      }
      const upload = { key: ADMIN_KEY, body: await photo({ width: 96, height: 64 }) }
      asset = (await expectJson<{ asset: string }>(inProcess('POST', '/v1/assets?collection=pictures', upload), 201))
        .asset
      await settled(system)
      for (const product of Object.keys(PRODUCTS) as Product[])
        for (const format of ['webp', 'jpeg'])
          await expectJson(admin('GET', `${path(product)}?format=${format}&wait=10&delivery=json`), 200)
      signer = await makeSigner('closed')
      socket = await openSocketClient(system)
      nginx = await startNginx(nginxProgram, socket.address)
    })
    afterAll(async () => {
      await nginx?.remove()
      await socket?.close()
      await system?.close()
    })
    beforeEach(async () => {
      aheadMs = 0
      await grant('closed')
    })

    const path = (product: Product): string => `/v1/products/${product}/assets/${asset}/renditions/small`
    /** By the routes and by the warm lane, which have to say the same. */
    const resolve = async (product: Product, query = ''): Promise<Resolution> => {
      const [routed, plain] = await Promise.all(
        [inProcess, socket.send].map(send =>
          expectJson<Resolution>(send('GET', path(product) + query, { key: keys[product], headers: JSON_ONLY }), 200),
        ),
      )
      expect(plain).toEqual(routed)
      return routed as Resolution
    }
    const pathOf = (url: string): string => {
      expect(url.startsWith(`${BASE}/`)).toBe(true)
      return url.slice(BASE.length)
    }

    test('the URL in the document works without a credential, for the version and the format that were resolved', async () => {
      const { delivery, version } = await resolve('closed')
      expect(delivery.via).toBe('cdn')
      const target = pathOf(delivery.url)
      expect(target).toMatch(
        place === 'path'
          ? new RegExp(`^/s/${signer.kid}\\.\\d{10}\\.[\\w-]{43}/i/closed/${asset}/v${version}/small\\.webp$`)
          : new RegExp(`^/i/closed/${asset}/v${version}/small\\.webp\\?exp=\\d{10}&kid=${signer.kid}&sig=[\\w-]{43}$`),
      )
      const first = await nginx.ask(target)
      expect(first).toMatchObject({ status: 200, headers: { 'content-type': 'image/webp' } })
      const again = await nginx.ask(target)
      expect(again.body).toBe(first.body)
      // What a cache keeps is what the path admits; of the query it may know nothing.
      expect(again.headers['x-cache']).toBe(place === 'path' ? 'HIT' : 'MISS')
      for (const tampered of [
        target.replace('/v1/', '/v2/'),
        target.replace('small.webp', 'small.jpg'),
        target.replace(/\d{10}/, exp => String(Number(exp) + 1)),
        target.replace('/closed/', '/open/'),
      ])
        expect((await nginx.ask(tampered)).status, tampered).toBe(403)
      expect((await nginx.ask(target.replace(/^.*(\/i\/[^?]*).*$/, '$1'))).status).toBe(404)
    })

    test('redirects of the API lead there too, and `/i/` never does', async () => {
      const { delivery } = await resolve('closed', '?format=jpeg')
      for (const send of [inProcess, socket.send]) {
        const redirect = await send('GET', path('closed'), { key: keys.closed, headers: { Accept: 'image/jpeg' } })
        expect(redirect.status).toBe(302)
        expect(redirect.headers.get('location')).toBe(delivery.url)
        const pinned = await send('GET', `${path('closed')}?version=1&format=jpeg`, { key: keys.closed })
        expect(pinned.headers.get('location')).toBe(delivery.url)
        const streamed = await send('GET', `/i/closed/${asset}/v1/small.jpg`, { key: keys.closed })
        expect(streamed.status).toBe(200)
      }
      const asked = await nginx.ask(`/i/direct/${asset}/v1/small.jpg`, { authorization: `Bearer ${keys.direct}` })
      expect(asked.status).toBe(302)
      expect(asked.headers.location).toContain('X-Amz-Signature')
    })

    test('callers of a window share a URL; the next window has another, and each ends when the document says', async () => {
      const first = await resolve('closed')
      const other = await expectJson<{ secret: string }>(admin('POST', '/v1/products/closed/keys', {}), 201)
      const shared = await expectJson<Resolution>(
        inProcess('GET', path('closed'), { key: other.secret, headers: JSON_ONLY }),
        200,
      )
      expect(shared.delivery).toEqual(first.delivery)
      const end = Date.parse(first.delivery.expires_at)
      expect(first.delivery.url).toContain(String(end / 1000))
      aheadMs = end - now() - 1_000
      expect((await nginx.ask(pathOf(first.delivery.url))).status).toBe(200)
      const next = await resolve('closed')
      expect(next.delivery.url).not.toBe(first.delivery.url)
      aheadMs += 2_000
      const late = await inProcess('GET', pathOf(first.delivery.url))
      expect(late.status).toBe(403)
      expect((await inProcess('GET', pathOf(next.delivery.url))).status).toBe(200)
    })

    test('no URL outlives the grant', async () => {
      const end = Math.ceil(now() / 1000) * 1000 + 60_500
      await grant('closed', { expires_at: new Date(end).toISOString() })
      const { delivery } = await resolve('closed')
      expect(Date.parse(delivery.expires_at)).toBe(Math.floor(end / 1000) * 1000)
      expect((await inProcess('GET', pathOf(delivery.url))).status).toBe(200)
      aheadMs = end - now() - 250
      await expectRefusal(inProcess('GET', path('closed'), { key: keys.closed, headers: JSON_ONLY }), 404, 'not-found')
      expect((await inProcess('GET', pathOf(delivery.url))).status).toBe(403)
    })

    test('the newest key signs from the next answer on; what an older one signed goes on until that is revoked', async () => {
      const before = await resolve('closed')
      const rotated = await expectJson<SigningKey>(admin('POST', `/v1/signing-keys/${signer.kid}/rotate`, {}), 201)
      const after = await resolve('closed')
      expect(after.delivery.url).toContain(rotated.kid)
      for (const { delivery } of [before, after])
        expect((await inProcess('GET', pathOf(delivery.url))).status).toBe(200)
      expect((await admin('DELETE', `/v1/signing-keys/${signer.kid}`)).status).toBe(204)
      expect((await inProcess('GET', pathOf(before.delivery.url))).status).toBe(403)
      expect((await inProcess('GET', pathOf(after.delivery.url))).status).toBe(200)
      signer = rotated
    })

    test('without a key to sign with the store is named, and the doctor says so; with the first key it is over', async () => {
      expect((await admin('DELETE', `/v1/signing-keys/${signer.kid}`)).status).toBe(204)
      const { delivery } = await resolve('closed')
      expect(delivery.via).toBe('s3')
      expect((await fetch(delivery.url)).status).toBe(200)
      const doctor = async () => (await examine(system.core)).checks.find(({ check }) => check === 'cdn')
      expect(await doctor()).toMatchObject({ ok: false })
      expect((await doctor())?.detail).toMatchObject({
        without_a_signing_key: [
          { tenant: 'demo', product: 'closed' },
          { tenant: 'demo', product: 'local' },
        ],
      })
      await makeSigner('local')
      signer = await makeSigner('closed')
      expect((await resolve('closed')).delivery).toMatchObject({ via: 'cdn', url: expect.stringContaining(signer.kid) })
      expect(await doctor()).toMatchObject({ ok: true })
    })

    test('what anybody may see has a plain URL, and what was never published is no matter of the CDN', async () => {
      const { delivery } = await resolve('open')
      expect(delivery.via).toBe('cdn')
      expect(pathOf(delivery.url)).toBe(`/i/open/${asset}/v1/small.webp`)
      expect(Date.parse(delivery.expires_at) - now()).toBeGreaterThan(364 * 86_400_000)
      expect((await nginx.ask(pathOf(delivery.url))).status).toBe(200)
      expect((await nginx.ask(pathOf(delivery.url))).headers['x-cache']).toBe('HIT')
      const redirect = await inProcess('GET', path('open'), { key: keys.open, headers: { Accept: 'image/webp' } })
      expect(redirect.headers.get('location')).toBe(delivery.url)
      expect(redirect.headers.get('cache-control')).toBe('private, max-age=5')
      const pinned = await inProcess('GET', `${path('open')}?version=1&format=webp`, { key: keys.open })
      expect(pinned.headers.get('cache-control')).toBe('private, max-age=3600')

      const { secret } = await makeSigner('open')
      expect(secret).toBeDefined()
      const version = await expectJson<{ version: number }>(
        inProcess('POST', `/v1/assets/${asset}/versions?publish=manual`, {
          key: ADMIN_KEY,
          body: await photo({ width: 80, height: 64 }),
        }),
        201,
      )
      const early = `?version=${version.version}&format=webp&wait=10`
      const draft = await expectJson<Resolution>(
        inProcess('GET', path('open') + early, { key: ADMIN_KEY, headers: JSON_ONLY }),
        200,
      )
      expect(draft.delivery.via).toBe('s3')
      expect((await fetch(draft.delivery.url)).status).toBe(200)
      await expectRefusal(
        inProcess('GET', path('open') + early, { key: keys.open, headers: JSON_ONLY }),
        404,
        'not-found',
      )
    })

    test('an edge that redirects, and one for some networks, name the store', async () => {
      expect((await resolve('direct')).delivery.via).toBe('s3')
      const headers = { ...JSON_ONLY, 'X-Forwarded-For': '10.1.2.3' }
      const { delivery } = await expectJson<Resolution>(
        socket.send('GET', path('local'), { key: keys.local, headers }),
        200,
      )
      expect(delivery.via).toBe('s3')
    })

    test('signing costs the warm path no statement, and many callers after a change one', async () => {
      await resolve('closed')
      statements = []
      // The worker of this process asks too.
      const asked = () => statements.filter(name => /^(resolve|signing)/.test(name))
      const ask = () => expectJson(socket.send('GET', path('closed'), { key: keys.closed, headers: JSON_ONLY }), 200)
      await ask()
      expect(asked()).toEqual(['resolve_stamp'])
      await makeSigner('local')
      statements = []
      await Promise.all(Array.from({ length: 20 }, ask))
      expect(asked().filter(name => name === 'signing_key_signers')).toHaveLength(1)
      statements = []
      await ask()
      expect(asked()).toEqual(['resolve_stamp'])
    })

    test('an explanation says which way, and metrics how often', async () => {
      const explained = await expectJson<{ steps: { step: string; result: { via?: string } }[] }>(
        inProcess('GET', `${path('closed')}?explain=1`, { key: keys.closed, headers: JSON_ONLY }),
        200,
      )
      expect(explained.steps.find(({ step }) => step === 'delivery')?.result.via).toBe('cdn')
      const metrics = await (await inProcess('GET', '/metrics')).text()
      expect(metrics).toMatch(/matrix_cdn_urls_total\{outcome="signed"\} [1-9]/)
      expect(metrics).toMatch(/matrix_cdn_urls_total\{outcome="public"\} [1-9]/)
      expect(metrics).toMatch(/matrix_cdn_urls_total\{outcome="unsigned"\} [1-9]/)
    })
  },
)
