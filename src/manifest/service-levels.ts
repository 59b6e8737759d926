/** How long facts took to be seen, as the newest of the log say: the same for every process that asks, and as cheap as its end is near. */
import type { Sql } from './database.ts'

/** Of the log; what of them is within the window counts. */
const NEWEST = 1_000

export interface Lag {
  readonly count: number
  /** Seconds: p50, p95, p99; `null` without a sample. */
  readonly times: readonly [number, number, number] | null
}

const NONE: Lag = { count: 0, times: null }
/** Of one tenant, by its index; or of the deployment, by that of the numbers. */
const OF = { one: 'tenant_id = $2 and seq is not null', all: 'seq is not null' }
type Of = keyof typeof OF

const percentiles = (seconds: string): string =>
  `count(${seconds})::int as count, percentile_disc(array[0.5, 0.95, 0.99]) within group (order by ${seconds}) as times`

const newest = (of: Of): string =>
  `(select tenant_id, asset_id, type, data ->> 'version' as version, occurred_at,
           case when sequenced_at > now() - make_interval(secs => $1) then sequenced_at end as sequenced_at
    from event where ${OF[of]} order by seq desc limit ${NEWEST}) as newest`

const numbered = (of: Of) => ({
  name: `levels_numbered_${of}`,
  text: `select ${percentiles('seconds')} from (select extract(epoch from sequenced_at - occurred_at)::float8 as seconds from ${newest(of)}) as lags`,
})

/** Nothing but what is both in the log: a version that is made in an hour has no time here. */
const completed = (of: Of) => ({
  name: `levels_completed_${of}`,
  text: `select ${percentiles('seconds')}
         from (select extract(epoch from max(occurred_at) filter (where type = 'asset.version_ready' and sequenced_at is not null)
                                         - min(occurred_at) filter (where type = 'asset.version_created'))::float8 as seconds
               from ${newest(of)} group by tenant_id, asset_id, version) as versions`,
})

const STATEMENTS = {
  one: { numbered: numbered('one'), completed: completed('one') },
  all: { numbered: numbered('all'), completed: completed('all') },
}

const ask = async (
  sql: Sql,
  what: 'numbered' | 'completed',
  { tenant, windowSeconds }: { tenant: string | undefined; windowSeconds: number },
): Promise<Lag> => {
  const statement = STATEMENTS[tenant === undefined ? 'all' : 'one'][what]
  const values = tenant === undefined ? [windowSeconds] : [windowSeconds, tenant]
  return (await sql.rows<Lag>(statement, values))[0] ?? NONE
}

/** From the beginning of the transaction that told of it to the number in the log. `tenant`: of one, or of all. */
export const eventLag = (sql: Sql, tenant: string | undefined, windowSeconds: number): Promise<Lag> =>
  ask(sql, 'numbered', { tenant, windowSeconds })

/** From the bytes of a version to the last derivative that it waits for. */
export const completionTimes = (sql: Sql, tenant: string | undefined, windowSeconds: number): Promise<Lag> =>
  ask(sql, 'completed', { tenant, windowSeconds })

const UNNUMBERED = {
  name: 'events_unnumbered',
  text: `select count(*)::int as rows, coalesce(extract(epoch from now() - min(occurred_at)), 0)::float8 as seconds
         from (select tenant_id, occurred_at from event where seq is null order by insert_no limit 20000) as waiting`,
}

/** Facts that wait for their number, counted to twenty thousand, and how long the first of them does. */
export const unnumberedEvents = async (sql: Sql): Promise<{ readonly rows: number; readonly seconds: number }> =>
  (await sql.rows<{ rows: number; seconds: number }>(UNNUMBERED, []))[0] ?? { rows: 0, seconds: 0 }
