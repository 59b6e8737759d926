/**
 * Taking an asset from everybody, and giving it back. One row, locked; every gateway reads it before each answer, so what is
 * committed here holds for the next request anywhere.
 *
 *   shown --archive--> archived --restore--> shown
 *   either --delete--> deleted --undelete, within the grace--> as it was
 *                         \---the grace is over--> erased (manifest/erasures.ts), for good
 */
import { whyGone } from '../model/asset.ts'
import type { Fields } from '../model/audit.ts'
import { refuse } from '../model/errors.ts'
import type { Cause } from '../model/event.ts'
import type { EventType } from '../model/event-catalogue.ts'
import type { Sql } from './database.ts'
import { appendFacts } from './events.ts'
import { NOT_HELD, refuseHeld } from './holds.ts'
import { type LockedAsset, lockAsset } from './publish.ts'
import { cancelSchedule } from './schedules.ts'

export const WITHDRAWALS = ['archive', 'restore', 'delete', 'undelete'] as const
export type Withdrawal = (typeof WITHDRAWALS)[number]

/** Whoever shows it again after its end has decided so. */
const WITHOUT_PAST_END = 'expires_at = case when expires_at > now() then expires_at end'

/** What is deleted is archived too; `undelete` leaves what was archived before as it was. */
const CHANGES = {
  archive: {
    set: 'archived_at = now()',
    where: 'archived_at is null',
    fact: 'asset.archived',
  },
  restore: {
    set: `archived_at = null, ${WITHOUT_PAST_END}`,
    where: 'archived_at is not null',
    fact: 'asset.restored',
  },
  delete: {
    set: 'archived_at = coalesce(archived_at, now()), deleted_at = now()',
    where: 'deleted_at is null',
    fact: 'asset.deleted',
  },
  undelete: {
    set: `archived_at = nullif(archived_at, deleted_at), deleted_at = null, ${WITHOUT_PAST_END}`,
    where: 'deleted_at is not null',
    fact: 'asset.restored',
  },
} as const satisfies Record<Withdrawal, { set: string; where: string; fact: EventType }>

const statementOf = (verb: Withdrawal) => ({
  name: `asset_${verb}`,
  text: `update asset set ${CHANGES[verb].set}, updated_at = now()
         where tenant_id = $1 and asset_id = $2 and ${CHANGES[verb].where}
         returning archived_at is not null as archived, deleted_at is not null as deleted`,
})
const STATEMENTS = {
  archive: statementOf('archive'),
  restore: statementOf('restore'),
  delete: statementOf('delete'),
  undelete: statementOf('undelete'),
} as const satisfies Record<Withdrawal, object>

export interface WithdrawalOptions {
  readonly tenant: string
  readonly asset: string
  readonly cause: Cause
  /** `undefined`: whatever it is. */
  readonly expectedPublication: number | undefined
  /** For so long what is deleted may be had back. */
  readonly graceMs: number
  readonly now: number
}

const refuseWithdrawal = (
  verb: Withdrawal,
  { erased_at, deleted_at, publication_no }: LockedAsset,
  { expectedPublication, graceMs, now }: WithdrawalOptions,
): void => {
  const gone = whyGone({ archived: false, erased: erased_at !== null })
  if (gone) throw gone
  if (expectedPublication !== undefined && publication_no !== expectedPublication)
    throw refuse('precondition-failed', 'The asset has been published meanwhile.')
  if (deleted_at === null) return
  if (verb === 'restore') throw refuse('conflict', 'The asset is deleted: undelete it.')
  if (verb === 'undelete' && deleted_at.getTime() + graceMs <= now)
    throw refuse('asset-erased', 'The time in which it could be had back is over.')
}

/** Doing it twice is doing it once. Throws `not-found`, `asset-erased`, `precondition-failed`, `held` and `conflict`. */
export const withdrawAsset = async (
  tx: Sql,
  verb: Withdrawal,
  options: WithdrawalOptions,
): Promise<{ before: Fields; after: Fields }> => {
  const { tenant, asset, cause } = options
  const locked = await lockAsset(tx, tenant, asset)
  if (!locked) throw refuse('not-found', 'There is no such asset.')
  refuseWithdrawal(verb, locked, options)
  const before = { archived: locked.archived_at !== null, deleted: locked.deleted_at !== null }
  if (verb === 'delete' && !before.deleted) await refuseHeld(tx, { tenant, asset })
  const [after] = await tx.rows<{ archived: boolean; deleted: boolean }>(STATEMENTS[verb], [tenant, asset])
  if (!after) return { before, after: before }
  const cancelled = verb === 'archive' || verb === 'delete' ? await cancelSchedule(tx, { tenant, asset }, verb) : []
  const fact = {
    type: CHANGES[verb].fact,
    data: { asset, ...(verb === 'undelete' && after.archived && { archived: true as const }) },
  }
  await appendFacts(tx, { tenant, asset, cause, facts: [fact, ...cancelled] })
  return { before, after: { ...after } }
}

const OVERDUE = {
  name: 'assets_overdue',
  text: `select a.tenant_id as tenant, a.asset_id as asset from asset a
         where a.deleted_at < now() - make_interval(secs => $1) and a.erased_at is null and ${NOT_HELD('a')}
         order by a.deleted_at limit 100`,
}

/** Deleted for longer than the grace, and not held. */
export const overdueAssets = (sql: Sql, graceMs: number): Promise<{ tenant: string; asset: string }[]> =>
  sql.rows(OVERDUE, [graceMs / 1000])
