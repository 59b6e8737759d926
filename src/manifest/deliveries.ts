/**
 * Events on their way to subscriptions. Of one asset there is one at a time that may be told (PENDING), and a unique index that holds
 * to it; the others are WAITING, and the first of these takes its place when it is over, in the transaction that ends it. Whatever
 * puts rows in, ends or moves them has the lock of the subscription's row, so that none is left waiting for one that is gone.
 *
 *     WAITING -> PENDING -> DONE | DEAD        DEAD -> WAITING, where somebody says so
 */

import { sha256Hex } from '../lib/canonical.ts'
import type { ToldEvent } from '../model/event.ts'
import type { EventName } from '../model/event-catalogue.ts'
import { nameOf } from '../model/event-majors.ts'
import { newId } from '../model/ids.ts'
import type { Attempt, DeliveryState, FailureClass } from '../model/subscription.ts'
import type { Sql } from './database.ts'

/** Of one subscription. */
export interface Queue {
  readonly tenant: string
  /** Of the subscription. */
  readonly id: string
}

/** The first of an asset of which nothing is being told need not wait; so nothing is left to be advanced. */
const INSERT = {
  name: 'delivery_insert',
  text: `insert into delivery (tenant_id, subscription_id, replay_id, state, delivery_id, event_seq, event_id, asset_id, type)
         select $1, $2, $3, case when d.is_first and not exists (select 1 from delivery p where p.tenant_id = $1 and p.subscription_id = $2
             and p.asset_id = d.asset and p.state = 'PENDING') then 'PENDING' else 'WAITING' end, d.id, d.seq, d.event, d.asset, d.type
         from unnest($4::uuid[], $5::bigint[], $6::uuid[], $7::uuid[], $8::text[], $9::boolean[]) with ordinality as d (id, seq, event, asset, type, is_first, place)
         order by d.place`,
}

const ADVANCE = {
  name: 'delivery_advance',
  text: `update delivery d set state = 'PENDING', not_before = now()
         from (select distinct on (w.asset_id) w.tenant_id, w.delivery_id from delivery w
               where w.tenant_id = $1 and w.subscription_id = $2 and w.state = 'WAITING' and w.asset_id = any($3::uuid[])
                 and not exists (select 1 from delivery p where p.tenant_id = w.tenant_id and p.subscription_id = w.subscription_id
                   and p.asset_id = w.asset_id and p.state = 'PENDING')
               order by w.asset_id, w.delivery_no) next
         where d.tenant_id = next.tenant_id and d.delivery_id = next.delivery_id`,
}

/** The first that waits of each of these assets, where nothing of it is being told. */
export const advance = async (tx: Sql, { tenant, id }: Queue, assets: readonly string[]): Promise<void> => {
  await tx.rows(ADVANCE, [tenant, id, assets])
}

/** Of what is no asset's, a hash of its subject stands where the asset stands: so are those of one subject told in their order. */
const queueKeyOf = ({ asset, subject }: ToldEvent): string => asset ?? sha256Hex(subject ?? '').slice(0, 32)

/** In this order, behind what is there. */
export const insertDeliveries = async (
  tx: Sql,
  queue: Queue,
  { events, replay }: { events: readonly ToldEvent[]; replay: string | undefined },
): Promise<void> => {
  if (events.length === 0) return
  const assets = events.map(queueKeyOf)
  await tx.rows(INSERT, [
    queue.tenant,
    queue.id,
    replay ?? null,
    events.map(() => newId()),
    events.map(({ seq }) => seq),
    events.map(({ id }) => id),
    assets,
    events.map(({ type, major }) => nameOf(type, major)),
    assets.map((asset, place) => assets.indexOf(asset) === place),
  ])
}

const BACKLOG = {
  name: 'delivery_backlog',
  text: `select ((select count(*) from (select 1 from delivery where tenant_id = $1 and subscription_id = $2 and state = 'PENDING' limit $3) p)
           + (select count(*) from (select 1 from delivery where tenant_id = $1 and subscription_id = $2 and state = 'WAITING' limit $3) w))::int as count`,
}

/** How many are still to be told, as far as it matters. */
export const backlogOf = async (sql: Sql, { tenant, id }: Queue, most: number): Promise<number> =>
  (await sql.rows<{ count: number }>(BACKLOG, [tenant, id, most]))[0]?.count ?? 0

export interface DeadDeliveries {
  readonly ids?: readonly string[] | undefined
  readonly class?: FailureClass | undefined
  readonly fromSeq?: number | undefined
  readonly toSeq?: number | undefined
  readonly types?: readonly EventName[] | undefined
  readonly asset?: string | undefined
}

const REDRIVE = {
  name: 'delivery_redrive',
  text: `update delivery d set state = 'WAITING', failures = 0, not_before = now(), finished_at = null
         from (select tenant_id, delivery_id from delivery where tenant_id = $1 and subscription_id = $2 and state = 'DEAD'
                 and ($3::uuid[] is null or delivery_id = any($3)) and ($4::text is null or class = $4)
                 and ($5::bigint is null or event_seq >= $5) and ($6::bigint is null or event_seq <= $6)
                 and ($7::text[] is null or type = any($7)) and ($8::uuid is null or asset_id = $8)
               order by delivery_no limit $9) dead
         where d.tenant_id = dead.tenant_id and d.delivery_id = dead.delivery_id returning d.asset_id as asset`,
}

