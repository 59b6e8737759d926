/**
 * What was set for a time, carried out when it has come: by whoever looks first, in one transaction that has locked the asset,
 * so once. Postgres tells the time. A version that is not complete by then is published as soon as it is; that it waits is told
 * once, by an event, and shown by the metric and by the doctor until it is over.
 */
import { recordOwnAct } from '../manifest/audit.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { appendFacts } from '../manifest/events.ts'
import { readGate } from '../manifest/gate.ts'
import { lockAsset, publishVersion } from '../manifest/publish.ts'
import {
  cancelSchedule,
  type DuePublish,
  dueOf,
  duePublishes,
  endAsset,
  endedAssets,
  markWaiting,
} from '../manifest/schedules.ts'
import type { Fields } from '../model/audit.ts'
import type { Cause } from '../model/event.ts'
import type { Metrics } from '../telemetry/metrics.ts'

interface Named {
  readonly tenant: string
  readonly asset: string
}

const recordSwept = (
  tx: Sql,
  { tenant, asset, cause }: Named & { readonly cause: Cause },
  { action, before, after }: { action: string; before: Fields; after: Fields },
): Promise<void> =>
  recordOwnAct(tx, {
    tenant,
    actor: 'sweep',
    requestId: `schedule:${asset}`,
    correlationId: cause.correlationId,
    action,
    resource: `assets/${asset}`,
    reasons: ['schedule'],
    before,
    after,
  })

const publishDue = async (tx: Sql, target: Named & { readonly cause: Cause }, due: DuePublish): Promise<void> => {
  const { version, at, setBy } = due
  const options = { reason: 'publish', expectedPublication: undefined, scheduledAt: at } as const
  const { publication, previousVersion } = await publishVersion(tx, { ...target, version }, options)
  const after = { version, publication, scheduled_at: at.toISOString(), scheduled_by: setBy }
  await recordSwept(tx, target, { action: 'asset.publish', before: { version: previousVersion }, after })
}

const waitFor = async (tx: Sql, target: Named & { readonly cause: Cause }, due: DuePublish): Promise<void> => {
  if (due.waitingSince !== null) return
  const { tenant, asset, cause } = target
  const gate = await readGate(tx, tenant, asset, due.version)
  await markWaiting(tx, target)
  const data = {
    asset,
    version: due.version,
    at: due.at.toISOString(),
    state: due.state,
    blocking: gate?.blocking ?? [],
  }
  await appendFacts(tx, { tenant, asset, cause, facts: [{ type: 'asset.publish_delayed', data }] })
}

/** Gives how late it is, in seconds, where it is published now. */
const carryOut = async (tx: Sql, { tenant, asset }: Named): Promise<number | undefined> => {
  const locked = await lockAsset(tx, tenant, asset)
  const due = await dueOf(tx, { tenant, asset })
  if (!locked || !due) return undefined
  // In the name of who set it: that is when it was decided.
  const { setBy: actor, correlationId, traceparent } = due
  const target = { tenant, asset, cause: { actor, correlationId, traceparent: traceparent ?? undefined } }
  if (locked.archived_at !== null || due.state === 'PURGED' || due.state === 'ACTIVE') {
    const facts = await cancelSchedule(tx, target, 'gone')
    await appendFacts(tx, { ...target, facts })
    return undefined
  }
  if (due.state === 'READY' || due.state === 'ARCHIVED') {
    await publishDue(tx, target, due)
    return due.lateSeconds
  }
  await waitFor(tx, target, due)
  return undefined
}

const end = async (tx: Sql, { tenant, asset }: Named): Promise<void> => {
  const ended = await endAsset(tx, { tenant, asset })
  if (!ended) return
  const cause = { actor: 'sweep', correlationId: `schedule:${asset}` }
  const cancelled = await cancelSchedule(tx, { tenant, asset }, 'archive')
  const data = { asset, reason: 'expired', expires_at: ended.at.toISOString() }
  const facts = [...(ended.shown ? [{ type: 'asset.archived' as const, data }] : []), ...cancelled]
  await appendFacts(tx, { tenant, asset, cause, facts })
  if (!ended.shown) return
  const after = { archived: true, until: ended.at.toISOString() }
  await recordSwept(tx, { tenant, asset, cause }, { action: 'asset.archive', before: { archived: false }, after })
}

export interface ScheduleDependencies {
  readonly database: Database
  readonly metrics?: Pick<Metrics, 'scheduleLag'>
}

/** Everything whose time has come. Rejects with the first failure, after the others had their turn; the next call tries again. */
export const carryOutSchedules = async ({ database, metrics }: ScheduleDependencies): Promise<void> => {
  const failures: unknown[] = []
  const attempt = (work: () => Promise<void>): Promise<void> => work().catch(error => void failures.push(error))
  // Ends first: what ends now is not published any more.
  for (const named of await endedAssets(database)) await attempt(() => database.transaction(tx => end(tx, named)))
  for (const named of await duePublishes(database))
    await attempt(async () => {
      const late = await database.transaction(tx => carryOut(tx, named))
      if (late !== undefined) metrics?.scheduleLag.observe(late)
    })
  if (failures.length > 0) throw failures[0]
}
