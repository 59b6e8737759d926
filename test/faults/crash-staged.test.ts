/**
 * Presigned uploads whose reservation or completion breaks at its n-th I/O, for every n. Whoever asked asks again with the same
 * Idempotency-Key, or with another, at another gateway, until it is a version; there is one, and staging goes back to empty.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { FAULT_KINDS, openFaults } from '../support/failing.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectConsistent, expectIntact, query } from './intact.ts'
import { photo } from './photo.ts'
import { openSide } from './side.ts'

const MIB = 1024 * 1024
let system: System
let seed = 5_000
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { STAGED_PART_BYTES: String(5 * MIB) } })
  await system.call('PUT', '/v1/collections/crash', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  const recipe = { resize: { width: 16 }, formats: ['jpeg'] }
  const path = '/v1/collections/crash/products/shop-web/renditions/thumb'
  await system.call('PUT', path, { key: ADMIN_KEY, body: { recipe } })
})
afterAll(() => system.close())

interface Target {
  readonly upload_id: string
  readonly url?: string
  readonly headers?: Record<string, string>
  readonly parts?: { url: string; headers: Record<string, string>; bytes: number }[]
}

const as = (body: object, key = randomUUID()): CallOptions => ({
  key: system.keys['shop-web'],
  body,
  headers: { 'Idempotency-Key': key },
})
const wishOf = (bytes: Uint8Array) => ({ collection: 'crash', bytes: bytes.length, sha256: sha256Hex(bytes) })

const reserve = async (bytes: Uint8Array): Promise<Target> =>
  (await (await system.call('POST', '/v1/uploads', as(wishOf(bytes)))).json()) as Target

/** By hand: whatever is called a client here has nothing of ours. */
const put = async ({ url, headers, parts }: Target, bytes: Uint8Array): Promise<void> => {
  const requests = parts ?? [{ url: url ?? '', headers: headers ?? {}, bytes: bytes.length }]
  let start = 0
  for (const one of requests) {
    const body = new Uint8Array(bytes.subarray(start, start + one.bytes))
    expect((await fetch(one.url, { method: 'PUT', headers: one.headers, body })).status).toBe(200)
    start += one.bytes
  }
}

/** From here on it goes as it does in one piece. */
const LAST_OF_ITS_OWN: Readonly<Record<string, string>> = {
  'in parts': 'get staged',
  'of bytes that are known': 'get original',
}

const SCENARIOS: Record<string, () => Promise<{ bytes: Uint8Array; versions: number; id: string }>> = {
  'in one piece': async () => {
    const bytes = await photo(++seed)
    const target = await reserve(bytes)
    await put(target, bytes)
    return { bytes, versions: 1, id: target.upload_id }
  },
  'in parts': async () => {
    const bytes = Buffer.concat([await photo(++seed), Buffer.alloc(5 * MIB)])
    const target = await reserve(bytes)
    await put(target, bytes)
    return { bytes, versions: 1, id: target.upload_id }
  },
  'of bytes that are known': async () => {
    const bytes = await photo(++seed)
    await system.upload(bytes, 'collection=crash')
    return { bytes, versions: 2, id: (await reserve(bytes)).upload_id }
  },
}

/** A dead process keeps its reservation and its lease for a minute. */
const forgetTheDead = async (): Promise<void> => {
  await query(system.core, `update idempotency set locked_until = now() - interval '1 s' where status is null`)
  await query(system.core, `update upload set lease_until = now() - interval '1 s' where state = 'COMPLETING'`)
}

const insist = (path: string, options: CallOptions): Promise<Response> =>
  until(`${path} is answered`, async () => {
    const response = await system.call('POST', path, options)
    if (response.status < 300) return response
    const problem = (await response.json()) as { code: string }
    expect(['idempotency-in-flight', 'upload-incomplete'], JSON.stringify(problem)).toContain(problem.code)
    expect(problem).toMatchObject({ retryable: true, retry_after: 1 })
    await forgetTheDead()
    return undefined
  })

test.each(Object.keys(SCENARIOS))(
  'a completion %s: broken at any place and asked again, it is one version',
  async name => {
    const faults = openFaults()
    const broken = await openSide(system, faults)
    const places = new Set<string>()
    for (const kind of FAULT_KINDS) {
      for (let n = 1; ; n++) {
        const { bytes, versions, id } = await SCENARIOS[name]!()
        const path = `/v1/uploads/${id}/complete`
        const options = as({})
        faults.arm({ n, ...kind })
        const first = await broken.call('POST', path, options)
        const { broke } = faults.disarm()
        const answered = first.status === 201 && kind.process === 'goes on' ? await first.json() : undefined
        const place = `${kind.when} ${broke}, then ${kind.process}`
        if (!answered && kind.process === 'goes on') expect([503, 504], place).toContain(first.status)

        // Every other time as somebody who has forgotten his key.
        const version = await (await insist(path, n % 2 ? options : as({}))).json()
        if (answered) expect(version, place).toEqual(answered)
        expect(version, place).toMatchObject({ digest: `sha256:${sha256Hex(bytes)}`, version: 1 })
        const made = `select 1 from asset_version where sha256 = decode($1, 'hex')`
        expect((await query(system.core, made, [sha256Hex(bytes)])).length, place).toBe(versions)
        const states = await query(system.core, 'select state from upload where upload_id = $1', [id])
        expect(states, place).toEqual([{ state: 'COMPLETED' }])
        if (n % 5 === 0) await expectConsistent(system.core)
        if (broke === undefined) break
        places.add(broke)
        if (broke === LAST_OF_ITS_OWN[name]) break
      }
    }
    await broken.close()
    console.log(`${name}: broken at ${[...places].join(', ')}`)
    expect(places).toContain(LAST_OF_ITS_OWN[name] ?? 'upload_finish')
  },
  240_000,
)

test('a reservation broken at any place and asked again is one upload', async () => {
  const faults = openFaults()
  const broken = await openSide(system, faults)
  const places = new Set<string>()
  for (const kind of FAULT_KINDS) {
    for (let n = 1; ; n++) {
      const bytes = { bytes: 5 * MIB + 1, collection: 'crash', filename: `file-${++seed}` }
      const options = as(bytes)
      faults.arm({ n, ...kind })
      await broken.call('POST', '/v1/uploads', options)
      const { broke } = faults.disarm()
      const { upload_id } = (await (await insist('/v1/uploads', options)).json()) as Target
      const rows = await query(system.core, `select upload_id from upload where wish ->> 'filename' = $1`, [
        bytes.filename,
      ])
      expect(rows, `${kind.when} ${broke}, then ${kind.process}`).toEqual([{ upload_id }])
      if (broke === undefined) break
      places.add(broke)
    }
  }
  await broken.close()
  console.log(`a reservation: broken at ${[...places].join(', ')}`)
  expect(places).toContain('begin parts')
}, 120_000)

test('then nothing is left in staging', async () => {
  // A day, for uploads that nobody completes; ten minutes, for parts whose row was never committed.
  await query(system.core, `update upload set expires_at = now() - interval '1 s' where state = 'OPEN'`)
  const { core } = system
  const sessions: string[] = []
  for await (const { key } of core.staging.sessions()) sessions.push(key)
  expect(sessions.length).toBeGreaterThan(0)
  const later = startSweep({ ...core, clock: { now: () => Date.now() + 3_600_000 } })
  await later.stop()
  await later.once()
  await expectIntact(core, { s3Folder: system.s3.folder, spoolFolder: core.spoolFolder })
}, 60_000)
