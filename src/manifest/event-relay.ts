/** How far the log has been carried into streams. What it says follows the streams, and never leads them. */
import type { Sql } from './database.ts'

const STANDING = {
  name: 'event_relay_standing',
  text: `select r.log_id as log, r.published_seq as published, h.seq as head,
           (select e.sequenced_at from event e where e.tenant_id is not null and e.seq = r.published_seq + 1) as "waitingSince"
         from event_relay r, event_head h`,
}

export interface RelayStanding {
  /** Of the log, for as long as its database lives. */
  readonly log: string
  readonly published: number
  readonly head: number
  /** When the first that has not been carried got its number. */
  readonly waitingSince: Date | null
}

export const relayStanding = async (sql: Sql): Promise<RelayStanding> => {
  const [row] = await sql.rows<RelayStanding>(STANDING, [])
  if (row === undefined) throw new Error('The row of the relay is not there')
  return row
}

const PUBLISHED = {
  name: 'event_relay_published',
  text: 'update event_relay set published_seq = $1, published_at = now() where published_seq <> $1',
}

export const notePublished = async (sql: Sql, seq: number): Promise<void> => {
  await sql.rows(PUBLISHED, [seq])
}

const AT = {
  name: 'event_at',
  text: `select event_id as id, sequenced_at as at from event where tenant_id is not null and seq = $1`,
}

export const eventAt = async (sql: Sql, seq: number): Promise<{ id: string; at: Date } | undefined> =>
  (await sql.rows<{ id: string; at: Date }>(AT, [seq]))[0]

/** Number of the first event that was numbered at that time or later, `head + 1` where there is none; by halving, for there are no gaps. */
export const firstNumberedSince = async (sql: Sql, { at, head }: { at: Date; head: number }): Promise<number> => {
  let [low, high] = [1, head + 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const found = await eventAt(sql, middle)
    if (found === undefined || found.at >= at) high = middle
    else low = middle + 1
  }
  return low
}
