/**
 * Publishes and ends that are set for a time. A publish is a row of its own, the end stands with the asset: every answer reads
 * it there. Whoever writes either has locked the asset, and so has whoever carries one out, so it happens once.
 *
 *   set --its time, the version complete--> published, as by hand --the row is gone
 *    |  \--its time, not complete yet--> waiting, told once --complete--> published
 *    \--the pointer moves, the asset is archived, deleted or erased, or somebody takes it back--> gone
 */
import type { VersionState } from '../model/asset.ts'
import type { Appended, Cause, Fact } from '../model/event.ts'
import type { Schedule, ScheduledPublish, ScheduleReason } from '../model/schedule.ts'
import type { Sql } from './database.ts'

const READ = {
  name: 'schedule_read',
  text: `select s.version, s.publish_at as at, s.waiting_since as waiting, a.expires_at as until, now() as now
         from asset a left join schedule s on s.tenant_id = a.tenant_id and s.asset_id = a.asset_id
         where a.tenant_id = $1 and a.asset_id = $2`,
}

interface Row {
  readonly version: number | null
  readonly at: Date | null
  readonly waiting: Date | null
  readonly until: Date | null
  readonly now: Date
}

/** What is set, and what time it is where it is carried out. */
export const readSchedule = async (sql: Sql, tenant: string, asset: string): Promise<Schedule & { now: Date }> => {
  const [row] = await sql.rows<Row>(READ, [tenant, asset])
  const { version, at, waiting, until, now } = row ?? {
    version: null,
    at: null,
    waiting: null,
    until: null,
    now: new Date(0),
  }
  return {
    publish: version === null || at === null ? undefined : { version, at, waitingSince: waiting ?? undefined },
    until: until ?? undefined,
    now,
  }
}

interface Named {
  readonly tenant: string
  readonly asset: string
}

const CLEAR = {
  name: 'schedule_clear',
  text: 'delete from schedule where tenant_id = $1 and asset_id = $2',
}
const SET = {
  name: 'schedule_set',
  text: `insert into schedule (tenant_id, asset_id, version, publish_at, set_by, correlation_id, traceparent) values ($1, $2, $3, $4, $5, $6, $7)`,
}
/** It waits for its time now, and does not publish itself before. */
const BECOME_MANUAL = {
  name: 'schedule_become_manual',
  text: `update asset_version set publish_policy = 'manual'
         where tenant_id = $1 and asset_id = $2 and version = $3 and state in ('PENDING', 'PROCESSING')`,
}
/** Counted with labels and attributes: the ETag of the asset tells it, and what was read before is read anew (warm-read.ts). */
const SET_END = {
  name: 'schedule_set_end',
  text: `update asset set expires_at = $3, metadata_no = metadata_no + 1, updated_at = now()
         where tenant_id = $1 and asset_id = $2 returning metadata_no`,
}

/** As an event tells it. */
export const scheduleFact = (asset: string, { publish, until }: Schedule, reason: ScheduleReason): Fact => ({
  type: 'asset.schedule_changed',
  data: {
    asset,
    reason,
    publish: publish && { version: publish.version, at: publish.at.toISOString() },
    until: until?.toISOString(),
  },
})

/** In place of whatever was set; for whoever has locked the asset. Returns the new number of its metadata. */
export const writeSchedule = async (
  tx: Sql,
  { tenant, asset, cause }: Named & { readonly cause: Cause },
  { publish, until }: { readonly publish: Omit<ScheduledPublish, 'waitingSince'> | undefined; until: Date | undefined },
): Promise<number> => {
  await tx.rows(CLEAR, [tenant, asset])
  if (publish) {
    const whose = [cause.actor, cause.correlationId, cause.traceparent ?? null]
    await tx.rows(SET, [tenant, asset, publish.version, publish.at, ...whose])
    await tx.rows(BECOME_MANUAL, [tenant, asset, publish.version])
  }
  const [row] = await tx.rows<{ metadata_no: number }>(SET_END, [tenant, asset, until ?? null])
  return row?.metadata_no ?? 0
}

const CANCEL = {
  name: 'schedule_cancel',
  text: `with gone as (delete from schedule where tenant_id = $1 and asset_id = $2 returning 1)
         update asset set metadata_no = metadata_no + 1 where tenant_id = $1 and asset_id = $2 and exists (select 1 from gone)
         returning expires_at as until`,
}

