/** An object store behind a proxy that refuses, forgets its replies, truncates and corrupts. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import type { Report } from '../../src/transform/decode-protocol.ts'
import { runChains } from '../../src/transform/run-chain.ts'
import { openWorker } from '../../src/worker.ts'
import { type FaultProxy, startFaultProxy } from '../support/s3-fault-proxy.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectAllDone, expectIntact, query } from './intact.ts'
import { photo } from './photo.ts'
import { openSide, type Side } from './side.ts'

let system: System
let proxy: FaultProxy
let side: Side
let seed = 0

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WORKERS: '1', POLL_MS: '50' } })
  await system.call('PUT', '/v1/collections/store', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  const recipe = { resize: { width: 60 }, formats: ['jpeg'] }
  await system.call('PUT', '/v1/collections/store/products/shop-web/renditions/thumb', {
    key: ADMIN_KEY,
    body: { recipe },
  })
  proxy = await startFaultProxy(system.s3.endpoint)
  side = await openSide({
    config: system.config,
    engines: { ...system.engines, s3: { ...system.engines.s3, endpoint: proxy.endpoint } },
  })
})
afterEach(async () => {
  proxy.fail('GET', 'unavailable', 0)
  await expectAllDone(system.core)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
})
afterAll(async () => {
  await side.close()
  await proxy.close()
  await system.close()
})

const send = (bytes: Uint8Array, idempotencyKey: string): Promise<Response> =>
  side.call('POST', '/v1/assets?collection=store', {
    key: system.keys['shop-web'],
    body: new Uint8Array(bytes),
    headers: { 'Idempotency-Key': idempotencyKey },
  })

interface NodeRow {
  readonly state: string
  readonly attempts: number
  readonly executions: number
  readonly chain: string
  readonly output: string | null
}

const nodeOf = async (bytes: Uint8Array): Promise<NodeRow> => {
  const text = `select state, attempts, executions, chain, encode(output, 'hex') as output from node where original = decode($1, 'hex')`
  const [node] = await query<NodeRow>(system.core, text, [sha256Hex(bytes)])
  return node!
}

const done = (bytes: Uint8Array) =>
  until(
    'the derivative is done',
    async () => {
      const node = await nodeOf(bytes)
      return node.state === 'DONE' && node
    },
    { withinMs: 30_000 },
  )

/** What the node's chain gives where nothing fails. */
const expectRight = async ({ chain, output }: NodeRow, bytes: Uint8Array): Promise<void> => {
  const reports: Report[] = []
  await runChains(
    { original: bytes, maxPixels: 1e6, softMs: 10_000, cpuMs: 60_000, tasks: [{ id: 'x', chain: JSON.parse(chain) }] },
    report => reports.push(report),
  )
  expect(reports.find(report => report.kind === 'done')).toMatchObject({ result: { sha256: output } })
}

test('a short burst of refusals is outlasted within the upload, a long one is said', async () => {
  const short = await photo(++seed)
  proxy.fail('PUT', 'unavailable', 2)
  expect((await send(short, 'short')).status).toBe(201)
  expect(proxy.seen().filter(method => method === 'PUT')).toHaveLength(3)

  const long = await photo(++seed)
  proxy.fail('PUT', 'unavailable', 100)
  const refused = await send(long, 'long')
  expect(refused.status).toBe(503)
  expect(await refused.json()).toMatchObject({ code: 'storage-unavailable', retryable: true })
  proxy.fail('PUT', 'unavailable', 0)
  expect((await send(long, 'long')).status).toBe(201)

  const worker = await openWorker(side.core)
  proxy.fail('PUT', 'unavailable', 4)
  for (const bytes of [short, long]) await expectRight(await done(bytes), bytes)
  await worker.drain()
})

test('a reply that is lost after the object was stored does not store it twice', async () => {
  const bytes = await photo(++seed)
  proxy.fail('PUT', 'drop-reply', 1)
  const response = await send(bytes, 'lost')
  expect(await response.json()).toMatchObject({ deduplicated: false })
  proxy.fail('PUT', 'drop-reply', 1)
  const worker = await openWorker(side.core)
  const node = await done(bytes)
  expect(node).toMatchObject({ attempts: 1, executions: 1 })
  await expectRight(node, bytes)
  await worker.drain()
})

test.each([
  // The third read in a row that breaks off or is wrong ends a claim; one that breaks off is the store's fault and costs no try.
  { fault: 'truncate', times: 2, attempts: 1 },
  { fault: 'corrupt', times: 2, attempts: 1 },
  { fault: 'truncate', times: 4, attempts: 1 },
  { fault: 'corrupt', times: 4, attempts: 2 },
] as const)('an original that comes with a fault ($times times $fault) is read again, not transformed', async wish => {
  const { fault, times, attempts } = wish
  const bytes = await photo(++seed)
  await send(bytes, `${fault}-${times}`)
  proxy.fail('GET', fault, times)
  const worker = await openWorker(side.core)
  const node = await done(bytes)
  expect(node).toMatchObject({ executions: 1, attempts })
  await expectRight(node, bytes)
  await worker.drain()
})

test.each(['truncate', 'corrupt'] as const)(
  'a derivative that comes with a fault (%s) is read once more, never served, and had from memory then',
  async fault => {
    const bytes = await photo(++seed)
    const { asset } = (await (await send(bytes, `serve-${fault}`)).json()) as { asset: string }
    const worker = await openWorker(side.core)
    const { output } = await done(bytes)
    await worker.drain()
    const get = () =>
      side.call('GET', `/v1/products/shop-web/assets/${asset}/renditions/thumb?delivery=stream`, {
        key: system.keys['shop-web'],
      })
    proxy.fail('GET', fault, 2)
    const broken = await get()
    expect(broken.status).toBe(503)
    expect(await broken.json()).toMatchObject({ code: 'storage-unavailable', retryable: true })
    proxy.fail('GET', fault, 1)
    const expectWhole = async (): Promise<void> => {
      const whole = await get()
      expect(whole.status).toBe(200)
      expect(sha256Hex(Buffer.from(await whole.arrayBuffer()))).toBe(output)
    }
    await expectWhole()
    expect(proxy.seen()).toEqual(['GET', 'GET'])
    proxy.fail('GET', 'unavailable')
    await expectWhole()
    expect(proxy.seen()).toEqual([])
  },
)
