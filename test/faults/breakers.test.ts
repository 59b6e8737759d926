/** What fails is left alone, is said to be, and is taken up again as soon as it is back. */
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MatrixError } from '../../src/model/errors.ts'
import { RETRIES } from '../../src/model/retries.ts'
import { configuredScanners } from '../../src/scan/configured.ts'
import { openMetrics } from '../../src/telemetry/metrics.ts'
import { openWorker } from '../../src/worker.ts'
import { type FaultProxy, startFaultProxy } from '../support/s3-fault-proxy.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { query } from './intact.ts'
import { photo } from './photo.ts'
import { openSide, type Side } from './side.ts'

let system: System
let proxy: FaultProxy
let side: Side
let seed = 5_000
let asset: string

beforeAll(async () => {
  system = await startSystem({ env: { WORKERS: '1' } })
  proxy = await startFaultProxy(system.s3.endpoint)
  side = await openSide({
    config: system.config,
    engines: { ...system.engines, s3: { ...system.engines.s3, endpoint: proxy.endpoint } },
  })
  ;({ asset } = await system.upload(await photo(++seed)))
  await until('it can be shown', async () => (await card()).status === 302, { withinMs: 30_000 })
})
afterAll(async () => {
  await side.close()
  await proxy.close()
  await system.close()
})

const card = (): Promise<Response> =>
  side.call('GET', `/i/shop-web/${asset}/v1/card.jpg`, { key: system.keys['shop-web'] })
const upload = async (): Promise<Response> =>
  side.call('POST', '/v1/assets?collection=product-photo', {
    key: system.keys['shop-web'],
    body: new Uint8Array(await photo(++seed)),
  })

interface Ready {
  readonly status: string
  readonly dependencies: Record<string, { breaker: string; degraded?: string }>
}
const readyz = async (): Promise<Ready> => (await (await side.call('GET', '/readyz')).json()) as Ready
const stateOf = async (): Promise<string | undefined> =>
  /circuit_breaker_state\{dependency="storage"\} (\d)/.exec(await (await side.call('GET', '/metrics')).text())?.[1]

test('a store that fails is left alone after three calls, and found again when it is back', async () => {
  proxy.fail('*', 'unavailable')
  for (let i = 0; i < 3; i++) {
    const refused = await upload()
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ code: 'storage-unavailable', retryable: true })
  }
  expect(await stateOf()).toBe('2')
  expect(await readyz()).toMatchObject({
    status: 'not-ready',
    dependencies: { storage: { breaker: 'open', degraded: expect.stringMatching(/redirects/) } },
  })

  proxy.fail('*', 'unavailable')
  for (let i = 0; i < 20; i++) {
    const refused = await upload()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2'])
  }
  // What came meanwhile is the knocking alone.
  expect(proxy.seen().filter(method => method !== 'HEAD')).toEqual([])
  expect((await card()).status).toBe(302)

  proxy.fail('*', 'unavailable', 0)
  await until('uploads are taken', async () => (await upload()).status === 201)
  expect(await stateOf()).toBe('0')
  expect(await readyz()).toMatchObject({ status: 'ready', dependencies: { storage: { breaker: 'closed' } } })
})

test('a caller who asks for what is not there, or leaves, is no failure of the store', async () => {
  const { originals } = side.core
  for (let i = 0; i < 5; i++)
    await expect(originals.get({ key: 'nothing' })).rejects.toMatchObject({ code: 'not-found' })
  proxy.fail('GET', 'silent')
  for (let i = 0; i < 5; i++)
    await expect(originals.get({ key: 'nothing', signal: AbortSignal.timeout(20) })).rejects.toThrow()
  expect(proxy.seen().length).toBeGreaterThan(0)
  expect(await stateOf()).toBe('0')
})

test('a scanner that fails is left alone, and originals that the store does not give are not its fault', async () => {
  const metrics = openMetrics()
  const [scanner] = configuredScanners(
    { ...system.config, clamd: { host: '127.0.0.1', port: 1 } },
    { ...system.core, metrics },
  )
  const scan = (open: () => Promise<Readable>) =>
    scanner?.scan({ bytes: 4, mediaType: 'image/png', digest: 'sha256:00', open }).catch(error => error.message)
  const away = async (): Promise<Readable> => {
    throw new MatrixError('storage-unavailable', 'no store')
  }
  for (let i = 0; i < 20; i++) expect(await scan(away)).toMatch(/no store|ECONNREFUSED/)
  const given = async () => Readable.from([Buffer.from('data')])
  for (let i = 0; i < 5; i++) await scan(given)
  expect(metrics.breakers.get('scan')?.()).toBe('open')
  expect(await scan(given)).toBe('clamd has failed too often and is left alone')
  expect(scanner?.isLeftAlone?.()).toBe(true)
})

test('work that meets an outage of the store is not used up by it', async () => {
  await system.worker?.drain()
  const { digest } = await system.upload(await photo(++seed))
  const original = digest.slice(7)
  const nodes = (): Promise<{ state: string; attempts: number }[]> =>
    query(system.core, `select state, attempts from node where original = decode($1, 'hex')`, [original])
  // One more try that counts would be the last.
  const used = RETRIES.node.tries - 1
  await query(system.core, `update node set attempts = ${used} where original = decode($1, 'hex')`, [original])
  // A process of its own, which has not met the store yet.
  const { core, close } = await openSide({
    config: system.config,
    engines: { ...system.engines, s3: { ...system.engines.s3, endpoint: proxy.endpoint } },
  })
  proxy.fail('*', 'unavailable')
  for (let i = 0; i < 2; i++) await core.originals.stat('nothing').catch(() => undefined)
  const worker = await openWorker(core)
  await until('the store is left alone', core.isStoreLeftAlone)
  await until('nothing is in hand', async () => (await nodes()).every(({ state }) => state !== 'RUNNING'))
  for (const node of await nodes()) expect(node).toMatchObject({ state: 'QUEUED', attempts: used })
  proxy.fail('*', 'unavailable', 0)
  const isDone = async () => (await nodes()).every(({ state }) => state === 'DONE')
  await until('everything is derived', isDone, { withinMs: 30_000 })
  await worker.drain()
  await close()
})
