/**
 * Which process carries a subscription: one at a time, for as long as its lease, which it renews with every look. Who dies leaves
 * it to others when the lease is over; what it had told and not written down is told again.
 */
import { EVENT_NAMES } from '../model/event-majors.ts'
import type { Sql } from './database.ts'
import type { Queue } from './deliveries.ts'
import { type KeptSubscription, SUBSCRIPTION_COLUMNS, type SubscriptionRow, toSubscription } from './subscriptions.ts'

/** Those with something to do: events that have not been looked at for them, a replay, or something due. Who asks for what only a newer release knows is left to that. */
const TAKE = {
  name: 'subscription_take',
  text: `update subscription s set carrier = $1, lease_until = now() + make_interval(secs => $2)
         from (select d.tenant_id, d.subscription_id from subscription d
               where d.state = 'ACTIVE' and d.lease_until <= now() and d.hold_until <= now() and (d.types is null or d.types <@ $4::text[])
                 and (d.cursor_seq < (select seq from event_head)
                   or exists (select 1 from event_replay r where r.tenant_id = d.tenant_id and r.subscription_id = d.subscription_id and r.finished_at is null)
                   or exists (select 1 from delivery v where v.tenant_id = d.tenant_id and v.subscription_id = d.subscription_id
                     and v.state = 'PENDING' and v.not_before <= now()))
               order by d.lease_until limit $3 for update skip locked) due
         where s.tenant_id = due.tenant_id and s.subscription_id = due.subscription_id
         returning s.tenant_id as tenant, s.subscription_id as id`,
}

export const takeSubscriptions = (
  sql: Sql,
  { carrier, leaseMs, limit }: { carrier: string; leaseMs: number; limit: number },
): Promise<Queue[]> => sql.rows<Queue>(TAKE, [carrier, leaseMs / 1000, limit, EVENT_NAMES])

const IS_MINE = `s.subscription_id = $2 and s.carrier = $3 and s.lease_until > now() and s.state = 'ACTIVE'`
const CARRIED_COLUMNS = `${SUBSCRIPTION_COLUMNS}, s.hold_until > now() as "isHeld",
  (s.cursor_seq < (select seq from event_head) or exists (select 1 from event_replay r
     where r.tenant_id = s.tenant_id and r.subscription_id = s.subscription_id and r.finished_at is null)) as "isBehind"`
const RENEW = {
  name: 'subscription_renew',
  text: `update subscription s set lease_until = now() + make_interval(secs => $4) where s.tenant_id = $1 and ${IS_MINE}
         returning ${CARRIED_COLUMNS}`,
}
/** A row that is written with each look would be most of what is written. */
const LOOK = {
  name: 'subscription_look',
  text: `select ${CARRIED_COLUMNS} from subscription s where s.tenant_id = $1 and ${IS_MINE}`,
}

export interface CarriedSubscription extends KeptSubscription {
  /** Its receiver is not to be told anything now. */
  readonly isHeld: boolean
  /** There are events, or a replay of them, that have not been looked at for it. */
  readonly isBehind: boolean
}
type CarriedRow = SubscriptionRow & Pick<CarriedSubscription, 'isHeld' | 'isBehind'>

/** As it is now, with its lease renewed where that is asked for. `undefined`: it is another's by now, paused or gone. */
export const lookAtCarried = async (
  sql: Sql,
  { tenant, id }: Queue,
  { carrier, renewMs }: { carrier: string; renewMs: number | undefined },
): Promise<CarriedSubscription | undefined> => {
  const key = [tenant, id, carrier]
  const [row] = await (renewMs === undefined
    ? sql.rows<CarriedRow>(LOOK, key)
    : sql.rows<CarriedRow>(RENEW, [...key, renewMs / 1000]))
  return row && { ...toSubscription(row), isHeld: row.isHeld, isBehind: row.isBehind }
}

const RELEASE = {
  name: 'subscription_release',
  text: 'update subscription set carrier = null, lease_until = now() where tenant_id = $1 and subscription_id = $2 and carrier = $3',
}

export const releaseCarried = async (sql: Sql, { tenant, id }: Queue, carrier: string): Promise<void> => {
  await sql.rows(RELEASE, [tenant, id, carrier])
}

const MOVE = {
  name: 'subscription_move',
  text: `update subscription set cursor_seq = $4 where tenant_id = $1 and subscription_id = $2 and cursor_seq = $3 and state = 'ACTIVE'
           and types is not distinct from $5::text[] and asset_id is not distinct from $6 and collection_id is not distinct from $7 returning 1`,
}

/** Takes the row's lock. False: it has been moved by another, is paused, or wants something else by now. */
export const moveCursor = async (
  tx: Sql,
  { tenant, id, cursor, types, asset, collection }: KeptSubscription,
  to: number,
): Promise<boolean> =>
  (await tx.rows(MOVE, [tenant, id, cursor, to, types ?? null, asset ?? null, collection ?? null])).length > 0

const HOLD = {
  name: 'subscription_hold_queue',
  text: `select failures, coalesce(extract(epoch from now() - failing_since) * 1000, 0)::float8 as "failingMs"
         from subscription where tenant_id = $1 and subscription_id = $2 for no key update`,
}

export interface Standing {
  /** So often its receiver has failed without a success between. */
  readonly failures: number
  readonly failingMs: number
}

/** The lock of its row, for what is done in its queue. `undefined`: it is gone. */
export const lockQueue = async (tx: Sql, { tenant, id }: Queue): Promise<Standing | undefined> =>
  (await tx.rows<Standing>(HOLD, [tenant, id]))[0]

const TAKEN = {
  name: 'subscription_taken',
  text: 'update subscription set failures = 0, failing_since = null where tenant_id = $1 and subscription_id = $2',
}
const REFUSED = {
  name: 'subscription_refused',
  text: `update subscription set failures = failures + 1, failing_since = coalesce(failing_since, now()),
           hold_until = greatest(hold_until, now() + make_interval(secs => $3)),
           state = case when $4 and state = 'ACTIVE' then 'DISABLED' else state end,
           disabled_reason = case when $4 and state = 'ACTIVE' then 'gone' else disabled_reason end
         where tenant_id = $1 and subscription_id = $2 and url = $5 returning 1`,
}

/** It is well again. */
export const noteTaken = async (tx: Sql, { tenant, id }: Queue): Promise<void> => {
  await tx.rows(TAKEN, [tenant, id])
}

/** Takes the row's lock. False: it is gone, or is told somewhere else by now than where it was refused. */
export const noteRefused = async (
  tx: Sql,
  { tenant, id }: Queue,
  { url, holdMs, disables }: { url: string; holdMs: number; disables: boolean },
): Promise<boolean> => (await tx.rows(REFUSED, [tenant, id, holdMs / 1000, disables, url])).length > 0

const COUNT = {
  name: 'subscription_states',
  text: `select case when state = 'ACTIVE' and failing_since is not null then 'FAILING' else state end as state, count(*)::int as count
         from subscription where tenant_id is not null group by 1`,
}

/** Of all tenants. */
export const countStates = (sql: Sql) => sql.rows<{ state: string; count: number }>(COUNT, [])
