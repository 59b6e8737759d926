/**
 * Nodes and the leaves that bind products' renditions to them. A node is one row however many products ask for it: the second
 * planner of an equal wish finds the row of the first. Rows are written in the order of their keys, so that two planners
 * never wait for each other in a circle.
 */
import type { NodeState } from '../model/node.ts'
import type { PlannedNode } from '../model/recipe.ts'
import { secondOriginals } from '../ops/composite.ts'
import type { PlanRefusal } from '../ops/operation.ts'
import type { Sql } from './database.ts'
import type { BoundLeaf } from './reused.ts'

export interface NodeWish {
  readonly node: PlannedNode
  /** Canonical text of `node.chain`. */
  readonly chain: string
  /** Lower is sooner. A node that exists keeps the better priority of the two. */
  readonly priority: number
  /** False: only noted, to be made when somebody asks. */
  readonly wanted: boolean
  /** In whose name. Of several the most urgent, until it is made: who had it made has paid for it. */
  readonly product: string
}

export interface LeafWish {
  readonly product: string
  readonly rendition: string
  readonly revision: number
  readonly format: string
  readonly position: number
  readonly required: boolean
  readonly eager: boolean
  readonly node: string | undefined
  readonly refusal: PlanRefusal | undefined
}

const UPSERT_NODES = {
  name: 'nodes_upsert',
  text: `insert into node as n (tenant_id, node_id, original, chain, format, priority, state, queued_at, product_id, traceparent)
         select $1, decode(w.id, 'hex'), decode($2, 'hex'), w.chain, w.format, w.priority,
                case when w.wanted then 'QUEUED' else 'PLANNED' end::node_state, case when w.wanted then now() end, w.product, case when w.wanted then $9 end
         from unnest($3::text[], $4::text[], $5::text[], $6::smallint[], $7::boolean[], $8::text[]) as w (id, chain, format, priority, wanted, product)
         order by w.id
         on conflict (tenant_id, node_id) do update set
           priority = least(n.priority, excluded.priority),
           product_id = case when n.state <> 'DONE' and (excluded.priority < n.priority or n.product_id = '') then excluded.product_id else n.product_id end,
           queued_at = coalesce(n.queued_at, excluded.queued_at),
           state = case when n.state in ('PLANNED', 'EVICTED') and excluded.state = 'QUEUED' then 'QUEUED' else n.state end,
           traceparent = case when n.state in ('PLANNED', 'EVICTED') then excluded.traceparent else n.traceparent end
         returning encode(node_id, 'hex') as id, state`,
}

const INSERT_INPUTS = {
  name: 'node_inputs_insert',
  text: `insert into node_input (tenant_id, node_id, original)
         select distinct $1, decode(w.id, 'hex'), decode(w.second, 'hex') from unnest($2::text[], $3::text[]) as w (id, second)
         on conflict do nothing`,
}

export interface UpsertedNode {
  readonly id: string
  readonly state: NodeState
}

export const upsertNodes = async (
  tx: Sql,
  {
    tenant,
    original,
    nodes,
    traceparent,
  }: {
    tenant: string
    original: string
    nodes: readonly NodeWish[]
    /** Of the request that has them made. */
    traceparent: string | undefined
  },
): Promise<UpsertedNode[]> => {
  const unique = mergeEqual(nodes)
  if (unique.length === 0) return []
  const rows = await tx.rows<UpsertedNode>(UPSERT_NODES, [
    tenant,
    original,
    unique.map(({ node }) => node.key),
    unique.map(({ chain }) => chain),
    unique.map(({ node }) => node.format),
    unique.map(({ priority }) => priority),
    unique.map(({ wanted }) => wanted),
    unique.map(({ product }) => product),
    traceparent ?? null,
  ])
  const seconds = unique.flatMap(({ node }) => secondOriginals(node.chain).map(second => ({ id: node.key, second })))
  if (seconds.length > 0)
    await tx.rows(INSERT_INPUTS, [tenant, seconds.map(({ id }) => id), seconds.map(({ second }) => second)])
  return rows
}

/** One statement may touch a row once only. */
const mergeEqual = (nodes: readonly NodeWish[]): NodeWish[] => {
  const byKey = new Map<string, NodeWish>()
  for (const wish of nodes) {
    const other = byKey.get(wish.node.key)
    const urgent = other && other.priority <= wish.priority ? other : wish
    byKey.set(wish.node.key, { ...urgent, wanted: wish.wanted || other?.wanted === true })
  }
  return [...byKey.values()]
}

