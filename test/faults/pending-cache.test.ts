/** Behind a shared cache, what stands in for a picture is gone with the first request after the picture is there. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { serve } from '../../src/http/serve.ts'
import { openWarmLane } from '../../src/http/warm-lane.ts'
import { openWorker } from '../../src/worker.ts'
import { expectJson, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { findNginx, type Nginx, startNginx } from '../support/nginx.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const nginxProgram = await findNginx()
const missing = 'missing' in nginxProgram ? nginxProgram.missing : undefined
const IMG = { accept: 'image/avif,image/webp,*/*', prefer: 'wait=0' }
const PROGRAM = { accept: '*/*', prefer: 'wait=0' }

describe.skipIf(missing)(`behind nginx${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let system: System
  let server: Awaited<ReturnType<typeof serve>>
  let nginx: Nginx
  let jpeg: Buffer
  const admin = (path: string, body: object) => expectJson(system.call('PUT', path, { key: ADMIN_KEY, body }), 201)

  beforeAll(async () => {
    if ('missing' in nginxProgram) return
    system = await startSystem({ worker: false, env: { WAIT_QUEUE: '1', WORKERS: '1', POLL_MS: '50' } })
    await admin('/v1/collections/shown', { owner: 'shop-web' })
    const edge = { role: 'editor', delivery: 'stream', visibility: 'public' }
    await admin('/v1/collections/shown/grants/mobile', edge)
    const recipe = { resize: { width: 32 }, formats: ['webp', 'jpeg'] }
    await admin('/v1/collections/shown/products/mobile/renditions/small', { recipe, lane: 'lazy' })
    jpeg = await photo({ width: 64, height: 48 })
    const { gateway, app, core } = system
    server = await serve(app.fetch, { ...core.config, lane: openWarmLane(gateway) })
    nginx = await startNginx(nginxProgram, server.address)
  })
  afterAll(async () => {
    await nginx?.remove()
    await server?.drain()
    await system?.close()
  })
  beforeEach(() => work())

  const work = async (): Promise<void> => {
    const worker = await openWorker(system.core)
    await settled({ ...system, worker })
    await worker.drain()
  }
  const create = async (version?: string): Promise<string> => {
    const path =
      version === undefined ? '/v1/assets?collection=shown&publish=now' : `/v1/assets/${version}/versions?publish=now`
    const body = new Uint8Array(Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())]))
    return (await expectJson<{ asset: string }>(system.call('POST', path, { key: system.keys['shop-web'], body }), 201))
      .asset
  }

  test.each(['v1/small.webp', 'v1/small.auto', 'current/small.webp'])(
    '%s is the picture as soon as there is one',
    async file => {
      const path = `/i/mobile/${await create()}/${file}`
      for (let i = 0; i < 3; i++) {
        const early = await nginx.ask(path, IMG)
        expect(early).toMatchObject({ status: 200, headers: { 'content-type': 'image/png', 'x-cache': 'MISS' } })
        expect(early.headers['matrix-fallback']).toBe('placeholder')
        expect(await nginx.ask(path, PROGRAM)).toMatchObject({ status: 202, headers: { 'x-cache': 'MISS' } })
      }
      await work()
      const first = await nginx.ask(path, IMG)
      expect(first).toMatchObject({ status: 200, headers: { 'content-type': 'image/webp', 'x-cache': 'MISS' } })
      expect(first.headers['matrix-fallback']).toBeUndefined()
      expect(await nginx.ask(path, IMG)).toMatchObject({ headers: { 'x-cache': 'HIT' }, body: first.body })
    },
  )

  test('so is one that an earlier version stood in for', async () => {
    const asset = await create()
    const path = `/i/mobile/${asset}/current/small.webp`
    await nginx.ask(path, IMG)
    await work()
    await create(asset)
    const before = { ...IMG, prefer: 'wait=0, fallback=previous' }
    for (let i = 0; i < 2; i++) {
      const early = await nginx.ask(path, before)
      expect(early).toMatchObject({ headers: { 'matrix-fallback': 'previous; version=1', 'x-cache': 'MISS' } })
    }
    await work()
    expect((await nginx.ask(path, before)).headers).toMatchObject({ 'matrix-publication': '2', 'x-cache': 'MISS' })
  })

  test('and one that there was no room to make', async () => {
    const [waiting, crowded] = [await create(), await create()]
    const path = (asset: string): string => `/i/mobile/${asset}/v1/small.webp`
    expect((await nginx.ask(path(waiting), PROGRAM)).status).toBe(202)
    expect((await nginx.ask(path(crowded), PROGRAM)).status).toBe(429)
    const early = await nginx.ask(path(crowded), IMG)
    expect(early).toMatchObject({ status: 200, headers: { 'matrix-fallback': 'placeholder', 'x-cache': 'MISS' } })
    await work()
    expect((await nginx.ask(path(crowded), IMG)).headers['matrix-fallback']).toBe('placeholder')
    await work()
    expect((await nginx.ask(path(crowded), IMG)).headers).toMatchObject({ 'content-type': 'image/webp' })
  })
})
