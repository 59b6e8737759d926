/**
 * An imported line, taken back in the name of who said so. A new asset is deleted, and may be had back within the grace like any
 * other; its aliases are free at once. A new version gives its place to the one that was current before and stays in the history.
 * What others have gone on from stays as it is, and is reported: an undo takes nothing back but what the line made.
 */
import type { Clock } from '../lib/clock.ts'
import { forgetAliases } from '../manifest/aliases.ts'
import { recordAudit } from '../manifest/audit.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { hasNewerVersion, keepBack, releaseAlias } from '../manifest/imports.ts'
import { earlierVersion, lockAsset, publishVersion } from '../manifest/publish.ts'
import { withdrawAsset } from '../manifest/withdraw.ts'
import { actorOf, type Fields } from '../model/audit.ts'
import { refuse } from '../model/errors.ts'
import type { Cause } from '../model/event.ts'
import type { ImportUndo } from '../model/import.ts'
import { causeOfSaga, type Saga } from '../model/saga.ts'
import { permitOnAsset } from '../policy/permission.ts'
import type { Policy } from '../policy/policy.ts'

export interface UndoDependencies {
  readonly database: Database
  readonly clock: Clock
  readonly policy: Policy
  readonly deleteGraceHours: number
}

const HOUR_MS = 3_600_000

const release = async (tx: Sql, named: { tenant: string; asset: string }): Promise<void> => {
  await releaseAlias(tx, named)
  await forgetAliases(tx, named)
}

const deleteAsset = async (
  tx: Sql,
  { clock, deleteGraceHours }: UndoDependencies,
  { tenant, asset, cause }: { tenant: string; asset: string; cause: Cause },
): Promise<{ before: Fields; after: Fields } | undefined> => {
  const locked = await lockAsset(tx, tenant, asset)
  if (!locked || locked.deleted_at !== null) {
    await release(tx, { tenant, asset })
    return undefined
  }
  if (await hasNewerVersion(tx, { tenant, asset, version: 1 }))
    throw refuse('conflict', 'The asset has a version that the import did not make.')
  const change = await withdrawAsset(tx, 'delete', {
    tenant,
    asset,
    cause,
    expectedPublication: undefined,
    graceMs: deleteGraceHours * HOUR_MS,
    now: clock.now(),
  })
  await release(tx, { tenant, asset })
  return change
}

const withdrawVersion = async (
  tx: Sql,
  target: { tenant: string; asset: string; version: number; cause: Cause },
): Promise<{ before: Fields; after: Fields } | undefined> => {
  const { tenant, asset, version, cause } = target
  const locked = await lockAsset(tx, tenant, asset)
  if (!locked || locked.erased_at !== null) return undefined
  const before = { version: locked.active_version }
  if (locked.active_version !== version) {
    await keepBack(tx, target)
    return undefined
  }
  const earlier = await earlierVersion(tx, tenant, asset, version)
  if (earlier === undefined) throw refuse('conflict', 'The asset has no version that was current before.')
  await publishVersion(
    tx,
    { tenant, asset, version: earlier, cause },
    { reason: 'rollback', expectedPublication: undefined },
  )
  return { before, after: { version: earlier } }
}

/** Throws `conflict` where others have gone on from it, `forbidden` and `not-found` where it is not for the caller to say. */
export const undoLine = async (
  dependencies: UndoDependencies,
  saga: Saga,
  { undo, settle }: { undo: ImportUndo; settle: (tx: Sql) => Promise<void> },
): Promise<void> => {
  const { tenant, id, principal, client, correlationId } = saga
  const { asset } = undo
  const address = () => client ?? undefined
  const product = principal.product ?? ''
  const { effect, rule } = await permitOnAsset(dependencies, { principal, product, action: 'publish', address, asset })
  if (effect === 'hide') throw refuse('not-found', 'There is no such asset for this product.')
  if (effect === 'forbid')
    throw refuse('forbidden', 'The product may not take this back.', { details: { reasons: [rule] } })
  const whose = { tenant, asset, cause: causeOfSaga(saga) }
  await dependencies.database.transaction(async tx => {
    const change =
      undo.do === 'delete-asset'
        ? await deleteAsset(tx, dependencies, whose)
        : await withdrawVersion(tx, { ...whose, version: undo.version })
    if (change)
      await recordAudit(tx, {
        ...actorOf(principal),
        requestId: `operation:${id}`,
        correlationId,
        client: client ?? undefined,
        action: undo.do === 'delete-asset' ? 'asset.delete' : 'asset.rollback',
        resource: `assets/${asset}`,
        reasons: [],
        ...change,
      })
    await settle(tx)
  })
}
