/**
 * Rollouts as rows: asked for once, carried on by whichever process sweeps, and the same after any of them died.
 *
 *   PLANNING --all planned--> COMPARING --all compared--> READY --promote--> PROMOTING --> PROMOTED
 *       \------ given up ---------\--------------------------\      rollback |                |
 *                                                  ROLLED_BACK <-- ROLLING_BACK <-------------/
 */
import type { ChangedLeaf, Rollout, RolloutState } from '../model/engine.ts'
import type { FocalPoints } from '../model/focal.ts'
import { type Hex, newId } from '../model/ids.ts'
import type { LeafName } from '../model/node.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Sql } from './database.ts'
import { tellFinished } from './finished.ts'

const COLUMNS = `rollout_id as id, tenant_id as tenant, engine, collection_id as collection, share, state, after_asset as "afterAsset", assets, leaves,
  after_leaf as "afterLeaf", moved, created_by as "createdBy", created_at as "createdAt", moved_by as "movedBy",
  changed_at as "changedAt"`

const INSERT = {
  name: 'rollout_insert',
  text: `insert into rollout (tenant_id, rollout_id, engine, collection_id, share, created_by) values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant_id) where state in ('PLANNING', 'COMPARING', 'PROMOTING', 'ROLLING_BACK') do nothing returning ${COLUMNS}`,
}

/** `undefined` while another one is busy. */
export const insertRollout = async (
  sql: Sql,
  wish: Pick<Rollout, 'tenant' | 'engine' | 'collection' | 'share' | 'createdBy'>,
): Promise<Rollout | undefined> => {
  const { tenant, engine, collection, share, createdBy } = wish
  return (await sql.rows<Rollout>(INSERT, [tenant, newId(), engine, collection, share, createdBy]))[0]
}

const FIND = { name: 'rollout_find', text: `select ${COLUMNS} from rollout where tenant_id = $1 and rollout_id = $2` }
const LOCK = { name: 'rollout_lock', text: `${FIND.text} for update` }
const TRY_LOCK = { name: 'rollout_try_lock', text: `${FIND.text} for update skip locked` }

type Named = Pick<Rollout, 'tenant' | 'id'>

export const findRollout = async (sql: Sql, { tenant, id }: Named): Promise<Rollout | undefined> =>
  (await sql.rows<Rollout>(FIND, [tenant, id]))[0]

export const lockRollout = async (tx: Sql, { tenant, id }: Named): Promise<Rollout | undefined> =>
  (await tx.rows<Rollout>(LOCK, [tenant, id]))[0]

/** `undefined` while another process is at it. */
export const tryLockRollout = async (tx: Sql, { tenant, id }: Named): Promise<Rollout | undefined> =>
  (await tx.rows<Rollout>(TRY_LOCK, [tenant, id]))[0]

const LIST = {
  name: 'rollouts_list',
  text: `select ${COLUMNS} from rollout where tenant_id = $1 and ($2::uuid is null or rollout_id < $2) and ($4::text[] is null or state = any($4)) order by rollout_id desc limit $3`,
}

/** The newest first. */
export const listRollouts = (
  sql: Sql,
  {
    tenant,
    after,
    limit,
    states,
  }: { tenant: string; after?: string | undefined; limit: number; states?: readonly RolloutState[] },
): Promise<Rollout[]> => sql.rows<Rollout>(LIST, [tenant, after ?? null, limit, states ?? null])

const BUSY = {
  name: 'rollouts_busy',
  text: `select ${COLUMNS} from rollout where state in ('PLANNING', 'COMPARING', 'PROMOTING', 'ROLLING_BACK') and tenant_id is not null order by created_at limit 100`,
}

/** Of every tenant. */
export const busyRollouts = (sql: Sql): Promise<Rollout[]> => sql.rows<Rollout>(BUSY, [])

const OVER: ReadonlySet<RolloutState> = new Set(['PROMOTED', 'ROLLED_BACK'])
/** All products' at once, and of no single request: it is promoted by one and may be rolled back by another. */
const NOBODYS = { kind: 'rollout', product: null, correlationId: null, traceparent: null } as const

const SET_STATE = {
  name: 'rollout_set_state',
  text: `update rollout set state = $3, after_leaf = 0, moved_by = coalesce($4, moved_by), changed_at = now() where tenant_id = $1 and rollout_id = $2
         returning ${COLUMNS}`,
}

/** The caller holds the lock and has checked that the state may be left. */
export const setRolloutState = async (
  tx: Sql,
  { tenant, id }: Named,
  state: RolloutState,
  movedBy?: string,
): Promise<void> => {
  const [now] = await tx.rows<Rollout>(SET_STATE, [tenant, id, state, movedBy ?? null])
  if (now && OVER.has(state)) await tellFinished(tx, { ...now, ...NOBODYS, done: now.moved })
}

/** The share by a hash that stays what it is, so that an asset of a share is in every larger one. */
const ASSETS = {
  name: 'rollout_assets',
  text: `select asset_id as asset from asset
         where tenant_id = $1 and ($2::text is null or collection_id = $2) and asset_id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000') and archived_at is null
           and ('x' || left(md5(asset_id::text), 8))::bit(32)::bigint % 100 < $4
         order by asset_id limit $5`,
}

export const rolloutAssets = async (
  tx: Sql,
  { tenant, collection, afterAsset, share }: Rollout,
  limit: number,
): Promise<string[]> =>
  (await tx.rows<{ asset: string }>(ASSETS, [tenant, collection, afterAsset, share, limit])).map(({ asset }) => asset)

