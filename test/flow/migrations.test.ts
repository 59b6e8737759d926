/** The schema: how it comes to be, what it refuses whoever asks, and that typed queries see it as it is. */
import { getTableName, isTable } from 'drizzle-orm'
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase, sqlState } from '../../src/manifest/database.ts'
import { type Migration, migrate, readMigrations } from '../../src/manifest/migrate.ts'
import * as schema from '../../src/manifest/schema.ts'
import { VERSION_STATES } from '../../src/model/asset.ts'
import { NODE_STATES } from '../../src/model/node.ts'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'

let fresh: FreshDatabase
let database: Database
let shipped: Migration[]

const open = (): Database =>
  openDatabase({
    connection: { ...fresh.config },
    poolSize: 2,
    statementTimeoutMs: 5_000,
    onPoolError: () => undefined,
  })

beforeAll(async () => {
  fresh = await freshDatabase()
  database = open()
  shipped = await readMigrations()
})
afterAll(async () => {
  await database.close()
  await fresh.drop()
})

const rows = <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  database.rows<Row>({ name: `t_${text.length}_${text.slice(0, 40)}`, text }, values)

const made = (number: number, text: string): Migration => ({
  number,
  name: `${String(number).padStart(4, '0')}_made.sql`,
  text,
  checksum: `checksum of ${text}`,
  breaking: text.startsWith('-- breaking'),
})

describe('applying', () => {
  /** Numbers may have gaps. */
  const newest = (): number => Math.max(...shipped.map(({ number }) => number))
  test('twenty runners at once on an empty database apply each migration once', async () => {
    const runners = Array.from({ length: 20 }, open)
    const reports = await Promise.all(runners.map(runner => migrate(runner, shipped)))
    await Promise.all(runners.map(runner => runner.close()))
    expect(reports.flatMap(({ applied }) => applied).sort()).toEqual(shipped.map(({ name }) => name))
    expect(new Set(reports.map(({ version }) => version))).toEqual(new Set([newest()]))
    expect(await rows('select name, checksum from schema_migration order by number')).toEqual(
      shipped.map(({ name, checksum }) => ({ name, checksum })),
    )
  })

  test('one that was edited after it had been applied is refused', async () => {
    const edited = shipped.map((migration, index) => (index === 1 ? { ...migration, checksum: 'other' } : migration))
    await expect(migrate(database, edited)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(shipped[1]!.name),
    })
  })

  test('one that fails midway leaves nothing, and those before it stay', async () => {
    const good = made(9001, 'create table good_one (id int)')
    const bad = made(
      9002,
      'create table half_made (id int); insert into half_made values (1); select no_such_function()',
    )
    const never = made(9003, 'create table never_made (id int)')
    await expect(migrate(database, [...shipped, good, bad, never])).rejects.toMatchObject({ code: 'internal' })
    const tables = `select table_name from information_schema.tables where table_name in ('good_one', 'half_made', 'never_made')`
    expect(await rows(tables)).toEqual([{ table_name: 'good_one' }])
    expect(await rows('select number from schema_migration where number > 9000')).toEqual([{ number: 9001 }])
    const mended = made(9002, 'create table half_made (id int)')
    expect(await migrate(database, [...shipped, good, mended])).toMatchObject({ applied: [mended.name] })
  })

  test('a database that is ahead is served unless that breaks us', async () => {
    // 9001 and 9002 are there by now, unknown to what is shipped, and harmless.
    expect(await migrate(database, shipped)).toEqual({ applied: [], version: newest() })
    const breaking = made(9004, '-- breaking\nselect 1')
    await migrate(database, [...shipped, breaking])
    await expect(migrate(database, shipped)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(breaking.name),
    })
    await rows('delete from schema_migration where number = 9004')
  })
})