/** The asset is taken from everybody: nothing is published by itself after. The fact, where anything was set: it follows from what takes the asset. */
export const cancelSchedule = async (
  tx: Sql,
  { tenant, asset }: Named,
  reason: ScheduleReason,
): Promise<readonly Appended[]> => {
  const [gone] = await tx.rows<{ until: Date | null }>(CANCEL, [tenant, asset])
  const left = { publish: undefined, until: gone?.until ?? undefined }
  return gone ? [{ ...scheduleFact(asset, left, reason), follows: true }] : []
}

const DUE = {
  name: 'schedules_due',
  text: `select s.tenant_id as tenant, s.asset_id as asset from schedule s
         join lateral (select v.state from asset_version v
           where v.tenant_id = s.tenant_id and v.asset_id = s.asset_id and v.version = s.version offset 0) v on true
         where s.publish_at <= now() and (s.waiting_since is null or v.state not in ('PENDING', 'PROCESSING', 'FAILED'))
         order by s.publish_at limit 100`,
}

/** Of every tenant, the longest due first; without those that wait for their version still. */
export const duePublishes = (sql: Sql): Promise<Named[]> => sql.rows<Named>(DUE, [])

const TAKE = {
  name: 'schedule_take',
  text: `select s.version, s.publish_at as at, s.waiting_since as "waitingSince", s.set_by as "setBy", s.correlation_id as "correlationId", s.traceparent, v.state,
                extract(epoch from now() - s.publish_at)::float8 as "lateSeconds"
         from schedule s join asset_version v using (tenant_id, asset_id, version)
         where s.tenant_id = $1 and s.asset_id = $2 and s.publish_at <= now()`,
}

export interface DuePublish {
  readonly version: number
  readonly at: Date
  readonly waitingSince: Date | null
  readonly setBy: string
  readonly correlationId: string
  readonly traceparent: string | null
  readonly state: VersionState
  readonly lateSeconds: number
}

/** What is due of an asset that the caller has locked; `undefined`: somebody else was first, or took it back. */
export const dueOf = async (tx: Sql, { tenant, asset }: Named): Promise<DuePublish | undefined> =>
  (await tx.rows<DuePublish>(TAKE, [tenant, asset]))[0]

const WAIT = {
  name: 'schedule_wait',
  text: `with waiting as (update schedule set waiting_since = now() where tenant_id = $1 and asset_id = $2 and waiting_since is null returning 1)
         update asset set metadata_no = metadata_no + 1 where tenant_id = $1 and asset_id = $2 and exists (select 1 from waiting)`,
}

/** Its time has come and its version is not complete. */
export const markWaiting = async (tx: Sql, { tenant, asset }: Named): Promise<void> => {
  await tx.rows(WAIT, [tenant, asset])
}

const ENDED = {
  name: 'assets_ended',
  text: 'select tenant_id as tenant, asset_id as asset from asset where expires_at <= now() order by expires_at limit 100',
}

export const endedAssets = (sql: Sql): Promise<Named[]> => sql.rows<Named>(ENDED, [])

/** What is deleted meanwhile is archived when it is had back: `undelete` tells that by the two times. */
const END = {
  name: 'asset_end',
  text: `with ended as (select tenant_id, asset_id, expires_at, archived_at is null as shown from asset
           where tenant_id = $1 and asset_id = $2 and expires_at <= now() for update)
         update asset a set expires_at = null, updated_at = now(),
           archived_at = case when a.archived_at is null or a.archived_at = a.deleted_at then now() else a.archived_at end
         from ended e where a.tenant_id = e.tenant_id and a.asset_id = e.asset_id
         returning e.expires_at as at, e.shown`,
}

/** Archives what has come to its end. `shown`: it was there for anybody until then. `undefined`: somebody else was first. */
export const endAsset = async (
  tx: Sql,
  { tenant, asset }: Named,
): Promise<{ readonly at: Date; readonly shown: boolean } | undefined> =>
  (await tx.rows<{ at: Date; shown: boolean }>(END, [tenant, asset]))[0]

const BACKLOG = {
  name: 'schedules_backlog',
  text: `select count(*) filter (where publish_at > now())::int as ahead, count(*) filter (where waiting_since is not null)::int as waiting,
                count(*) filter (where waiting_since is null and publish_at < now() - interval '60 seconds')::int as missed
         from schedule where tenant_id is not null`,
}

export interface ScheduleBacklog {
  readonly ahead: number
  /** Past their time, for their version is not complete. */
  readonly waiting: number
  /** Past their time by a minute, and nobody has looked. */
  readonly missed: number
}

export const scheduleBacklog = async (sql: Sql): Promise<ScheduleBacklog> =>
  (await sql.rows<ScheduleBacklog>(BACKLOG, []))[0] ?? { ahead: 0, waiting: 0, missed: 0 }
