/** Long work that is over is told for as long as it was promised, and is forgotten whole. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tidyOperations } from '../../src/manifest/tidy-operations.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { carryToEnd } from '../support/sagas.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
let send: Send
let key = ''
let sha256 = ''
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { OPERATION_KEEP_DAYS: '10' } })
  send = await openClient(system)
  key = system.keys['shop-web']
  const { digest } = await system.upload(new TextEncoder().encode(randomUUID()))
  sha256 = digest.slice('sha256:'.length)
})
afterAll(() => system.close())

const HEADERS = { 'Content-Type': 'application/x-ndjson' }
const beginImport = async (lines: number): Promise<string> => {
  const body = Array.from({ length: lines }, () => JSON.stringify({ sha256, collection: 'product-photo' })).join('\n')
  const begun = await expectJson<{ id: string }>(
    send('POST', '/v1/assets/import', { key, body, headers: HEADERS }),
    202,
  )
  return begun.id
}
const imported = async (lines: number): Promise<string> => {
  const id = await beginImport(lines)
  await carryToEnd(system.gateway, { tenant: system.config.tenant, id })
  return id
}
const sweep = async (): Promise<void> => {
  const round = startSweep(system.core)
  await round.stop()
  await round.once()
}
const read = (id: string) => send('GET', `/v1/operations/${id}`, { key })
const backfilled = async (): Promise<string> => {
  const path = '/v1/collections/product-photo/products/shop-web/renditions/card/backfill'
  const { id } = await expectJson<{ id: string }>(send('POST', path, { key }), 202)
  const ended = async () => {
    await sweep()
    return (await expectJson<{ state: string }>(read(id), 200)).state === 'SUCCEEDED'
  }
  await until('the backfill is over', ended, { withinMs: 30_000 })
  return id
}
const endedDaysAgo = async (id: string, days: number): Promise<void> => {
  for (const table of ['saga', 'operation'])
    await query(
      system.core,
      `update ${table} set finished_at = finished_at - make_interval(days => $2) where ${table}_id = $1`,
      [id, days],
    )
}
const rowsOf = async (id: string): Promise<unknown> =>
  (
    await query(
      system.core,
      `select (select count(*) from saga where saga_id = $1)::int + (select count(*) from saga_step where saga_id = $1)::int
            + (select count(*) from operation where operation_id = $1)::int
            + (select count(*) from operation_step where operation_id = $1)::int as rows`,
      [id],
    )
  )[0]

test('what is over for longer is gone with its steps, and nothing else', async () => {
  const [old, recent, open] = [await imported(3), await imported(2), await beginImport(2)]
  const [oldBackfill, recentBackfill] = [await backfilled(), await backfilled()]
  for (const id of [old, oldBackfill]) await endedDaysAgo(id, 11)
  for (const id of [recent, recentBackfill]) await endedDaysAgo(id, 9)
  await query(system.core, `update saga set created_at = created_at - interval '90 days' where saga_id = $1`, [open])
  await sweep()
  for (const id of [old, oldBackfill]) {
    await expectRefusal(read(id), 404, 'not-found')
    expect(await rowsOf(id)).toEqual({ rows: 0 })
  }
  await expectRefusal(send('GET', `/v1/operations/${old}/results`, { key }), 404, 'not-found')
  await expectRefusal(send('POST', `/v1/operations/${old}/undo`, { key }), 404, 'not-found')
  for (const id of [recent, recentBackfill]) await expectJson(read(id), 200)
  expect(await expectJson(read(open), 200)).toMatchObject({ state: 'RUNNING', progress: { total: 2 } })
  const made = await query(system.core, `select 1 from asset_version where source_ref like $1 || '/%'`, [old])
  expect(made).toHaveLength(3)
})

test('one that is undone just then is undone whole, or gone', async () => {
  for (let round = 0; round < 5; round++) {
    const id = await imported(4)
    await endedDaysAgo(id, 11)
    const [undo] = await Promise.all([
      send('POST', `/v1/operations/${id}/undo`, { key }),
      tidyOperations(system.core.database, 10),
    ])
    if (undo.status === 200) {
      const end = await carryToEnd(system.gateway, { tenant: system.config.tenant, id })
      expect(end.state).toBe('COMPENSATED')
      expect(await expectJson(read(id), 200)).toMatchObject({ undone: 4 })
    } else {
      expect([404, 409]).toContain(undo.status)
      expect(await rowsOf(id)).toEqual({ rows: 0 })
    }
  }
})

test('any number of processes may forget at once', async () => {
  const ids = [await imported(2), await imported(2), await imported(2)]
  for (const id of ids) await endedDaysAgo(id, 11)
  await Promise.all(Array.from({ length: 4 }, () => tidyOperations(system.core.database, 10)))
  await tidyOperations(system.core.database, 10)
  for (const id of ids) expect(await rowsOf(id)).toEqual({ rows: 0 })
})
