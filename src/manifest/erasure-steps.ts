/** What an erasure does to the rows, a step a transaction; the caller holds the row of the erasure. */
import type { Erasure } from '../model/erasure.ts'
import type { Hex } from '../model/ids.ts'
import { forgetAliases } from './aliases.ts'
import type { Sql } from './database.ts'
import { eraseProvenance } from './provenance.ts'

type Named = Pick<Erasure, 'tenant' | 'id' | 'asset' | 'version'>

/** Of the whole asset, or of one version. */
const ofVersion = (parameter: number, table = ''): string =>
  `($${parameter}::int is null or ${table}version = $${parameter})`

/** A planner that has leaves of a version in hand has locked its row, and is waited for. */
const LOCK_VERSIONS = {
  name: 'erasure_lock_versions',
  text: `select 1 from asset_version where tenant_id = $1 and asset_id = $2 and ${ofVersion(3)} order by version for update`,
}
const NAME_ORIGINALS = {
  name: 'erasure_name_originals',
  text: `insert into erasure_object (tenant_id, erasure_id, kind, sha256, object_key, byte_length)
         select distinct $1, $3::uuid, 'original', o.sha256, o.object_key, o.byte_length
         from asset_version v join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256
         where v.tenant_id = $1 and v.asset_id = $2 and ${ofVersion(4, 'v.')} on conflict do nothing`,
}
const DELETE_LEAVES = {
  name: 'erasure_delete_leaves',
  text: `delete from leaf where tenant_id = $1 and asset_id = $2 and ${ofVersion(3)} returning 1`,
}
/** What a version may become is fixed (migration 0002): some become PURGED by a step between. */
const LEAVE_PROCESSING = {
  name: 'erasure_leave_processing',
  text: `update asset_version set state = case when state = 'ACTIVE' then 'ARCHIVED' else 'FAILED' end::version_state
         where tenant_id = $1 and asset_id = $2 and state in ('ACTIVE', 'PROCESSING') and ${ofVersion(3)}`,
}
const PURGE_VERSIONS = {
  name: 'erasure_purge_versions',
  text: `update asset_version set state = 'PURGED', sha256 = null, filename = null, source_ref = null, failure = null
         where tenant_id = $1 and asset_id = $2 and state <> 'PURGED' and ${ofVersion(3)}`,
}

/** Nothing names what the asset was made of any more, but for the erasure. */
export const unbind = async (tx: Sql, { tenant, id, asset, version }: Named): Promise<void> => {
  await tx.rows(LOCK_VERSIONS, [tenant, asset, version])
  await tx.rows(NAME_ORIGINALS, [tenant, asset, id, version])
  await tx.rows(DELETE_LEAVES, [tenant, asset, version])
  await tx.rows(LEAVE_PROCESSING, [tenant, asset, version])
  await tx.rows(PURGE_VERSIONS, [tenant, asset, version])
  await eraseProvenance(tx, { tenant, asset, version })
  // Again, for an erasure that was begun by the release before.
  if (version === null) await forgetAliases(tx, { tenant, asset })
}

const IS_BOUND = {
  name: 'erasure_is_bound',
  text: `select exists (select 1 from leaf where tenant_id = $1 and asset_id = $2 and ${ofVersion(3)})
             or exists (select 1 from asset_version where tenant_id = $1 and asset_id = $2 and state <> 'PURGED' and ${ofVersion(3)}) as bound`,
}

/** Somebody had begun to plan for it before it was unbound, and was done after. */
export const isBound = async (tx: Sql, { tenant, asset, version }: Named): Promise<boolean> =>
  (await tx.rows<{ bound: boolean }>(IS_BOUND, [tenant, asset, version]))[0]?.bound ?? false

const NEXT_NAMED = {
  name: 'erasure_next_named',
  text: `select encode(sha256, 'hex') as sha256 from erasure_object
         where tenant_id = $1 and erasure_id = $2 and kind = 'original' and state = 'NAMED' order by sha256 limit 1`,
}

/** The next original to look at. */
export const nextNamed = async (tx: Sql, { tenant, id }: Named): Promise<Hex | undefined> =>
  (await tx.rows<{ sha256: Hex }>(NEXT_NAMED, [tenant, id]))[0]?.sha256

/** Until the commit no version and no node can come to name it. */
const LOCK_ORIGINAL = {
  name: 'erasure_lock_original',
  text: `select 1 from original where tenant_id = $1 and sha256 = decode($2, 'hex') for update`,
}
/** A statement of its own, after the lock: what was committed while it was waited for counts. */
const IS_SHARED = {
  name: 'erasure_is_shared',
  text: `select exists (select 1 from asset_version where tenant_id = $1 and sha256 = decode($2, 'hex'))
             or exists (select 1 from node_input i join leaf l on l.tenant_id = i.tenant_id and l.node_id = i.node_id
                        join asset a on a.tenant_id = l.tenant_id and a.asset_id = l.asset_id
                        join rendition r on r.tenant_id = l.tenant_id and r.collection_id = a.collection_id and r.product_id = l.product_id
                          and r.name = split_part(l.rendition, '@', 1) and r.revision = l.revision and r.state = 'active'
                        where i.tenant_id = $1 and i.original = decode($2, 'hex')) as shared`,
}
/** It was laid on others by recipes that no longer hold. */
const DELETE_OLD_LEAVES = {
  name: 'erasure_delete_old_leaves',
  text: `delete from leaf l using node_input i
         where i.tenant_id = $1 and i.original = decode($2, 'hex') and l.tenant_id = i.tenant_id and l.node_id = i.node_id`,
}

