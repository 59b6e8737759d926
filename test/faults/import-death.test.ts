/** A whole process that carries an import, killed at random moments again and again: each line becomes one asset. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareSpool } from '../../src/ingest/receive.ts'
import { environmentOf, forkNode } from '../support/fork-node.ts'
import { expectJson, settled } from '../support/http.ts'
import { carryToEnd } from '../support/sagas.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectIntact, query } from './intact.ts'
import { photo, randomFrom } from './photo.ts'

const ROUNDS = 6
const LINES = 120
const SEED = 20_261_121
const LONGEST_LIFE_MS = 400
const FETCHING = { FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any' }

let system: System
let source: Place
beforeAll(async () => {
  system = await startSystem({ worker: false, env: FETCHING })
  const bytes = await photo(1)
  source = await openHttp((request, response) => response.end(Buffer.concat([bytes, Buffer.from(request.url ?? '')])))
})
afterAll(async () => {
  await source.close()
  await system.close()
})

test('killed six times, every line is done once', async () => {
  const { sha256 } = await known()
  const line = (n: number) =>
    JSON.stringify({
      collection: 'product-photo',
      ...(n % 10 === 0 ? { source_url: `http://127.0.0.1:${source.port}/${n}` } : { sha256 }),
    })
  const body = Array.from({ length: LINES }, (_, n) => line(n)).join('\n')
  const headers = { 'Content-Type': 'application/x-ndjson' }
  const asked = system.call('POST', '/v1/assets/import', { key: system.keys['shop-web'], body, headers })
  const { id } = await expectJson<{ id: string }>(asked, 202)
  const done = async (): Promise<number> =>
    (await query(system.core, `select 1 from saga_step where saga_id = $1 and state = 'DONE'`, [id])).length

  const random = randomFrom(SEED)
  const env = environmentOf(system, { ...FETCHING, ROLE: 'gateway', LOG_LEVEL: 'silent' })
  const reached: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = await done()
    const running = await forkNode({ file: 'test/support/fork-gateway.ts', env })
    await until('it has begun', async () => (await done()) > before, { withinMs: 30_000 })
    await pause(random() * LONGEST_LIFE_MS)
    await running.kill()
    expect(running.complaints()).toBe('')
    reached.push(await done())
    // The time for which a dead process keeps its lease.
    await query(system.core, 'update saga set lease_until = null where saga_id = $1', [id])
  }
  console.log(`killed with ${reached.join(', ')} of ${LINES} lines done`)
  const over = await carryToEnd(system.gateway, { tenant: system.config.tenant, id })
  expect(over).toMatchObject({ state: 'SUCCEEDED', done: LINES, failed: 0 })
  const made = `select source_ref as ref, asset_id as asset from asset_version where entrance = 'import' and source_ref like $1`
  const rows = await query<{ ref: string; asset: string }>(system.core, made, [`%${id}%`])
  expect(rows).toHaveLength(LINES)
  expect(new Set(rows.map(({ ref }) => ref)).size).toBe(LINES)
  expect(new Set(rows.map(({ asset }) => asset)).size).toBe(LINES)
  await settled(system)
  // Killed between two system calls, a process leaves the name of an empty spool file, which the next start takes away.
  await prepareSpool(system.core.spoolFolder)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
}, 240_000)

const known = async () => {
  const { digest } = await system.upload(new TextEncoder().encode(`a text ${randomUUID()}`), 'collection=product-photo')
  return { sha256: digest.slice('sha256:'.length) }
}
