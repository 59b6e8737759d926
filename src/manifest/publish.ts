/**
 * The pointer and the gate. Everything here runs with the asset's row locked, and evaluates in a statement after the one that
 * took the lock: under READ COMMITTED two settling nodes would otherwise each miss the other (measured: 11 of 60 versions
 * stayed in PROCESSING for ever).
 *
 *   PROCESSING --every gated leaf done--> READY --policy when-ready--> ACTIVE
 *        \------a gated leaf dead------> FAILED --its dead nodes redriven--> PROCESSING
 *   publish: READY | ARCHIVED -> ACTIVE, the version that was ACTIVE -> ARCHIVED, pointer and history in the same transaction
 */
import { type VersionState, versionPurged, whyGone } from '../model/asset.ts'
import { refuse } from '../model/errors.ts'
import type { Appended, Cause } from '../model/event.ts'
import type { PublishGate } from '../model/product.ts'
import type { Database, Sql } from './database.ts'
import { appendFacts, appendNotice } from './events.ts'
import { readGate } from './gate.ts'
import { scheduleFact } from './schedules.ts'

const LOCK_ASSET = {
  name: 'asset_lock',
  text: `select a.active_version, a.publication_no, a.metadata_no, a.archived_at, a.deleted_at, a.erased_at, a.expires_at, a.collection_id, c.publish_gate
         from asset a join collection c using (tenant_id, collection_id)
         where a.tenant_id = $1 and a.asset_id = $2 for update of a`,
}

export interface LockedAsset {
  readonly active_version: number | null
  readonly publication_no: number
  readonly metadata_no: number
  readonly archived_at: Date | null
  readonly deleted_at: Date | null
  readonly erased_at: Date | null
  readonly expires_at: Date | null
  readonly collection_id: string
  readonly publish_gate: PublishGate
}

export const lockAsset = async (tx: Sql, tenant: string, asset: string): Promise<LockedAsset | undefined> =>
  (await tx.rows<LockedAsset>(LOCK_ASSET, [tenant, asset]))[0]

const SET_STATE = {
  name: 'version_set_state',
  text: `update asset_version set state = $4::version_state, failure = $5,
           ready_at = case when $4 in ('READY', 'ACTIVE') then coalesce(ready_at, now()) else ready_at end,
           activated_at = case when $4 = 'ACTIVE' then now() else activated_at end,
           archived_at = case when $4 = 'ARCHIVED' then now() when $4 = 'ACTIVE' then null else archived_at end
         where tenant_id = $1 and asset_id = $2 and version = $3`,
}

/** What was decided last holds: a publish that was set for a time before goes with it. */
const MOVE_POINTER = {
  name: 'asset_move_pointer',
  text: `with moot as (delete from schedule where tenant_id = $1 and asset_id = $2 returning version)
         update asset set active_version = $3, publication_no = publication_no + 1, updated_at = now()
         where tenant_id = $1 and asset_id = $2 returning publication_no, (select version from moot) as scheduled, expires_at`,
}

const RECORD = {
  name: 'publication_record',
  text: `insert into publication (tenant_id, asset_id, publication_no, version, previous_version, reason, actor) values ($1, $2, $3, $4, $5, $6, $7)`,
}

interface Target {
  readonly tenant: string
  readonly asset: string
  readonly version: number
  readonly cause: Cause
}

const setState = (
  tx: Sql,
  { tenant, asset, version }: Omit<Target, 'cause'>,
  state: VersionState,
  failure: unknown = null,
) => tx.rows(SET_STATE, [tenant, asset, version, state, failure === null ? null : JSON.stringify(failure)])

interface Move {
  readonly previous: number | null
  readonly reason: 'publish' | 'rollback' | 'auto'
  readonly sha256: string
  readonly scheduledAt?: Date | undefined
}

interface Moved {
  readonly publication_no: number
  readonly scheduled: number | null
  readonly expires_at: Date | null
}

