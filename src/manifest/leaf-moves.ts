/**
 * Leaves that are to show something else. What is shown stays until what takes its place is made; then all of an asset that can
 * move do, in one statement, so that no two products show it cut by different words of the same person.
 *
 * Every call here runs with the asset's row locked. A move ends with the settling of the last node that the asset waits for; one
 * whose node is dead waits for a redrive, and shows what it showed.
 */

import type { VersionState } from '../model/asset.ts'
import { refuse } from '../model/errors.ts'
import type { Cause } from '../model/event.ts'
import { changedFocal, type FocalPoints } from '../model/focal.ts'
import type { Hex } from '../model/ids.ts'
import type { LeafName, NodeState } from '../model/node.ts'
import { AUTO } from '../ops/place.ts'
import type { Sql } from './database.ts'
import { appendFacts } from './events.ts'
import { type MovedLeaf, movedColumns, readyFact } from './moved-leaves.ts'
import type { MadeLeaf } from './rollouts.ts'

interface Named {
  readonly tenant: string
  readonly asset: string
}

/** A planner that has leaves of a version in hand has locked its row, and is waited for. */
const LOCK_VERSIONS = {
  name: 'leaf_moves_lock_versions',
  text: `select 1 from asset_version where tenant_id = $1 and asset_id = $2 and state <> 'PURGED' order by version for update`,
}
/** Neither is a revision of theirs to become another's while it is found out which of them hold. */
const LOCK_RENDITIONS = {
  name: 'leaf_moves_lock_renditions',
  text: `select 1 from asset a join rendition r on r.tenant_id = a.tenant_id and r.collection_id = a.collection_id and r.state = 'active'
         where a.tenant_id = $1 and a.asset_id = $2 order by r.product_id, r.name for share of r`,
}
const BOUND = {
  name: 'leaf_moves_bound',
  text: `select l.asset_id as asset, l.version, v.state as "versionState", l.product_id as product, l.rendition, l.revision, l.format,
                encode(l.node_id, 'hex') as "oldNode", n.state as "nodeState", encode(o.sha256, 'hex') as sha256, o.image, a.focal,
                a.collection_id as collection, r.recipe, encode(r.recipe_hash, 'hex') as "recipeHash", r.lane,
                coalesce(e.private_metadata, false) as "privateMetadata"
         from asset a
         join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.state not in ('PENDING', 'PURGED')
         join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256 and o.image is not null
         join leaf l on l.tenant_id = v.tenant_id and l.asset_id = v.asset_id and l.version = v.version
         join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
         left join rendition r on r.tenant_id = a.tenant_id and r.collection_id = a.collection_id and r.product_id = l.product_id
           and r.name = split_part(l.rendition, '@', 1) and r.revision = l.revision
         left join edge e on e.tenant_id = a.tenant_id and e.collection_id = a.collection_id and e.product_id = l.product_id
         where a.tenant_id = $1 and a.asset_id = $2 and (r.state = 'active' or l.revision = 0 or v.state in ('PROCESSING', 'FAILED'))
         order by l.version, l.product_id, l.rendition, l.revision, l.position`,
}

export interface AssetLeaf extends MadeLeaf {
  readonly nodeState: NodeState
  readonly versionState: VersionState
}

/**
 * Everything that is bound to a node, of revisions that are answered and of operations in paths; of versions that are still to be
 * published also of those that were answered when they came, for these are what they wait for.
 */
export const leavesOfAsset = async (tx: Sql, { tenant, asset }: Named): Promise<AssetLeaf[]> => {
  await tx.rows(LOCK_VERSIONS, [tenant, asset])
  await tx.rows(LOCK_RENDITIONS, [tenant, asset])
  return tx.rows<AssetLeaf>(BOUND, [tenant, asset])
}

const FORGET_FORMER = {
  name: 'leaf_moves_forget_former',
  text: `delete from leaf l using asset a, asset_version v
         where a.tenant_id = $1 and a.asset_id = $2 and v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.state in ('READY', 'ACTIVE', 'ARCHIVED')
           and l.tenant_id = v.tenant_id and l.asset_id = v.asset_id and l.version = v.version
           and (select r.state <> 'active' and position('"gravity":"${AUTO}"' in r.recipe) > 0 from rendition r
                where r.tenant_id = a.tenant_id and r.collection_id = a.collection_id and r.product_id = l.product_id
                  and r.name = split_part(l.rendition, '@', 1) and r.revision = l.revision)`,
}

/**
 * Leaves of revisions that are not answered now, cut by what was said before: whoever goes back to such a revision has them planned
 * by what is said then. Versions that are being processed wait for theirs.
 */
export const forgetFormerLeaves = async (tx: Sql, { tenant, asset }: Named): Promise<void> => {
  await tx.rows(FORGET_FORMER, [tenant, asset])
}

const LEAVES = `unnest($3::int[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[]) as w (version, product, rendition, revision, format, node)`
const SAME = (table: string): string =>
  `${table}.tenant_id = $1 and ${table}.asset_id = $2 and ${table}.version = w.version and ${table}.product_id = w.product
     and ${table}.rendition = w.rendition and ${table}.revision = w.revision and ${table}.format = w.format`

const columnsOf = (leaves: readonly (LeafName & { readonly node: Hex })[]) => [
  leaves.map(({ version }) => version),
  leaves.map(({ product }) => product),
  leaves.map(({ rendition }) => rendition),
  leaves.map(({ revision }) => revision),
  leaves.map(({ format }) => format),
  leaves.map(({ node }) => node),
]

type Target = LeafName & { readonly node: Hex }

