/** A purge is believed when a sample of what was purged says so: asked through a real nginx, which forgets when it is replaced. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { judge } from '../../src/deliver/purge-verify.ts'
import { deliverPurges } from '../../src/reconcile/purge.ts'
import { query } from '../faults/intact.ts'
import { expectJson, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { findNginx, type Nginx, startNginx } from '../support/nginx.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { startVendor, type Vendor } from '../support/vendors.ts'

const nginxProgram = await findNginx()
const missing = 'missing' in nginxProgram ? nginxProgram.missing : undefined

describe('what an answer says', () => {
  const sha256 = 'ab'.repeat(32)
  test.each([
    ['hidden', { status: 410, etag: null }, 'fresh'],
    ['hidden', { status: 200, etag: `"${sha256}"` }, 'stale'],
    ['hidden', { status: 206, etag: null }, 'stale'],
    ['hidden', { status: 301, etag: null }, 'cannot tell'],
    [{ sha256 }, { status: 200, etag: `"${sha256}"` }, 'fresh'],
    [{ sha256 }, { status: 200, etag: `W/"${sha256}"` }, 'fresh'],
    [{ sha256 }, { status: 200, etag: `"${'cd'.repeat(32)}"` }, 'stale'],
    [{ sha256 }, { status: 200, etag: null }, 'cannot tell'],
    [{ sha256 }, { status: 404, etag: null }, 'fresh'],
    [{ sha256 }, { status: 302, etag: null }, 'cannot tell'],
    [undefined, { status: 200, etag: `"${sha256}"` }, 'cannot tell'],
    ['hidden', { status: 502, etag: null }, 'no answer'],
  ] as const)('%j and %j: %s', (expects, answer, result) => {
    expect(judge(expects, answer)).toBe(result)
  })
})

describe.skipIf(missing)(`through nginx${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let system: System
  let send: Send
  let socket: Awaited<ReturnType<typeof openSocketClient>>
  /** What `PURGE_VERIFY_URL` names, in front of whichever nginx there is. */
  let front: Server
  let nginx: Nginx
  let cache: Vendor
  const used: Nginx[] = []

  const forgetAll = async (): Promise<void> => {
    if ('missing' in nginxProgram) return
    nginx = await startNginx(nginxProgram, socket.address)
    used.push(nginx)
  }

  beforeAll(async () => {
    if ('missing' in nginxProgram) return
    front = createServer(async (request, response) => {
      const answer = await nginx.ask(request.url ?? '/').catch(() => undefined)
      if (answer === undefined) return void response.writeHead(502).end()
      const { 'transfer-encoding': _, ...headers } = answer.headers
      response.writeHead(answer.status, headers).end(Buffer.from(answer.body, 'latin1'))
    }).listen(0, '127.0.0.1')
    await once(front, 'listening')
    cache = await startVendor({ status: 200 })
    const env = {
      PURGE_VARNISH_URLS: cache.url,
      PURGE_VARNISH_TOKEN: 'a-token-of-the-tests',
      PURGE_VERIFY_URL: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
      PURGE_VERIFY_SECONDS: '0',
    }
    system = await startSystem({ env })
    send = await openClient(system)
    socket = await openSocketClient(system)
    await forgetAll()
    const admin = (path: string, body: object) => send('PUT', path, { key: ADMIN_KEY, body })
    await expectJson(admin('/v1/collections/pictures', { owner: 'shop-web' }), 201)
    await expectJson(admin(GRANT, OPEN), 201)
    const recipe = { recipe: { resize: { width: 48 }, formats: ['jpeg'] } }
    await expectJson(admin('/v1/collections/pictures/products/mobile/renditions/small', recipe), 201)
  })
  afterAll(async () => {
    front?.closeAllConnections()
    front?.close()
    await Promise.all(used.map(one => one.remove()))
    cache?.close()
    await socket?.close()
    await system?.close()
  })
  beforeEach(async () => {
    await query(system.core, 'delete from purge')
    cache.reset()
  })

  const GRANT = '/v1/collections/pictures/grants/mobile'
  const OPEN = { role: 'reader', delivery: 'stream', visibility: 'public' }
  const row = async () =>
    (
      await query<{
        state: string
        last_answer: string
        targets: Record<string, { state: string; tries: number; answer: string }>
      }>(system.core, 'select state, last_answer, targets from purge')
    )[0]
  const round = async (): Promise<void> => {
    await query(system.core, `update purge set not_before = now() where state = 'PENDING'`)
    await deliverPurges(system.core)
  }
  const kept = async (): Promise<{ asset: string; path: string }> => {
    const picture = await photo({ width: 96 + used.length, height: 64 })
    const { asset } = await system.upload(
      Buffer.concat([picture, Buffer.from(crypto.randomUUID())]),
      'collection=pictures',
    )
    const path = `/i/mobile/${asset}/v1/small.jpg`
    await settled(system)
    expect((await nginx.ask(path)).status).toBe(200)
    expect((await nginx.ask(path)).headers['x-cache']).toBe('HIT')
    return { asset, path }
  }
  const made = (path: string) =>
    until('it is made', async () => (await send('GET', path, { headers: { Prefer: 'wait=10' } })).status === 200, {
      withinMs: 60_000,
    })
  const archive = (asset: string) =>
    expectJson(send('POST', `/v1/assets/${asset}/archive`, { key: ADMIN_KEY, headers: { 'If-Match': '*' } }), 200)

  test('a copy that is still there is purged again, until it is not', async () => {
    const { asset, path } = await kept()
    await archive(asset)
    await round()
    expect(cache.asked).toHaveLength(1)
    await round()
    expect(await row()).toMatchObject({
      state: 'PENDING',
      targets: { verify: { state: 'PENDING', tries: 1, answer: 'stale 200' } },
    })
    await round()
    expect(cache.asked).toHaveLength(2)
    expect((await nginx.ask(path)).headers['x-cache']).toBe('HIT')
    await forgetAll()
    await round()
    expect(await row()).toMatchObject({
      state: 'DONE',
      targets: { verify: { state: 'DONE', tries: 2, answer: 'fresh 410' } },
    })
    const audited = await query<{ after: object }>(
      system.core,
      `select after from audit where action = 'purge.done' and resource = $1`,
      [`assets/${asset}`],
    )
    expect(audited).toMatchObject([{ after: { verified: 'fresh 410' } }])
    const metrics = await (await send('GET', '/metrics')).text()
    expect(metrics).toMatch(/matrix_purge_tries_total\{target="verify",result="stale"\} 1/)
    expect(metrics).toMatch(/matrix_purge_tries_total\{target="verify",result="fresh"\} 1/)
  })

  test('what never goes is given up, and told again from the start when it is redriven', async () => {
    const { asset } = await kept()
    await archive(asset)
    for (let n = 0; n < 10; n++) await round()
    expect(await row()).toMatchObject({ state: 'DEAD', targets: { verify: { state: 'DEAD', tries: 5 } } })
    expect(cache.asked).toHaveLength(5)
    await forgetAll()
    await expectJson(send('POST', '/v1/purges/redrive', { key: ADMIN_KEY }), 200)
    await round()
    await round()
    expect(cache.asked).toHaveLength(6)
    expect(await row()).toMatchObject({ state: 'DONE' })
  })

  test('of a grant that is private now nothing is shown; of a recipe that is another, the new bytes', async () => {
    const { path } = await kept()
    await expectJson(send('PUT', GRANT, { key: ADMIN_KEY, body: { ...OPEN, visibility: 'private' } }), 200)
    await round()
    await round()
    expect(await row()).toMatchObject({ targets: { verify: { answer: 'stale 200' } } })
    await expectJson(send('PUT', GRANT, { key: ADMIN_KEY, body: OPEN }), 200)
    await query(system.core, 'delete from purge')

    const recipe = { recipe: { resize: { width: 40 }, formats: ['jpeg'] } }
    const renditions = '/v1/collections/pictures/products/mobile/renditions/small'
    await expectJson(send('PUT', renditions, { key: ADMIN_KEY, body: recipe }), 201)
    await made(path)
    await round()
    await round()
    expect(await row()).toMatchObject({ targets: { verify: { answer: 'stale 200' } } })
    await forgetAll()
    await round()
    await round()
    expect(await row()).toMatchObject({ state: 'DONE', targets: { verify: { answer: 'fresh 200' } } })
  })

  test('of an erased asset it is asked for what was there, and a cache that is away is asked again', async () => {
    const { asset } = await kept()
    const asked = send('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, body: { reason: 'test' } })
    await expectJson(asked, 202)
    await query(system.core, `delete from purge where reason <> 'erase'`)
    await round()
    await round()
    expect(await row()).toMatchObject({ targets: { verify: { answer: 'stale 200' } } })
    await nginx.remove()
    await round()
    await round()
    expect(await row()).toMatchObject({ state: 'PENDING', targets: { verify: { tries: 2, answer: 'no answer 502' } } })
    await forgetAll()
    await round()
    expect(await row()).toMatchObject({ state: 'DONE', targets: { verify: { answer: 'fresh 410' } } })
  })
})
