/** What an explanation asks that no answer does. */
import type { Hex } from '../model/ids.ts'
import type { Derivative, NodeState } from '../model/node.ts'
import type { Sql } from './database.ts'

const KEY_HASH = {
  name: 'explain_key_hash',
  text: `select encode(secret_hash, 'hex') as hash from api_key where tenant_id = $1 and key_id = $2`,
}

/** To ask as a key would, whose secret nobody has. `undefined`: the tenant has no such key. */
export const hashOfKey = async (sql: Sql, tenant: string, keyId: string): Promise<Hex | undefined> =>
  (await sql.rows<{ hash: Hex }>(KEY_HASH, [tenant, keyId]))[0]?.hash

const OUTPUTS = {
  name: 'explain_outputs',
  text: `select encode(n.node_id, 'hex') as id, n.state, n.failure ->> 'code' as failure, encode(d.sha256, 'hex') as sha256,
                d.byte_length as bytes, d.media_type as "mediaType", d.width, d.height, d.object_key as "objectKey"
         from node n left join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output
         where n.tenant_id = $1 and n.node_id = any(array(select decode(id, 'hex') from unnest($2::text[]) id))`,
}

export interface NodeOutput {
  readonly id: Hex
  readonly state: NodeState
  readonly failure: string | null
  readonly derivative: Derivative | undefined
}

/** Of those of these nodes that there are. */
export const outputsOf = async (sql: Sql, tenant: string, nodes: readonly Hex[]): Promise<NodeOutput[]> => {
  type Row = Omit<NodeOutput, 'derivative'> & { [K in keyof Derivative]: Derivative[K] | null }
  const rows = await sql.rows<Row>(OUTPUTS, [tenant, nodes])
  return rows.map(({ id, state, failure, ...derivative }) => ({
    id,
    state,
    failure,
    derivative: derivative.sha256 === null ? undefined : (derivative as Derivative),
  }))
}
