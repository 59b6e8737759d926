/** A real Varnish with the reference configuration forgets what it is told, and nothing else. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openVarnish } from '../../src/deliver/purge-varnish.ts'
import { deliverPurges } from '../../src/reconcile/purge.ts'
import { query } from '../faults/intact.ts'
import type { Cache } from '../support/cache.ts'
import { expectJson, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { findVarnish, startReferenceVarnish } from '../support/varnish.ts'
import { startVendor, type Vendor } from '../support/vendors.ts'

const program = await findVarnish()
const missing = 'missing' in program ? program.missing : undefined
const SECRETS = {
  front: 'front-secret-of-the-tests',
  originKey: 'no-origin-is-asked',
  purge: 'purge-token-of-the-tests',
}

describe.skipIf(missing)(`Varnish${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let system: System
  let send: Send
  let socket: Awaited<ReturnType<typeof openSocketClient>>
  let varnish: Cache
  /** Varnish listens in the file system here, and purges go to an address. */
  let bridge: Vendor
  const assets: string[] = []
  const GRANT = '/v1/collections/pictures/grants/mobile'
  const renditions = '/v1/collections/pictures/products/mobile/renditions'
  const admin = (method: string, path: string, body?: object, headers = {}) =>
    send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
  const recipe = (width: number) => ({ recipe: { resize: { width }, formats: ['jpeg'] } })

  beforeAll(async () => {
    if ('missing' in program) return
    bridge = await startVendor(async ({ method, path, headers }) => {
      const own = Object.entries(headers).filter(([name]) => /^(surrogate-key|x-purge-token)$/.test(name))
      const { status, headers: said } = await varnish.ask(
        path,
        Object.fromEntries(own) as Record<string, string>,
        method,
      )
      const { etag, age } = said
      return { status, headers: { ...(etag && { etag }), ...(age && { age }) } }
    })
    const env = {
      ACCEL_SECRET: SECRETS.front,
      PURGE_VARNISH_URLS: bridge.url,
      PURGE_VARNISH_TOKEN: SECRETS.purge,
      PURGE_VERIFY_URL: bridge.url,
      PURGE_VERIFY_SECONDS: '0',
    }
    system = await startSystem({ env })
    send = await openClient(system)
    socket = await openSocketClient(system)
    varnish = await startReferenceVarnish(program, { origin: socket.address, ...SECRETS })
    await expectJson(admin('PUT', '/v1/collections/pictures', { owner: 'shop-web' }), 201)
    await expectJson(admin('PUT', GRANT, { role: 'reader', delivery: 'stream', visibility: 'public' }), 201)
    await expectJson(admin('PUT', `${renditions}/small`, recipe(48)), 201)
    await expectJson(admin('PUT', `${renditions}/large`, recipe(80)), 201)
    for (const width of [96, 112])
      assets.push((await system.upload(await photo({ width, height: 64 }), 'collection=pictures')).asset)
    await settled(system)
  })
  afterAll(async () => {
    await varnish?.remove()
    bridge?.close()
    await socket?.close()
    await system?.close()
  })
  beforeEach(async () => {
    await query(system.core, 'delete from purge')
    bridge.reset()
  })

  const at = (n: number, name: string): string => `/i/mobile/${assets[n]}/v1/${name}.jpg`
  const state = async (path: string) => {
    const { status, headers } = await varnish.ask(path)
    return `${status} ${headers['x-cache']}`
  }
  const warm = async (...paths: string[]): Promise<void> => {
    for (const path of paths) {
      await varnish.ask(path)
      expect(await state(path)).toBe('200 HIT')
    }
  }
  const rounds = async () => {
    for (let n = 0; n < 2; n++) {
      await query(system.core, `update purge set not_before = now() where state = 'PENDING'`)
      await deliverPurges(system.core)
    }
    return query<{ state: string; targets: object }>(system.core, 'select state, targets from purge')
  }

  test('another recipe: the pictures of that name, of every asset', async () => {
    await warm(at(0, 'small'), at(1, 'small'), at(0, 'large'))
    const etags = () => Promise.all([0, 1].map(async n => (await varnish.ask(at(n, 'small'))).headers.etag))
    const before = await etags()
    await expectJson(admin('PUT', `${renditions}/small`, recipe(40)), 201)
    for (const n of [0, 1])
      await until(
        'it is made',
        async () => (await send('GET', at(n, 'small'), { headers: { Prefer: 'wait=10' } })).status === 200,
        { withinMs: 60_000 },
      )
    expect(await state(at(0, 'small'))).toBe('200 HIT')
    expect(await rounds()).toMatchObject([{ state: 'DONE' }])
    const after = await etags()
    expect(after[0]).not.toBe(before[0])
    expect(after[1]).not.toBe(before[1])
    expect(await state(at(0, 'large'))).toBe('200 HIT')
  })

  test('another version: what `current` leads to, which is kept for longer than browsers keep it', async () => {
    const current = `/i/mobile/${assets[1]}/current/large.jpg`
    await warm(current, at(0, 'large'))
    const before = await varnish.ask(current)
    const version = { key: ADMIN_KEY, body: await photo({ width: 120, height: 64 }) }
    await expectJson(send('POST', `/v1/assets/${assets[1]}/versions`, version), 201)
    await settled(system)
    expect(await rounds()).toMatchObject([
      { state: 'DONE', targets: { verify: { answer: expect.stringMatching(/^fresh 200/) } } },
    ])
    expect(bridge.asked.at(-1)).toMatchObject({
      method: 'GET',
      path: expect.stringContaining(`/${assets[1]}/current/`),
    })
    const after = await varnish.ask(current)
    expect(after.headers.etag).not.toBe(before.headers.etag)
    expect(await state(at(0, 'large'))).toBe('200 HIT')
  })

  test('an asset that is archived, and it is asked whether that is so', async () => {
    await warm(at(0, 'large'), at(1, 'large'))
    await expectJson(admin('POST', `/v1/assets/${assets[0]}/archive`, undefined, { 'If-Match': '*' }), 200)
    expect(await rounds()).toMatchObject([
      { state: 'DONE', targets: { verify: { answer: expect.stringMatching(/^fresh 410/) } } },
    ])
    expect(await state(at(0, 'large'))).toContain('410')
    expect(await state(at(1, 'large'))).toBe('200 HIT')
  })

  test('without the token nothing is forgotten', async () => {
    await warm(at(1, 'large'))
    const stranger = openVarnish({ url: bridge.url, token: 'somebody-elses', clock: { now: () => Date.now() } })
    const tags = [`a:${assets[1]}`]
    expect(await stranger.send({ purges: [], tags })).toMatchObject({ ok: false, answer: '403' })
    expect(await state(at(1, 'large'))).toBe('200 HIT')
  })
})
