/** What a version has of what each product requires of it: told when that becomes whole, and when something of it cannot be made. */
import type { Fact } from '../model/event.ts'
import type { Hex } from '../model/ids.ts'
import type { Sql } from './database.ts'

/** Of the revisions that are answered now. */
const STATES = {
  name: 'product_states',
  text: `select l.product_id as product, count(*)::int as required, count(*) filter (where n.state = 'DONE')::int as done,
                count(*) filter (where l.node_id is null or n.state = 'DEAD')::int as dead,
                coalesce(jsonb_agg(jsonb_build_object('rendition', l.rendition, 'format', l.format,
                  'code', coalesce(n.failure ->> 'code', l.refusal ->> 'code')) order by l.rendition, l.format)
                  filter (where l.node_id is null or n.state = 'DEAD'), '[]') as failed
         from asset a
         join leaf l on l.tenant_id = a.tenant_id and l.asset_id = a.asset_id and l.version = $3 and l.required and l.eager
         join rendition r on r.tenant_id = l.tenant_id and r.collection_id = a.collection_id and r.product_id = l.product_id
           and r.name = l.rendition and r.revision = l.revision and r.state = 'active'
         left join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
         where a.tenant_id = $1 and a.asset_id = $2
         group by l.product_id having bool_or(encode(l.node_id, 'hex') = any($4::text[]) or l.node_id is null and $5) order by l.product_id`,
}

interface ProductState {
  readonly product: string
  readonly required: number
  readonly done: number
  readonly dead: number
  readonly failed: readonly { rendition: string; format: string; code: string | null }[]
}

/** Of the products that these nodes count for, just settled or found settled; `isPlanned`: and of those that are refused something. The caller holds the lock of the asset. */
export const productFacts = async (
  tx: Sql,
  { tenant, asset, version }: { readonly tenant: string; readonly asset: string; readonly version: number },
  { nodes, isPlanned = false }: { readonly nodes: readonly Hex[]; readonly isPlanned?: boolean },
): Promise<readonly Fact[]> => {
  const states = await tx.rows<ProductState>(STATES, [tenant, asset, version, nodes, isPlanned])
  return states.flatMap(({ failed, ...counts }): Fact[] => {
    const { required, done, dead } = counts
    if (done === required) return [{ type: 'product.complete', data: { asset, version, ...counts } }]
    return dead > 0 ? [{ type: 'product.degraded', data: { asset, version, ...counts, failed } }] : []
  })
}
