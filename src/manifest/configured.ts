/** The connection that the configuration names, with its state where operators look. */
import type pg from 'pg'
import type { Config } from '../config.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { type Database, openDatabase } from './database.ts'

const STATEMENT_MS = 5_000

export const openConfiguredDatabase = (
  { databasePool: poolSize }: Pick<Config, 'databasePool'>,
  connection: pg.PoolConfig,
  { log, metrics, tracing }: { log: Log; metrics: Metrics; tracing: Tracing | undefined },
): Database => {
  metrics.breakers.set('postgres', () => 'closed')
  return openDatabase({
    connection,
    poolSize,
    statementTimeoutMs: STATEMENT_MS,
    tracing,
    onPoolError: error => log.warn({ err: error }, 'idle connection lost'),
    onPresence: isAway => {
      metrics.databaseAway.set(isAway ? 1 : 0)
      metrics.breakers.set('postgres', () => (isAway ? 'open' : 'closed'))
      log.warn({ isAway }, isAway ? 'Postgres is away' : 'Postgres is there again')
    },
  })
}
