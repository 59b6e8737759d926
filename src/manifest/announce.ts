/** What became of a node is told to all that are bound to it, and opens what waited for it. */
import { groupBy } from '../lib/group-by.ts'
import type { Cause, Fact } from '../model/event.ts'
import type { ClaimedNode, LeafName } from '../model/node.ts'
import type { Sql } from './database.ts'
import { appendFacts } from './events.ts'
import { finishMoves, movingTo } from './leaf-moves.ts'
import { ORIGIN_COLUMNS, type OriginRow, originOf } from './origins.ts'
import { productFacts } from './product-states.ts'
import { advanceVersion, lockAsset } from './publish.ts'

/** What a version waits for was brought about by the event that told of the version; what is asked for later was not. */
const LEAVES_OF_NODE = {
  name: 'leaves_of_node',
  text: `select l.asset_id as asset, l.version, l.product_id as product, l.rendition, l.revision, l.format, l.required and l.eager as "isRequired", ${ORIGIN_COLUMNS}
         from leaf l
         join asset_version v on v.tenant_id = l.tenant_id and v.asset_id = l.asset_id and v.version = l.version
         left join event e on e.tenant_id = v.tenant_id and e.event_id = v.event_id and l.eager and (v.ready_at is null or l.created_at <= v.ready_at)
         where l.tenant_id = $1 and l.node_id = decode($2, 'hex') order by l.asset_id, l.version, l.product_id, l.rendition`,
}

/** Tells every asset that the node is bound to, in id order, and lets their versions advance. Resolves with how many products have asked for it. */
export const announce = async (
  tx: Sql,
  node: ClaimedNode,
  cause: Cause,
  factOf: (leaf: LeafName) => Fact,
): Promise<number> => {
  const leaves = await tx.rows<LeafName & OriginRow & { readonly isRequired: boolean }>(LEAVES_OF_NODE, [
    node.tenant,
    node.key,
  ])
  const byAsset = groupBy(leaves, leaf => leaf.asset)
  const moving = await movingTo(tx, node.tenant, node.key)
  for (const asset of [...new Set([...byAsset.keys(), ...moving])].sort()) {
    for (const [version, bound] of groupBy(byAsset.get(asset) ?? [], leaf => leaf.version)) {
      const origin = bound.map(originOf).find(found => found !== undefined)
      const whose = { ...cause, ...origin }
      const facts = bound.map(({ product, rendition, revision, format }) =>
        factOf({ asset, version, product, rendition, revision, format }),
      )
      const told = await appendFacts(tx, { tenant: node.tenant, asset, cause: whose, facts })
      const caused = { ...whose, causationId: told?.id }
      const target = { tenant: node.tenant, asset, version, cause: caused }
      if (bound.some(({ isRequired }) => isRequired))
        await appendFacts(tx, { ...target, facts: await productFacts(tx, target, { nodes: [node.key] }) })
      await advanceVersion(tx, target)
    }
    if (!moving.includes(asset)) continue
    await lockAsset(tx, node.tenant, asset)
    await finishMoves(tx, { tenant: node.tenant, asset, cause })
  }
  return new Set(leaves.map(({ product }) => product)).size
}
