/** Transforms that break at their n-th I/O between claim and settle, for every n; other workers then find what is left. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DecodePool, openDecodePool } from '../../src/transform/decode-pool.ts'
import { openPixelBudget } from '../../src/transform/pixel-budget.ts'
import { openTransform } from '../../src/transform/work.ts'
import { openWorker } from '../../src/worker.ts'
import { FAULT_KINDS, openFaults } from '../support/failing.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectAllDone, expectConsistent, expectIntact, query } from './intact.ts'
import { photo } from './photo.ts'
import { openSide } from './side.ts'

const LEASE_MS = 1_000

let system: System
let pool: DecodePool
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { LEASE_MS: String(LEASE_MS) } })
  pool = openDecodePool({ size: 1 })
  await system.call('PUT', '/v1/collections/crash', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  for (const [name, width] of [
    ['thumb', 16],
    ['small', 24],
  ] as const) {
    const recipe = { resize: { width }, formats: ['jpeg'] }
    await system.call('PUT', `/v1/collections/crash/products/shop-web/renditions/${name}`, {
      key: ADMIN_KEY,
      body: { recipe },
    })
  }
})
afterAll(async () => {
  await pool.close()
  await system.close()
})

test('broken at any place, every node is done once by whoever comes after', async () => {
  const faults = openFaults()
  const { core } = await openSide(system, faults)
  const transform = openTransform({
    ...core,
    pools: { urgent: pool, background: pool },
    avif: openPixelBudget(1e9),
    look: () => undefined,
    owner: 'breaks',
    leaseMs: LEASE_MS,
  })
  const places = new Set<string>()
  let runs = 0
  for (const kind of FAULT_KINDS) {
    for (let n = 1; ; n++) {
      const { digest } = await system.upload(await photo(++runs), 'collection=crash')
      faults.arm({ n, ...kind })
      const settled = await transform(core.config.tenant, digest.slice('sha256:'.length)).catch(() => 'broken')
      const { broke } = faults.disarm()
      await expectConsistent(system.core)
      if (broke === undefined) {
        expect(settled).toBe(2)
        break
      }
      places.add(broke)
    }
  }
  await core.close()
  console.log(`${runs} runs, broken at ${[...places].join(', ')}`)
  for (const place of ['claim_lock', 'nodes_claim', 'get original', 'put derivative', 'node_settle', 'commit'])
    expect(places).toContain(place)

  const leftAt = Date.now()
  const worker = await openWorker(system.core)
  try {
    await until(
      'every version is shown',
      async () => {
        const left = await query(system.core, `select 1 from asset_version where state <> 'ACTIVE' limit 1`)
        return left.length === 0
      },
      { withinMs: 60_000 },
    )
  } finally {
    await worker.drain()
  }
  console.log(`recovered all within ${Date.now() - leftAt} ms`)
  await expectAllDone(system.core)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
}, 120_000)

test('a manifest that goes away while the decoder is still at work ends the claim, not the worker', async () => {
  await system.call('PUT', '/v1/collections/slow', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  for (const [name, width] of [
    ['one', 500],
    ['two', 400],
  ] as const) {
    const recipe = { resize: { width }, formats: [{ format: 'avif', required: true }] }
    await system.call('PUT', `/v1/collections/slow/products/shop-web/renditions/${name}`, {
      key: ADMIN_KEY,
      body: { recipe },
    })
  }
  const { digest } = await system.upload(await photo(10_000, { width: 600, height: 400 }), 'collection=slow')
  const faults = openFaults()
  const { core } = await openSide(system, faults)
  const transform = openTransform({
    ...core,
    pools: { urgent: pool, background: pool },
    avif: openPixelBudget(1e9),
    look: () => undefined,
    owner: 'breaks',
    leaseMs: 60_000,
  })
  // The first derivative is ready long before the second; an unhandled rejection in between would fail this run.
  const putDerivative = 7
  faults.arm({ n: putDerivative, when: 'before', process: 'dies' })
  await expect(transform(core.config.tenant, digest.slice('sha256:'.length))).rejects.toMatchObject({
    code: 'dependency-unavailable',
  })
  expect(faults.disarm().broke).toBe('put derivative')
  expect(pool.stats().busy).toBe(0)
  await core.close()
})
