/** Outputs, as rows: equal bytes are one, whichever nodes have made them. */
import type { ClaimedNode, Derivative } from '../model/node.ts'
import type { Sql } from './database.ts'
import { claimErased } from './erased-bytes.ts'

/** Only for the holder of the fence, whose node it locks. */
const INSERT_DERIVATIVE = {
  name: 'derivative_insert',
  text: `insert into derivative (tenant_id, sha256, byte_length, media_type, width, height, object_key)
         select $1, decode($2, 'hex'), $3, $4, $5, $6, $7 from node
         where tenant_id = $1 and node_id = decode($8, 'hex') and fence = $9 and state = 'RUNNING' for update
         on conflict (tenant_id, sha256) do nothing returning 1`,
}
/** Until the commit nobody takes away what another node has made. */
const KEEP_DERIVATIVE = {
  name: 'derivative_keep',
  text: `select 1 from derivative where tenant_id = $1 and sha256 = decode($2, 'hex') for key share`,
}

/** Equal bytes are one row. Such as were erased at some time are looked for, and put again, before they are shown. */
export const insertDerivative = async (
  tx: Sql,
  node: ClaimedNode,
  { sha256, bytes, mediaType, width, height, objectKey }: Derivative,
  restore: () => Promise<unknown>,
): Promise<void> => {
  const { tenant, key, fence } = node
  // Twice, for one that was found may be erased in that moment. Of a stale fence nothing comes, and the settling says so.
  for (let tries = 0; tries < 2; tries++) {
    const columns = [tenant, sha256, bytes, mediaType, width, height, objectKey, key, fence]
    if ((await tx.rows(INSERT_DERIVATIVE, columns)).length > 0) {
      if (await claimErased(tx, { tenant, kind: 'derivative', sha256 })) await restore()
      return
    }
    if ((await tx.rows(KEEP_DERIVATIVE, [tenant, sha256])).length > 0) return
  }
}
