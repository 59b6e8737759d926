/** The journal under a flood and without a database: bounded, and it says what it did not keep. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../src/manifest/database.ts'
import { MatrixError } from '../../src/model/errors.ts'
import { openJournal, type Sighting } from '../../src/policy/journal.ts'
import { openMetrics } from '../../src/telemetry/metrics.ts'
import { type System, startSystem } from '../support/system.ts'

let system: System
beforeAll(async () => {
  system = await startSystem({ worker: false })
})
afterAll(() => system.close())

const principal = (id: string) => ({ tenant: 'demo', kind: 'key' as const, id, product: 'mobile', scopes: [] })
const denied = (who: Sighting['who'], resource: string): Sighting => ({
  who,
  resource,
  action: 'read',
  outcome: 'denied',
  reasons: ['no-grant'],
  requestId: 'req_x',
  correlationId: 'req_x',
  client: '192.0.2.1',
})

const COUNTS = {
  name: 'test_journal_counts',
  text: `select actor, resource, outcome, count from audit where tenant_id = 'demo' and action = any($1) and insert_no > $2 order by insert_no`,
}
const LAST = {
  name: 'test_journal_last',
  text: `select coalesce(max(insert_no), 0)::bigint as last from audit where tenant_id = 'demo'`,
}
const last = async (): Promise<number> => (await system.core.database.rows<{ last: number }>(LAST, []))[0]?.last ?? 0
interface Row {
  actor: string
  resource: string
  outcome: string
  count: number
}
const since = (place: number): Promise<Row[]> =>
  system.core.database.rows<Row>(COUNTS, [['read', 'original.read', 'audit.drop'], place])
const sum = (rows: readonly Row[]): number => rows.reduce((total, { count }) => total + count, 0)

const open = (now: () => number, database: Database = system.core.database) => {
  const metrics = openMetrics()
  const clock = { ...system.core.clock, now }
  return { metrics, journal: openJournal({ database, clock, tenant: 'demo', metrics, log: system.core.log }) }
}
const droppedBy = async (metrics: ReturnType<typeof openMetrics>): Promise<number> =>
  (await metrics.denials.get()).values.find(({ labels }) => labels.result === 'dropped')?.value ?? 0

test('a flood of denials from a thousand keys leaves as many rows as there is room for, and the count of the others', async () => {
  let at = Date.now()
  const { journal, metrics } = open(() => at)
  const place = await last()
  for (let n = 0; n < 1_000; n++)
    for (let m = 0; m < 30; m++) journal.note(denied(principal(`key_${n}`), `assets/${m}`))
  await journal.flush()
  const first = await since(place)
  expect(first).toHaveLength(300)
  const missing = await droppedBy(metrics)
  expect(sum(first) + missing).toBe(30_000)
  await journal.flush()
  expect(await since(place)).toHaveLength(300)
  at += 2_000 // room for one
  await journal.flush()
  const told = (await since(place)).slice(300)
  expect(told).toEqual([{ actor: 'journal', resource: 'audit', outcome: 'denied', count: missing }])
  await journal.close()
})

test('of whoever is denied two hundred different things twenty are kept, and how many they were', async () => {
  const { journal } = open(Date.now)
  const place = await last()
  for (let n = 0; n < 200; n++) journal.note(denied(principal('key_e'), `assets/${n}`))
  await journal.flush()
  const kept = await since(place)
  expect(kept).toHaveLength(21)
  expect(sum(kept)).toBe(200)
  expect(kept.at(-1)).toMatchObject({ actor: 'key_e', resource: '*', count: 180 })
  await journal.close()
})

test('what is allowed is kept all the same', async () => {
  const { journal } = open(Date.now)
  const place = await last()
  for (let n = 0; n < 400; n++)
    journal.note({ ...denied(principal('key_a'), `assets/${n}`), outcome: 'allowed', action: 'original.read' })
  await journal.flush()
  expect(await since(place)).toHaveLength(400)
  await journal.close()
})

test('while the database is away it waits and adds up, and nothing is lost or told twice', async () => {
  let isAway = true
  const { database } = system.core
  const flaky: Database = {
    ...database,
    transaction: work => {
      if (isAway) return Promise.reject(new MatrixError('dependency-unavailable', 'away'))
      return database.transaction(work)
    },
  }
  const { journal } = open(Date.now, flaky)
  const place = await last()
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 5; n++) journal.note(denied(principal('key_b'), `assets/${n}`))
    await expect(journal.flush()).rejects.toMatchObject({ code: 'dependency-unavailable' })
  }
  isAway = false
  await journal.flush()
  const rows = await since(place)
  expect(rows).toHaveLength(5)
  expect(rows.every(({ count }) => count === 3)).toBe(true)
  await journal.close()
})

test('a row that Postgres refuses is not tried for ever', async () => {
  const { journal, metrics } = open(Date.now)
  journal.note(denied({ ...principal('key_c'), tenant: 'there-is-no-such-tenant' }, 'assets/1'))
  await expect(journal.flush()).rejects.toMatchObject({ code: 'internal' })
  expect(await droppedBy(metrics)).toBe(1)
  const place = await last()
  journal.note(denied(principal('key_c'), 'assets/2'))
  await journal.flush()
  expect((await since(place)).map(({ actor }) => actor)).toEqual(['key_c', 'journal'])
  await journal.close()
})

test('closing writes what is left', async () => {
  const { journal } = open(Date.now)
  const place = await last()
  journal.note(denied(principal('key_d'), 'assets/last'))
  await journal.close()
  expect(await since(place)).toMatchObject([{ actor: 'key_d', resource: 'assets/last' }])
})
