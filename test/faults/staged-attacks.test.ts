/**
 * T13: a presigned URL used for something else than it was given for, against each S3 that there is. The store refuses it, or the
 * completion does; and what a helper of the SDK sends arrives.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serve } from '../../src/http/serve.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { type StagedTarget, sendStaged, uploadDirect } from '../../src/sdk/index.ts'
import { findRgw, startRgw } from '../support/rgw.ts'
import { startEmbeddedS3, type TestS3 } from '../support/s3-server.ts'
import { type System, startSystem } from '../support/system.ts'
import { photo } from './photo.ts'
import { openSide, type Side } from './side.ts'

const MIB = 1024 * 1024
type Target = Required<StagedTarget>

const attacks = (name: string, start: () => Promise<TestS3>): void => {
  describe(name, () => {
    let system: System
    let store: TestS3
    let side: Side
    let server: Awaited<ReturnType<typeof serve>>
    let seed = 9_000

    beforeAll(async () => {
      store = await start()
      system = await startSystem({ worker: false, env: { STAGED_PART_BYTES: String(5 * MIB) } })
      const { close: _, ...s3 } = store
      side = await openSide({ ...system, engines: { ...system.engines, s3: { ...s3, forcePathStyle: true } } })
      const { originals, derivatives, staging } = side.core
      for (const bucket of [originals, derivatives, staging]) await bucket.ensureBucket()
      server = await serve(side.app.fetch, { host: '127.0.0.1', port: 0, drainMs: 0 })
    }, 240_000)
    afterAll(async () => {
      await server?.drain()
      await side?.close()
      await system?.close()
      await store?.close()
    })

    const ask = (method: string, path: string, body?: object): Promise<Response> =>
      side.call(method, path, { key: system.keys['shop-web'], ...(body && { body }) })
    const reserve = async (bytes: Uint8Array, more: object = {}): Promise<Target> => {
      const wish = { collection: 'product-photo', bytes: bytes.length, sha256: sha256Hex(bytes), ...more }
      const response = await ask('POST', '/v1/uploads', { media_type: 'image/png', ...wish })
      expect(response.status).toBe(201)
      return (await response.json()) as Target
    }
    const put = async (target: Pick<Target, 'url' | 'headers'>, bytes: Uint8Array): Promise<number> => {
      const { 'content-length': _, ...headers } = target.headers
      const response = await fetch(target.url, { method: 'PUT', headers, body: new Uint8Array(bytes) })
      await response.text()
      return response.status
    }
    const complete = (target: Target): Promise<Response> => ask('POST', `/v1/uploads/${target.upload_id}/complete`, {})
    const staged = async (): Promise<string[]> => {
      const found: string[] = []
      for await (const { key } of side.core.staging.list('')) found.push(key)
      for await (const { key } of side.core.staging.sessions()) found.push(key)
      return found
    }

    it('takes the bytes that were announced to the place that was signed, and no others', async () => {
      const [bytes, others] = [await photo(++seed), await photo(++seed)]
      const target = await reserve(bytes)
      const longer = Buffer.concat([bytes, Buffer.from('more')])
      for (const wrong of [others, longer, bytes.subarray(1)]) expect([400, 403]).toContain(await put(target, wrong))
      const asHtml = { ...target, headers: { ...target.headers, 'content-type': 'text/html' } }
      expect(await put(asHtml, bytes)).toBe(403)
      const elsewhere = [
        target.url.replace('/staging/', '/originals/'),
        target.url.replace(target.upload_id, crypto.randomUUID()),
        target.url.replace('/t/demo/s/', '/t/other/s/'),
      ]
      for (const url of elsewhere) expect(await put({ ...target, url }, bytes)).toBe(403)
      expect(await staged()).toEqual([])
      expect((await complete(target)).status).toBe(409)
      expect(await put(target, bytes)).toBe(200)
      expect(await (await complete(target)).json()).toMatchObject({ digest: `sha256:${sha256Hex(bytes)}`, version: 1 })
      expect(await staged()).toEqual([])
    })

    it('changes nothing when the URL is used again after the completion', async () => {
      const [bytes, others] = [await photo(++seed), await photo(++seed)]
      const same = Buffer.concat([others, Buffer.alloc(Math.max(0, bytes.length - others.length))]).subarray(
        0,
        bytes.length,
      )
      const target = await reserve(bytes, { sha256: undefined })
      expect(await put(target, bytes)).toBe(200)
      const version = await (await complete(target)).json()
      expect(await put(target, same)).toBe(200)
      const again = await complete(target)
      expect([again.status, again.headers.get('idempotent-replayed'), await again.json()]).toEqual([
        201,
        'true',
        version,
      ])
      expect(await staged()).toHaveLength(1)
      const sweep = startSweep(side.core)
      await sweep.stop()
      await sweep.once()
      expect(await staged()).toEqual([])
    })

    it('refuses at the completion what a digest did not bind', async () => {
      const text = Buffer.from(`<html>${randomBytes(100).toString('hex')}</html>`)
      const target = await reserve(text, { sha256: undefined })
      expect(await put(target, text)).toBe(200)
      for (let n = 0; n < 2; n++) {
        const refused = await complete(target)
        expect([refused.status, await refused.json()]).toMatchObject([422, { code: 'content-mismatch' }])
      }
      expect(await staged()).toEqual([])
    })

    it('takes each part under its own URL alone, and goes on where it ended', async () => {
      const bytes = Buffer.concat([await photo(++seed), randomBytes(11 * MIB)])
      const content = new Blob([bytes])
      const target = await reserve(bytes)
      const [first, second] = target.parts as Required<NonNullable<StagedTarget['parts']>[number]>[]
      if (!first || !second) throw new Error('There are three parts')
      expect(
        await put({ ...first, url: first.url.replace('partNumber=1', 'partNumber=2') }, bytes.subarray(0, 5 * MIB)),
      ).toBe(403)
      const giveUp = new AbortController()
      const onProgress = () => giveUp.abort()
      await expect(sendStaged(target, content, { atOnce: 1, onProgress, signal: giveUp.signal })).rejects.toThrow()
      const resumed = (await (await ask('GET', `/v1/uploads/${target.upload_id}`)).json()) as Target
      expect(resumed.parts.map(part => part.received)).toEqual([true, false, false])
      const told: number[] = []
      await sendStaged(resumed, content, { onProgress: sent => told.push(sent) })
      expect(told).toHaveLength(2)
      expect(told.at(-1)).toBe(bytes.length)
      expect(await (await complete(target)).json()).toMatchObject({ digest: `sha256:${sha256Hex(bytes)}` })
      expect(await staged()).toEqual([])
    })

    it('is one call for whoever has the key', async () => {
      const bytes = await photo(++seed)
      const request = {
        url: server.address,
        key: system.keys['shop-web'],
        wish: { collection: 'product-photo', filename: 'a.png', media_type: 'image/png' },
        content: new Blob([new Uint8Array(bytes)]),
        idempotencyKey: crypto.randomUUID(),
      }
      const version = await uploadDirect(request)
      expect(version).toMatchObject({ version: 1, digest: `sha256:${sha256Hex(bytes)}` })
      expect(await uploadDirect(request)).toEqual(version)
      await expect(uploadDirect({ ...request, key: 'nobody' })).rejects.toMatchObject({ status: 401 })
    })
  })
}

attacks('through the embedded S3', startEmbeddedS3)

const whyNoRgw = await findRgw()
if (whyNoRgw === undefined) attacks('through Ceph RGW', startRgw)
else describe.skip(`through Ceph RGW (${whyNoRgw})`, () => it('runs', () => undefined))
