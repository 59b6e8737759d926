/**
 * Nodes, executed: claim -> fetch -> decode once and fan out -> put -> settle, for one original at a time.
 *
 * At every step a crash leaves what the next run expects (see manifest/nodes.ts). Each derivative is put and settled as soon as
 * it exists, while the decode process goes on with the next: a lost worker loses at most what it had not finished. What this
 * process is planning itself is fetched while it is planned and claimed.
 */
import { AsyncResource } from 'node:async_hooks'
import { fullJitter } from '../lib/backoff.ts'
import { persist } from '../lib/persist.ts'
import { findOriginal } from '../manifest/assets.ts'
import type { Database } from '../manifest/database.ts'
import { disownErased } from '../manifest/erased-bytes.ts'
import { noteMismatch } from '../manifest/mismatches.ts'
import { claimNodes, extendLeases, failNode, giveBackNodes, settleNode } from '../manifest/nodes.ts'
import { isMatrixError } from '../model/errors.ts'
import type { Cause } from '../model/event.ts'
import type { Hex } from '../model/ids.ts'
import { MAX_CLAIM } from '../model/limits.ts'
import type { ClaimedNode } from '../model/node.ts'
import type { ImageFacts } from '../model/original.ts'
import { MEDIA_TYPE } from '../model/recipe.ts'
import { OURS, RETRIES } from '../model/retries.ts'
import { derivativeKey } from '../objects/keys.ts'
import type { ObjectStore } from '../objects/store.ts'
import { knowsStep } from '../ops/registry.ts'
import type { Nearby, Upcoming } from '../queue/nearby.ts'
import { LANES } from '../queue/queue.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { processSpan } from '../telemetry/span-names.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import type { DecodePool, TaskOutcome } from './decode-pool.ts'
import type { Order } from './decode-protocol.ts'
import { type Fetched, fetchOriginal, OtherBytes, openSecondOriginals } from './fetch.ts'
import type { PixelBudget } from './pixel-budget.ts'

export interface TransformDependencies {
  readonly database: Database
  readonly originals: ObjectStore
  readonly derivatives: ObjectStore
  /** Its breaker is open: nothing is to be claimed that would have to be read and put. */
  readonly isStoreLeftAlone: () => boolean
  /** Of its own for what somebody waits for. */
  readonly pools: Readonly<Record<'urgent' | 'background', DecodePool>>
  /** AVIF takes ten times what the other formats do: this much of it at once, or it would take all hands. */
  readonly avif: PixelBudget
  /** Names this worker in leases, events and logs. */
  readonly owner: string
  readonly leaseMs: number
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
  readonly nearby: Pick<Nearby, 'settled'>
  /** Offered the bytes once their nodes are settled. */
  readonly look: (original: { tenant: string; sha256: Hex; image: ImageFacts; bytes: Buffer }) => void
}

/** Until a node that met a store which is left alone is taken up again, with full jitter. */
const LEFT_ALONE_MS = 4_000
/** A failure of ours is no fault of the node's, and costs it no try; one that meets nothing else has something in it that only it meets. */
const FREE_CLAIMS = 20
const GIVE_BACK_MS = 500

export interface Ahead extends Upcoming {
  /** When the first nodes are claimed. */
  readonly onClaim: () => void
}

export interface Manner {
  /** Takes what is waited for, and on the way what a publish waits for, but nothing that can wait. */
  readonly urgent?: boolean
  readonly ahead?: Ahead
}

/** Works on one original until none of its nodes is runnable. Resolves with how many nodes it claimed. */
export type TransformOriginal = (tenant: string, original: Hex, manner?: Manner) => Promise<number>

