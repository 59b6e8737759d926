/** Completions before a staging bucket that refuses, breaks off, corrupts, and forgets its replies. */
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { type StagedTarget, sendStaged } from '../../src/sdk/index.ts'
import { type FaultProxy, startFaultProxy } from '../support/s3-fault-proxy.ts'
import { type System, startSystem } from '../support/system.ts'
import { expectIntact, query } from './intact.ts'
import { photo } from './photo.ts'
import { openSide, type Side } from './side.ts'

const MIB = 1024 * 1024
let system: System
let proxy: FaultProxy
let side: Side
let seed = 7_000

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { STAGED_PART_BYTES: String(5 * MIB) } })
  proxy = await startFaultProxy(system.s3.endpoint)
  const s3 = { ...system.engines.s3, endpoint: proxy.endpoint, publicEndpoint: system.s3.endpoint }
  side = await openSide({ config: system.config, engines: { ...system.engines, s3 } })
})
afterEach(async () => {
  proxy.fail('GET', 'unavailable', 0)
  await query(system.core, `update upload set expires_at = now() - interval '1 s' where state = 'OPEN'`)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
})
afterAll(async () => {
  await side.close()
  await proxy.close()
  await system.close()
})

const reserved = async (bytes: Uint8Array, more: object = {}): Promise<string> => {
  const body = { collection: 'product-photo', bytes: bytes.length, sha256: sha256Hex(bytes), ...more }
  const response = await side.call('POST', '/v1/uploads', { key: system.keys['shop-web'], body })
  const target = (await response.json()) as StagedTarget
  await sendStaged(target, new Blob([new Uint8Array(bytes)]))
  return target.upload_id
}
const complete = (id: string): Promise<Response> =>
  side.call('POST', `/v1/uploads/${id}/complete`, {
    key: system.keys['shop-web'],
    headers: { 'Idempotency-Key': randomUUID() },
  })
const expectVersion = async (id: string, bytes: Uint8Array): Promise<void> => {
  const response = await complete(id)
  expect([response.status, await response.json()]).toMatchObject([201, { digest: `sha256:${sha256Hex(bytes)}` }])
}

test.each([['with its digest', true] as const, ['without', false] as const])(
  'bits that flip on the way are read again, of an upload %s',
  async (_, announced) => {
    const more = announced ? {} : { sha256: undefined }
    const small = await photo(++seed)
    const parts = Buffer.concat([await photo(++seed), randomBytes(6 * MIB)])
    for (const bytes of [small, parts]) {
      const id = await reserved(bytes, more)
      // Joined by then, so that what is read next is the object.
      proxy.fail('PUT', 'unavailable', 100)
      expect((await complete(id)).status).toBe(503)
      proxy.fail('GET', 'corrupt', 1)
      await expectVersion(id, bytes)
      expect(proxy.seen().filter(method => method === 'GET')).toHaveLength(2)
    }
  },
)

test('bytes that are whole are read once', async () => {
  const bytes = await photo(++seed)
  const id = await reserved(bytes, { sha256: undefined })
  proxy.fail('GET', 'corrupt', 0)
  await expectVersion(id, bytes)
  expect(proxy.seen().filter(method => method === 'GET')).toHaveLength(1)
})

test.each(['truncate', 'unavailable', 'drop-reply'] as const)(
  'a bucket that answers %s leaves the upload open',
  async fault => {
    const bytes = await photo(++seed)
    const id = await reserved(bytes)
    proxy.fail('GET', fault, 10)
    const refused = await complete(id)
    expect([503, 504]).toContain(refused.status)
    expect(await refused.json()).toMatchObject({ retryable: true })
    proxy.fail('GET', fault, 0)
    await expectVersion(id, bytes)
  },
)

test('a reply to the joining of parts that is lost is no loss', async () => {
  const bytes = Buffer.concat([await photo(++seed), randomBytes(6 * MIB)])
  const id = await reserved(bytes)
  proxy.fail('POST', 'drop-reply', 1)
  await expectVersion(id, bytes)
})

test('an original that cannot be put leaves the upload open; staging that cannot be cleared is cleared later', async () => {
  const bytes = await photo(++seed)
  const id = await reserved(bytes)
  proxy.fail('PUT', 'unavailable', 100)
  expect((await complete(id)).status).toBe(503)
  proxy.fail('DELETE', 'unavailable', 100)
  await expectVersion(id, bytes)
  const left: string[] = []
  for await (const { key } of system.core.staging.list('')) left.push(key)
  expect(left).toHaveLength(1)
})
