/**
 * What sharing saved, against what the same wishes would have cost had every product kept its own copy ("siloed"): each
 * product with an edge stores its own original of every version, and each leaf its own bytes, made by its own decode.
 */
import type { Sql } from './database.ts'

const EFFICIENCY = {
  name: 'report_efficiency',
  text: `with leaves as (
           select l.tenant_id, l.product_id, l.rendition, l.format, v.sha256 as original, n.node_id, n.alone_cpu_ms, d.byte_length, d.sha256
           from leaf l join asset_version v using (tenant_id, asset_id, version)
           join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
           join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output
           where l.tenant_id = $1),
         needed as (select coalesce(sum(byte_length), 0) as bytes from (select distinct sha256, byte_length from leaves) x),
         used as (select distinct v.sha256 from asset_version v where v.tenant_id = $1 and v.sha256 is not null),
         copies as (select coalesce(sum(o.byte_length), 0) as bytes
                    from (select distinct e.product_id, v.sha256 from asset_version v
                          join asset a using (tenant_id, asset_id)
                          join edge e on e.tenant_id = a.tenant_id and e.collection_id = a.collection_id
                          where v.tenant_id = $1 and v.sha256 is not null) c
                    join original o on o.tenant_id = $1 and o.sha256 = c.sha256)
         select (select count(*)::int from leaves) as asks,
                (select count(distinct node_id)::int from leaves) as nodes,
                (select coalesce(sum(executions), 0)::int from node where tenant_id = $1) as executions,
                (select coalesce(sum(byte_length), 0)::bigint from original where tenant_id = $1) as originals,
                (select coalesce(sum(o.byte_length), 0)::bigint from original o join used u on u.sha256 = o.sha256 where o.tenant_id = $1) as used_originals,
                (select coalesce(sum(byte_length), 0)::bigint from derivative where tenant_id = $1) as derivatives,
                (select bytes from needed)::bigint as needed_derivatives,
                ((select bytes from copies) + (select coalesce(sum(byte_length), 0) from leaves))::bigint as siloed,
                (select coalesce(sum(cpu_ms), 0)::float8 from node where tenant_id = $1) as cpu_spent,
                (select coalesce(sum(alone_cpu_ms), 0)::float8 from leaves) as cpu_siloed`,
}

/** A node's cost is split evenly between the products that have a leaf of it, however many leaves each has. */
const PRODUCTS = {
  name: 'report_efficiency_products',
  text: `with leaves as (
           select l.product_id, n.node_id, n.cpu_ms, n.alone_cpu_ms, d.byte_length
           from leaf l join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
           join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output
           where l.tenant_id = $1),
         asked as (
           select product_id, node_id, count(*)::int as asks, min(cpu_ms) as cpu_ms, sum(alone_cpu_ms) as alone_cpu_ms,
                  min(byte_length) as byte_length, sum(byte_length) as alone_bytes
           from leaves group by product_id, node_id),
         shared as (select *, count(*) over (partition by node_id) as sharers from asked)
         select product_id as product, sum(asks)::int as asks, count(*)::int as nodes, count(*) filter (where sharers > 1)::int as shared,
                sum(cpu_ms / sharers)::float8 as "cpuMs", sum(alone_cpu_ms)::float8 as "cpuSiloed",
                sum(byte_length::float8 / sharers)::float8 as bytes, sum(alone_bytes)::float8 as "bytesSiloed"
         from shared group by product_id order by product_id`,
}

interface ProductRow {
  readonly product: string
  readonly asks: number
  readonly nodes: number
  readonly shared: number
  readonly cpuMs: number
  readonly cpuSiloed: number
  readonly bytes: number
  readonly bytesSiloed: number
}

/** Of one product: its part of what was spent, and what it would have spent alone. */
export interface ProductEfficiency {
  readonly product: string
  readonly asks: number
  readonly nodes: number
  /** Nodes that other products have too. */
  readonly shared: number
  readonly cpu_ms: { readonly spent: number; readonly siloed: number }
  readonly bytes: { readonly derivatives: number; readonly siloed: number }
}

const presentProduct = (row: ProductRow): ProductEfficiency => ({
  product: row.product,
  asks: row.asks,
  nodes: row.nodes,
  shared: row.shared,
  cpu_ms: { spent: Math.round(row.cpuMs), siloed: Math.round(row.cpuSiloed) },
  bytes: { derivatives: Math.round(row.bytes), siloed: Math.round(row.bytesSiloed) },
})

export interface EfficiencyReport {
  /** Leaves that are ready: one format of one product's rendition of one version each. */
  readonly asks: number
  readonly nodes: number
  readonly executions: number
  readonly bytes: { readonly originals: number; readonly derivatives: number; readonly siloed: number }
  readonly cpu_ms: { readonly spent: number; readonly siloed: number }
  /** Bytes that somebody needs, each counted once, over bytes that are stored. */
  readonly storage_efficiency: number
  readonly siloed_storage_efficiency: number
  readonly compute_ratio: number
  /** Against siloed copies. */
  readonly saved: { readonly cpu_ms: number; readonly bytes: number }
  readonly products: ProductEfficiency[]
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 1 : Math.round((part / whole) * 10_000) / 10_000)

export const reportEfficiency = async (sql: Sql, tenant: string): Promise<EfficiencyReport> => {
  const products = (await sql.rows<ProductRow>(PRODUCTS, [tenant])).map(presentProduct)
  const [row] = await sql.rows<{
    asks: number
    nodes: number
    executions: number
    originals: number
    used_originals: number
    derivatives: number
    needed_derivatives: number
    siloed: number
    cpu_spent: number
    cpu_siloed: number
  }>(EFFICIENCY, [tenant])
  if (!row) throw new Error('The report has one row')
  const needed = row.used_originals + row.needed_derivatives
  return {
    asks: row.asks,
    nodes: row.nodes,
    executions: row.executions,
    bytes: { originals: row.originals, derivatives: row.derivatives, siloed: row.siloed },
    cpu_ms: { spent: Math.round(row.cpu_spent), siloed: Math.round(row.cpu_siloed) },
    storage_efficiency: ratio(needed, row.originals + row.derivatives),
    siloed_storage_efficiency: ratio(needed, row.siloed),
    compute_ratio: ratio(row.cpu_spent, row.cpu_siloed),
    saved: {
      cpu_ms: Math.round(row.cpu_siloed - row.cpu_spent),
      bytes: row.siloed - row.originals - row.derivatives,
    },
    products,
  }
}
