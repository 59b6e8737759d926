/**
 * Erasures as rows: asked for in one transaction, which also takes the asset from everybody; carried on by whichever process
 * sweeps (reconcile/erase.ts). What each step does to the rows is in erasure-steps.ts.
 */
import type { ErasedObject, Erasure, ErasureState } from '../model/erasure.ts'
import { refuse } from '../model/errors.ts'
import type { Cause } from '../model/event.ts'
import { newId } from '../model/ids.ts'
import { forgetAliases } from './aliases.ts'
import type { Sql } from './database.ts'
import { appendFacts } from './events.ts'
import { refuseHeld } from './holds.ts'
import { lockAsset } from './publish.ts'
import { cancelSchedule } from './schedules.ts'

const SELECT = `select e.erasure_id as id, e.tenant_id as tenant, e.asset_id as asset, e.version, a.collection_id as collection, a.owner_product as owner,
    e.reason, e.state, e.requested_by as "requestedBy", e.correlation_id as "correlationId", e.traceparent, e.requested_at as "requestedAt",
    e.exposed_until as "exposedUntil", e.cached_until as "cachedUntil", e.finished_at as "finishedAt"
  from erasure e join asset a on a.tenant_id = e.tenant_id and a.asset_id = e.asset_id`

const FIND = { name: 'erasure_find', text: `${SELECT} where e.tenant_id = $1 and e.erasure_id = $2` }

export const findErasure = async (sql: Sql, tenant: string, id: string): Promise<Erasure | undefined> =>
  (await sql.rows<Erasure>(FIND, [tenant, id]))[0]

const LOCK = { name: 'erasure_lock', text: `${FIND.text} for update of e skip locked` }

/** `undefined`: another process has it in hand. */
export const tryLockErasure = async (
  tx: Sql,
  { tenant, id }: Pick<Erasure, 'tenant' | 'id'>,
): Promise<Erasure | undefined> => (await tx.rows<Erasure>(LOCK, [tenant, id]))[0]

const LIST = {
  name: 'erasures_list',
  text: `${SELECT} where e.tenant_id = $1 and ($2::text is null or a.owner_product = $2) and (e.state = 'DONE') is distinct from $3
           and e.erasure_id <= coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') and e.erasure_id is distinct from $4
         order by e.erasure_id desc limit $5`,
}

export interface ErasureFilter {
  readonly tenant: string
  /** Of assets of this product; `undefined` for all. */
  readonly product: string | undefined
  /** `undefined`: both those that are over and those that are not. */
  readonly over: boolean | undefined
  readonly after: string | undefined
  readonly limit: number
}

/** The newest first. */
export const listErasures = (sql: Sql, { tenant, product, over, after, limit }: ErasureFilter): Promise<Erasure[]> =>
  sql.rows<Erasure>(LIST, [tenant, product ?? null, over === undefined ? null : !over, after ?? null, limit])

const OPEN = {
  name: 'erasures_open',
  text: `${SELECT} where e.state <> 'DONE' and e.tenant_id is not null order by e.requested_at limit 100`,
}

/** Of every tenant, the oldest first. */
export const openErasures = (sql: Sql): Promise<Erasure[]> => sql.rows<Erasure>(OPEN, [])

const BACKLOG = {
  name: 'erasures_backlog',
  text: `select count(*)::int as open, min(requested_at) as oldest from erasure where state <> 'DONE' and tenant_id is not null`,
}

/** Those that are not complete, and since when the first of them is asked for. */
export const erasureBacklog = async (sql: Sql): Promise<{ open: number; oldest: Date | null }> =>
  (await sql.rows<{ open: number; oldest: Date | null }>(BACKLOG, []))[0] ?? { open: 0, oldest: null }

const LAID_ON = {
  name: 'erasure_laid_on',
  text: `select distinct r.collection_id || '/' || r.product_id || '/' || r.name as rendition
         from rendition r, asset_version v
         where r.tenant_id = $1 and r.state = 'active' and v.tenant_id = $1 and v.asset_id = $2 and v.sha256 is not null and ($3::int is null or v.version = $3)
           and position('"' || encode(v.sha256, 'hex') || '"' in r.recipe) > 0 order by 1 limit 20`,
}

