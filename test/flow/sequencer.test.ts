/** What numbers events: who commits late is found too, and what has its number is not looked at again. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase, type Sql } from '../../src/manifest/database.ts'
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
  const sequencer = openSequencer(database)
  await late.query('begin')
  await append(late, 1)
  await append(client, EVENTS)
  expect(await sequencer.next()).toBe(EVENTS)
  for (let round = 0; round < 3; round++) expect(await sequencer.next()).toBe(0)
  await append(client, 2)
  expect(await sequencer.next()).toBe(2)
  await late.query('commit')
  expect(await sequencer.next(), 'nothing is settled that may still come').toBe(1)
  expect(await numbers()).toEqual(Array.from({ length: EVENTS + 3 }, (_, index) => index + 1))
})

test('what waited for another of its asset is numbered behind it, however much is numbered meanwhile', async () => {
  const asset = randomUUID()
  const insert = `insert into event (event_id, tenant_id, type, asset_id, asset_event_no, data, actor, correlation_id)
    values (gen_random_uuid(), 'demo', 'asset.created', $1, $2, '{}', 'test', 'test')`
  await late.query('begin')
  await late.query(insert, [asset, 1])
  await append(client, EVENTS)
  let looks = 0
  // Between the first look and the next both become visible, the one that waited with a number of its own far behind the other's.
  const between = {
    ...database,
    transaction: async <T>(work: (tx: Sql) => Promise<T>): Promise<T> => {
      if (++looks === 2) {
        await late.query('commit')
        await client.query(insert, [asset, 2])
      }
      return database.transaction(work)
    },
  }
  const sequencer = openSequencer(between)
  let total = await sequencer.next()
  expect(looks).toBeGreaterThan(2)
  while (total < EVENTS + 2) total += await sequencer.next()
  const { rows } = await client.query('select asset_event_no as no from event where asset_id = $1 order by seq', [
    asset,
  ])
  expect(rows.map(({ no }) => Number(no))).toEqual([1, 2])
})

test('a round that finds nothing touches a few blocks, whatever has been numbered since the last vacuum', async () => {
  const sequencer = openSequencer(database)
  for (let round = 0; round < 4; round++) await sequencer.next()
  const { text, values } = [...recorded.values()].find(one => one.text.includes('as numbered')) ?? {}
  await client.query('set enable_bitmapscan = off')
  await client.query('set enable_seqscan = off')
  expect(blocksOf(await planOf(client, text ?? '', values))).toBeLessThan(8)
  // As it would be from the beginning: the test would see it.
  expect(blocksOf(await planOf(client, text ?? '', [0]))).toBeGreaterThan(10)
})
