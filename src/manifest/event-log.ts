/** The log as readers see it: what has got its number, in the order of the numbers, of one tenant. */
import type { LoggedEvent } from '../model/event.ts'
import type { Sql } from './database.ts'
import { loggedColumns } from './events.ts'

const COLUMNS = loggedColumns('event')

const PAGE = {
  name: 'events_page',
  text: `select ${COLUMNS} from event where tenant_id = $1 and seq > $2 and seq is not null order by seq limit $3`,
}

export interface LogPage {
  readonly tenant: string
  /** Number of the last one that is known. */
  readonly after: number
  readonly limit: number
}

/** Whatever is in it, so that no filter makes it long. */
export const readLog = (sql: Sql, { tenant, after, limit }: LogPage): Promise<LoggedEvent[]> =>
  sql.rows<LoggedEvent>(PAGE, [tenant, after, limit])

const WHOLE = {
  name: 'events_whole',
  text: `select ${COLUMNS} from event where tenant_id is not null and seq > $1 and seq is not null order by seq limit $2`,
}

/** Of all tenants. */
export const readWholeLog = (sql: Sql, after: number, limit: number): Promise<LoggedEvent[]> =>
  sql.rows<LoggedEvent>(WHOLE, [after, limit])

const OF_ASSET = {
  name: 'events_of_asset',
  text: `select ${COLUMNS} from event where tenant_id = $1 and asset_id = $4 and asset_event_no > coalesce((
           select max(asset_event_no) from event where tenant_id = $1 and asset_id = $4 and seq <= $2), 0) and seq is not null
         order by asset_event_no limit $3`,
}

/** Of one asset: its own order is that of the numbers. */
export const readLogOf = (
  sql: Sql,
  { tenant, after, limit, asset }: LogPage & { readonly asset: string },
): Promise<LoggedEvent[]> => sql.rows<LoggedEvent>(OF_ASSET, [tenant, after, limit, asset])

const ONE = {
  name: 'event_one',
  text: `select ${COLUMNS} from event where tenant_id = $1 and event_id = $2 and seq is not null`,
}

export const findEvent = async (sql: Sql, tenant: string, id: string): Promise<LoggedEvent | undefined> =>
  (await sql.rows<LoggedEvent>(ONE, [tenant, id]))[0]

const HEAD = { name: 'event_head', text: 'select seq from event_head' }

/** Number of the newest event of the deployment. */
export const logHead = async (sql: Sql): Promise<number> => (await sql.rows<{ seq: number }>(HEAD, []))[0]?.seq ?? 0

const ORIGINS = {
  name: 'event_origins',
  text: `select distinct on (traceparent) traceparent, occurred_at as at
         from (select tenant_id, traceparent, occurred_at from event where seq is not null order by seq desc limit $1) as newest
         where traceparent is not null order by traceparent limit 128`,
}

/** The requests that the last so many events of the deployment go back to. */
export const originsOfNewest = (
  sql: Sql,
  count: number,
): Promise<{ readonly traceparent: string; readonly at: Date }[]> => sql.rows(ORIGINS, [Math.min(count, 1_000)])