/** What shows the asset as a part of others would go on showing it. */
export const refuseLaidOn = async (
  tx: Sql,
  { tenant, asset, version }: Pick<Erasure, 'tenant' | 'asset' | 'version'>,
): Promise<void> => {
  const found = await tx.rows<{ rendition: string }>(LAID_ON, [tenant, asset, version])
  if (found.length === 0) return
  throw refuse('conflict', 'The asset is laid on others; change or delete these renditions first.', {
    details: { renditions: found.map(({ rendition }) => rendition) },
  })
}

const STREAMS = {
  name: 'erasure_streams',
  text: `select exists (select 1 from edge where tenant_id = $1 and collection_id = $2 and delivery <> 'redirect') as streams`,
}

/** Whether bytes of the collection leave through us, and may lie in caches for long. */
export const streamsOf = async (sql: Sql, tenant: string, collection: string): Promise<boolean> =>
  (await sql.rows<{ streams: boolean }>(STREAMS, [tenant, collection]))[0]?.streams ?? false

const TOMBSTONE = {
  name: 'asset_tombstone',
  text: `update asset set archived_at = coalesce(archived_at, now()), erased_at = now(), expires_at = null, active_version = null, alias = null,
           labels = '{}', attributes = '{}', updated_at = now()
         where tenant_id = $1 and asset_id = $2`,
}
const RETIRE = {
  name: 'asset_retire_versions',
  text: `update asset_version set state = 'ARCHIVED', archived_at = now() where tenant_id = $1 and asset_id = $2 and state = 'ACTIVE'`,
}
const INSERT = {
  name: 'erasure_insert',
  text: `insert into erasure (tenant_id, erasure_id, asset_id, reason, requested_by, correlation_id, traceparent, requested_at, exposed_until, cached_until)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
}

export interface ErasureWish {
  readonly tenant: string
  readonly asset: string
  readonly reason: string
  readonly cause: Cause
  readonly requestedAt: Date
  /** What is handed out until now may be used for so long; given whether bytes of the collection leave through us. */
  readonly exposure: (at: { streams: boolean }) => { exposedUntil: Date; cachedUntil: Date }
}

/** From the commit on nobody is answered. Throws `not-found`, `asset-erased`, `held` and `conflict`. */
export const beginErasure = async (
  tx: Sql,
  { tenant, asset, reason, cause, requestedAt, exposure }: ErasureWish,
): Promise<string> => {
  const locked = await lockAsset(tx, tenant, asset)
  if (!locked) throw refuse('not-found', 'There is no such asset for this product.')
  if (locked.erased_at) throw refuse('asset-erased', 'The asset has been erased.')
  await refuseHeld(tx, { tenant, asset })
  await refuseLaidOn(tx, { tenant, asset, version: null })
  const { exposedUntil, cachedUntil } = exposure({ streams: await streamsOf(tx, tenant, locked.collection_id) })
  const id = newId()
  await tx.rows(TOMBSTONE, [tenant, asset])
  await tx.rows(RETIRE, [tenant, asset])
  await forgetAliases(tx, { tenant, asset })
  const whose = [cause.actor, cause.correlationId, cause.traceparent ?? null]
  await tx.rows(INSERT, [tenant, id, asset, reason, ...whose, requestedAt, exposedUntil, cachedUntil])
  const data = { asset, operation: id, max_exposure_until: exposedUntil.toISOString() }
  const cancelled = await cancelSchedule(tx, { tenant, asset }, 'erase')
  await appendFacts(tx, { tenant, asset, cause, facts: [{ type: 'asset.erased', data }, ...cancelled] })
  return id
}

const SET_STATE = {
  name: 'erasure_set_state',
  text: `update erasure set state = $3, finished_at = case when $3 = 'DONE' then now() end where tenant_id = $1 and erasure_id = $2`,
}

export const setErasureState = async (
  tx: Sql,
  { tenant, id }: Pick<Erasure, 'tenant' | 'id'>,
  state: ErasureState,
): Promise<void> => {
  await tx.rows(SET_STATE, [tenant, id, state])
}

const OBJECTS = {
  name: 'erasure_objects',
  text: `select kind, encode(sha256, 'hex') as sha256, byte_length as bytes, state, settled_at as "settledAt" from erasure_object
         where tenant_id = $1 and erasure_id = $2 order by kind desc, sha256 limit 10000`,
}

/** What it removes and has removed. */
export const objectsOfErasure = (sql: Sql, { tenant, id }: Pick<Erasure, 'tenant' | 'id'>): Promise<ErasedObject[]> =>
  sql.rows<ErasedObject>(OBJECTS, [tenant, id])