/** With all their tries again, behind what of their assets is being told. Gives how many, at most `limit`. */
export const redriveDeliveries = async (
  tx: Sql,
  queue: Queue,
  { ids, class: kind, fromSeq, toSeq, types, asset, limit }: DeadDeliveries & { readonly limit: number },
): Promise<number> => {
  const filter = [ids ?? null, kind ?? null, fromSeq ?? null, toSeq ?? null, types ?? null, asset ?? null]
  const rows = await tx.rows<{ asset: string }>(REDRIVE, [queue.tenant, queue.id, ...filter, limit])
  await advance(tx, queue, [...new Set(rows.map(row => row.asset))])
  return rows.length
}

/** Of a delivery `d`: what its event is about. */
export const DELIVERY_SUBJECT = `coalesce((select e.subject from event e where e.tenant_id = d.tenant_id and e.event_id = d.event_id), 'assets/' || d.asset_id) as subject`

/** Each in words of its own, so that those few of a state are found by the index that has no others. */
const listOf = (state: DeliveryState | 'any') => ({
  name: `delivery_list_${state.toLowerCase()}`,
  text: `select delivery_no::text as no, delivery_id as id, event_id as event, event_seq as seq, type,
           ${DELIVERY_SUBJECT}, replay_id as replay, state,
           failures, class, attempts, not_before as "notBefore", created_at as "createdAt", finished_at as "finishedAt"
         from delivery d where tenant_id = $1 and subscription_id = $2 ${state === 'any' ? '' : `and state = '${state}'`} and ($3::bigint is null or delivery_no < $3)
         order by delivery_no desc limit $4`,
})
const LISTS = {
  any: listOf('any'),
  WAITING: listOf('WAITING'),
  PENDING: listOf('PENDING'),
  DONE: listOf('DONE'),
  DEAD: listOf('DEAD'),
}

export interface ListedDelivery {
  readonly no: string
  readonly id: string
  readonly event: string
  readonly seq: number
  readonly type: EventName
  readonly subject: string
  readonly replay: string | null
  readonly state: DeliveryState
  readonly failures: number
  readonly class: FailureClass | null
  readonly attempts: readonly Attempt[]
  readonly notBefore: Date
  readonly createdAt: Date
  readonly finishedAt: Date | null
}

/** Newest first. */
export const listDeliveries = (
  sql: Sql,
  { tenant, id }: Queue,
  { state, before, limit }: { state: DeliveryState | undefined; before: string | undefined; limit: number },
): Promise<ListedDelivery[]> => sql.rows<ListedDelivery>(LISTS[state ?? 'any'], [tenant, id, before ?? null, limit])

/** By where the rows are: joined to what is to go, by their keys, the table would be read whole once it is ten times as many. */
const PRUNE = {
  name: 'delivery_prune',
  text: `delete from delivery where tenant_id is not null and finished_at is not null and ctid = any(array(
           select ctid from delivery where finished_at < now() - make_interval(days => $1) order by finished_at limit $2)) returning 1`,
}

/** Those that have been over for so long. Gives how many, at most `limit`. */
export const pruneDeliveries = async (sql: Sql, keepDays: number, limit: number): Promise<number> =>
  (await sql.rows(PRUNE, [keepDays, limit])).length

const CLEAR = {
  name: 'delivery_clear',
  text: `delete from delivery where tenant_id = $1 and finished_at is not null and ctid = any(array(
           select ctid from delivery where tenant_id = $1 and subscription_id = $2 and finished_at is not null order by delivery_no limit $3)) returning 1`,
}

/** What is over of a subscription that is going: a month of it is more than one statement may take. Gives how many. */
export const clearDeliveries = async (sql: Sql, { tenant, id }: Queue, limit: number): Promise<number> =>
  (await sql.rows(CLEAR, [tenant, id, limit])).length

const COUNT = {
  name: 'delivery_count',
  text: `select 'PENDING' as state, count(*)::int as count from delivery where state = 'PENDING' and tenant_id is not null
         union all select 'WAITING', count(*)::int from delivery where state = 'WAITING'
         union all select 'DEAD', count(*)::int from delivery where state = 'DEAD'`,
}

/** Of all tenants; each reads an index that is as long as what it counts. */
export const countDeliveries = (sql: Sql) => sql.rows<{ state: DeliveryState; count: number }>(COUNT, [])

const OVERDUE = {
  name: 'delivery_overdue',
  text: `select count(*)::int as count, min(v.not_before) as oldest from subscription s
         join delivery v on v.tenant_id = s.tenant_id and v.subscription_id = s.subscription_id
         where s.state = 'ACTIVE' and s.failing_since is null and s.hold_until <= now() and v.state = 'PENDING' and v.not_before <= now()`,
}

/** What could be told now, to receivers that take what they are told. */
export const overdueDeliveries = async (sql: Sql): Promise<{ count: number; oldest: Date | null }> =>
  (await sql.rows<{ count: number; oldest: Date | null }>(OVERDUE, []))[0] ?? { count: 0, oldest: null }
