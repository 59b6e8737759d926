/**
 * A node's life in the hands of workers.
 *
 *   QUEUED | RETRY --claim--> RUNNING --settle--> DONE
 *                                |---fail, retryable--> RETRY (after a delay)
 *                                |---fail, permanent, or too many attempts or crashes--> DEAD
 *                                \---given back or lease lost--> QUEUED | RETRY
 *
 * What a crash leaves at each step: after the claim, a lease that runs out and is taken back by `expireLeases`; after the put,
 * an object under its own digest that the next run finds and reuses; after the commit, nothing to do. A worker that was stopped
 * past its lease and comes back holds a stale fence: its settle changes nothing.
 */

import { fullJitter } from '../lib/backoff.ts'
import type { Cause } from '../model/event.ts'
import { digestOf, type Hex } from '../model/ids.ts'
import { MAX_CRASHES } from '../model/limits.ts'
import type { ClaimedNode, Derivative, NodeFailure } from '../model/node.ts'
import type { Step } from '../model/recipe.ts'
import { RETRIES } from '../model/retries.ts'
import { announce } from './announce.ts'
import type { Database, Sql } from './database.ts'
import { insertDerivative } from './derivatives.ts'

/** The advisory lock makes two claims on one original wait their turn, so that one of them gets all and decodes once. */
const LOCK_ORIGINAL = { name: 'claim_lock', text: `select pg_advisory_xact_lock(hashtextextended($1 || $2, 0))` }

/** While an original is in a worker's hands only an interactive wish may start a second decode of it. */
const CLAIM = {
  name: 'nodes_claim',
  text: `with busy as (select exists (select 1 from node where tenant_id = $1 and original = decode($2, 'hex')
                                        and state = 'RUNNING' and lease_until > now()) as yes),
         next as (select node_id from node, busy
                  where tenant_id = $1 and original = decode($2, 'hex') and state in ('QUEUED', 'RETRY')
                    and (not_before is null or not_before <= now()) and (not busy.yes or priority <= 1)
                    and priority <= $6 and ($7 or format <> 'avif')
                  order by priority, node_id limit $4 for update of node skip locked)
         update node n set state = 'RUNNING', fence = fence + 1, attempts = attempts + 1, lease_owner = $3,
                lease_until = now() + make_interval(secs => $5)
         from next where n.tenant_id = $1 and n.node_id = next.node_id
         returning encode(n.node_id, 'hex') as key, encode(n.original, 'hex') as original, n.chain, n.format, n.fence, n.attempts, n.crashes, n.priority,
                   n.traceparent, n.queued_at as "queuedAt"`,
}

/** Of a smallint: everything. */
const MAX_PRIORITY = 32_767

/** Takes runnable nodes of one original, most urgent first. */
export const claimNodes = async (
  database: Database,
  {
    tenant,
    original,
    owner,
    limit,
    leaseMs,
    maxPriority = MAX_PRIORITY,
    withAvif = true,
  }: {
    tenant: string
    original: Hex
    owner: string
    limit: number
    leaseMs: number
    /** Leaves alone what is less urgent. */
    maxPriority?: number
    withAvif?: boolean
  },
): Promise<ClaimedNode[]> => {
  const rows = await database.transaction(async tx => {
    await tx.rows(LOCK_ORIGINAL, [tenant, original])
    return tx.rows<Omit<ClaimedNode, 'chain' | 'tenant'> & { chain: string }>(CLAIM, [
      tenant,
      original,
      owner,
      limit,
      leaseMs / 1000,
      maxPriority,
      withAvif,
    ])
  })
  return rows
    .sort((a, b) => a.priority - b.priority || (a.key < b.key ? -1 : 1))
    .map(row => ({ ...row, tenant, chain: JSON.parse(row.chain) as Step[] }))
}

const EXTEND = {
  name: 'nodes_extend_lease',
  text: `update node n set lease_until = now() + make_interval(secs => $4)
         from unnest($2::text[], $3::bigint[]) as w (id, fence)
         where n.tenant_id = $1 and n.node_id = decode(w.id, 'hex') and n.fence = w.fence and n.state = 'RUNNING'`,
}

export const extendLeases = async (sql: Sql, nodes: readonly ClaimedNode[], leaseMs: number): Promise<void> => {
  const tenant = nodes[0]?.tenant
  if (tenant === undefined) return
  await sql.rows(EXTEND, [tenant, nodes.map(({ key }) => key), nodes.map(({ fence }) => fence), leaseMs / 1000])
}

const SETTLE = {
  name: 'node_settle',
  text: `update node set state = 'DONE', output = decode($4, 'hex'), cpu_ms = cpu_ms + $5, alone_cpu_ms = $6, executions = executions + 1,
           finished_at = now(), lease_owner = null, lease_until = null, failure = null, traceparent = null
         where tenant_id = $1 and node_id = decode($2, 'hex') and fence = $3 and state = 'RUNNING' returning 1`,
}

/**
 * The derivative's bytes are durable; this makes them visible, announces them and opens gates, in one transaction.
 * Resolves with how many products have asked for it; `undefined` when the fence is stale: somebody else has the node, and nothing was changed.
 */
