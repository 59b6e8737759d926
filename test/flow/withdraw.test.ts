/** Taken from everybody, and given back: the next question anywhere is answered by it, and what was handed out before ends when it says. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { query } from '../faults/intact.ts'
import { openSide, type Side } from '../faults/side.ts'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
let other: Side
let send: Send
let key: string
const LIFE = { PRESIGN_SECONDS: '60', PRESIGN_WINDOW_SECONDS: '1' }

beforeAll(async () => {
  system = await startSystem({ env: LIFE })
  other = await openSide(system)
  send = await openClient(system)
  key = system.keys['shop-web']
}, 60_000)
afterAll(async () => {
  await other.close()
  await system.close()
})

const upload = async (seed: number): Promise<string> => {
  const { asset } = await system.upload(Buffer.concat([await photo({ width: 64, height: 48 }), Buffer.from(`${seed}`)]))
  await settled(system)
  return asset
}
const card = (asset: string) => `/v1/products/shop-web/assets/${asset}/renditions/card`
const json = { Accept: 'application/json' }
const tell = (method: string, path: string, options: { key?: string; headers?: Record<string, string> } = {}) =>
  send(method, path, { key, headers: { 'If-Match': '*' }, ...options })
const archive = (asset: string) => tell('POST', `/v1/assets/${asset}/archive`)

interface Resolution {
  readonly delivery: { readonly url: string; readonly expires_at: string }
}
const resolve = (asset: string) => expectJson<Resolution>(send('GET', card(asset), { key, headers: json }), 200)
const askBoth = (path: string, asked = key) => [
  system.call('GET', path, { key: asked, headers: json }),
  other.call('GET', path, { key: asked, headers: json }),
]

describe('an asset', () => {
  test('archived answers 410 on every gateway, to nobody who may not know, and is kept by caches for seconds', async () => {
    const asset = await upload(1)
    for (const warm of askBoth(card(asset))) expect((await warm).status).toBe(200)
    const archived = await expectJson(archive(asset), 200)
    expect(archived).toMatchObject({ status: 'ARCHIVED', max_exposure_until: expect.stringMatching(/Z$/) })
    for (const asked of askBoth(card(asset))) {
      const response = await asked
      expect(response.headers.get('cache-control')).toBe('private, max-age=5')
      await expectRefusal(response, 410, 'asset-archived')
    }
    await expectRefusal(send('GET', card(asset), { key: system.keys['partner-api'] }), 404, 'not-found')
    const back = await expectJson(tell('POST', `/v1/assets/${asset}/restore`), 200)
    expect(back).not.toHaveProperty('max_exposure_until')
    await resolve(asset)
  })

  test('deleted is out of lists, comes back as it was, and not by a restore', async () => {
    const asset = await upload(2)
    const gone = await tell('DELETE', `/v1/assets/${asset}`)
    expect(gone.status).toBe(204)
    expect(gone.headers.get('matrix-max-exposure-until')).toMatch(/Z$/)
    expect((await tell('DELETE', `/v1/assets/${asset}`)).status).toBe(204)
    await expectRefusal(send('GET', card(asset), { key }), 410, 'asset-archived')
    await expectRefusal(tell('POST', `/v1/assets/${asset}/restore`), 409, 'conflict')
    expect(await expectJson(send('GET', `/v1/assets/${asset}`, { key }), 200)).toMatchObject({ status: 'DELETED' })
    const list = await expectJson<{ items: { id: string }[] }>(
      send('GET', '/v1/assets?collection=product-photo&limit=500', { key }),
      200,
    )
    expect(list.items.map(({ id }) => id)).not.toContain(asset)
    expect(await expectJson(tell('POST', `/v1/assets/${asset}/undelete`), 200)).toMatchObject({ status: 'ACTIVE' })
    await resolve(asset)
    await archive(asset)
    await tell('DELETE', `/v1/assets/${asset}`)
    expect(await expectJson(tell('POST', `/v1/assets/${asset}/undelete`), 200)).toMatchObject({ status: 'ARCHIVED' })
    await expectRefusal(send('DELETE', `/v1/assets/${asset}`, { key }), 428, 'precondition-required')
    const stale = { headers: { 'If-Match': '"p99"' } }
    await expectRefusal(tell('DELETE', `/v1/assets/${asset}`, stale), 412, 'precondition-failed')
  })

  test('deleted for longer than the grace cannot be had back, and is erased', async () => {
    const asset = await upload(3)
    await tell('DELETE', `/v1/assets/${asset}`)
    await query(
      system.core,
      `update asset set deleted_at = deleted_at - interval '31 days', archived_at = archived_at - interval '31 days' where asset_id = $1`,
      [asset],
    )
    await expectRefusal(tell('POST', `/v1/assets/${asset}/undelete`), 410, 'asset-erased')
    const sweep = startSweep(system.core)
    await sweep.once()
    await sweep.stop()
    await expectRefusal(send('GET', card(asset), { key }), 410, 'asset-erased')
    const done = await query(system.core, 'select reason, state from erasure where asset_id = $1', [asset])
    expect(done).toEqual([{ reason: 'deleted', state: 'DONE' }])
  })
})

describe('what was handed out before', () => {
  /** The end that the store itself enforces, in the URL that it was given. */
  const enforcedEnd = (url: string): number => {
    const { searchParams } = new URL(url)
    const [, y, mo, d, h, mi, s] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(searchParams.get('X-Amz-Date') ?? '') ?? []
    const signedAt = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
    return signedAt + Number(searchParams.get('X-Amz-Expires')) * 1000
  }

  test('by a key that is revoked: denied next on both gateways, and no URL outlives the time that was said', async () => {
    const asset = await upload(4)
    const made = await expectJson<{ id: string; secret: string }>(
      send('POST', '/v1/products/shop-web/keys', { key: ADMIN_KEY, body: {} }),
      201,
    )
    const urls: string[] = []
    for (const asked of askBoth(card(asset), made.secret))
      urls.push((await expectJson<Resolution>(asked, 200)).delivery.url)
    const revoked = await tell('DELETE', `/v1/keys/${made.id}`, { key: ADMIN_KEY })
    expect(revoked.status).toBe(204)
    const until = Date.parse(revoked.headers.get('matrix-max-exposure-until') ?? '')
    for (const asked of askBoth(card(asset), made.secret)) await expectRefusal(asked, 401, 'unauthenticated')
    for (const url of urls) {
      expect((await fetch(url)).status).toBe(200)
      expect(enforcedEnd(url)).toBeLessThanOrEqual(until)
    }
    expect(until - Date.now()).toBeLessThanOrEqual(71_000)
    expect(until - Date.now()).toBeGreaterThan(50_000)
  })

  test('by a grant that is taken back, narrowed or given another end', async () => {
    const asset = await upload(5)
    const cell = '/v1/collections/product-photo/grants/mobile'
    const put = (body: object) => tell('PUT', cell, { key: ADMIN_KEY, body } as never)
    const before = await expectJson<Record<string, unknown>>(send('GET', cell, { key: ADMIN_KEY }), 200)
    const { product: _, ...edge } = before
    const tile = `/v1/products/mobile/assets/${asset}/renditions/tile`
    const soon = new Date(Date.now() + 30_000).toISOString()
    expect((await put({ ...edge, expires_at: soon })).headers.get('matrix-max-exposure-until')).toMatch(/Z$/)
    const [bounded] = await Promise.all(
      askBoth(tile, system.keys.mobile).map(asked => expectJson<Resolution>(asked, 200)),
    )
    expect(enforcedEnd(bounded?.delivery.url ?? '')).toBeLessThanOrEqual(Date.parse(soon))
    const gone = await tell('DELETE', cell, { key: ADMIN_KEY })
    expect(gone.status).toBe(204)
    expect(Date.parse(gone.headers.get('matrix-max-exposure-until') ?? '')).toBeGreaterThan(Date.now())
    for (const asked of askBoth(tile, system.keys.mobile)) await expectRefusal(asked, 404, 'not-found')
    expect((await send('PUT', cell, { key: ADMIN_KEY, body: edge })).status).toBe(201)
  })

  test('stops at that time by the clock of the store', async () => {
    const { core } = system
    const [{ object_key: objectKey = '' } = {}] = await query<{ object_key: string }>(
      core,
      'select object_key from derivative limit 1',
    )
    const ended = Date.now() - 2_000
    const [now, past] = await Promise.all(
      [Date.now() + 60_000, ended].map(end =>
        core.derivatives.presign({ key: objectKey, signedAt: new Date(end - 120_000), expiresInSeconds: 120 }),
      ),
    )
    expect((await fetch(now ?? '')).status).toBe(200)
    expect((await fetch(past ?? '')).status).toBe(403)
    await until('a URL that ends while it is watched', async () => {
      const url = await core.derivatives.presign({
        key: objectKey,
        signedAt: new Date(ended - 59_000),
        expiresInSeconds: 61,
      })
      return (await fetch(url)).status === 403
    })
  })
})