const OF_ORIGINAL = `n.node_id in (
    select node_id from node where tenant_id = $1 and original = decode($2, 'hex')
    union all select node_id from node_input where tenant_id = $1 and original = decode($2, 'hex'))
  and not exists (select 1 from leaf l where l.tenant_id = n.tenant_id and l.node_id = n.node_id)
  and not exists (select 1 from leaf_move m where m.tenant_id = n.tenant_id and m.node_id = n.node_id)`
/** What a rollout may lead another asset back to stays. */
const UNUSED = `${OF_ORIGINAL} and ($3 or not exists (
  select 1 from rollout_leaf r where r.tenant_id = n.tenant_id and (r.old_node = n.node_id or r.new_node = n.node_id)))`

/** One that a worker has in hand is waited for: it may be about to put an object. */
const LOCK_UNUSED = {
  name: 'erasure_lock_unused',
  text: `select encode(n.node_id, 'hex') as id, encode(n.output, 'hex') as output, n.state = 'RUNNING' as running
         from node n where n.tenant_id = $1 and ${UNUSED} order by n.node_id for update`,
}
const NODES = `(select decode(id, 'hex') from unnest($2::text[]) as id)`
const DELETE_COMPARISONS = {
  name: 'erasure_delete_comparisons',
  text: `delete from comparison where tenant_id = $1 and (old_node in ${NODES} or new_node in ${NODES})`,
}
const DELETE_ROLLOUT_LEAVES = {
  name: 'erasure_delete_rollout_leaves',
  text: `delete from rollout_leaf where tenant_id = $1 and (old_node in ${NODES} or new_node in ${NODES})`,
}
const DELETE_INPUTS = {
  name: 'erasure_delete_inputs',
  text: `delete from node_input where tenant_id = $1 and node_id in ${NODES}`,
}
const DELETE_NODES = {
  name: 'erasure_delete_nodes',
  text: `delete from node where tenant_id = $1 and node_id in ${NODES}`,
}
const DIGESTS = `(select decode(id, 'hex') from unnest($2::text[]) as id)`
const LOCK_DERIVATIVES = {
  name: 'erasure_lock_derivatives',
  text: `select 1 from derivative where tenant_id = $1 and sha256 in ${DIGESTS} order by sha256 for update`,
}
/** Equal outputs of other nodes are one object, which those keep. */
const DOOM_DERIVATIVES = {
  name: 'erasure_doom_derivatives',
  text: `with gone as (
           delete from derivative d where d.tenant_id = $1 and d.sha256 in ${DIGESTS}
             and not exists (select 1 from node n where n.tenant_id = d.tenant_id and n.output = d.sha256)
           returning d.sha256, d.object_key, d.byte_length)
         insert into erasure_object (tenant_id, erasure_id, kind, sha256, object_key, byte_length, state, settled_at)
         select $1, $3, 'derivative', d.sha256, d.object_key, d.byte_length,
                case when g.sha256 is null then 'KEPT' else 'DOOMED' end, case when g.sha256 is null then now() end
         from derivative d left join gone g on g.sha256 = d.sha256 where d.tenant_id = $1 and d.sha256 in ${DIGESTS}
         on conflict (tenant_id, erasure_id, kind, sha256) do update set state = excluded.state, settled_at = excluded.settled_at`,
}
const DELETE_LOOK = {
  name: 'erasure_delete_look',
  text: `delete from original_look where tenant_id = $1 and sha256 = decode($2, 'hex')`,
}
const DELETE_ORIGINAL = {
  name: 'erasure_delete_original',
  text: `delete from original where tenant_id = $1 and sha256 = decode($2, 'hex')`,
}
const SETTLE_ORIGINAL = {
  name: 'erasure_settle_original',
  text: `update erasure_object set state = $4, settled_at = case when $4 = 'KEPT' then now() end
         where tenant_id = $1 and erasure_id = $2 and kind = 'original' and sha256 = decode($3, 'hex')`,
}

/**
 * Deletes the rows of what was made of an original for this asset alone, and of the original where no other asset has the same
 * bytes. False: a worker has some of it in hand; what could go has gone.
 */
export const forgetOriginal = async (tx: Sql, { tenant, id }: Named, original: Hex): Promise<boolean> => {
  await tx.rows(LOCK_ORIGINAL, [tenant, original])
  const [{ shared } = { shared: true }] = await tx.rows<{ shared: boolean }>(IS_SHARED, [tenant, original])
  if (!shared) await tx.rows(DELETE_OLD_LEAVES, [tenant, original])
  const unused = await tx.rows<{ id: Hex; output: Hex | null; running: boolean }>(LOCK_UNUSED, [
    tenant,
    original,
    !shared,
  ])
  const idle = unused.filter(({ running }) => !running)
  const nodes = idle.map(node => node.id)
  for (const statement of [DELETE_COMPARISONS, DELETE_ROLLOUT_LEAVES, DELETE_INPUTS, DELETE_NODES])
    await tx.rows(statement, [tenant, nodes])
  const outputs = [...new Set(idle.flatMap(({ output }) => output ?? []))]
  await tx.rows(LOCK_DERIVATIVES, [tenant, outputs])
  await tx.rows(DOOM_DERIVATIVES, [tenant, outputs, id])
  if (idle.length < unused.length) return false
  if (!shared) {
    await tx.rows(DELETE_LOOK, [tenant, original])
    await tx.rows(DELETE_ORIGINAL, [tenant, original])
  }
  await tx.rows(SETTLE_ORIGINAL, [tenant, id, original, shared ? 'KEPT' : 'DOOMED'])
  return true
}
