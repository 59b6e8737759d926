/**
 * Versions that go while their asset stays: drafts that somebody discards, and those that a collection keeps no longer. The row
 * stays and is PURGED; what named its bytes goes in the same transaction, and the bytes that nothing else names follow in the steps
 * of an erasure (reconcile/erase.ts).
 */
import { versionPurged } from '../model/asset.ts'
import { refuse } from '../model/errors.ts'
import { newId } from '../model/ids.ts'
import type { Sql } from './database.ts'
import { unbind } from './erasure-steps.ts'
import { type ErasureWish, refuseLaidOn, streamsOf } from './erasures.ts'
import { appendFacts } from './events.ts'
import { NOT_HELD, refuseHeld } from './holds.ts'
import type { LockedAsset } from './publish.ts'

const INSERT = {
  name: 'erasure_insert_version',
  text: `insert into erasure (tenant_id, erasure_id, asset_id, version, state, reason, requested_by, correlation_id, traceparent, requested_at, exposed_until, cached_until)
         values ($1, $2, $3, $4, 'PRUNING', $5, $6, $7, $8, $9, $10, $11)`,
}
const PURGE = {
  name: 'purge_version',
  text: `insert into purge (tenant_id, reason, subject, tags) values ($1, 'version', $2, array[$3])`,
}

export const PRUNE_REASONS = ['discarded', 'keep-versions'] as const

export interface PruneWish extends Pick<ErasureWish, 'tenant' | 'asset' | 'cause' | 'requestedAt' | 'exposure'> {
  readonly version: number
  readonly reason: (typeof PRUNE_REASONS)[number]
}

/** For whoever has locked the asset and found that the version may go. Throws `held`, and `conflict` where it is laid on others. */
const pruneVersion = async (
  tx: Sql,
  locked: LockedAsset,
  { tenant, asset, version, reason, cause, requestedAt, exposure }: PruneWish,
): Promise<string> => {
  await refuseHeld(tx, { tenant, asset })
  await refuseLaidOn(tx, { tenant, asset, version })
  const { exposedUntil, cachedUntil } = exposure({ streams: await streamsOf(tx, tenant, locked.collection_id) })
  const id = newId()
  const whose = [cause.actor, cause.correlationId, cause.traceparent ?? null]
  await tx.rows(INSERT, [tenant, id, asset, version, reason, ...whose, requestedAt, exposedUntil, cachedUntil])
  await unbind(tx, { tenant, id, asset, version })
  await tx.rows(PURGE, [tenant, `assets/${asset}/versions/${version}`, `v:${asset}.${version}`])
  const data = { asset, version, reason, operation: id, max_exposure_until: exposedUntil.toISOString() }
  await appendFacts(tx, { tenant, asset, cause, facts: [{ type: 'asset.version_purged', data }] })
  return id
}

const DRAFT = {
  name: 'version_draft',
  text: `select v.state, v.state in ('PENDING', 'PROCESSING', 'READY', 'FAILED') and v.activated_at is null as draft,
                exists (select 1 from schedule s where s.tenant_id = v.tenant_id and s.asset_id = v.asset_id and s.version = v.version) as scheduled
         from asset_version v where v.tenant_id = $1 and v.asset_id = $2 and v.version = $3`,
}

/** Throws `not-found`, `version-purged`, `held` and `conflict`. Returns the id of the erasure. */
export const discardDraft = async (tx: Sql, locked: LockedAsset, wish: PruneWish): Promise<string> => {
  const { tenant, asset, version } = wish
  const [found] = await tx.rows<{ state: string; draft: boolean; scheduled: boolean }>(DRAFT, [tenant, asset, version])
  if (!found) throw refuse('not-found', 'There is no such version.')
  if (found.state === 'PURGED') throw versionPurged(version)
  if (!found.draft) throw refuse('conflict', `Version ${version} has been published; only drafts are discarded.`)
  if (found.scheduled) throw refuse('conflict', `Version ${version} is to be published; take back its schedule first.`)
  return pruneVersion(tx, locked, wish)
}

