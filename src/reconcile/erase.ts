/**
 * An erasure, carried on from where it stands:
 *
 *   (the request) nobody is answered any more, the caches in front are told, the event is appended
 *   UNBINDING   leaves and versions stop naming what the asset was made of
 *   FORGETTING  rows of nodes, outputs and originals go, original by original; what other assets share stays
 *   DELETING    the objects of what has no row any more are deleted, one by one, and looked for
 *   DONE        the receipt stands
 *
 * Of one version (manifest/prune.ts) what names it goes with the request, and PRUNING is the rest: FORGETTING and DELETING of what it
 * alone was made of.
 *
 * Each step is one transaction that holds the row of the erasure: any number of processes may carry one on, and a crash has
 * either done the step or not begun it. An object is deleted before its row says so; after a crash between them it is deleted
 * again. How bytes come again meanwhile is told in manifest/erased-bytes.ts.
 */
import type { Config } from '../config.ts'
import { cachedUntil, exposedUntil } from '../deliver/exposure.ts'
import type { Clock } from '../lib/clock.ts'
import { recordOwnAct } from '../manifest/audit.ts'
import type { Database, Sql } from '../manifest/database.ts'
import {
  type DoomedObject,
  hasOpenObjects,
  postponeDoomed,
  settleDoomed,
  takeDoomed,
} from '../manifest/erased-bytes.ts'
import { forgetOriginal, isBound, nextNamed, unbind } from '../manifest/erasure-steps.ts'
import {
  beginErasure,
  type ErasureWish,
  objectsOfErasure,
  openErasures,
  setErasureState,
  tryLockErasure,
} from '../manifest/erasures.ts'
import { tellFinished } from '../manifest/finished.ts'
import { overdueAssets } from '../manifest/withdraw.ts'
import type { Erasure } from '../model/erasure.ts'
import { type ErrorCode, isMatrixError, MatrixError } from '../model/errors.ts'
import { digestOf } from '../model/ids.ts'
import type { ObjectStore } from '../objects/store.ts'

export interface EraseDependencies {
  readonly database: Database
  readonly originals: Pick<ObjectStore, 'delete' | 'stat'>
  readonly derivatives: Pick<ObjectStore, 'delete' | 'stat'>
}

/** What an erasure asked for at this moment says of what was handed out before. */
export const exposureOf =
  (
    { presignSeconds, presignWindowSeconds }: Pick<Config, 'presignSeconds' | 'presignWindowSeconds'>,
    now: number,
  ): ErasureWish['exposure'] =>
  ({ streams }) => {
    const life = { lifeSeconds: presignSeconds, windowSeconds: presignWindowSeconds }
    return {
      exposedUntil: new Date(exposedUntil(now, life)),
      cachedUntil: new Date(cachedUntil(now, life, { streams })),
    }
  }

const finish = async (tx: Sql, erasure: Erasure): Promise<void> => {
  await setErasureState(tx, erasure, 'DONE')
  await recordReceipt(tx, erasure)
  // Why, in somebody's own words, is for the audit.
  const { owner: product } = erasure
  await tellFinished(tx, { ...erasure, kind: 'erasure', state: 'SUCCEEDED', product, reason: null })
}

const prune = async (tx: Sql, erasure: Erasure): Promise<boolean> => {
  if (await isBound(tx, erasure)) {
    await unbind(tx, erasure)
    return true
  }
  const original = await nextNamed(tx, erasure)
  if (original !== undefined) return forgetOriginal(tx, erasure, original)
  if (await hasOpenObjects(tx, erasure)) return false
  await finish(tx, erasure)
  return true
}

const step = async (tx: Sql, erasure: Erasure): Promise<boolean> => {
  if (erasure.state === 'PRUNING') return prune(tx, erasure)
  if (erasure.state === 'UNBINDING') {
    await unbind(tx, erasure)
    await setErasureState(tx, erasure, 'FORGETTING')
    return true
  }
  if (erasure.state === 'FORGETTING') {
    const original = await nextNamed(tx, erasure)
    if (original !== undefined) return forgetOriginal(tx, erasure, original)
    await setErasureState(tx, erasure, 'DELETING')
    return true
  }
  if (erasure.state !== 'DELETING' || (await hasOpenObjects(tx, erasure))) return false
  if (await isBound(tx, erasure)) {
    await setErasureState(tx, erasure, 'UNBINDING')
    return true
  }
  await finish(tx, erasure)
  return true
}

