/** T7: behind a shared cache that keys on the URL alone, nobody gets what was answered to somebody else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve } from '../../src/http/serve.ts'
import { openWarmLane } from '../../src/http/warm-lane.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { derived } from '../support/behind.ts'
import type { Cache } from '../support/cache.ts'
import { expectJson } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { findNginx, startNginx } from '../support/nginx.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { findVarnish, startVarnish } from '../support/varnish.ts'

const CACHES = [
  { name: 'nginx', program: await findNginx(), start: startNginx },
  { name: 'Varnish', program: await findVarnish(), start: startVarnish },
].map(each => ({ ...each, missing: 'missing' in each.program ? each.program.missing : '' }))

describe.each(CACHES)('behind $name $missing', ({ program, start, missing }) => {
  if (missing !== '') return void test.skip('is not to be had', () => undefined)
  let system: System
  let server: Awaited<ReturnType<typeof serve>>
  let cache: Cache
  let asset: string
  const keys: Record<string, string> = {}

  const admin = (method: string, path: string, body?: object) => system.call(method, path, { key: ADMIN_KEY, body })

  beforeAll(async () => {
    if ('missing' in program) return
    system = await startSystem()
    for (const product of ['closed', 'streamed', 'open']) {
      await expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product }), 201)
      const made = await expectJson<{ secret: string }>(admin('POST', `/v1/products/${product}/keys`, {}), 201)
      keys[product] = made.secret
    }
    await expectJson(admin('PUT', '/v1/collections/shared', { owner: 'closed' }), 201)
    const grants = '/v1/collections/shared/grants'
    await expectJson(
      admin('PUT', `${grants}/streamed`, { role: 'reader', delivery: 'stream', original_access: true }),
      201,
    )
    await expectJson(admin('PUT', `${grants}/open`, { role: 'reader', delivery: 'stream', visibility: 'public' }), 201)
    for (const product of ['closed', 'streamed', 'open']) {
      const recipe = { recipe: { resize: { width: 32 }, formats: ['webp', 'jpeg'] } }
      await expectJson(admin('PUT', `/v1/collections/shared/products/${product}/renditions/small`, recipe), 201)
    }
    const upload = { key: keys.closed, body: await photo({ width: 64, height: 48 }) }
    asset = (await expectJson<{ asset: string }>(system.call('POST', '/v1/assets?collection=shared', upload), 201))
      .asset
    for (const product of ['closed', 'streamed', 'open']) {
      for (const format of ['webp', 'jpeg']) {
        await derived(system, { asset, product, key: keys[product] ?? '', format })
      }
    }
    const { gateway, app, core } = system
    server = await serve(app.fetch, { ...core.config, lane: openWarmLane(gateway) })
    cache = await start(program, server.address)
  })
  afterAll(async () => {
    await cache?.remove()
    await server?.drain()
    await system?.close()
  })

  const paths = (product: string): string[] => [
    `/i/${product}/${asset}/v1/small.webp`,
    `/i/${product}/${asset}/v1/small.auto`,
    `/i/${product}/${asset}/current/small.jpg`,
    `/i/${product}/${asset}/v1/original`,
    `/v1/products/${product}/assets/${asset}/renditions/small`,
    `/v1/products/${product}/assets/${asset}/renditions/small?delivery=json`,
    `/v1/products/${product}/assets/${asset}/renditions/small?delivery=stream`,
    `/v1/assets/${asset}`,
    '/v1/assets?collection=shared',
  ]

  test.each(['closed', 'streamed'])('what %s was answered with its key is kept for nobody', async product => {
    for (const path of paths(product)) {
      const authorization = `Bearer ${keys[product]}`
      const owned = await cache.ask(path, { authorization })
      expect([200, 302], path).toContain(owned.status)
      const again = await cache.ask(path, { authorization })
      expect(again.headers['x-cache'], path).not.toBe('HIT')
      const anonymous = await cache.ask(path)
      expect([401, 404], path).toContain(anonymous.status)
      expect(anonymous.headers['x-cache'], path).not.toBe('HIT')
      const other = await cache.ask(path, { authorization: `Bearer ${keys.open}` })
      expect(other.headers['x-cache'], path).not.toBe('HIT')
      for (const { headers } of [owned, again, anonymous, other]) expect(headers['set-cookie'], path).toBeUndefined()
    }
  })

  test.each(['closed', 'streamed'])('a refusal is not what the next caller of %s gets', async product => {
    const path = `/i/${product}/${asset}/v1/small.jpg`
    expect((await cache.ask(path)).status).toBe(404)
    expect([200, 302]).toContain((await cache.ask(path, { authorization: `Bearer ${keys[product]}` })).status)
  })

  test('what a signature in the path admits is kept under that path, and what one in the query admits for nobody', async () => {
    const made = admin('POST', '/v1/products/streamed/signing-keys', {})
    const key = await expectJson<{ kid: string; secret: string }>(made, 201)
    const path = `/i/streamed/${asset}/v1/small.webp`
    const inPath = signUrl({ path, ...key, inPath: true })
    expect(await cache.ask(inPath)).toMatchObject({ status: 200 })
    expect(await cache.ask(inPath)).toMatchObject({ status: 200, headers: { 'x-cache': 'HIT' } })
    const inQuery = signUrl({ path, ...key })
    for (let i = 0; i < 2; i++) {
      const answer = await cache.ask(inQuery)
      expect(answer.status).toBe(200)
      expect(answer.headers['x-cache']).not.toBe('HIT')
    }
    for (const unsigned of [path, inPath.replace(/.\/i\//, last => (last.startsWith('0') ? '1/i/' : '0/i/'))]) {
      const answer = await cache.ask(unsigned)
      expect([403, 404]).toContain(answer.status)
      expect(answer.headers['x-cache']).not.toBe('HIT')
    }
  })

  test('what is public is kept, whoever asked first, and one variant is not another', async () => {
    const path = `/i/open/${asset}/v1/small.webp`
    const first = await cache.ask(path)
    expect(first).toMatchObject({ status: 200, headers: { 'content-type': 'image/webp' } })
    expect(await cache.ask(path)).toMatchObject({ status: 200, headers: { 'x-cache': 'HIT' }, body: first.body })
    const auto = `/i/open/${asset}/v1/small.auto`
    for (const [accept, type] of [
      ['image/webp,*/*', 'image/webp'],
      ['image/jpeg', 'image/jpeg'],
      ['image/webp,*/*', 'image/webp'],
    ] as const) {
      expect((await cache.ask(auto, { accept })).headers['content-type']).toBe(type)
    }
  })
})
