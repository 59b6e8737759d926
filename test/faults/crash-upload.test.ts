/**
 * Uploads that break at their n-th I/O, for every n. Whoever sent one sends it again with the same Idempotency-Key, to another
 * gateway, until it is acknowledged. The broken one is used again: whatever it lost it gets back without a restart.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { openWorker } from '../../src/worker.ts'
import { FAULT_KINDS, openFaults } from '../support/failing.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectAllDone, expectConsistent, expectIntact, query } from './intact.ts'
import { photo } from './photo.ts'
import { openSide } from './side.ts'

let system: System
let seed = 0
beforeAll(async () => {
  system = await startSystem({ worker: false })
  await system.call('PUT', '/v1/collections/crash', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  const recipe = { resize: { width: 16 }, formats: ['jpeg', 'webp'] }
  const path = '/v1/collections/crash/products/shop-web/renditions/thumb'
  await system.call('PUT', path, { key: ADMIN_KEY, body: { recipe } })
})
afterAll(() => system.close())

interface Upload {
  readonly path: string
  readonly bytes: Uint8Array
  /** Versions and assets that hold these bytes once the upload is done. */
  readonly versions: number
  /** Versions of its asset. */
  readonly ofAsset: number
}

const COLLECTION = '/v1/assets?collection=crash'
const known = async (bytes: Uint8Array): Promise<string> => (await system.upload(bytes, 'collection=crash')).asset

const SCENARIOS: Record<string, () => Promise<Upload>> = {
  'a new asset': async () => ({ path: COLLECTION, bytes: await photo(++seed), versions: 1, ofAsset: 1 }),
  'bytes that are known': async () => {
    const bytes = await photo(++seed)
    await known(bytes)
    return { path: COLLECTION, bytes, versions: 2, ofAsset: 1 }
  },
  'a new version': async () => {
    const asset = await known(await photo(++seed))
    return { path: `/v1/assets/${asset}/versions`, bytes: await photo(++seed), versions: 1, ofAsset: 2 }
  },
}

/** As a patient client does it: an answer that may be repeated is repeated. */
const insist = (path: string, options: CallOptions): Promise<Response> =>
  until('the upload is acknowledged', async () => {
    const response = await system.call('POST', path, options)
    if (response.status === 201) return response
    const problem = await response.json()
    expect(problem).toMatchObject({ code: 'idempotency-in-flight', retryable: true, retry_after: 1 })
    // The minute for which a dead process keeps its reservation.
    await query(system.core, `update idempotency set locked_until = now() - interval '1 s' where status is null`)
    return undefined
  })

test.each(Object.keys(SCENARIOS))(
  '%s: broken at any place and sent again, it exists once',
  async name => {
    const faults = openFaults()
    const broken = await openSide(system, faults)
    const places = new Set<string>()
    let runs = 0
    for (const kind of FAULT_KINDS) {
      for (let n = 1; ; n++) {
        const { path, bytes, versions, ofAsset } = await SCENARIOS[name]!()
        const options = {
          key: system.keys['shop-web'],
          body: new Uint8Array(bytes),
          headers: { 'Idempotency-Key': randomUUID() },
        }
        faults.arm({ n, ...kind })
        const first = await broken.call('POST', path, options)
        const { broke, seen } = faults.disarm()
        const answered = first.status === 201 && kind.process === 'goes on' ? await first.json() : undefined
        const place = `${kind.when} ${broke}, then ${kind.process}`
        if (!answered && kind.process === 'goes on') expect([503, 504], place).toContain(first.status)

        const version = (await (await insist(path, options)).json()) as { asset: string }
        if (answered) expect(version, place).toEqual(answered)
        const sha256 = sha256Hex(bytes)
        expect(version, place).toMatchObject({ digest: `sha256:${sha256}`, version: ofAsset })
        const made = await query(system.core, `select 1 from asset_version where sha256 = decode($1, 'hex')`, [sha256])
        expect(made.length, place).toBe(versions)
        const own = await query(system.core, 'select 1 from asset_version where asset_id = $1', [version.asset])
        expect(own.length, place).toBe(ofAsset)
        await expectConsistent(system.core)
        runs++
        if (broke === undefined) break
        places.add(broke)
        expect(seen.length).toBeGreaterThanOrEqual(n)
      }
    }
    await broken.close()
    console.log(`${name}: ${runs} runs, broken at ${[...places].join(', ')}`)
    expect(places.size).toBeGreaterThan(10)
  },
  120_000,
)

test('everything that was acknowledged is derived, and nothing is left over', async () => {
  const worker = await openWorker(system.core)
  try {
    await until(
      'no version is in processing',
      async () => {
        const [left] = await query<{ n: number }>(
          system.core,
          `select count(*)::int as n from asset_version where state = 'PROCESSING'`,
        )
        return left?.n === 0
      },
      { withinMs: 60_000 },
    )
  } finally {
    await worker.drain()
  }
  await expectAllDone(system.core)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
}, 90_000)
