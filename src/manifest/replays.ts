/** Parts of the log that are told once more to one subscription: one at a time, a page at a time. */
import type { EventName } from '../model/event-catalogue.ts'
import type { Sql } from './database.ts'
import type { Queue } from './deliveries.ts'

export interface Replay {
  readonly replay: string
  /** Up to there it has been looked at. */
  readonly cursor: number
  readonly until: number
  readonly types: readonly EventName[] | null
  readonly asset: string | null
  readonly told: number
  readonly createdAt: Date
  readonly finishedAt: Date | null
}

const COLUMNS = `replay_id as replay, cursor_seq as cursor, until_seq as until, types, asset_id as asset, told, created_at as "createdAt", finished_at as "finishedAt"`

const INSERT = {
  name: 'replay_insert',
  text: `insert into event_replay (tenant_id, subscription_id, replay_id, cursor_seq, until_seq, types, asset_id, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing returning ${COLUMNS}`,
}

/** `undefined`: another one is under way. */
export const insertReplay = async (
  tx: Sql,
  { tenant, id }: Queue,
  wish: Pick<Replay, 'replay' | 'cursor' | 'until'> & {
    readonly types: readonly EventName[] | undefined
    readonly asset: string | undefined
    readonly createdBy: string
  },
): Promise<Replay | undefined> => {
  const values = [wish.replay, wish.cursor, wish.until, wish.types ?? null, wish.asset ?? null, wish.createdBy]
  return (await tx.rows<Replay>(INSERT, [tenant, id, ...values]))[0]
}

const RUNNING = {
  name: 'replay_running',
  text: `select ${COLUMNS} from event_replay where tenant_id = $1 and subscription_id = $2 and finished_at is null`,
}

export const runningReplay = async (sql: Sql, { tenant, id }: Queue): Promise<Replay | undefined> =>
  (await sql.rows<Replay>(RUNNING, [tenant, id]))[0]

const MOVE = {
  name: 'replay_move',
  text: `update event_replay set cursor_seq = $4, told = told + $5, finished_at = case when $4 >= until_seq then now() end
         where tenant_id = $1 and replay_id = $2 and cursor_seq = $3 and finished_at is null returning 1`,
}

/** False: it has been moved by another. */
export const moveReplay = async (
  tx: Sql,
  tenant: string,
  { replay, cursor }: Pick<Replay, 'replay' | 'cursor'>,
  { to, told }: { to: number; told: number },
): Promise<boolean> => (await tx.rows(MOVE, [tenant, replay, cursor, to, told])).length > 0

const NEXT = {
  name: 'replay_next_event',
  text: `select seq, sequenced_at as at from event where tenant_id = $1 and seq >= $2 and seq is not null order by seq limit 1`,
}

/**
 * Number of the first event of a tenant that was numbered at that time or later, `head + 1` where there is none. Numbers are given in the
 * order of time, so it is found by halving: 30 probes of the index in a log of a billion, and no index more.
 */
export const firstSince = async (
  sql: Sql,
  tenant: string,
  { at, head }: { at: Date; head: number },
): Promise<number> => {
  let [low, high] = [1, head + 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [next] = await sql.rows<{ seq: number; at: Date }>(NEXT, [tenant, middle])
    if (next === undefined || next.seq > head || next.at >= at) high = middle
    else low = next.seq + 1
  }
  return low
}

const PRUNE = {
  name: 'replay_prune',
  text: 'delete from event_replay where tenant_id is not null and finished_at < now() - make_interval(days => $1)',
}

export const pruneReplays = async (sql: Sql, keepDays: number): Promise<void> => {
  await sql.rows(PRUNE, [keepDays])
}
