/**
 * What a product has used of its budgets, from the facts themselves: the sums of its originals, which the table keeps, and the
 * CPU that was measured of nodes that are done. A node's CPU belongs to the product that had it made, whoever shares it later:
 * that is known when it is spent, and nobody's bill changes by what others do afterwards. A repeated run adds to the same node
 * and is not counted beside it; what was stored before bytes had a product belongs to the tenant alone.
 */
import type { ProductLimits } from '../model/quota.ts'
import type { Sql } from './database.ts'

export interface Usage {
  readonly limits: ProductLimits
  /** Since `since`. */
  readonly cpuMs: number
  readonly nodes: number
  readonly originals: number
  readonly bytes: number
  readonly tenantOriginals: number
  readonly tenantBytes: number
}

const SPENT = `from node where tenant_id = $1 and product_id = $2 and state = 'DONE' and finished_at >= $3`

const USAGE = {
  name: 'product_usage',
  text: `select p.limits, n.cpu_ms as "cpuMs", n.nodes, own.originals, own.bytes, every.originals as "tenantOriginals", every.bytes as "tenantBytes"
         from product p,
              lateral (select coalesce(sum(cpu_ms), 0)::float8 as cpu_ms, count(*)::int as nodes ${SPENT}) n,
              lateral (select coalesce(sum(originals), 0)::bigint as originals, coalesce(sum(bytes), 0)::bigint as bytes
                       from stored_original where tenant_id = $1 and product_id = $2) own,
              lateral (select coalesce(sum(originals), 0)::bigint as originals, coalesce(sum(bytes), 0)::bigint as bytes
                       from stored_original where tenant_id = $1) every
         where p.tenant_id = $1 and p.product_id = $2`,
}

interface Of {
  readonly tenant: string
  readonly product: string
  readonly since: Date
}

/** `undefined`: there is no such product. */
export const findUsage = async (sql: Sql, { tenant, product, since }: Of): Promise<Usage | undefined> =>
  (await sql.rows<Usage>(USAGE, [tenant, product, since]))[0]

/** Of budgets that there are: what has none is not added up. */
export interface Spent {
  readonly limits: ProductLimits
  readonly cpuMs: number
  readonly bytes: number
  readonly tenantBytes: number
}

const SPENDING = {
  name: 'product_spending',
  text: `select p.limits,
                case when $4 or p.limits ? 'cpu_seconds_per_day' then (select coalesce(sum(cpu_ms), 0)::float8 ${SPENT}) else 0 end as "cpuMs",
                case when $5 or p.limits ? 'stored_bytes' then
                  (select coalesce(sum(bytes), 0)::bigint from stored_original where tenant_id = $1 and product_id = $2) else 0 end as bytes,
                case when $6 then (select coalesce(sum(bytes), 0)::bigint from stored_original where tenant_id = $1) else 0 end as "tenantBytes"
         from product p where p.tenant_id = $1 and p.product_id = $2`,
}

export const findSpent = async (
  sql: Sql,
  { tenant, product, since, needs }: Of & { needs: { cpu: boolean; bytes: boolean; tenantBytes: boolean } },
): Promise<Spent | undefined> =>
  (await sql.rows<Spent>(SPENDING, [tenant, product, since, needs.cpu, needs.bytes, needs.tenantBytes]))[0]

const LOCK = {
  name: 'stored_bytes_lock',
  text: `select pg_advisory_xact_lock(hashtextextended('stored bytes ' || $1, 0))`,
}

/** Of two uploads that would exceed a budget together, the second sees the first. Only where there is a budget. */
export const lockStoredBytes = async (tx: Sql, tenant: string): Promise<void> => {
  await tx.rows(LOCK, [tenant])
}

const USAGE_OF_ALL = {
  name: 'usage_of_all',
  text: `select p.tenant_id as tenant, p.product_id as product, n.cpu_ms::float8 as "cpuMs", o.bytes::bigint as bytes
         from product p,
              lateral (select coalesce(sum(cpu_ms), 0) as cpu_ms from node
                       where tenant_id = p.tenant_id and product_id = p.product_id and state = 'DONE' and finished_at >= $1) n,
              lateral (select coalesce(sum(bytes), 0) as bytes from stored_original
                       where tenant_id = p.tenant_id and product_id = p.product_id) o`,
}

/** For gauges: of every product of every tenant. */
export const usageOfAll = (sql: Sql, since: Date) =>
  sql.rows<{ tenant: string; product: string; cpuMs: number; bytes: number }>(USAGE_OF_ALL, [since])

const VARIANTS = {
  name: 'variants_of_version',
  text: `select count(distinct l.node_id)::int as count from leaf l
         join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id and n.state not in ('PLANNED', 'EVICTED')
         where l.tenant_id = $1 and l.asset_id = $2 and l.version = $3 and l.product_id = $4
           and l.node_id <> all(array(select decode(id, 'hex') from unnest($5::text[]) id))`,
}

/** Derivatives of one version that a product has, or has asked for, beside some. */
export const countVariants = async (
  sql: Sql,
  { tenant, asset, version, product }: { tenant: string; asset: string; version: number; product: string },
  beside: readonly string[],
): Promise<number> =>
  (await sql.rows<{ count: number }>(VARIANTS, [tenant, asset, version, product, beside]))[0]?.count ?? 0