describe('what the database itself refuses', () => {
  let client: pg.Client
  const DIGEST = '11'.repeat(32)
  const ASSET = '01936f3e-8c1a-7c4e-9b0d-3f1f5a0b6c11'

  beforeAll(async () => {
    client = new pg.Client(fresh.config)
    await client.connect()
    await client.query(`
      insert into tenant values ('t');
      insert into product (tenant_id, product_id, display_name) values ('t', 'p', 'P');
      insert into collection (tenant_id, collection_id, owner_product) values ('t', 'c', 'p');
      insert into original (tenant_id, sha256, byte_length, media_type, object_key) values ('t', '\\x${DIGEST}', 1, 'image/png', 'o');
      insert into derivative (tenant_id, sha256, byte_length, media_type, width, height, object_key) values ('t', '\\x${DIGEST}', 1, 'image/png', 1, 1, 'd');
      insert into asset (tenant_id, asset_id, collection_id, owner_product, created_by) values ('t', '${ASSET}', 'c', 'p', 'test')`)
  })
  afterAll(() => client.end())

  /** The SQLSTATE with which the last of the statements is refused, if it is; nothing of them stays. */
  const refusalOf = async (...statements: string[]): Promise<string | undefined> => {
    await client.query('begin')
    try {
      for (const statement of statements.slice(0, -1)) await client.query(statement)
      return await client.query(statements.at(-1) ?? '').then(
        () => undefined,
        error => sqlState(error) ?? 'not refused by Postgres',
      )
    } finally {
      await client.query('rollback')
    }
  }

  const version = (number: number, state: string): string =>
    `insert into asset_version (tenant_id, asset_id, version, sha256, state, publish_policy, created_by)
     values ('t', '${ASSET}', ${number}, '\\x${DIGEST}', '${state}', 'manual', 'test')`

  const node = (state: string): string =>
    `insert into node (tenant_id, node_id, original, chain, format, fence, state, output, failure, lease_owner, lease_until)
     values ('t', '\\x${DIGEST}', '\\x${DIGEST}', '[]', 'jpeg', 5, ${fitting(state)})`

  /** Columns that a state needs, so that only the transition can be wrong. */
  const fitting = (state: string): string =>
    [
      `'${state}'`,
      state === 'DONE' ? `'\\x${DIGEST}'` : 'null',
      state === 'DEAD' ? `'{}'` : 'null',
      ...(state === 'RUNNING' ? [`'w'`, 'now()'] : ['null', 'null']),
    ].join(', ')

  const VERSION_STEPS = [
    'PENDING>PROCESSING PENDING>FAILED PENDING>PURGED PROCESSING>READY PROCESSING>ACTIVE PROCESSING>FAILED',
    'READY>ACTIVE READY>ARCHIVED READY>PROCESSING READY>PURGED ACTIVE>ARCHIVED',
    'ARCHIVED>ACTIVE ARCHIVED>PROCESSING ARCHIVED>PURGED FAILED>PROCESSING FAILED>PURGED',
  ]
    .join(' ')
    .split(' ')
  const NODE_STEPS = [
    'PLANNED>QUEUED QUEUED>RUNNING RETRY>RUNNING RUNNING>DONE RUNNING>RETRY RUNNING>QUEUED RUNNING>DEAD',
    'DONE>EVICTED DONE>QUEUED EVICTED>QUEUED DEAD>QUEUED',
  ]
    .join(' ')
    .split(' ')

  test('every step of a version but those of its life', async () => {
    const allowed: string[] = []
    for (const from of VERSION_STATES) {
      for (const to of VERSION_STATES) {
        if (from === to) continue
        const refusal = await refusalOf(version(1, from), `update asset_version set state = '${to}'`)
        if (refusal === undefined) allowed.push(`${from}>${to}`)
        else expect(refusal).toBe('23514')
      }
    }
    expect(allowed.sort()).toEqual(VERSION_STEPS.sort())
  })

  test('every step of a node but those of its life', async () => {
    const allowed: string[] = []
    for (const from of NODE_STATES) {
      for (const to of NODE_STATES) {
        if (from === to) continue
        const step = `update node set (state, output, failure, lease_owner, lease_until) = (${fitting(to)})`
        const refusal = await refusalOf(node(from), step)
        if (refusal === undefined) allowed.push(`${from}>${to}`)
        else expect(refusal).toBe('23514')
      }
    }
    expect(allowed.sort()).toEqual(NODE_STEPS.sort())
  })

  const EVENT = `insert into event (event_id, tenant_id, type, asset_id, asset_event_no, data, actor, correlation_id)
    values ('${ASSET}', 't', 'asset.created', '${ASSET}', 1, '{}', 'test', 'test')`
  const PUBLICATION = `insert into publication (tenant_id, asset_id, publication_no, version, reason, actor)
    values ('t', '${ASSET}', 1, 1, 'publish', 'test')`
  const OTHER = '22'.repeat(32)

  test.each<[string, string, ...string[]]>([
    ['a fence that goes back', '23514', node('QUEUED'), 'update node set fence = 4'],
    ['a node done without output', '23514', node('RUNNING'), `update node set state = 'DONE'`],
    ['a node in work without a lease', '23514', node('QUEUED'), `update node set state = 'RUNNING'`],
    [
      'a node given up without a reason',
      '23514',
      node('RUNNING'),
      `update node set state = 'DEAD', lease_owner = null`,
    ],
    ['other bytes under an original', '23001', 'update original set byte_length = 2'],
    [
      'other content of a version',
      '23001',
      version(1, 'READY'),
      `insert into original (tenant_id, sha256, byte_length, media_type, object_key) values ('t', '\\x${OTHER}', 1, 'image/png', 'o2')`,
      `update asset_version set sha256 = '\\x${OTHER}'`,
    ],
    ['two versions shown at once', '23505', version(1, 'ACTIVE'), version(2, 'ACTIVE')],
    ['a version without content that is shown', '23514', version(1, 'READY').replace(`'\\x${DIGEST}'`, 'null')],
    ['a pointer to no version', '23503', 'update asset set active_version = 9', 'set constraints all immediate'],
    ['an event that changes', '23001', EVENT, `update event set type = 'asset.archived'`],
    ['an event that is renumbered', '23001', EVENT, 'update event set seq = 1', 'update event set seq = 2'],
    ['an event that goes', '23001', EVENT, 'delete from event'],
    [
      'an event number given twice',
      '23505',
      EVENT,
      EVENT.replace(`values ('${ASSET}'`, `values ('${ASSET.replace(/1$/, '2')}'`),
    ],
    ['a publication that changes', '23001', version(1, 'ACTIVE'), PUBLICATION, `update publication set version = 1`],
    ['a publication that goes', '23001', version(1, 'ACTIVE'), PUBLICATION, 'delete from publication'],
    ['a derivative of other than 32 bytes of digest', '23514', `update derivative set sha256 = '\\x11'`],
  ])('%s', async (_what, code, ...statements) => {
    expect(await refusalOf(...statements)).toBe(code)
  })
})

