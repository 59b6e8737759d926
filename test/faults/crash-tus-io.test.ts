/**
 * Uploads by tus that break at their n-th I/O, for every n: a statement, a piece, its reply. Their sender asks another gateway how far
 * they are and goes on, as the protocol says; each ends in one version with its bytes. The broken gateway is used again.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { FAULT_KINDS, openFaults } from '../support/failing.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectConsistent, expectIntact, query } from './intact.ts'
import { openSide, type Side } from './side.ts'

let system: System
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { RESUMABLE_OPEN: '10000' } })
})
afterAll(() => system.close())

const TUS = { 'Tus-Resumable': '1.0.0' }
const METADATA = `collection ${Buffer.from('product-photo').toString('base64')}`
/** Two requests, the first of which leaves a piece. */
const FIRST = 3_000

type Ask = (via: Pick<Side, 'call'>) => Promise<Response>
const key = (): string => system.keys['shop-web']
const begin =
  (length: number): Ask =>
  via =>
    via.call('POST', '/v1/tus', {
      key: key(),
      headers: { ...TUS, 'Upload-Length': String(length), 'Upload-Metadata': METADATA },
    })
const patch =
  (url: string, offset: number, bytes: Uint8Array): Ask =>
  via =>
    via.call('PATCH', url, {
      key: key(),
      body: new Uint8Array(bytes),
      headers: { ...TUS, 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' },
    })
const head =
  (url: string): Ask =>
  via =>
    via.call('HEAD', url, { key: key(), headers: TUS })

/** As a client does it that has lost an answer: how far is it, and on. Every other answer must be one that says so. */
const insist = (url: string, bytes: Uint8Array): Promise<Response> =>
  until('the upload is whole', async () => {
    const found = await head(url)(system)
    if (found.status === 423) {
      // The ten seconds for which a dead process keeps what it was just storing.
      await query(system.core, 'update tus_upload set finishing_until = now() where finishing_until is not null')
      return undefined
    }
    expect(found.status).toBe(200)
    const offset = Number(found.headers.get('upload-offset'))
    if (offset === bytes.length) return found
    const sent = await patch(url, offset, bytes.subarray(offset))(system)
    expect(sent.status).toBe(204)
    return undefined
  })

test('broken at any place and asked how far it is, it is one version', async () => {
  const faults = openFaults()
  const broken = await openSide(system, faults)
  const places = new Set<string>()
  let runs = 0
  for (const kind of FAULT_KINDS) {
    for (let n = 1; ; n++) {
      const bytes = randomBytes(5_000)
      faults.arm({ n, ...kind })
      const begun = await begin(bytes.length)(broken)
      const mine = begun.status === 201 ? (begun.headers.get('location') ?? '') : undefined
      if (mine !== undefined) {
        const first = await patch(mine, 0, bytes.subarray(0, FIRST))(broken)
        if (first.status === 204) await patch(mine, FIRST, bytes.subarray(FIRST))(broken)
      }
      const { broke } = faults.disarm()
      const place = `${kind.when} ${broke}, then ${kind.process}`
      // Who never heard where his upload is begins another one.
      const url = mine ?? (await begin(bytes.length)(system)).headers.get('location') ?? ''
      const whole = await insist(url, bytes)
      expect(whole.headers.get('matrix-digest'), place).toBe(`sha256:${sha256Hex(bytes)}`)
      const made = await query(system.core, `select 1 from asset_version where sha256 = decode($1, 'hex')`, [
        sha256Hex(bytes),
      ])
      expect(made.length, place).toBe(1)
      await expectConsistent(system.core)
      runs++
      if (broke === undefined) break
      places.add(broke)
    }
  }
  await broken.close()
  console.log(`${runs} runs, broken at ${[...places].join(', ')}`)
  expect(places.size).toBeGreaterThan(15)
  await query(system.core, `update tus_upload set expires_at = now() where state = 'OPEN'`)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
  const left: string[] = []
  for await (const found of system.core.staging.list('')) left.push(found.key)
  expect(left).toEqual([])
  expect(await query(system.core, 'select 1 from tus_piece')).toEqual([])
}, 300_000)
