/**
 * The connection to Postgres. Statements of the request path run on the `hot` pool, where planning is pinned to index probes:
 * a generic plan of a gathered read otherwise flips to hash joins and scans while the tables are small. Measured with a hundred
 * assets: 23 us of Postgres for a resolve, 35 with scans, 54 where sharers are counted.
 */
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { fullJitter } from '../lib/backoff.ts'
import { isMatrixError } from '../model/errors.ts'
import { RETRIES } from '../model/retries.ts'
import { statementSpan } from '../telemetry/span-names.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { translateDriverError } from './driver-error.ts'
import { openPresence, PROBE_MS, type Presence } from './presence.ts'

const INT8 = 20

export interface DatabaseOptions {
  readonly connection: pg.PoolConfig
  readonly poolSize: number
  readonly statementTimeoutMs: number
  /** A connection was lost. Whoever used it has been told. */
  readonly onPoolError: (error: Error) => void
  /** Statements within what is traced have spans; those of looks for work have none. */
  readonly tracing?: Tracing | undefined
  /** It is known to be away (presence.ts), or there again. */
  readonly onPresence?: (isAway: boolean) => void
}

/** A named statement is prepared once per connection. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** What one connection, inside or outside a transaction, can do. */
export interface Sql {
  rows<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  readonly orm: NodePgDatabase
}

export interface Database extends Sql {
  /** READ COMMITTED with explicit locks; repeated up to three times when Postgres reports a deadlock or a serialisation failure. */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>
  /** One prepared statement on the request path, answered as arrays in column order. */
  hotRows(statement: Statement, values: readonly unknown[]): Promise<unknown[][]>
  /** Runs on a session of its own, e.g. to hold an advisory lock. A statement that may take long brings its own `query_timeout`. */
  session<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>
  close(): Promise<void>
}

// 64-bit columns here are counters and byte lengths, far below 2^53.
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
}

type Querying = pg.Pool | pg.PoolClient

/** The same connection, whose statements say what they were: traced here, where who asks is known, and not below the pool, where it is whoever gave back the connection. */
const traced = (client: Querying, tracing: Tracing | undefined): Querying => {
  if (tracing === undefined) return client
  const query = (asked: string | { text: string }, values?: unknown[]) =>
    tracing.within(statementSpan(typeof asked === 'string' ? { text: asked } : asked), () =>
      client.query(asked as string, values),
    )
  return Object.assign(Object.create(client) as Querying, { query })
}

const sqlOver = (given: Querying, { hear, tracing }: { hear: () => void; tracing: Tracing | undefined }): Sql => {
  const client = traced(given, tracing)
  return { orm: drizzle(client), rows: rowsOver(client, hear) }
}

const rowsOver =
  (client: Querying, hear: () => void): Sql['rows'] =>
  async (statement, values) => {
    try {
      const { rows } = await client.query({ ...statement, values: values as unknown[] })
      hear()
      return rows
    } catch (error) {
      throw translateDriverError(error, statement.name)
    }
  }

/** SQLSTATE: it is shutting down, was told to end this session, or is not up yet. Any other error is an answer. */
const GOING = /^57P/

const openProbe = (connection: pg.PoolConfig) => async (): Promise<void> => {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: PROBE_MS, query_timeout: PROBE_MS })
  client.on('error', () => undefined) // what it was asked for rejects
  try {
    await client.connect()
    await client.query('select 1')
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || GOING.test(error.code ?? '')) throw error
  } finally {
    client.end().catch(() => undefined) // not waited for: who hangs says no goodbye
  }
}

/** Without a connection there is no statement, so whatever is asked of a pool is told here that there is none to be had. */
const refusing = (pool: pg.Pool, absence: Presence['absence']): pg.Pool => {
  const connect = pool.connect.bind(pool) as (callback?: Connected) => Promise<pg.PoolClient>
  const guarded = (callback?: Connected): Promise<pg.PoolClient> | undefined => {
    const away = absence()
    if (away === undefined) return connect(callback)
    if (callback === undefined) return Promise.reject(away)
    process.nextTick(callback, away, undefined, () => undefined)
    return undefined
  }
  pool.connect = guarded as pg.Pool['connect']
  return pool
}
type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, done: () => void) => void