describe('typed queries', () => {
  const tables = Object.values<unknown>(schema).filter((value): value is PgTable => isTable(value))

  test.each(tables.map(table => [getTableName(table), table] as const))(
    'see the table %s as it is',
    async (name, table) => {
      const live = await rows<{ column: string; type: string; required: boolean; given: boolean; key: boolean }>(
        `select a.attname as "column", format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as required, a.atthasdef as given,
              coalesce(a.attnum = any (i.indkey), false) as key
       from pg_attribute a left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
       where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attname`,
        [name],
      )
      const { columns, primaryKeys } = getTableConfig(table)
      const keyColumns = new Set(
        [...columns.filter(({ primary }) => primary), ...primaryKeys.flatMap(key => key.columns)].map(
          column => column.name,
        ),
      )
      const seen = columns.map(column => ({
        column: column.name,
        type: column.getSQLType(),
        required: column.notNull,
        given: column.hasDefault,
        key: keyColumns.has(column.name),
      }))
      expect(seen.sort((a, b) => (a.column < b.column ? -1 : 1))).toEqual(live)
    },
  )

  test('know the states that the database knows', async () => {
    const values = (type: string) =>
      rows<{ label: string }>(
        `select enumlabel as label from pg_enum where enumtypid = $1::regtype order by enumsortorder`,
        [type],
      )
    expect((await values('version_state')).map(({ label }) => label)).toEqual([...VERSION_STATES])
    expect((await values('node_state')).map(({ label }) => label)).toEqual([...NODE_STATES])
  })
})