export const settleNode = async (
  database: Database,
  {
    node,
    derivative,
    cpuMs,
    aloneCpuMs,
    cause,
    restore,
  }: {
    node: ClaimedNode
    derivative: Derivative
    cpuMs: number
    aloneCpuMs: number
    cause: Cause
    /** Puts the bytes again, where they may have been erased since. */
    restore: () => Promise<unknown>
  },
): Promise<number | undefined> =>
  database.transaction(async tx => {
    const { sha256, bytes, mediaType, width, height } = derivative
    await insertDerivative(tx, node, derivative, restore)
    const settled = await tx.rows(SETTLE, [node.tenant, node.key, node.fence, sha256, cpuMs, aloneCpuMs])
    if (settled.length === 0) return undefined
    return announce(tx, node, cause, leaf => ({
      type: 'rendition.ready',
      data: {
        ...leaf,
        node: digestOf(node.key),
        digest: digestOf(sha256),
        media_type: mediaType,
        width,
        height,
        bytes,
      },
    }))
  })

const FAIL = {
  name: 'node_fail',
  text: `update node set state = $4::node_state, crashes = crashes + $5, not_before = case when $4 = 'RETRY' then now() + make_interval(secs => $6) end,
           failure = $7, finished_at = case when $4 = 'DEAD' then now() end, lease_owner = null, lease_until = null
         where tenant_id = $1 and node_id = decode($2, 'hex') and fence = $3 and state = 'RUNNING' returning 1`,
}

/** `DEAD`: quarantined, and said so to every product that asked. */
export const failNode = async (
  database: Database,
  {
    node,
    code,
    retryable,
    crashed,
    retryAfterMs,
    cause,
  }: { node: ClaimedNode; code: string; retryable: boolean; crashed: boolean; retryAfterMs: number; cause: Cause },
): Promise<'RETRY' | 'DEAD' | 'stale'> => {
  const exhausted = node.attempts >= RETRIES.node.tries || (crashed && node.crashes + 1 >= MAX_CRASHES)
  const state = retryable && !exhausted ? 'RETRY' : 'DEAD'
  const failure: NodeFailure = { code, at: new Date().toISOString(), attempts: node.attempts }
  return database.transaction(async tx => {
    const values = [
      node.tenant,
      node.key,
      node.fence,
      state,
      crashed ? 1 : 0,
      retryAfterMs / 1000,
      JSON.stringify(failure),
    ]
    const failed = await tx.rows(FAIL, values)
    if (failed.length === 0) return 'stale'
    if (state === 'DEAD') {
      await announce(tx, node, cause, leaf => ({
        type: 'rendition.failed',
        data: { ...leaf, node: digestOf(node.key), code },
      }))
    }
    return state
  })
}

const GIVE_BACK = {
  name: 'nodes_give_back',
  text: `update node n set state = 'QUEUED', attempts = attempts - 1, lease_owner = null, lease_until = null,
           not_before = case when $4::float8 > 0 then now() + make_interval(secs => $4) end
         from unnest($2::text[], $3::bigint[]) as w (id, fence)
         where n.tenant_id = $1 and n.node_id = decode(w.id, 'hex') and n.fence = w.fence and n.state = 'RUNNING'`,
}

/** Returns nodes that were not begun, without counting the attempt against them; to be claimed again after so long. */
export const giveBackNodes = async (sql: Sql, nodes: readonly ClaimedNode[], afterMs = 0): Promise<void> => {
  const tenant = nodes[0]?.tenant
  if (tenant === undefined) return
  await sql.rows(GIVE_BACK, [tenant, nodes.map(({ key }) => key), nodes.map(({ fence }) => fence), afterMs / 1000])
}

const EXPIRED = {
  name: 'nodes_expired',
  text: `select tenant_id as tenant, encode(node_id, 'hex') as key, encode(original, 'hex') as original, chain, format, fence, priority, attempts, crashes, traceparent, queued_at as "queuedAt"
         from node where state = 'RUNNING' and lease_until < now() order by lease_until limit 100`,
}

/** At once the first time; then later and later, so that a worker in a crash loop does not use up the attempts of innocent nodes. */
const lostAgainMs = (attempts: number): number =>
  attempts <= 1 ? 0 : fullJitter(attempts, { baseMs: 1_000, capMs: 60_000 })

/** Takes back what dead workers held. Counts as an attempt: a node that kills its worker every time ends in quarantine. */
export const expireLeases = async (database: Database, cause: Cause): Promise<number> => {
  const rows = await database.rows<Omit<ClaimedNode, 'chain'> & { chain: string }>(EXPIRED, [])
  for (const row of rows) {
    const node = { ...row, chain: JSON.parse(row.chain) as Step[] }
    await failNode(database, {
      node,
      code: 'worker-lost',
      retryable: true,
      crashed: false,
      retryAfterMs: lostAgainMs(row.attempts),
      cause,
    })
  }
  return rows.length
}

const COUNT_OPEN = {
  name: 'nodes_count_open',
  text: `select state, count(*)::int as count from node where state in ('QUEUED', 'RETRY') group by state
         union all select state, count(*)::int from node where state = 'RUNNING' group by state
         union all select state, count(*)::int from node where state = 'DEAD' group by state`,
}

/** Each part counts a partial index, so the cost follows the backlog and not the store. */
export const countOpenNodes = async (
  sql: Sql,
): Promise<Readonly<Record<'QUEUED' | 'RETRY' | 'RUNNING' | 'DEAD', number>>> => {
  const rows = await sql.rows<{ state: string; count: number }>(COUNT_OPEN, [])
  return {
    QUEUED: 0,
    RETRY: 0,
    RUNNING: 0,
    DEAD: 0,
    ...Object.fromEntries(rows.map(({ state, count }) => [state, count])),
  }
}
