/**
 * Applies migrations/*.sql: forward only, each in its own transaction, all under one session advisory lock, so that any
 * number of processes may start at once and every one of them returns with the schema in place.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { MatrixError } from '../model/errors.ts'
import type { Database } from './database.ts'

/** Any constant will do, as long as nobody else in the database uses it. */
const LOCK = 7_205_813

/** A migration may take long, its commit on a busy disk too, and whoever comes second waits for it. */
const UNHURRIED = { query_timeout: 24 * 3_600_000 }

export interface Migration {
  readonly number: number
  readonly name: string
  readonly text: string
  readonly checksum: string
  readonly breaking: boolean
}

export interface MigrationReport {
  readonly applied: readonly string[]
  readonly version: number
}

/** The folder beside package.json, found from source and from dist alike. */
export const migrationsFolder = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return join(folder, 'migrations')
}

export const readMigrations = async (folder = migrationsFolder()): Promise<Migration[]> => {
  const files = (await readdir(folder)).filter(file => /^\d{4}_.+\.sql$/.test(file)).sort()
  return Promise.all(
    files.map(async name => {
      const text = await readFile(join(folder, name), 'utf8')
      return {
        number: Number(name.slice(0, 4)),
        name,
        text,
        checksum: createHash('sha256').update(text).digest('hex'),
        breaking: text.startsWith('-- breaking'),
      }
    }),
  )
}

/** Throws `conflict` when the database has been altered behind our back or is too new for this program. */
export const migrate = async (database: Database, migrations: readonly Migration[]): Promise<MigrationReport> =>
  database.session(async client => {
    await client.query('set statement_timeout = 0; set lock_timeout = 0')
    await client.query({ text: 'select pg_advisory_lock($1)', values: [LOCK], ...UNHURRIED })
    try {
      await client.query(`create table if not exists schema_migration (
        number int primary key, name text not null, checksum text not null, breaking boolean not null,
        applied_at timestamptz not null default now())`)
      const { rows } = await client.query<{ number: number; name: string; checksum: string; breaking: boolean }>(
        'select number, name, checksum, breaking from schema_migration order by number',
      )
      const applied = new Map(rows.map(row => [row.number, row]))
      refuseWhatDiffers(migrations, applied)
      const missing = migrations.filter(migration => !applied.has(migration.number))
      for (const migration of missing) await apply(client, migration)
      return {
        applied: missing.map(migration => migration.name),
        version: Math.max(0, ...migrations.map(migration => migration.number)),
      }
    } finally {
      await client.query('select pg_advisory_unlock($1)', [LOCK])
      await client.query('reset statement_timeout; reset lock_timeout')
    }
  })

const refuseWhatDiffers = (
  migrations: readonly Migration[],
  applied: ReadonlyMap<number, { name: string; checksum: string; breaking: boolean }>,
): void => {
  const known = new Map(migrations.map(migration => [migration.number, migration]))
  for (const [number, row] of applied) {
    const ours = known.get(number)
    if (ours && ours.checksum !== row.checksum) {
      throw new MatrixError('conflict', `Migration ${row.name} was edited after it had been applied`)
    }
    if (!ours && row.breaking) {
      throw new MatrixError(
        'conflict',
        `The database has the breaking migration ${row.name}, which this program does not know`,
      )
    }
  }
}

const apply = async (client: pg.PoolClient, { number, name, text, checksum, breaking }: Migration): Promise<void> => {
  await client.query('begin')
  try {
    await client.query({ text, ...UNHURRIED })
    await client.query('insert into schema_migration (number, name, checksum, breaking) values ($1, $2, $3, $4)', [
      number,
      name,
      checksum,
      breaking,
    ])
    await client.query({ text: 'commit', ...UNHURRIED })
  } catch (error) {
    await client.query('rollback')
    throw new MatrixError('internal', `Migration ${name} failed`, { cause: error })
  }
}
