/** Events that were given up, of all subscriptions of a tenant. They are let out a subscription at a time, under its lock (deliveries.ts). */
import type { EventName } from '../model/event-catalogue.ts'
import type { FailureClass } from '../model/subscription.ts'
import type { Sql } from './database.ts'
import { DELIVERY_SUBJECT } from './deliveries.ts'

const PAGE = {
  name: 'dead_deliveries_page',
  text: `select d.delivery_id as id, d.subscription_id as subscription, s.product_id as product, d.event_id as event, d.event_seq as seq, d.type,
           ${DELIVERY_SUBJECT}, d.class, d.failures, d.finished_at as at,
           to_char(d.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as exact_at
         from delivery d join subscription s on s.tenant_id = d.tenant_id and s.subscription_id = d.subscription_id
         where d.tenant_id = $1 and d.state = 'DEAD' and ($2::text is null or d.class = $2)
           and ($3::timestamptz is null or (d.finished_at, d.delivery_id) < ($3::timestamptz, $4::uuid))
         order by d.finished_at desc, d.delivery_id desc limit $5`,
}

export interface DeadDelivery {
  readonly id: string
  readonly subscription: string
  readonly product: string | null
  readonly event: string
  readonly seq: number
  readonly type: EventName
  readonly subject: string
  readonly class: FailureClass
  readonly failures: number
  readonly at: Date
  /** `at` to the microsecond, for a cursor. */
  readonly exact_at: string
}

export interface DeadDeliveryPage {
  readonly tenant: string
  readonly code: string | undefined
  /** The last of the page before. */
  readonly after: { readonly at: string; readonly key: string } | undefined
  readonly limit: number
}

/** The last to be given up first. */
export const listDeadDeliveries = (
  sql: Sql,
  { tenant, code, after, limit }: DeadDeliveryPage,
): Promise<DeadDelivery[]> =>
  sql.rows<DeadDelivery>(PAGE, [tenant, code ?? null, after?.at ?? null, after?.key ?? null, limit])

/** What to let out: those that fit everything that is given. */
export interface DeadDeliveryFilter {
  readonly tenant: string
  readonly keys: readonly string[] | undefined
  readonly code: string | undefined
  readonly before: Date | undefined
}

const FITS = `state = 'DEAD' and ($2::uuid[] is null or delivery_id = any($2)) and ($3::text is null or class = $3)
  and ($4::timestamptz is null or finished_at < $4)`

const NEXT = {
  name: 'dead_deliveries_next',
  text: `select subscription_id as subscription, array_agg(delivery_id) as ids
         from (select subscription_id, delivery_id from delivery where tenant_id = $1 and ${FITS} order by finished_at desc, delivery_id desc limit $5) d
         group by subscription_id order by subscription_id`,
}

const valuesOf = ({ tenant, keys, code, before }: DeadDeliveryFilter) => [
  ...[tenant, keys ?? null, code ?? null],
  before ?? null,
]

/** So many of them, by whose they are. */
export const nextDeadDeliveries = (sql: Sql, filter: DeadDeliveryFilter, limit: number) =>
  sql.rows<{ subscription: string; ids: readonly string[] }>(NEXT, [...valuesOf(filter), limit])

const REMAINING = {
  name: 'dead_deliveries_remaining',
  text: `select count(*)::int as count from delivery where tenant_id = $1 and ${FITS}`,
}

export const countDeadDeliveries = async (sql: Sql, filter: DeadDeliveryFilter): Promise<number> =>
  (await sql.rows<{ count: number }>(REMAINING, valuesOf(filter)))[0]?.count ?? 0