const REBIND = {
  name: 'leaf_moves_rebind',
  text: `update leaf l set node_id = decode(w.node, 'hex') from ${LEAVES} where ${SAME('l')}`,
}
/** At once: nobody has been shown anything under these. */
export const rebindLeaves = async (tx: Sql, { tenant, asset }: Named, leaves: readonly Target[]): Promise<void> => {
  if (leaves.length > 0) await tx.rows(REBIND, [tenant, asset, ...columnsOf(leaves)])
}

const FORGET = {
  name: 'leaf_moves_forget',
  text: `delete from leaf_move l using ${LEAVES} where ${SAME('l')} and w.node is not null`,
}
const WANT = {
  name: 'leaf_moves_want',
  text: `insert into leaf_move as l (tenant_id, asset_id, version, product_id, rendition, revision, format, node_id)
         select $1, $2, w.version, w.product, w.rendition, w.revision, w.format, decode(w.node, 'hex') from ${LEAVES}
         on conflict (tenant_id, asset_id, version, product_id, rendition, revision, format) do update set node_id = excluded.node_id`,
}

/** In place of what these waited for before; `settled` are where they are to be already. */
export const wantMoves = async (
  tx: Sql,
  { tenant, asset }: Named,
  { moving, settled }: { readonly moving: readonly Target[]; readonly settled: readonly Target[] },
): Promise<void> => {
  if (settled.length > 0) await tx.rows(FORGET, [tenant, asset, ...columnsOf(settled)])
  if (moving.length > 0) await tx.rows(WANT, [tenant, asset, ...columnsOf(moving)])
}

const OPEN = {
  name: 'leaf_moves_open',
  text: `select count(*)::int as moves, count(*) filter (where n.state <> 'DONE' and n.state <> 'DEAD')::int as open,
                count(*) filter (where n.state = 'DEAD')::int as dead
         from leaf_move m join node n on n.tenant_id = m.tenant_id and n.node_id = m.node_id
         where m.tenant_id = $1 and m.asset_id = $2`,
}

export interface OpenMoves {
  readonly moves: number
  readonly open: number
  readonly dead: number
}

export const openMoves = async (sql: Sql, { tenant, asset }: Named): Promise<OpenMoves> =>
  (await sql.rows<OpenMoves>(OPEN, [tenant, asset]))[0] ?? { moves: 0, open: 0, dead: 0 }

const MOVE = {
  name: 'leaf_moves_move',
  text: `with made as (
           delete from leaf_move m using node n
           where m.tenant_id = $1 and m.asset_id = $2 and n.tenant_id = m.tenant_id and n.node_id = m.node_id and n.state = 'DONE'
           returning m.*, n.output)
         update leaf l set node_id = m.node_id from made m join derivative d on d.tenant_id = m.tenant_id and d.sha256 = m.output
         where l.tenant_id = m.tenant_id and l.asset_id = m.asset_id and l.version = m.version and l.product_id = m.product_id
           and l.rendition = m.rendition and l.revision = m.revision and l.format = m.format
         returning ${movedColumns('m.node_id')}`,
}
/** Caches in front have what was shown before. */
const PURGE = {
  name: 'leaf_moves_purge',
  text: `insert into purge (tenant_id, reason, subject, tags) values ($1, 'rendition', 'assets/' || $2, array['a:' || $2])`,
}

/** All that can move, once nothing of the asset is still to be made. True: something has. */
export const finishMoves = async (
  tx: Sql,
  { tenant, asset, cause }: Named & { readonly cause: Cause },
): Promise<boolean> => {
  const { moves, open, dead } = await openMoves(tx, { tenant, asset })
  if (open > 0 || moves === dead) return false
  const moved = await tx.rows<MovedLeaf>(MOVE, [tenant, asset])
  await tx.rows(PURGE, [tenant, asset])
  await appendFacts(tx, { tenant, asset, cause, facts: moved.map(readyFact) })
  return true
}

const WAITING = {
  name: 'leaf_moves_waiting',
  text: `select distinct asset_id as asset from leaf_move where tenant_id = $1 and node_id = decode($2, 'hex')`,
}

/** Assets with leaves that wait for a node. */
export const movingTo = async (sql: Sql, tenant: string, node: Hex): Promise<readonly string[]> =>
  (await sql.rows<{ asset: string }>(WAITING, [tenant, node])).map(({ asset }) => asset)

const FOCAL = {
  name: 'asset_focal',
  text: `select asset_id as asset, focal from asset where tenant_id = $1 and asset_id = any($2::uuid[])`,
}

interface Focal {
  readonly asset: string
  readonly focal: FocalPoints | null
}

export const findFocal = async (sql: Sql, tenant: string, asset: string): Promise<FocalPoints | undefined> =>
  (await sql.rows<Focal>(FOCAL, [tenant, [asset]]))[0]?.focal ?? undefined

/**
 * In the transaction that binds leaves planned by these, after it has: from then on a change of the point waits for it, and finds
 * them. Throws `overloaded` where it has come before, to be planned again.
 */
export const requireSameFocal = async (
  tx: Sql,
  tenant: string,
  planned: readonly { readonly asset: string; readonly focal?: FocalPoints | null | undefined }[],
): Promise<void> => {
  const rows = await tx.rows<Focal>(FOCAL, [tenant, planned.map(({ asset }) => asset)])
  const now = new Map(rows.map(({ asset, focal }) => [asset, focal ?? undefined]))
  if (planned.some(({ asset, focal }) => changedFocal(focal ?? undefined, now.get(asset)).length > 0))
    throw refuse('overloaded', 'The focal point of the asset was changed in this moment.', { retryAfterSeconds: 1 })
}