/**
 * Of versions that were shown, by when they were last; what is current or to be published stays whatever its place, and so does what
 * is laid on others. $7: of one asset alone.
 */
const BEYOND = {
  name: 'versions_beyond',
  text: `with page as (
           select a.tenant_id, a.asset_id, a.publication_no, coalesce($3, c.keep_versions) as keep
           from asset a join collection c using (tenant_id, collection_id)
           where a.tenant_id = $1 and a.collection_id = $2 and a.deleted_at is null and a.erased_at is null and ${NOT_HELD('a')}
             and ($7::uuid is null or a.asset_id = $7) and a.asset_id > $5 order by a.asset_id limit $6)
         select p.asset_id as asset, v.version from page p cross join lateral (
           select u.version, u.state, u.archived_at, u.sha256, row_number() over (order by u.activated_at desc, u.version desc) as place
           from asset_version u where u.tenant_id = p.tenant_id and u.asset_id = p.asset_id
             and u.activated_at is not null and u.state in ('ACTIVE', 'ARCHIVED')) v
         where p.publication_no > p.keep and v.place > p.keep and v.state = 'ARCHIVED'
           and v.archived_at <= now() - make_interval(secs => $4)
           and not exists (select 1 from schedule s where s.tenant_id = $1 and s.asset_id = p.asset_id and s.version = v.version)
           and not exists (select 1 from rendition r where r.tenant_id = $1 and r.state = 'active'
                             and position('"' || encode(v.sha256, 'hex') || '"' in r.recipe) > 0)
         order by p.asset_id, v.version limit $8`,
}

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

export interface BeyondWish {
  readonly tenant: string
  readonly collection: string
  /** `undefined`: as many as the collection keeps. */
  readonly keep?: number
  /** So long after it was shown last a version stays. */
  readonly graceMs: number
  readonly asset?: string
  readonly after?: string | undefined
  /** Assets that are looked at. */
  readonly assets: number
  readonly limit: number
}

export interface NamedVersion {
  readonly asset: string
  readonly version: number
}

export const versionsBeyond = (
  sql: Sql,
  { tenant, collection, keep, graceMs, asset, after = BEFORE_ALL, assets, limit }: BeyondWish,
): Promise<NamedVersion[]> => {
  const page = [after, assets, asset ?? null, limit]
  return sql.rows<NamedVersion>(BEYOND, [tenant, collection, keep ?? null, graceMs / 1000, ...page])
}

const PAGE_END = {
  name: 'assets_page_end',
  text: `select asset_id as asset from asset where tenant_id = $1 and collection_id = $2 and asset_id > $3 order by asset_id offset $4 limit 1`,
}

/** The last of so many assets of a collection; `undefined`: there are not so many more. */
export const endOfPage = async (
  sql: Sql,
  { tenant, collection, after = BEFORE_ALL, assets }: Pick<BeyondWish, 'tenant' | 'collection' | 'after' | 'assets'>,
): Promise<string | undefined> =>
  (await sql.rows<{ asset: string }>(PAGE_END, [tenant, collection, after, assets - 1]))[0]?.asset

/** What is beyond still, now that the caller has locked the asset. */
export const pruneBeyond = async (
  tx: Sql,
  locked: LockedAsset,
  wish: PruneWish,
  graceMs: number,
): Promise<string | undefined> => {
  const { tenant, asset, version } = wish
  const collection = locked.collection_id
  const found = await versionsBeyond(tx, { tenant, collection, asset, graceMs, assets: 1, limit: 1_000 })
  return found.some(one => one.version === version) ? pruneVersion(tx, locked, wish) : undefined
}

const KEEPING = {
  name: 'collections_keeping',
  text: `select tenant_id as tenant, collection_id as collection, keep_versions as keep from collection
         where keep_versions is not null order by tenant_id, collection_id`,
}

export interface Keeping {
  readonly tenant: string
  readonly collection: string
  readonly keep: number
}

/** Collections of every tenant that do not keep all. */
export const keepingCollections = (sql: Sql): Promise<Keeping[]> => sql.rows<Keeping>(KEEPING, [])
