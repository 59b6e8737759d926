/** The pointers of leaves, moved to their new nodes or back. Both ends exist: nothing is made, nothing is lost. */
import type { Rollout } from '../model/engine.ts'
import type { Sql } from './database.ts'
import { type MovedLeaf, movedColumns } from './moved-leaves.ts'

/** A leaf that was bound anew meanwhile stays where it is. */
const move = (from: 'old_node' | 'new_node', to: 'old_node' | 'new_node', only: string) => ({
  name: `rollout_move_to_${to}`,
  text: `update leaf l set node_id = n.node_id
         from rollout_leaf r
         join node n on n.tenant_id = r.tenant_id and n.node_id = r.${to} and n.state = 'DONE'
         join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output
         left join comparison c on c.tenant_id = r.tenant_id and c.old_node = r.old_node and c.new_node = r.new_node
         where r.tenant_id = $1 and r.rollout_id = $2 and r.leaf_no > $3 and r.leaf_no <= $3 + $4 and ${only}
           and l.tenant_id = r.tenant_id and l.asset_id = r.asset_id and l.version = r.version and l.product_id = r.product_id
           and l.rendition = r.rendition and l.revision = r.revision and l.format = r.format and l.node_id = r.${from}
         returning ${movedColumns('n.node_id')}`,
})
const PROMOTE = move('old_node', 'new_node', 'c.ssim is not null')
const ROLL_BACK = move('new_node', 'old_node', 'true')

const ADVANCE = {
  name: 'rollout_advance_moves',
  text: `update rollout set after_leaf = least(after_leaf + $3, leaves), moved = moved + $4, changed_at = now()
         where tenant_id = $1 and rollout_id = $2`,
}

/** The next batch. The caller holds the lock on the rollout. */
export const moveLeaves = async (
  tx: Sql,
  { tenant, id, state, afterLeaf }: Rollout,
  limit: number,
): Promise<MovedLeaf[]> => {
  const forward = state === 'PROMOTING'
  const moved = await tx.rows<MovedLeaf>(forward ? PROMOTE : ROLL_BACK, [tenant, id, afterLeaf, limit])
  await tx.rows(ADVANCE, [tenant, id, limit, forward ? moved.length : -moved.length])
  return moved
}