export const openTransform = (deps: TransformDependencies): TransformOriginal => {
  const { database, owner, leaseMs, avif, pools } = deps
  const secondsOf = openSecondOriginals(deps)
  return async (tenant, original, { urgent = false, ahead } = {}) => {
    const pool = urgent ? pools.urgent : pools.background
    const unclaimed = new AbortController()
    let early = ahead && fetchOriginal(deps, ahead.original, unclaimed.signal)
    early?.catch(() => undefined) // who claims nodes awaits it; without any it does not matter
    try {
      if (ahead && !(await ahead.planned)) return 0
      for (let claimed = 0; ; ) {
        if (deps.isStoreLeftAlone()) return claimed
        const withAvif = urgent || avif.isOpen()
        const wish = {
          tenant,
          original,
          owner,
          limit: MAX_CLAIM,
          leaseMs,
          withAvif,
          ...(urgent && { maxPriority: LANES.eager }),
        }
        const taken = await claimNodes(database, wish)
        if (taken.length === 0) return claimed
        const nodes = await leaveLater(deps, taken)
        if (nodes.length === 0) continue
        claimed += nodes.length
        ahead?.onClaim()
        const fetched = early
        early = undefined // for the first claim: the bytes are not kept beyond it
        const fetch = async () =>
          (fetched ?? fetchOriginal(deps, await findOriginal(database, tenant, original))).catch(async error => {
            if (error instanceof OtherBytes) await noteMismatch(database, { tenant, sha256: original })
            throw error
          })
        const giveBack = avif.take(avifPixels(nodes))
        const seconds = () => secondsOf(tenant, nodes)
        const execute = () => executeClaim(deps, nodes, { sha256: original, fetch, seconds, pool })
        await traced(deps, nodes, execute).finally(giveBack)
      }
    } finally {
      unclaimed.abort()
    }
  }
}

/** In the trace of the request that has them made, or linked to all that have. */
const traced = (
  { tracing }: Pick<TransformDependencies, 'tracing'>,
  nodes: readonly ClaimedNode[],
  work: () => Promise<void>,
): Promise<void> => {
  if (tracing === undefined) return work()
  const origins = nodes.map(({ traceparent, queuedAt }) => ({ traceparent: traceparent ?? undefined, at: queuedAt }))
  return tracing.after(origins, processSpan('nodes', { count: nodes.length }), work)
}

/** While releases are mixed, for workers of the later one. */
const LATER_MS = 5_000

/** Gives back what a later release has planned: under its key there would be our pixels, for ever. */
const leaveLater = async (
  { database, log }: Pick<TransformDependencies, 'database' | 'log'>,
  taken: readonly ClaimedNode[],
): Promise<readonly ClaimedNode[]> => {
  const later = taken.filter(({ chain }) => !chain.every(knowsStep))
  if (later.length === 0) return taken
  log.warn({ original: later[0]?.original, nodes: later.length }, 'left to workers of a later release')
  await giveBackNodes(database, later, LATER_MS)
  return taken.filter(node => !later.includes(node))
}

/** An encoder sees the size that the last step with one gave; of what only the run can tell, nothing. */
const avifPixels = (nodes: readonly ClaimedNode[]): number =>
  nodes
    .filter(({ format }) => format === 'avif')
    .map(({ chain }) => chain.findLast(({ params }) => typeof params.width === 'number')?.params)
    .reduce((sum, size) => sum + Number(size?.width ?? 0) * Number(size?.height ?? 0), 0)

const executeClaim = async (
  deps: TransformDependencies,
  nodes: readonly ClaimedNode[],
  {
    sha256,
    fetch,
    seconds,
    pool,
  }: { sha256: Hex; fetch: () => Promise<Fetched>; seconds: () => Promise<Order['seconds']>; pool: DecodePool },
): Promise<void> => {
  const { database, leaseMs, log } = deps
  const open = new Set(nodes)
  const heartbeat = setInterval(() => {
    extendLeases(database, [...open], leaseMs).catch(error =>
      log.warn({ err: error, original: sha256 }, 'lease not extended'),
    )
  }, leaseMs / 3)
  const started = performance.now()
  const finish = async (outcome: TaskOutcome): Promise<void> => {
    const node = nodes.find(({ key }) => key === outcome.id)
    if (!node || (!outcome.ok && !outcome.blamed)) return
    try {
      await record(deps, node, outcome)
    } catch (error) {
      // The put or the settle failed, not the image: the node goes back with its attempt counted.
      log.warn({ err: error, node: node.key }, 'derivative not recorded')
      await fail(deps, node, { code: isMatrixError(error) ? error.code : 'internal', retryable: true, crashed: false })
    } finally {
      open.delete(node)
      deps.metrics.nodeSeconds.observe((performance.now() - started) / 1000)
    }
  }
  try {
    const [{ bytes, image }, laidOn] = await Promise.all([fetch(), seconds()])
    const recording: Promise<void>[] = []
    const outcomes = await pool.run({
      original: bytes,
      ...(laidOn && { seconds: laidOn }),
      image,
      // The claim is sorted: what is less urgent than its first is what no publish and no caller waits for.
      tasks: nodes.map(({ key, chain, priority }) => ({
        id: key,
        chain,
        deferred: priority > (nodes[0]?.priority ?? 0),
      })),
      // What a decode process says is heard in no trace unless it is bound to ours.
      onResult: AsyncResource.bind((outcome: TaskOutcome) => {
        const recorded = finish(outcome)
        recorded.catch(() => undefined) // awaited below; this only keeps an early failure from being called unhandled
        recording.push(recorded)
      }),
    })
    await Promise.all(recording)
    const { tenant } = nodes[0] as ClaimedNode
    deps.look({ tenant, sha256, image, bytes })
    // What was never begun, because the pool is closing or a sibling took the process down, costs no attempt.
    const untouched = outcomes.filter(outcome => !outcome.ok && !outcome.blamed).map(({ id }) => id)
    await giveBackNodes(
      database,
      nodes.filter(node => open.has(node) && untouched.includes(node.key)),
    )
  } catch (error) {
    log.warn({ err: error, original: sha256 }, 'original not transformed')
    const code = isMatrixError(error) ? error.code : 'internal'
    for (const node of open) await fail(deps, node, { code, retryable: true, crashed: false })
  } finally {
    clearInterval(heartbeat)
  }
}

