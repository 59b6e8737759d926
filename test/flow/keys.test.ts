/** The life of a key: it is seen when it is used, and handed over to the next without a refused request. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKeyId } from '../../src/manifest/products.ts'
import { query } from '../faults/intact.ts'
import {
  expectJson,
  expectRefusal,
  leavesNothing,
  openClient,
  openSocketClient,
  type Send,
  settled,
} from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Key {
  readonly id: string
  readonly label: string
  readonly scopes: readonly string[]
  readonly expires_at?: string
  readonly last_used_at?: string
  readonly replaces?: string
  readonly etag: string
}
interface Made {
  readonly id: string
  readonly secret: string
}
interface Rotated extends Omit<Key, 'replaces'> {
  readonly secret: string
  readonly replaces: { readonly id: string; readonly expires_at: string }
}

const DAY = 86_400_000
let aheadMs = 0
let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
beforeAll(async () => {
  system = await startSystem({ clock: { now: () => Date.now() + aheadMs } })
  send = await openClient(system)
  socket = await openSocketClient(system)
  asset = (await system.upload(await photo({ width: 500, height: 300 }))).asset
  await settled(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const admin = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
const make = (body: object = {}) => expectJson<Made>(admin('POST', '/v1/products/shop-web/keys', body), 201)
const list = async (): Promise<Key[]> =>
  (await expectJson<{ items: Key[] }>(admin('GET', '/v1/products/shop-web/keys'), 200)).items
const find = async (id: string): Promise<Key> => (await list()).find(key => key.id === id) as Key
const resolve = (key: string, ask: Send = socket.send) =>
  ask('GET', `/v1/products/shop-web/assets/${asset}/renditions/card`, { key })
const rotate = (id: string, body: object = {}, headers: Record<string, string> = {}) =>
  admin('POST', `/v1/keys/${id}/rotate`, body, { 'If-Match': '*', ...headers })
const rotated = (id: string, body?: object) => expectJson<Rotated>(rotate(id, body), 201)

describe('last use', () => {
  const revision = async () => query(system.core, `select revision from matrix_revision where tenant_id = 'demo'`)
  const lastUse = async (id: string): Promise<number> => Date.parse((await find(id)).last_used_at as string)

  test.each([
    ['a key that lists', (key: string) => send('GET', '/v1/assets?collection=product-photo', { key })],
    ['a key that resolves', (key: string) => resolve(key, send)],
    ['a key that the warm lane answers', (key: string) => resolve(key)],
  ])('of %s is told, and no answer is read anew for it', async (_what, use) => {
    const { id, secret } = await make()
    expect((await find(id)).last_used_at).toBeUndefined()
    const before = Date.now()
    await use(secret)
    await use(secret)
    expect((await find(id)).last_used_at).toBeUndefined()
    const held = await revision()
    await system.gateway.keyUse.flush()
    expect(await lastUse(id)).toBeGreaterThanOrEqual(before)
    expect(await lastUse(id)).toBeLessThanOrEqual(Date.now())
    expect(await revision()).toEqual(held)
  })

  test('is written once a minute, however many tell of it', async () => {
    const { id, secret } = await make()
    await resolve(secret)
    await system.gateway.keyUse.flush()
    const first = await lastUse(id)
    aheadMs = 30_000
    await resolve(secret)
    await system.gateway.keyUse.flush()
    expect(await lastUse(id)).toBe(first)
    aheadMs = 61_000
    await resolve(secret)
    await system.gateway.keyUse.flush()
    expect(await lastUse(id)).toBeGreaterThanOrEqual(first + 60_000)
    aheadMs = 0
  })

  test('is not told of a key that is refused, nor does it change the tag', async () => {
    const { id, secret } = await make()
    const { etag } = await find(id)
    await resolve(secret)
    await system.gateway.keyUse.flush()
    expect((await find(id)).etag).toBe(etag)
    const used = await lastUse(id)
    expect((await admin('DELETE', `/v1/keys/${id}`, undefined, { 'If-Match': etag })).status).toBe(204)
    aheadMs = 120_000
    await expectRefusal(resolve(secret), 401, 'unauthenticated')
    await system.gateway.keyUse.flush()
    aheadMs = 0
    expect(await lastUse(id)).toBe(used)
  })
})

describe('rotation', () => {
  test('gives a new key of the same kind, and lets the old one go on for a day', async () => {
    const old = await make({ label: 'build', scopes: ['resolve', 'assets:read'] })
    const before = Date.now()
    const response = await rotate(old.id)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const tag = response.headers.get('etag')
    const { secret, ...next } = await expectJson<Rotated>(response, 201)
    expect(next).toEqual({
      id: expect.stringMatching(/^key_\w+$/),
      product: 'shop-web',
      label: 'build',
      scopes: ['resolve', 'assets:read'],
      replaces: { id: old.id, expires_at: expect.any(String) },
    })
    expect(next.id).not.toBe(old.id)
    expect(Date.parse(next.replaces.expires_at) - before).toBeGreaterThan(DAY - 5_000)
    expect(Date.parse(next.replaces.expires_at) - before).toBeLessThan(DAY + 5_000)
    expect(await find(next.id)).toMatchObject({ replaces: old.id, etag: tag })
    expect((await find(old.id)).expires_at).toBe(next.replaces.expires_at)
    for (const key of [old.secret, secret]) expect((await resolve(key)).status).toBe(302)
  })

  test('under load refuses nobody', async () => {
    const old = await make()
    let current = old.secret
    const statuses: number[] = []
    let isOver = false
    const caller = async (ask: Send): Promise<void> => {
      while (!isOver) statuses.push((await resolve(current, ask)).status)
    }
    const callers = [socket.send, socket.send, send].map(caller)
    let id = old.id
    for (let round = 0; round < 5; round++) {
      const next = await rotated(id, { overlap: 60 })
      id = next.id
      const enough = statuses.length + 20
      while (statuses.length < enough) await resolve(current)
      current = next.secret
    }
    isOver = true
    await Promise.all(callers)
    expect(statuses.length).toBeGreaterThan(100)
    expect(new Set(statuses)).toEqual(new Set([302]))
  })

  test('without an overlap ends the old one with the next request', async () => {
    const old = await make()
    expect((await resolve(old.secret)).status).toBe(302)
    const next = await rotated(old.id, { overlap: '0s' })
    await expectRefusal(resolve(old.secret), 401, 'unauthenticated')
    expect((await resolve(next.secret)).status).toBe(302)
    await expectRefusal(rotate(old.id), 409, 'conflict')
  })

  test('never lengthens the life of the old one, and gives the new one as long', async () => {
    const end = new Date(Date.now() + 3_600_000)
    const old = await make({ expires_at: end.toISOString() })
    const next = await rotated(old.id, { overlap: '30d' })
    expect(next.replaces.expires_at).toBe(end.toISOString())
    const life = Date.parse(next.expires_at as string) - Date.now()
    expect(life).toBeGreaterThan(3_590_000)
    expect(life).toBeLessThanOrEqual(3_600_000)
  })

  test('a URL ends with the overlap', async () => {
    const old = await make()
    const { replaces } = await rotated(old.id, { overlap: 90 })
    const response = await send('GET', `/v1/products/shop-web/assets/${asset}/renditions/card?delivery=json`, {
      key: old.secret,
    })
    const { delivery } = await expectJson<{ delivery: { expires_at: string } }>(response, 200)
    expect(Date.parse(delivery.expires_at)).toBeLessThanOrEqual(Date.parse(replaces.expires_at))
  })

  test('is repeated without the secret, and stored without it', async () => {
    const old = await make()
    const request = { 'Idempotency-Key': crypto.randomUUID() }
    const { secret, ...shown } = await expectJson<Rotated>(rotate(old.id, {}, request), 201)
    const again = await rotate(old.id, {}, request)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await expectJson(again, 201)).toEqual(shown)
    await expectRefusal(rotate(old.id, { overlap: 1 }, request), 422, 'idempotency-key-reused')
    const stored = `select 1 from idempotency where body like '%' || $1 || '%'`
    expect(await query(system.core, stored, [secret])).toEqual([])
  })

  test('is of the key as it was seen', async () => {
    const old = await make()
    const { etag } = await find(old.id)
    const seen = { 'If-Match': etag }
    const statuses = await Promise.all([1, 2, 3].map(async () => (await rotate(old.id, {}, seen)).status))
    expect(statuses.sort()).toEqual([201, 412, 412])
    await leavesNothing(system, async () => {
      await expectRefusal(rotate(old.id, {}, seen), 412, 'precondition-failed')
      await expectRefusal(admin('POST', `/v1/keys/${old.id}/rotate`, {}), 428, 'precondition-required')
      for (const overlap of [-1, 0.5, '31d', '1w', 'soon', 2_592_001, null])
        await expectRefusal(rotate(old.id, { overlap }), 422, 'contract-violation')
      await expectRefusal(rotate('key_nothing'), 404, 'not-found')
      const refused = await expectRefusal(rotate(adminKeyId('demo')), 409, 'conflict')
      expect(refused.detail).toContain('replaced, not rotated')
    })
  })
})