const INSERT_LEAVES = {
  name: 'leaves_insert',
  text: `insert into leaf as l (tenant_id, asset_id, version, product_id, rendition, revision, format, position, required, eager, node_id, refusal)
         select $1, $2, $3, w.product, w.rendition, w.revision, w.format, w.position, w.required, w.eager, decode(w.node, 'hex'), w.refusal
         from unnest($4::text[], $5::text[], $6::int[], $7::text[], $8::smallint[], $9::boolean[], $10::boolean[], $11::text[], $12::jsonb[])
           as w (product, rendition, revision, format, position, required, eager, node, refusal)
         where exists (select 1 from asset_version v where v.tenant_id = $1 and v.asset_id = $2 and v.version = $3 and v.state <> 'PURGED')
         order by w.product, w.rendition, w.format
         on conflict (tenant_id, asset_id, version, product_id, rendition, revision, format) do update
           set node_id = excluded.node_id, refusal = excluded.refusal
           where l.node_id is distinct from excluded.node_id and exists (
             select 1 from node n where n.tenant_id = l.tenant_id and n.node_id = l.node_id and n.state in ('PLANNED', 'EVICTED'))
         returning asset_id as asset, version, product_id as product, rendition, revision, format, encode(node_id, 'hex') as node`,
}

/**
 * A leaf that is there stays as it is, unless it was only noted, by code that planned otherwise than this: whoever asks for it
 * now waits for what is planned now. What has been made moves by a rollout.
 */

export const insertLeaves = async (
  tx: Sql,
  { tenant, asset, version, leaves }: { tenant: string; asset: string; version: number; leaves: readonly LeafWish[] },
): Promise<BoundLeaf[]> => {
  if (leaves.length === 0) return []
  return tx.rows<BoundLeaf>(INSERT_LEAVES, [
    tenant,
    asset,
    version,
    leaves.map(leaf => leaf.product),
    leaves.map(leaf => leaf.rendition),
    leaves.map(leaf => leaf.revision),
    leaves.map(leaf => leaf.format),
    leaves.map(leaf => leaf.position),
    leaves.map(leaf => leaf.required),
    leaves.map(leaf => leaf.eager),
    leaves.map(leaf => leaf.node ?? null),
    leaves.map(leaf => (leaf.refusal ? JSON.stringify(leaf.refusal) : null)),
  ])
}

const NODE_STATES_OF = {
  name: 'node_states',
  text: `select q.tenant as tenant, q.id, n.state, n.failure
         from unnest($1::text[], $2::text[]) as q (tenant, id)
         join node n on n.tenant_id = q.tenant and n.node_id = decode(q.id, 'hex')`,
}

export const nodeStates = (sql: Sql, keys: readonly { tenant: string; key: string }[]) =>
  sql.rows<{ tenant: string; id: string; state: NodeState; failure: { code: string } | null }>(NODE_STATES_OF, [
    keys.map(({ tenant }) => tenant),
    keys.map(({ key }) => key),
  ])

const NODES_IN_QUEUE = {
  name: 'nodes_in_queue',
  text: `select encode(n.node_id, 'hex') as id, n.attempts, n.queued_at from node n
         where n.tenant_id = $1 and n.node_id = any(array(select decode(id, 'hex') from unnest($2::text[]) id))`,
}

/** For what is waited for: since when it has been wanted, and how often it was tried. */
export const nodesInQueue = (sql: Sql, tenant: string, nodes: readonly string[]) =>
  sql.rows<{ id: string; attempts: number; queued_at: Date | null }>(NODES_IN_QUEUE, [tenant, nodes])

const LEAVES_OF_VERSION = {
  name: 'leaves_of_version',
  text: `select l.product_id as product, l.rendition, l.revision, l.format, l.required, l.eager, l.refusal, encode(l.node_id, 'hex') as node,
                n.chain, n.state, n.attempts, n.executions, n.failure, n.cpu_ms, n.alone_cpu_ms
         from leaf l left join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
         where l.tenant_id = $1 and l.asset_id = $2 and l.version = $3
         order by l.product_id, l.rendition, l.revision, l.position`,
}

export interface LeafState {
  readonly product: string
  readonly rendition: string
  readonly revision: number
  readonly format: string
  readonly required: boolean
  readonly eager: boolean
  readonly refusal: PlanRefusal | null
  readonly node: string | null
  readonly chain: string | null
  readonly state: NodeState | null
  readonly attempts: number | null
  readonly executions: number | null
  readonly failure: { readonly code: string; readonly at: string; readonly attempts: number } | null
  readonly cpu_ms: number | null
  readonly alone_cpu_ms: number | null
}

export const leavesOfVersion = (sql: Sql, tenant: string, asset: string, version: number): Promise<LeafState[]> =>
  sql.rows<LeafState>(LEAVES_OF_VERSION, [tenant, asset, version])
