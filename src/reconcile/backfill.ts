/**
 * A rendition that has changed is made for what was there before: a walk over the collection, batch by batch, in the lane
 * behind all others.
 *
 *   read a window of assets -> plan what lacks the rendition -> in one transaction, with the operation locked and still where
 *     it was: nodes, leaves, the batch, the place to go on -> wait for nodes while there are too many -> ... -> the next round
 *
 * Any number of processes may advance one operation: who finds it moved leaves it. A crash before the commit has done nothing,
 * one after it is read from the place. A version that was being processed while its window was read is found by a later round,
 * when it is through: the walk ends with a round that finds nothing. No queue is told; workers look for themselves.
 */
import { isAimed, wishesFor } from '../graph/wishes.ts'
import { endSteps, openSteps, recordWalk, tally, type WindowRow, windowOf } from '../manifest/backfill.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { requireSameFocal } from '../manifest/leaf-moves.ts'
import { insertLeaves, upsertNodes } from '../manifest/leaves.ts'
import { lockOperation, runningOperations, setOperationState } from '../manifest/operations.ts'
import { findRendition } from '../manifest/renditions.ts'
import { announceReused, type BoundLeaf } from '../manifest/reused.ts'
import { isMatrixError } from '../model/errors.ts'
import type { FocalPoints } from '../model/focal.ts'
import type { Hex } from '../model/ids.ts'
import type { Operation, OperationState } from '../model/operation.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Rendition } from '../model/product.ts'

/** Of a window: a transaction of two statements a version, some 50 ms. */
const ASSETS = 50
/** Enough for 64 cores at 50 ms a node until the next look a second later; few enough that a pause is felt soon. */
const MOST_OPEN_NODES = 1_000

interface Candidate {
  readonly asset: string
  readonly version: number
  readonly sha256: Hex
  readonly image: ImageFacts
  readonly focal: FocalPoints | null
  readonly lacks: boolean
}

const isImage = (row: WindowRow): row is WindowRow & Candidate => row.version !== null && row.image !== null
const isShown = ({ state }: WindowRow): boolean => state === 'READY' || state === 'ACTIVE'

/** The first round counts what was there when it began, whatever it lacks; the others look for what the first has missed. */
const batchOf = (rows: readonly WindowRow[], { round, createdAt }: Operation): Candidate[] =>
  rows
    .filter(row => isShown(row) && (row.lacks || (round === 1 && (row.createdAt ?? createdAt) <= createdAt)))
    .filter(isImage)
    // Every planner takes nodes in one order, of originals and of keys, so that none waits for another in a circle.
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : a.sha256 > b.sha256 ? 1 : 0))

const planBatch = (batch: readonly Candidate[], rendition: Rendition, maxCpuMs: number | undefined) =>
  batch
    .filter(({ lacks }) => lacks)
    .map(version => {
      const aimed = { ...version, focal: version.focal ?? undefined }
      const { nodes, leaves } = wishesFor([rendition], aimed, { lane: 'backfill', maxCpuMs })
      // Lazy ones too: somebody has asked for all of them.
      return { ...version, nodes: nodes.map(node => ({ ...node, wanted: true })), leaves }
    })

const renditionOf = (sql: Sql, { tenant, input }: Operation): Promise<Rendition | undefined> =>
  findRendition(sql, {
    tenantId: tenant,
    collectionId: input.collection,
    productId: input.product,
    name: input.rendition,
  })

/** One batch. False when there is nothing to do before something else has happened. */
const walk = async (
  database: Database,
  operation: Operation,
  { planned, maxCpuMs }: { planned: number; maxCpuMs: number | undefined },
): Promise<boolean> => {
  const { tenant, id } = operation
  const { correlationId, traceparent } = {
    correlationId: operation.correlationId ?? id,
    traceparent: operation.traceparent ?? undefined,
  }
  const rendition = await renditionOf(database, operation)
  if (rendition?.revision !== operation.input.revision) {
    await cancelOperation(database, operation, 'superseded')
    return false
  }
  // Before the transaction: a version that is complete by now was so before the leaves that it gets.
  const rows = await windowOf(database, operation, ASSETS)
  const batch = batchOf(rows, operation)
  const plans = planBatch(batch, rendition, maxCpuMs)
  const isEnd = new Set(rows.map(({ asset }) => asset)).size < ASSETS
  const found = operation.found + rows.filter(row => isImage(row) && row.lacks).length
  await database.transaction(async tx => {
    const now = await lockOperation(tx, tenant, id)
    const isThere =
      now?.state === 'RUNNING' &&
      now.round === operation.round &&
      now.afterAsset === operation.afterAsset &&
      now.steps === operation.steps
    if (!isThere) return
    const bound: BoundLeaf[] = []
    for (const { asset, version, sha256, nodes, leaves } of plans) {
      await upsertNodes(tx, { tenant, original: sha256, nodes, traceparent })
      bound.push(...(await insertLeaves(tx, { tenant, asset, version, leaves })))
    }
    if (isAimed(rendition)) await requireSameFocal(tx, tenant, plans)
    await announceReused(tx, { tenant, cause: { actor: 'backfill', correlationId, traceparent }, leaves: bound })
    if (isEnd && found === 0 && operation.round > 1) {
      return setOperationState(tx, operation, now.failed > 0 ? 'PARTIAL' : 'SUCCEEDED')
    }
    const place = isEnd
      ? { afterAsset: null, round: operation.round + 1, found: 0 }
      : { afterAsset: rows.at(-1)?.asset ?? null, round: operation.round, found }
    await recordWalk(tx, now, { ...place, versions: batch }, planned)
  })
  return !(isEnd && found > 0 && plans.length === 0)
}

