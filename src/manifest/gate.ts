/** What a version waits for before it may be shown: read with the asset locked, in a statement after the one that locked it. */
import type { PublishPolicy, VersionState } from '../model/asset.ts'
import type { Sql } from './database.ts'

const GATE = {
  name: 'version_gate',
  text: `select v.state, v.publish_policy, encode(v.sha256, 'hex') as sha256,
                count(l.*) filter (where l.gated and not l.done and not l.dead)::int as pending,
                coalesce(jsonb_agg(jsonb_build_object('product', l.product_id, 'rendition', l.rendition, 'format', l.format,
                  'node', 'sha256:' || encode(l.node_id, 'hex'), 'state', coalesce(l.state::text, 'REFUSED'), 'code', l.code))
                  filter (where l.gated and not l.done), '[]') as blocking,
                count(l.*) filter (where l.gated and l.dead)::int as dead
         from asset_version v
         join asset a using (tenant_id, asset_id)
         join collection c using (tenant_id, collection_id)
         left join lateral (
           select l.product_id, l.rendition, l.format, l.node_id, n.state,
                  coalesce(n.failure ->> 'code', l.refusal ->> 'code') as code,
                  l.required and l.eager and (c.publish_gate = 'all' or c.publish_gate = 'owner' and l.product_id = c.owner_product) as gated,
                  coalesce(n.state = 'DONE', false) as done,
                  l.node_id is null or n.state = 'DEAD' as dead
           from leaf l left join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
           where l.tenant_id = v.tenant_id and l.asset_id = v.asset_id and l.version = v.version
         ) l on true
         where v.tenant_id = $1 and v.asset_id = $2 and v.version = $3
         group by v.state, v.publish_policy, v.sha256`,
}

export interface Blocking {
  readonly product: string
  readonly rendition: string
  readonly format: string
  readonly node: string | null
  readonly state: string
  readonly code: string | null
}

interface Gate {
  readonly state: VersionState
  readonly publish_policy: PublishPolicy
  readonly sha256: string
  readonly pending: number
  readonly dead: number
  readonly blocking: Blocking[]
}

export const readGate = async (tx: Sql, tenant: string, asset: string, version: number): Promise<Gate | undefined> =>
  (await tx.rows<Gate>(GATE, [tenant, asset, version]))[0]
