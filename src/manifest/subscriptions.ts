/** Who is told of events by webhook, as configured. How far the telling is stands in the same row, and changes its tag not. */

import type { EventName } from '../model/event-catalogue.ts'
import type { Scope } from '../model/principal.ts'
import type { Subscription, SubscriptionState } from '../model/subscription.ts'
import type { Sql } from './database.ts'

export interface KeptSubscription extends Subscription {
  readonly state: SubscriptionState
  readonly disabledReason: string | undefined
  /** As they are kept (lib/sealed.ts). */
  readonly secret: Buffer
  readonly secretAt: Date
  readonly formerSecret: Buffer | undefined
  readonly formerUntil: Date | undefined
  /** Up to this number everything has been looked at for it. */
  readonly cursor: number
  readonly failingSince: Date | undefined
  readonly createdBy: string
  readonly createdAt: Date
}

export interface SubscriptionRow {
  readonly tenant: string
  readonly id: string
  readonly product: string | null
  readonly url: string
  readonly types: readonly EventName[] | null
  readonly asset: string | null
  readonly collection: string | null
  readonly description: string
  readonly scopes: readonly Scope[]
  readonly state: SubscriptionState
  readonly disabledReason: string | null
  readonly secret: Buffer
  readonly secretAt: Date
  readonly formerSecret: Buffer | null
  readonly formerUntil: Date | null
  readonly cursor: number
  readonly failingSince: Date | null
  readonly createdBy: string
  readonly createdAt: Date
}

/** Of a table that is called `s`. */
export const SUBSCRIPTION_COLUMNS = `s.tenant_id as tenant, s.subscription_id as id, s.product_id as product, s.url, s.types, s.asset_id as asset,
  s.collection_id as collection, s.description, s.scopes, s.state, s.disabled_reason as "disabledReason", s.secret, s.secret_at as "secretAt",
  case when s.former_until > now() then s.former_secret end as "formerSecret", case when s.former_until > now() then s.former_until end as "formerUntil",
  s.cursor_seq as cursor, s.failing_since as "failingSince", s.created_by as "createdBy", s.created_at as "createdAt"`

export const toSubscription = (row: SubscriptionRow): KeptSubscription => ({
  ...row,
  product: row.product ?? undefined,
  types: row.types ?? undefined,
  asset: row.asset ?? undefined,
  collection: row.collection ?? undefined,
  disabledReason: row.disabledReason ?? undefined,
  formerSecret: row.formerSecret ?? undefined,
  formerUntil: row.formerUntil ?? undefined,
  failingSince: row.failingSince ?? undefined,
})

const SECRETS = {
  name: 'subscription_secrets',
  text: `select tenant_id as tenant, subscription_id as id, secret, former_secret as "formerSecret" from subscription where tenant_id is not null`,
}

/** As they are kept, of every tenant, for the doctor. */
export const keptSubscriptionSecrets = (
  sql: Sql,
): Promise<{ tenant: string; id: string; secret: Buffer; formerSecret: Buffer | null }[]> => sql.rows(SECRETS, [])

/** From the newest event on. */
const INSERT = {
  name: 'subscription_insert',
  text: `insert into subscription as s (tenant_id, subscription_id, product_id, url, types, asset_id, collection_id, description, scopes, secret, created_by, cursor_seq)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, seq from event_head returning ${SUBSCRIPTION_COLUMNS}`,
}

export const insertSubscription = async (
  tx: Sql,
  {
    tenant,
    id,
    product,
    url,
    types,
    asset,
    collection,
    description,
    scopes,
    ...made
  }: Subscription & {
    readonly secret: Buffer
    readonly createdBy: string
  },
): Promise<KeptSubscription> => {
  const values = [
    tenant,
    id,
    product ?? null,
    url,
    types ?? null,
    asset ?? null,
    collection ?? null,
    description,
    scopes,
  ]
  const [row] = await tx.rows<SubscriptionRow>(INSERT, [...values, made.secret, made.createdBy])
  if (row === undefined) throw new Error('An insert returned nothing')
  return toSubscription(row)
}

const FIND_TEXT = `select ${SUBSCRIPTION_COLUMNS} from subscription s where s.tenant_id = $1 and s.subscription_id = $2`
const FIND = { name: 'subscription_find', text: FIND_TEXT }
const LOCK = { name: 'subscription_lock', text: `${FIND_TEXT} for update` }

const one = (rows: readonly SubscriptionRow[]): KeptSubscription | undefined => rows[0] && toSubscription(rows[0])