/** Adds up batches whose nodes are all made or given up, then plans the next one. False: not before something has happened. */
const advance = async (
  database: Database,
  { tenant, id }: Operation,
  maxCpuMs: number | undefined,
): Promise<boolean> => {
  const { operation, open } = await database.transaction(async tx => {
    const locked = await lockOperation(tx, tenant, id)
    if (locked?.state !== 'RUNNING') return { operation: undefined, open: [] }
    const steps = await openSteps(tx, locked)
    const settled = steps.filter(step => step.open === 0)
    await endSteps(tx, locked, settled, 'DONE')
    const { done, failed } = tally(settled)
    const operation = { ...locked, done: locked.done + done, failed: locked.failed + failed }
    return { operation, open: steps.filter(step => step.open > 0) }
  })
  if (!operation) return false
  const openNodes = open.reduce((sum, step) => sum + step.openNodes, 0)
  const isNewRound = operation.round > 1 && operation.afterAsset === null
  if (openNodes >= MOST_OPEN_NODES || (isNewRound && open.length > 0)) return false
  const planned = operation.done + operation.failed + tally(open).planned
  return walk(database, operation, { planned, maxCpuMs })
}

/** What cannot succeed by being tried again ends the operation, and says so. */
const fail = async (database: Database, { tenant, id }: Operation, error: unknown): Promise<void> => {
  const code = isMatrixError(error) ? error.code : 'internal'
  await database.transaction(async tx => {
    const locked = await lockOperation(tx, tenant, id)
    if (locked?.state === 'RUNNING') await setOperationState(tx, locked, 'FAILED', code)
  })
}

/** Carries every running operation on by up to so many batches. Rejects with the first failure, after the others had their turn. */
export const advanceOperations = async (database: Database, batches = 20, maxCpuMs?: number): Promise<void> => {
  const failures: unknown[] = []
  for (const operation of await runningOperations(database)) {
    try {
      for (let n = 0; n < batches && (await advance(database, operation, maxCpuMs)); n++);
    } catch (error) {
      failures.push(error)
      if (!isMatrixError(error) || !error.retryable) await fail(database, operation, error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

/** Somebody's word is recorded in the transaction that follows it. */
type Record = (tx: Sql, change: { from: OperationState; to: OperationState }) => Promise<void>

/** Plans nothing more. What is in the queue is made; what has been made stays. False where it is over already. */
export const cancelOperation = (
  database: Database,
  { tenant, id }: Pick<Operation, 'tenant' | 'id'>,
  reason: string,
  record: Record = async () => undefined,
): Promise<boolean> =>
  database.transaction(async tx => {
    const locked = await lockOperation(tx, tenant, id)
    if (locked?.state !== 'RUNNING' && locked?.state !== 'PAUSED') return false
    await endSteps(tx, locked, await openSteps(tx, locked), 'SKIPPED')
    await setOperationState(tx, locked, 'CANCELLED', reason)
    await record(tx, { from: locked.state, to: 'CANCELLED' })
    return true
  })

/** Between working and waiting. What is in the queue is made meanwhile. False where it is in neither. */
export const setPaused = (
  database: Database,
  { tenant, id }: Pick<Operation, 'tenant' | 'id'>,
  isPaused: boolean,
  record: Record,
): Promise<boolean> =>
  database.transaction(async tx => {
    const locked = await lockOperation(tx, tenant, id)
    if (locked?.state !== 'RUNNING' && locked?.state !== 'PAUSED') return false
    const state = isPaused ? 'PAUSED' : 'RUNNING'
    if (locked.state !== state) await setOperationState(tx, locked, state)
    await record(tx, { from: locked.state, to: state })
    return true
  })
