/**
 * Nodes in quarantine: seen, counted and let out again.
 *
 *   DEAD --redrive--> QUEUED   with its attempts and crashes forgotten; versions that failed for it go back to PROCESSING
 *
 * One transaction a batch: a crash leaves whole batches redriven and the others dead. Nodes are locked in the order of their
 * keys and assets in the order of their ids, as everywhere.
 */
import type { Cause } from '../model/event.ts'
import type { Hex } from '../model/ids.ts'
import type { Database, Sql } from './database.ts'
import { reopenVersion } from './publish.ts'

/** Of those who ask for a node: enough to know whom to tell. */
const MOST_ASKERS = 20

const PAGE = {
  name: 'dead_nodes_page',
  text: `with page as materialized (
           select tenant_id, node_id, original, format, failure ->> 'code' as code, attempts, crashes, finished_at from node
           where tenant_id = $1 and state = 'DEAD' and ($2::text is null or failure ->> 'code' = $2)
             and ($3::timestamptz is null or (finished_at, node_id) < ($3::timestamptz, decode($4, 'hex')))
           order by finished_at desc, node_id desc limit $5)
         select encode(p.node_id, 'hex') as key, encode(p.original, 'hex') as original, p.format, p.code, p.attempts, p.crashes,
                p.finished_at as at, to_char(p.finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as exact_at, l.asks, l.askers
         from page p cross join lateral (
           select count(*)::int as asks, coalesce(jsonb_agg(jsonb_build_object('product', product_id, 'asset', asset_id, 'version', version,
                    'rendition', rendition) order by place) filter (where place <= ${MOST_ASKERS}), '[]') as askers
           from (select product_id, asset_id, version, rendition,
                        row_number() over (order by asset_id desc, version desc, product_id, rendition) as place
                 from leaf where leaf.tenant_id = p.tenant_id and leaf.node_id = p.node_id) ranked) l
         order by p.finished_at desc, p.node_id desc`,
}

export interface DeadNode {
  readonly key: Hex
  readonly original: Hex
  readonly format: string
  readonly code: string
  readonly attempts: number
  readonly crashes: number
  readonly at: Date
  /** `at` to the microsecond, for a cursor. */
  readonly exact_at: string
  /** Leaves that name the node, and the newest of them. */
  readonly asks: number
  readonly askers: readonly {
    readonly product: string
    readonly asset: string
    readonly version: number
    readonly rendition: string
  }[]
}

export interface DeadNodePage {
  readonly tenant: string
  /** Class of the failure. */
  readonly code: string | undefined
  /** The last of the page before. */
  readonly after: { readonly at: string; readonly key: Hex } | undefined
  readonly limit: number
}

/** The last to die first. */
export const listDeadNodes = (sql: Sql, { tenant, code, after, limit }: DeadNodePage): Promise<DeadNode[]> =>
  sql.rows<DeadNode>(PAGE, [tenant, code ?? null, after?.at ?? null, after?.key ?? null, limit])

const COUNT = {
  name: 'dead_nodes_count',
  text: `select failure ->> 'code' as code, count(*)::int as count from node where state = 'DEAD' group by 1`,
}

/** Of all tenants, by class of failure; reads a partial index that is as long as the quarantine. */
export const countDeadNodes = (sql: Sql) => sql.rows<{ code: string; count: number }>(COUNT, [])

/** What to let out: nodes that fit everything that is given. */
export interface DeadFilter {
  readonly tenant: string
  readonly keys: readonly Hex[] | undefined
  readonly code: string | undefined
  readonly before: Date | undefined
}

const FITS = `state = 'DEAD' and ($2::text[] is null or node_id in (select decode(id, 'hex') from unnest($2::text[]) as w (id)))
  and ($3::text is null or failure ->> 'code' = $3) and ($4::timestamptz is null or finished_at < $4)`

const REDRIVE = {
  name: 'dead_nodes_redrive',
  text: `with due as (select node_id from node where tenant_id = $1 and ${FITS} order by node_id limit $5 for update)
         update node n set state = 'QUEUED', attempts = 0, crashes = 0, failure = null, not_before = null, finished_at = null, queued_at = now()
         from due where n.tenant_id = $1 and n.node_id = due.node_id
         returning encode(n.node_id, 'hex') as key, encode(n.original, 'hex') as original, n.priority::int`,
}

const FAILED_FOR = {
  name: 'versions_failed_for',
  text: `select distinct v.asset_id as asset, v.version
         from unnest($2::text[]) as w (id)
         join leaf l on l.tenant_id = $1 and l.node_id = decode(w.id, 'hex')
         join asset_version v on v.tenant_id = l.tenant_id and v.asset_id = l.asset_id and v.version = l.version
         where v.state = 'FAILED' order by 1, 2`,
}

export interface RedrivenNode {
  readonly key: Hex
  readonly original: Hex
  readonly priority: number
}

/** Lets out up to `limit` nodes. What is not dead any more is left alone, so that repeating it does no harm. */
export const redriveBatch = (
  database: Database,
  { tenant, keys, code, before }: DeadFilter,
  {
    limit,
    cause,
    record,
  }: { limit: number; cause: Cause; record: (tx: Sql, nodes: readonly RedrivenNode[]) => Promise<void> },
): Promise<RedrivenNode[]> =>
  database.transaction(async tx => {
    const nodes = await tx.rows<RedrivenNode>(REDRIVE, [tenant, keys ?? null, code ?? null, before ?? null, limit])
    const versions = await tx.rows<{ asset: string; version: number }>(FAILED_FOR, [
      tenant,
      nodes.map(node => node.key),
    ])
    for (const { asset, version } of versions) await reopenVersion(tx, { tenant, asset, version, cause })
    await record(tx, nodes)
    return nodes
  })

const REMAINING = {
  name: 'dead_nodes_remaining',
  text: `select count(*)::int as count from node where tenant_id = $1 and ${FITS}`,
}

export const countFitting = async (sql: Sql, { tenant, keys, code, before }: DeadFilter): Promise<number> => {
  const [row] = await sql.rows<{ count: number }>(REMAINING, [tenant, keys ?? null, code ?? null, before ?? null])
  return row?.count ?? 0
}
