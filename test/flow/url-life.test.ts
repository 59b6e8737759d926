/** What a URL is worth is over when what allowed it is, and no copy of an answer is called fresh for longer than its URL. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Resolution {
  readonly delivery: { readonly url: string; readonly expires_at: string }
}

const JSON_ONLY = { Accept: 'application/json' }
/** Ahead of the machine's clock by what a test has advanced. */
let aheadMs = 0
const now = (): number => Date.now() + aheadMs
let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
beforeAll(async () => {
  system = await startSystem({ clock: { now } })
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  asset = (await system.upload(await photo({ width: 500, height: 300 }))).asset
  await settled(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

beforeEach(() => {
  aheadMs = 0
})

const GRANT = '/v1/collections/product-photo/grants/partner-api'
const grantUntil = async (at: number | undefined): Promise<void> => {
  const body = { role: 'reader', original_access: true, ...(at && { expires_at: new Date(at).toISOString() }) }
  const response = await inProcess('PUT', GRANT, { key: ADMIN_KEY, body })
  expect(response.ok).toBe(true)
}
const path = (rendition = 'feed'): string => `/v1/products/partner-api/assets/${asset}/renditions/${rendition}`
const maxAge = (response: Response): number =>
  Number(/max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1])

describe.each(['in process', 'through a socket'] as const)('%s', transport => {
  const send: Send = (...request) => (transport === 'in process' ? inProcess : socket.send)(...request)
  const ask = (rendition?: string, headers: Record<string, string> = JSON_ONLY, key = system.keys['partner-api']) =>
    send('GET', path(rendition), { key, headers })

  test.each(['feed', 'original'])('a URL of %s ends with the grant that allowed it', async rendition => {
    const end = now() + 20_000
    await grantUntil(end)
    const response = await ask(rendition)
    expect(maxAge(response)).toBeLessThanOrEqual(20)
    const { delivery } = await expectJson<Resolution>(response, 200)
    expect(Date.parse(delivery.expires_at)).toBeLessThanOrEqual(end)
    expect(Date.parse(delivery.expires_at)).toBeGreaterThan(end - 1_000)
    const query = new URL(delivery.url).searchParams
    const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '') ?? []
    const signedAt = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
    expect(signedAt + Number(query.get('X-Amz-Expires')) * 1000).toBe(Date.parse(delivery.expires_at))
    expect((await fetch(delivery.url)).status).toBe(200)
    // Everybody under this grant shares it.
    expect((await expectJson<Resolution>(ask(rendition), 200)).delivery).toEqual(delivery)
    const redirect = await ask(rendition, { Accept: 'image/*' })
    expect(redirect.headers.get('location')).toBe(delivery.url)
    expect(maxAge(redirect)).toBeLessThanOrEqual(20)
    const delivered = await send('GET', `/i/partner-api/${asset}/v1/${rendition === 'feed' ? 'feed.jpg' : rendition}`, {
      key: system.keys['partner-api'],
    })
    const location = new URL(delivered.headers.get('location') ?? '')
    expect(location.searchParams.get('X-Amz-Expires')).toBe(query.get('X-Amz-Expires'))
  })

  test('an end beyond the window changes nothing', async () => {
    await grantUntil(undefined)
    const usual = await expectJson<Resolution>(ask(), 200)
    await grantUntil(now() + 24 * 3_600_000)
    expect((await expectJson<Resolution>(ask(), 200)).delivery).toEqual(usual.delivery)
  })

  test('in the last moment of a grant there is nothing left to sign', async () => {
    const end = Math.ceil(now() / 1000) * 1000 + 30_500
    await grantUntil(end)
    await expectJson(ask(), 200)
    aheadMs += end - 300 - now()
    await expectRefusal(ask(), 404, 'not-found')
    await grantUntil(undefined)
    await expectJson(ask(), 200)
  })

  test('a URL ends with the key that asked for it', async () => {
    const end = now() + 60_000
    const { secret } = await expectJson<{ secret: string }>(
      send('POST', '/v1/products/partner-api/keys', {
        key: ADMIN_KEY,
        body: { expires_at: new Date(end).toISOString() },
      }),
      201,
    )
    const { delivery } = await expectJson<Resolution>(ask('feed', JSON_ONLY, secret), 200)
    expect(Date.parse(delivery.expires_at)).toBeLessThanOrEqual(end)
    expect((await fetch(delivery.url)).status).toBe(200)
  })

  test('an administrator does not need the grant', async () => {
    await grantUntil(now() - 1_000)
    const { delivery } = await expectJson<Resolution>(ask('feed', JSON_ONLY, ADMIN_KEY), 200)
    expect(Date.parse(delivery.expires_at)).toBeGreaterThan(now() + 60_000)
    await grantUntil(undefined)
  })

  test.each(['feed', 'original'])('a copy of %s is fresh while its URL is', async rendition => {
    const first = await ask(rendition)
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(rendition === 'feed' ? /^"1\.1\.jpeg\./ : /^"1\.original\./)
    const { delivery } = await expectJson<Resolution>(first, 200)
    const again = await ask(rendition, { ...JSON_ONLY, 'If-None-Match': etag })
    expect(again.status).toBe(304)
    expect(again.headers.get('cache-control')).toBe(first.headers.get('cache-control'))
    aheadMs += Date.parse(delivery.expires_at) - now() + 1_000
    const late = await ask(rendition, { ...JSON_ONLY, 'If-None-Match': etag })
    expect(late.headers.get('etag')).not.toBe(etag)
    const fresh = await expectJson<Resolution>(late, 200)
    expect(Date.parse(fresh.delivery.expires_at)).toBeGreaterThan(now())
  })
})