/** Variants too, and what was asked for by operations. Made, and of a version that is shown or may be: what was never made is planned anew when somebody asks for it. */
const MADE_LEAVES = {
  name: 'rollout_made_leaves',
  text: `select l.asset_id as asset, l.version, l.product_id as product, l.rendition, l.revision, l.format, encode(l.node_id, 'hex') as "oldNode",
                encode(o.sha256, 'hex') as sha256, o.image, a.focal, a.collection_id as collection, r.recipe, encode(r.recipe_hash, 'hex') as "recipeHash", r.lane,
                coalesce(e.private_metadata, false) as "privateMetadata"
         from asset a
         join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.state in ('READY', 'ACTIVE')
         join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256 and o.image is not null
         join leaf l on l.tenant_id = v.tenant_id and l.asset_id = v.asset_id and l.version = v.version
         join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id and n.state = 'DONE'
         left join rendition r on r.tenant_id = a.tenant_id and r.collection_id = a.collection_id and r.product_id = l.product_id
           and r.name = split_part(l.rendition, '@', 1) and r.revision = l.revision
         left join edge e on e.tenant_id = a.tenant_id and e.collection_id = a.collection_id and e.product_id = l.product_id
         where a.tenant_id = $1 and a.asset_id = any($2::uuid[]) and (r.name is not null or l.revision = 0)
         order by l.asset_id, l.version, l.product_id, l.rendition, l.revision, l.position`,
}

export interface MadeLeaf extends LeafName {
  readonly oldNode: Hex
  readonly sha256: Hex
  readonly image: ImageFacts
  readonly focal: FocalPoints | null
  readonly collection: string
  /** Null of operations in a path, which say themselves what they are; so the next two. */
  readonly recipe: string | null
  readonly recipeHash: Hex | null
  readonly lane: 'eager' | 'lazy' | null
  readonly privateMetadata: boolean
}

export const madeLeaves = (tx: Sql, tenant: string, assets: readonly string[]): Promise<MadeLeaf[]> =>
  tx.rows<MadeLeaf>(MADE_LEAVES, [tenant, assets])

const INSERT_LEAVES = {
  name: 'rollout_leaves_insert',
  text: `insert into rollout_leaf (tenant_id, rollout_id, leaf_no, asset_id, version, product_id, rendition, revision, format, old_node, new_node, refusal)
         select $1, $2, $3 + w.ord, w.asset, w.version, w.product, w.rendition, w.revision, w.format, decode(w.old, 'hex'), decode(w.new, 'hex'), w.refusal
         from unnest($4::uuid[], $5::int[], $6::text[], $7::text[], $8::int[], $9::text[], $10::text[], $11::text[], $12::text[])
           with ordinality as w (asset, version, product, rendition, revision, format, old, new, refusal, ord)`,
}
/** What was compared already is not again; what failed is. */
const WANT_COMPARISONS = {
  name: 'comparisons_want',
  text: `insert into comparison as c (tenant_id, old_node, new_node)
         select distinct $1, decode(w.old, 'hex'), decode(w.new, 'hex') from unnest($2::text[], $3::text[]) as w (old, new) where w.new is not null
         order by 2, 3
         on conflict (tenant_id, old_node, new_node) do update set failure = null, compared_at = null, tries = 0, not_before = now()
           where c.failure is not null`,
}
const WALK = {
  name: 'rollout_walk',
  text: `update rollout set after_asset = $3, assets = assets + $4, leaves = leaves + $5 where tenant_id = $1 and rollout_id = $2`,
}

/** A batch and the place where the next one goes on, in the transaction that planned it. The caller holds the lock. */
export const recordRolloutBatch = async (
  tx: Sql,
  { tenant, id, leaves: before }: Rollout,
  { assets, leaves }: { assets: readonly string[]; leaves: readonly ChangedLeaf[] },
): Promise<void> => {
  const columns = [leaves.map(({ oldNode }) => oldNode), leaves.map(({ newNode }) => newNode ?? null)] as const
  const names = [
    leaves.map(({ asset }) => asset),
    leaves.map(({ version }) => version),
    leaves.map(({ product }) => product),
    leaves.map(({ rendition }) => rendition),
    leaves.map(({ revision }) => revision),
    leaves.map(({ format }) => format),
  ]
  const refusals = leaves.map(({ refusal }) => refusal ?? null)
  await tx.rows(INSERT_LEAVES, [tenant, id, before, ...names, ...columns, refusals])
  await tx.rows(WANT_COMPARISONS, [tenant, ...columns])
  await tx.rows(WALK, [tenant, id, assets.at(-1), assets.length, leaves.length])
}

const BACKLOG = {
  name: 'rollout_backlog',
  text: `select count(*)::int as open from (select 1 from node where tenant_id = $1 and state in ('QUEUED', 'RETRY') limit $2) waiting`,
}

/** Nodes that wait for workers, counted up to `most`. */
export const backlogOf = async (tx: Sql, tenant: string, most: number): Promise<number> =>
  (await tx.rows<{ open: number }>(BACKLOG, [tenant, most]))[0]?.open ?? 0

const UNCOMPARED = {
  name: 'rollout_uncompared',
  text: `select 1 from comparison c join rollout_leaf r on r.tenant_id = c.tenant_id and r.new_node = c.new_node and r.old_node = c.old_node
         where c.compared_at is null and r.tenant_id = $1 and r.rollout_id = $2 limit 1`,
}

export const hasUncompared = async (tx: Sql, { tenant, id }: Named): Promise<boolean> =>
  (await tx.rows(UNCOMPARED, [tenant, id])).length > 0
