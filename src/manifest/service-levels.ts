/** How long facts took to be seen, as the newest of the log say: the same for every process that asks, and as cheap as its end is near. */
import type { Sql } from './database.ts'

/** Of the log; within the minutes of the window. */
const NEWEST = 2_000

export interface Lag {
  readonly count: number
  /** Seconds: p50, p95, p99; `null` without a sample. */
  readonly times: readonly [number, number, number] | null
}

const PERCENTILES = 'percentile_disc(array[0.5, 0.95, 0.99]) within group'

const NUMBERED = {
  name: 'levels_numbered',
  text: `select count(*)::int as count, ${PERCENTILES} (order by seconds) as times
         from (select extract(epoch from sequenced_at - occurred_at)::float8 as seconds from event
               where seq > (select seq from event_head) - ${NEWEST} and ($1::text is null or tenant_id = $1)
                 and sequenced_at > now() - make_interval(secs => $2)) as newest`,
}

/** From the beginning of the transaction that told of it to the number in the log. */
export const eventLag = async (sql: Sql, tenant: string | undefined, windowSeconds: number): Promise<Lag> =>
  (await sql.rows<Lag>(NUMBERED, [tenant ?? null, windowSeconds]))[0] ?? { count: 0, times: null }

const COMPLETED = {
  name: 'levels_completed',
  text: `with newest as (select tenant_id, asset_id, type, data ->> 'version' as version, occurred_at from event
                         where seq > (select seq from event_head) - ${NEWEST} and ($1::text is null or tenant_id = $1)
                           and sequenced_at > now() - make_interval(secs => $2))
         select count(*)::int as count, ${PERCENTILES} (order by seconds) as times
         from (select extract(epoch from ready.occurred_at - created.occurred_at)::float8 as seconds
               from newest ready join newest created using (tenant_id, asset_id, version)
               where ready.type = 'asset.version_ready' and created.type = 'asset.version_created') as versions`,
}

/** From the bytes of a version to the last derivative that it waits for. */
export const completionTimes = async (sql: Sql, tenant: string | undefined, windowSeconds: number): Promise<Lag> =>
  (await sql.rows<Lag>(COMPLETED, [tenant ?? null, windowSeconds]))[0] ?? { count: 0, times: null }

const UNNUMBERED = {
  name: 'events_unnumbered',
  text: `select count(*)::int as rows, coalesce(extract(epoch from now() - min(occurred_at)), 0)::float8 as seconds
         from (select occurred_at from event where tenant_id is not null and seq is null order by insert_no limit 20000) as waiting`,
}

/** Facts that wait for their number, counted to twenty thousand, and how long the first of them does. */
export const unnumberedEvents = async (sql: Sql): Promise<{ readonly rows: number; readonly seconds: number }> =>
  (await sql.rows<{ rows: number; seconds: number }>(UNNUMBERED, []))[0] ?? { rows: 0, seconds: 0 }
