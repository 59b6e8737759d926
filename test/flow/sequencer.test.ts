/** What numbers events: who commits late is found too, and what has its number is not looked at again. */
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/manifest/database.ts'
import { openSequencer } from '../../src/manifest/events.ts'
import { migrate, readMigrations } from '../../src/manifest/migrate.ts'
import { blocksOf, planOf } from '../support/plans.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { type Recorded, recordingClient } from '../support/recording.ts'

const EVENTS = 5_000

let fresh: FreshDatabase
let database: Database
let client: pg.Client
let late: pg.Client
const recorded = new Map<string, Recorded>()
const clock = { ms: 0, now: () => clock.ms }

const append = (to: pg.Client, count: number) =>
  to.query(
    `insert into event (event_id, tenant_id, type, asset_id, asset_event_no, data, actor, correlation_id)
     select gen_random_uuid(), 'demo', 'asset.created', gen_random_uuid(), 1, '{}', 'test', 'test' from generate_series(1, $1)`,
    [count],
  )
const numbers = async (): Promise<number[]> =>
  (await client.query('select seq::int as seq from event where seq is not null order by seq')).rows.map(
    ({ seq }) => seq,
  )

beforeAll(async () => {
  fresh = await freshDatabase()
  const Client = recordingClient(recorded)
  const connection = { ...fresh.config, Client } as pg.PoolConfig
  database = openDatabase({ connection, poolSize: 2, statementTimeoutMs: 30_000, onPoolError: () => undefined })
  await migrate(database, await readMigrations())
  client = new pg.Client(fresh.config)
  late = new pg.Client(fresh.config)
  await Promise.all([client.connect(), late.connect()])
  await client.query('alter table event set (autovacuum_enabled = false)')
  await client.query(`insert into tenant (tenant_id) values ('demo')`)
})
afterAll(async () => {
  await Promise.all([client.end(), late.end()])
  await database.close()
  await fresh.drop()
})

test('numbers follow without gaps, and a transaction that was begun before and commits long after gets its own', async () => {
  const sequencer = openSequencer(database, clock)
  await late.query('begin')
  await append(late, 1)
  await append(client, EVENTS)
  expect(await sequencer.next()).toBe(EVENTS)
  for (let round = 0; round < 2; round++) {
    clock.ms += 10_000
    expect(await sequencer.next()).toBe(0)
  }
  await append(client, 2)
  expect(await sequencer.next()).toBe(2)
  await late.query('commit')
  expect(await sequencer.next(), 'behind what is settled').toBe(0)
  expect(await sequencer.all()).toBe(1)
  expect(await numbers()).toEqual(Array.from({ length: EVENTS + 3 }, (_, index) => index + 1))
})

test('a round that finds nothing touches a few blocks, whatever has been numbered since the last vacuum', async () => {
  const sequencer = openSequencer(database, clock)
  for (let round = 0; round < 4; round++) {
    await sequencer.next()
    clock.ms += 10_000
  }
  const { text, values } = [...recorded.values()].find(one => one.text.includes('from event_insert_no_seq')) ?? {}
  await client.query('set enable_bitmapscan = off')
  await client.query('set enable_seqscan = off')
  expect(blocksOf(await planOf(client, text ?? '', values))).toBeLessThan(8)
  // As it would be from the beginning: the test would see it.
  expect(blocksOf(await planOf(client, text ?? '', [0]))).toBeGreaterThan(10)
})
