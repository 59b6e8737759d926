/** What steps cost is measured on the machine, stored, and what estimates rest on. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEFAULT_FACTORS } from '../../src/graph/cost.ts'
import { storeFactors } from '../../src/manifest/costs.ts'
import { HERE, startCalibration } from '../../src/transform/calibration.ts'
import { openDecodePool } from '../../src/transform/decode-pool.ts'
import { expectJson, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Costs {
  readonly machines: { machine: string; measured_at?: string; pending: boolean; factors: Record<string, number> }[]
}

let system: System
let send: Send
const pool = openDecodePool({ size: 1, niceness: 10 })
beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
})
afterAll(async () => {
  await pool.close()
  await system.close()
})

const calibration = (idleMs: number) =>
  startCalibration({ database: system.core.database, pool, log: system.core.log, idleMs })
const costs = () => expectJson<Costs>(send('GET', '/v1/costs', { key: ADMIN_KEY }), 200)

test('are measured by who has had nothing to do, once, and again when somebody asks', async () => {
  const busy = calibration(60_000)
  expect(await busy.once()).toBe(false)
  const idle = calibration(0)
  expect(await costs()).toMatchObject({ machines: [] })
  expect(await idle.once()).toBe(true)
  const [found] = (await costs()).machines
  expect(found).toMatchObject({ machine: HERE.machine, pending: false, measured_at: expect.stringMatching(/Z$/) })
  const factors = found?.factors ?? {}
  expect(Object.keys(factors)).toEqual(Object.keys(DEFAULT_FACTORS))
  // Whatever the machine: what is dear is dear.
  expect(factors['encode avif 2']).toBeGreaterThan(factors['encode jpeg'] ?? 0)
  expect(factors['encode webp 6']).toBeGreaterThan(factors['encode webp 0'] ?? 0)
  expect(factors['decode avif']).toBeGreaterThan(factors['decode jpeg'] ?? 0)
  expect(factors['median 3']).toBeGreaterThan(factors.flip ?? 0)
  expect(await idle.once()).toBe(false)
  expect((await expectJson<Costs>(send('POST', '/v1/costs/measure', { key: ADMIN_KEY }), 202)).machines).toMatchObject([
    { pending: true },
  ])
  // Asked for: not only when idle.
  expect(await busy.once()).toBe(true)
  const [again] = (await costs()).machines
  expect(again?.pending).toBe(false)
  expect(again?.measured_at).not.toBe(found?.measured_at)
  await Promise.all([busy.stop(), idle.stop()])
}, 120_000)

test('are what plans and dry runs estimate with; keys stay what they are', async () => {
  const { asset } = await system.upload(await photo({ width: 600, height: 400 }))
  const plan = () =>
    expectJson<{ text: string; totals: { estimated_cpu_ms: number } }>(
      send('GET', `/v1/assets/${asset}/versions/1/plan`, { key: ADMIN_KEY }),
      200,
    )
  const impact = async () => {
    const path = '/v1/collections/product-photo/products/mobile/renditions/new?validate_only=true'
    const body = { recipe: { resize: { width: 77 }, formats: ['jpeg'] } }
    return (
      await expectJson<{ impact: { estimated_cpu_seconds: number } }>(send('PUT', path, { key: ADMIN_KEY, body }), 200)
    ).impact
  }
  const scaled = (by: number) =>
    Object.fromEntries(Object.entries(DEFAULT_FACTORS).map(([name, value]) => [name, value * by]))
  await storeFactors(system.core.database, HERE, scaled(1))
  const [one, tried] = [await plan(), await impact()]
  await storeFactors(system.core.database, HERE, scaled(10))
  const ten = await plan()
  expect(ten.totals.estimated_cpu_ms / one.totals.estimated_cpu_ms).toBeCloseTo(10, 0)
  expect((await impact()).estimated_cpu_seconds).toBeGreaterThan(4 * tried.estimated_cpu_seconds)
  const keysOf = (text: string) => text.match(/ {2}[0-9a-f]{12} {2}/g)
  expect(keysOf(ten.text)).toEqual(keysOf(one.text))
})