/** Moves the pointer. The caller holds the lock and has checked that the version may be shown. */
const movePointer = async (
  tx: Sql,
  target: Target,
  { previous, reason, sha256, scheduledAt }: Move,
): Promise<{ publication: number; facts: Appended[] }> => {
  const { tenant, asset, version, cause } = target
  if (previous !== null) await setState(tx, { tenant, asset, version: previous }, 'ARCHIVED')
  await setState(tx, target, 'ACTIVE')
  const [row] = await tx.rows<Moved>(MOVE_POINTER, [tenant, asset, version])
  const {
    publication_no: publication,
    scheduled,
    expires_at,
  } = row ?? { publication_no: 0, scheduled: null, expires_at: null }
  await tx.rows(RECORD, [tenant, asset, publication, version, previous, reason, cause.actor])
  const digest = `sha256:${sha256}`
  const moved = { asset, version, previous_version: previous, publication, reason, digest }
  const facts: Appended[] = [
    {
      type: reason === 'rollback' ? 'asset.rolled_back' : 'asset.published',
      data: { ...moved, ...(scheduledAt && { scheduled_at: scheduledAt.toISOString() }) },
    },
  ]
  if (scheduled !== null && scheduled !== version)
    facts.push({
      ...scheduleFact(asset, { publish: undefined, until: expires_at ?? undefined }, reason),
      follows: true,
    })
  return { publication, facts }
}

/**
 * Lets a version take the step that its leaves allow, if any: called after every change that may have opened or closed its
 * gate, any number of times. Locks the asset first.
 */
export const advanceVersion = async (tx: Sql, target: Target): Promise<VersionState | undefined> => {
  const { tenant, asset, version, cause } = target
  const locked = await lockAsset(tx, tenant, asset)
  const gate = await readGate(tx, tenant, asset, version)
  if (!locked || !gate) return undefined
  if (gate.state !== 'PROCESSING') return gate.state
  const facts: Appended[] = []
  let state: VersionState = gate.state
  const auto = { previous: locked.active_version, reason: 'auto', sha256: gate.sha256 } as const
  if (gate.publish_policy === 'now' && locked.archived_at === null && version > (locked.active_version ?? 0)) {
    facts.push(...(await movePointer(tx, target, auto)).facts)
    state = 'ACTIVE'
  } else if (gate.dead > 0) {
    const failed = gate.blocking.filter(({ code }) => code !== null)
    await setState(tx, target, 'FAILED', { code: failed[0]?.code ?? 'rendition-failed', failed })
    const causes = failed.map(one => ({ cause: 'rendition-failed' as const, ...one }))
    facts.push({ type: 'asset.version_failed', data: { asset, version, failed: causes } })
    state = 'FAILED'
  } else if (gate.pending === 0) {
    await setState(tx, target, 'READY')
    facts.push({ type: 'asset.version_ready', data: { asset, version, digest: `sha256:${gate.sha256}` } })
    state = 'READY'
    // A newer version that was published meanwhile stays: nothing goes back in time by itself.
    if (gate.publish_policy === 'when-ready' && locked.archived_at === null && version > (locked.active_version ?? 0)) {
      const moved = await movePointer(tx, target, auto)
      facts.push(...moved.facts.map(fact => ({ ...fact, follows: true as const })))
      state = 'ACTIVE'
    }
  }
  await appendFacts(tx, { tenant, asset, cause, facts })
  return state
}

/** Lets a version that failed wait again, where nothing that it waits for is dead any more. */
export const reopenVersion = async (tx: Sql, target: Target): Promise<void> => {
  const { tenant, asset, version } = target
  await lockAsset(tx, tenant, asset)
  const gate = await readGate(tx, tenant, asset, version)
  if (gate?.state !== 'FAILED' || gate.dead > 0) return
  await setState(tx, target, 'PROCESSING')
  await advanceVersion(tx, target)
}

export interface Publication {
  readonly publication: number
  /** Of labels and attributes, which a publish leaves as they are. */
  readonly metadata: number
  readonly version: number
  readonly previousVersion: number | undefined
}

export interface PublishOptions {
  readonly reason: 'publish' | 'rollback'
  /** `undefined`: whatever it is. */
  readonly expectedPublication: number | undefined
  /** For when it was set, where it was. */
  readonly scheduledAt?: Date | undefined
}

/**
 * Publishes a version that is complete, for all products at once. Publishing the current version again changes nothing.
 * Throws `not-found`, `asset-archived`, `version-purged`, `precondition-failed`, `not-ready` (naming what blocks).
 */