export const findSubscription = async (sql: Sql, tenant: string, id: string): Promise<KeptSubscription | undefined> =>
  one(await sql.rows<SubscriptionRow>(FIND, [tenant, id]))

/** Whatever is put into its queue, taken from it or moved in it is done with this lock held. */
export const lockSubscription = async (tx: Sql, tenant: string, id: string): Promise<KeptSubscription | undefined> =>
  one(await tx.rows<SubscriptionRow>(LOCK, [tenant, id]))

const LIST = {
  name: 'subscription_list',
  text: `select ${SUBSCRIPTION_COLUMNS} from subscription s
         where s.tenant_id = $1 and ($2::text is null or s.product_id = $2) and s.subscription_id > $3 order by s.subscription_id limit $4`,
}

/** Oldest first; with `undefined` those of all products and of the tenant. */
export const listSubscriptions = async (
  sql: Sql,
  {
    tenant,
    product,
    after = '',
    limit,
  }: { tenant: string; product: string | undefined; after?: string | undefined; limit: number },
): Promise<KeptSubscription[]> =>
  (await sql.rows<SubscriptionRow>(LIST, [tenant, product ?? null, after, limit])).map(toSubscription)

const COUNT = {
  name: 'subscription_count',
  text: 'select count(*)::int as count from subscription where tenant_id = $1 and product_id is not distinct from $2',
}

export const countSubscriptions = async (sql: Sql, tenant: string, product: string | undefined): Promise<number> =>
  (await sql.rows<{ count: number }>(COUNT, [tenant, product ?? null]))[0]?.count ?? 0

/** Whoever resumes it, or has it told elsewhere, means that it is well again: what was held back is tried at once. */
const CHANGE = {
  name: 'subscription_change',
  text: `update subscription s set url = $3, types = $4, asset_id = $5, collection_id = $6, description = $7, scopes = $8,
           state = $9, disabled_reason = case when $9 = 'DISABLED' then s.disabled_reason end,
           failures = case when $10 then 0 else s.failures end, failing_since = case when $10 then null else s.failing_since end,
           hold_until = case when $10 then now() else s.hold_until end
         where s.tenant_id = $1 and s.subscription_id = $2 returning ${SUBSCRIPTION_COLUMNS}`,
}

export const changeSubscription = async (
  tx: Sql,
  {
    tenant,
    id,
    url,
    types,
    asset,
    collection,
    description,
    scopes,
    state,
    isWell,
  }: Subscription & { readonly state: SubscriptionState; readonly isWell: boolean },
): Promise<KeptSubscription> => {
  const values = [tenant, id, url, types ?? null, asset ?? null, collection ?? null, description, scopes, state, isWell]
  const changed = one(await tx.rows<SubscriptionRow>(CHANGE, values))
  if (changed === undefined) throw new Error('It was locked, and is not there')
  return changed
}

const ROTATE = {
  name: 'subscription_rotate',
  text: `update subscription s set former_secret = case when $4::float8 > 0 then s.secret end, secret = $3, secret_at = now(),
           former_until = case when $4::float8 > 0 then now() + make_interval(secs => $4) end
         where s.tenant_id = $1 and s.subscription_id = $2 returning ${SUBSCRIPTION_COLUMNS}`,
}

/** Both are good for the overlap; one that was former by then is not any more. */
export const rotateSecret = async (
  tx: Sql,
  { tenant, id }: Pick<Subscription, 'tenant' | 'id'>,
  { secret, overlapSeconds }: { secret: Buffer; overlapSeconds: number },
): Promise<KeptSubscription> => {
  const rotated = one(await tx.rows<SubscriptionRow>(ROTATE, [tenant, id, secret, overlapSeconds]))
  if (rotated === undefined) throw new Error('It was locked, and is not there')
  return rotated
}

const FORGET = {
  name: 'subscription_forget_former',
  text: 'update subscription set former_secret = null, former_until = null where tenant_id is not null and former_until <= now()',
}

/** Secrets whose overlap is over. */
export const forgetFormerSecrets = async (sql: Sql): Promise<void> => {
  await sql.rows(FORGET, [])
}

const DELETE = {
  name: 'subscription_delete',
  text: 'delete from subscription where tenant_id = $1 and subscription_id = $2',
}

/** With all that it was still to be told. */
export const deleteSubscription = async (tx: Sql, tenant: string, id: string): Promise<void> => {
  await tx.rows(DELETE, [tenant, id])
}