const RETRIED = new Set(['40001', '40P01'])

export const openDatabase = ({
  connection,
  poolSize,
  statementTimeoutMs,
  onPoolError,
  onPresence = () => undefined,
  tracing,
}: DatabaseOptions): Database => {
  const presence = openPresence({ probe: openProbe(connection), onChange: onPresence })
  const common = {
    ...connection,
    types,
    connectionTimeoutMillis: 2_000,
    statement_timeout: statementTimeoutMs,
    lock_timeout: 2_000,
    // A process, or a network, that is lost in the middle of a transaction leaves its locks to nobody's keeping for as long as TCP
    // believes in it: hours. No transaction of ours waits so long for anything but Postgres.
    idle_in_transaction_session_timeout: 30_000,
    // A Postgres that hangs, or a network that swallows, does not keep its own time: a second later we give up for it.
    query_timeout: statementTimeoutMs + 1_000,
  }
  const pool = refusing(new pg.Pool({ ...common, max: poolSize }), presence.absence)
  const hot = new pg.Pool({
    ...common,
    max: 3,
    options:
      '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c plan_cache_mode=force_generic_plan -c jit=off',
  })
  const onLost = (error: Error): void => {
    presence.doubt()
    onPoolError(error)
  }
  const over = { hear: presence.hear, tracing }
  const tracedHot = traced(hot, tracing)
  pool.on('error', onLost)
  hot.on('error', onLost)

  const session: Database['session'] = async work => {
    const client = await pool.connect().catch(error => {
      presence.doubt()
      throw translateDriverError(error, 'connect')
    })
    // A connection that ends says so beside what its statement rejects with, and the pool hears only those that it holds.
    client.on('error', onPoolError)
    let broken: Error | undefined
    try {
      return await work(client)
    } catch (error) {
      broken = error as Error
      throw error
    } finally {
      client.off('error', onPoolError)
      // A connection that failed in the middle is not trusted with the next caller.
      client.release(broken !== undefined && isConnectionLost(broken))
    }
  }

  const once = <T>(work: (tx: Sql) => Promise<T>): Promise<T> =>
    session(async client => {
      await client.query('begin')
      try {
        const result = await work(sqlOver(client, over))
        await client.query('commit')
        return result
      } catch (error) {
        // The first failure is the one to report. Without its connection a transaction is rolled back too.
        if (!isConnectionLost(error)) await client.query('rollback').catch(() => undefined)
        throw error
      }
    })

  return {
    ...sqlOver(pool, over),
    session,
    async transaction(work) {
      for (let attempt = 0; ; attempt++) {
        try {
          return await once(work)
        } catch (error) {
          const code = sqlState(error)
          if (attempt + 1 >= RETRIES.transaction.tries || code === undefined || !RETRIED.has(code))
            throw translateDriverError(error, 'transaction')
          await new Promise(resolve => setTimeout(resolve, fullJitter(attempt, RETRIES.transaction)))
        }
      }
    },
    async hotRows(statement, values) {
      try {
        const query = { ...statement, values: values as unknown[], rowMode: 'array' as const }
        return (await presence.watch(() => tracedHot.query(query))).rows
      } catch (error) {
        const known = translateDriverError(error, statement.name)
        if (isAbsence(known)) presence.doubt()
        throw known
      }
    },
    async close() {
      presence.close()
      // A server that ends in the same moment may cut off the last goodbyes, which is no news.
      for (const each of [pool, hot]) each.off('error', onLost).on('error', () => undefined)
      await Promise.all([pool.end(), hot.end()])
    },
  }
}

/** The SQLSTATE of a driver's error, however deep it is wrapped. */
export const sqlState = (error: unknown): string | undefined => {
  for (let e = error; e instanceof Error; e = e.cause) {
    if (e instanceof pg.DatabaseError) return e.code
  }
  return undefined
}

const isConnectionLost = (error: unknown): boolean =>
  isMatrixError(translateDriverError(error, ''), 'dependency-unavailable')

/** What a Postgres that is away, or hangs, amounts to for whoever asked it. */
export const isAbsence = (error: unknown): boolean =>
  isMatrixError(error, 'dependency-unavailable') || isMatrixError(error, 'dependency-timeout')