export const publishVersion = async (
  tx: Sql,
  target: Target,
  { reason, expectedPublication, scheduledAt }: PublishOptions,
): Promise<Publication> => {
  const { tenant, asset, version, cause } = target
  const locked = await lockAsset(tx, tenant, asset)
  if (!locked) throw refuse('not-found', 'There is no such asset.')
  const gone = whyGone({ archived: locked.archived_at !== null, erased: locked.erased_at !== null })
  if (gone) throw gone
  if (expectedPublication !== undefined && expectedPublication !== locked.publication_no) {
    throw refuse('precondition-failed', `The asset is at publication ${locked.publication_no}.`, {
      details: { publication: locked.publication_no },
    })
  }
  const { metadata_no: metadata } = locked
  const gate = await readGate(tx, tenant, asset, version)
  if (!gate) throw refuse('not-found', 'There is no such version.')
  if (gate.state === 'ACTIVE')
    return { publication: locked.publication_no, metadata, version, previousVersion: undefined }
  if (gate.state === 'PURGED') throw versionPurged(version)
  if (gate.state !== 'READY' && gate.state !== 'ARCHIVED') {
    throw refuse('not-ready', `Version ${version} is ${gate.state}.`, {
      details: { state: gate.state, blocking: gate.blocking },
      retryAfterSeconds: 1,
    })
  }
  const previous = locked.active_version
  const { publication, facts } = await movePointer(tx, target, { previous, reason, sha256: gate.sha256, scheduledAt })
  await appendFacts(tx, { tenant, asset, cause, facts })
  return { publication, metadata, version, previousVersion: previous ?? undefined }
}

const EARLIER = {
  name: 'publication_earlier',
  text: `select p.version from publication p join asset_version v using (tenant_id, asset_id, version)
         where p.tenant_id = $1 and p.asset_id = $2 and p.version <> $3 and v.state = 'ARCHIVED'
         order by p.publication_no desc limit 1`,
}

/** The version that was current before the present one. */
export const earlierVersion = async (
  tx: Sql,
  tenant: string,
  asset: string,
  current: number,
): Promise<number | undefined> => (await tx.rows<{ version: number }>(EARLIER, [tenant, asset, current]))[0]?.version

const STUCK = {
  name: 'versions_stuck',
  text: `select v.tenant_id as tenant, v.asset_id as asset, v.version from asset_version v
         where v.state = 'PROCESSING' and not exists (
           select 1 from leaf l join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
           where l.tenant_id = v.tenant_id and l.asset_id = v.asset_id and l.version = v.version
             and l.required and l.eager and n.state not in ('DONE', 'DEAD'))
         order by v.created_at limit 100`,
}

/** Repairs what a process left that died between settling a node and advancing its versions. Finds nothing in a healthy system. */
export const advanceStuckVersions = async (database: Database, cause: Cause): Promise<number> => {
  const stuck = await database.rows<Omit<Target, 'cause'>>(STUCK, [])
  for (const target of stuck)
    await database.transaction(async tx => {
      const state = await advanceVersion(tx, { ...target, cause })
      const { tenant, asset, version } = target
      const resource = `assets/${asset}/versions/${version}`
      const notice = { type: 'drift.healed', data: { kind: 'version-stuck', resource } } as const
      if (state !== 'PROCESSING') await appendNotice(tx, { tenant, subject: resource, cause, notice })
    })
  return stuck.length
}

const FIRST_PUBLICATIONS = {
  name: 'first_publications',
  text: `select q.tenant, q.asset, a.active_version is not null as published,
                exists (select 1 from asset_version v where v.tenant_id = q.tenant and v.asset_id = q.asset
                          and v.state in ('PENDING', 'PROCESSING') and v.publish_policy <> 'manual') as coming
         from unnest($1::text[], $2::uuid[]) as q (tenant, asset)
         join asset a on a.tenant_id = q.tenant and a.asset_id = q.asset`,
}

/** For assets that nobody has seen yet: is something published now, and is something on its way? */
export const firstPublications = (sql: Sql, assets: readonly { tenant: string; key: string }[]) =>
  sql.rows<{ tenant: string; asset: string; published: boolean; coming: boolean }>(FIRST_PUBLICATIONS, [
    assets.map(({ tenant }) => tenant),
    assets.map(({ key }) => key),
  ])