/** What is left to show: digests are told by the operation, as many as there were. */
const recordReceipt = async (tx: Sql, erasure: Erasure): Promise<void> => {
  const { tenant, id, asset, version, reason, correlationId, requestedBy, exposedUntil, cachedUntil } = erasure
  const objects = await objectsOfErasure(tx, erasure)
  const gone = objects.filter(({ state }) => state === 'DELETED')
  await recordOwnAct(tx, {
    tenant,
    actor: 'sweep',
    requestId: `erasure:${id}`,
    correlationId,
    action: version === null ? 'asset.erased' : 'version.purged',
    resource: version === null ? `assets/${asset}` : `assets/${asset}/versions/${version}`,
    after: {
      operation: id,
      requested_by: requestedBy,
      reason,
      objects: gone.length,
      bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0),
      originals: gone.filter(({ kind }) => kind === 'original').map(({ sha256 }) => digestOf(sha256)),
      kept: objects.length - gone.length,
      max_exposure_until: exposedUntil.toISOString(),
      cached_until: cachedUntil.toISOString(),
    },
  })
}

const advance = (database: Database, erasure: Erasure): Promise<boolean> =>
  database.transaction(async tx => {
    const now = await tryLockErasure(tx, erasure)
    return now === undefined ? false : step(tx, now)
  })

const POSTPONE_MS = 5_000

const deleteObject = async (
  { originals, derivatives }: EraseDependencies,
  { kind, objectKey }: DoomedObject,
): Promise<void> => {
  const store = kind === 'original' ? originals : derivatives
  await store.delete(objectKey)
  if (await store.stat(objectKey))
    throw new MatrixError('storage-unavailable', `delete ${objectKey}: the object is still there`)
}

/** One object. False: there is none to delete. What the store refuses is put off, and thrown. */
const deleteDoomed = async (dependencies: EraseDependencies): Promise<boolean> => {
  const { database } = dependencies
  let doomed: DoomedObject | undefined
  try {
    await database.transaction(async tx => {
      doomed = await takeDoomed(tx)
      if (!doomed) return
      if (!doomed.named) await deleteObject(dependencies, doomed)
      await settleDoomed(tx, doomed, doomed.named ? 'KEPT' : 'DELETED')
    })
    return doomed !== undefined
  } catch (error) {
    if (doomed) await postponeDoomed(database, doomed, POSTPONE_MS)
    throw error
  }
}

/** More originals than a version may sensibly have had, so that one erasure does not keep the others waiting. */
const MOST_STEPS = 200

const carryOn = async (dependencies: EraseDependencies, erasure: Erasure): Promise<void> => {
  for (let steps = 0; steps < MOST_STEPS && (await advance(dependencies.database, erasure)); steps++);
}

/** Of a store that is away, once is enough to know. */
const MOST_FAILURES = 5

/** Carries every erasure on. Rejects with the first failure, after the others had their turn; the next call tries again. */
export const advanceErasures = async (dependencies: EraseDependencies): Promise<void> => {
  const failures: unknown[] = []
  const attempt = (work: () => Promise<void>): Promise<void> => work().catch(error => void failures.push(error))
  const open = await openErasures(dependencies.database)
  for (const erasure of open) await attempt(() => carryOn(dependencies, erasure))
  for (let more = true; more; ) {
    more = await deleteDoomed(dependencies).catch(error => failures.push(error) < MOST_FAILURES)
  }
  for (const erasure of open) await attempt(() => carryOn(dependencies, erasure))
  if (failures.length > 0) throw failures[0]
}

/** What an overdue asset may have come to meanwhile. */
const STAYS: ReadonlySet<ErrorCode> = new Set(['conflict', 'asset-erased', 'held'])

/** What was deleted and not had back in time. What cannot be erased now, because it is laid on others, waits. */
export const eraseOverdue = async ({
  database,
  clock,
  config,
}: {
  readonly database: Database
  readonly clock: Clock
  readonly config: Config
}): Promise<void> => {
  for (const { tenant, asset } of await overdueAssets(database, config.deleteGraceHours * 3_600_000)) {
    const wish: ErasureWish = {
      tenant,
      asset,
      reason: 'deleted',
      cause: { actor: 'sweep', correlationId: `delete:${asset}` },
      requestedAt: new Date(clock.now()),
      exposure: exposureOf(config, clock.now()),
    }
    await database
      .transaction(tx => beginErasure(tx, wish))
      .catch(error => {
        if (!isMatrixError(error) || !STAYS.has(error.code)) throw error
      })
  }
}