const causeOf = ({ owner }: TransformDependencies, node: ClaimedNode): Cause => ({
  actor: `worker:${owner}`,
  correlationId: `node:${node.key.slice(0, 16)}`,
  traceparent: node.traceparent ?? undefined,
})

const record = async (deps: TransformDependencies, node: ClaimedNode, outcome: TaskOutcome): Promise<void> => {
  if (!outcome.ok) {
    return fail(deps, node, { code: outcome.code, retryable: outcome.retryable, crashed: CRASHES.has(outcome.code) })
  }
  const { bytes, sha256, width, height, cpuMs, aloneCpuMs } = outcome
  const mediaType = MEDIA_TYPE[node.format]
  const objectKey = derivativeKey(node.tenant, sha256)
  const put = () => deps.derivatives.put({ key: objectKey, body: bytes, bytes: bytes.length, sha256, mediaType })
  await put()
  const derivative = { sha256, bytes: bytes.length, mediaType, width, height, objectKey }
  const cause = causeOf(deps, node)
  const askers = await settleNode(deps.database, { node, derivative, cpuMs, aloneCpuMs, cause, restore: put })
  const mine = askers !== undefined
  if (!mine) await disownErased(deps.database, node, derivative)
  if (mine) deps.nearby.settled.publish({ tenant: node.tenant, key: node.key })
  deps.metrics.nodes.inc({ outcome: mine ? 'done' : 'stale' })
  if (mine) deps.metrics.executions.inc({ product_count: askers < MANY ? String(askers) : `${MANY}+` })
  deps.metrics.transformCpu.inc(cpuMs / 1000)
}

/** Products from which on they are counted together. */
const MANY = 5

/** Ends of a decode process that two in a row make a quarantine. */
const CRASHES: ReadonlySet<string> = new Set(['decoder-crashed', 'memory-exceeded', 'timed-out'])

const fail = async (
  deps: TransformDependencies,
  node: ClaimedNode,
  { code, retryable, crashed }: { code: string; retryable: boolean; crashed: boolean },
): Promise<void> => {
  if (OURS.has(code) && (deps.isStoreLeftAlone() || node.fence <= FREE_CLAIMS)) {
    const afterMs = deps.isStoreLeftAlone() ? Math.random() * LEFT_ALONE_MS : fullJitter(node.fence, RETRIES.node)
    const giveBack = () => giveBackNodes(deps.database, [node], afterMs)
    // As soon as it can be: else it would wait for its lease to run out, and a worker that is lost counts.
    await giveBack().catch(() => void persist(giveBack, { everyMs: GIVE_BACK_MS, forMs: deps.leaseMs }))
    deps.metrics.nodes.inc({ outcome: 'given back' })
    return
  }
  const retryAfterMs = fullJitter(node.attempts, RETRIES.node)
  const state = await failNode(deps.database, {
    node,
    code,
    retryable,
    crashed,
    retryAfterMs,
    cause: causeOf(deps, node),
  })
  deps.metrics.nodes.inc({ outcome: state === 'DEAD' ? 'quarantined' : state === 'RETRY' ? 'retried' : 'stale' })
  deps.log.info({ node: node.key, original: node.original, code, state }, 'node failed')
}
