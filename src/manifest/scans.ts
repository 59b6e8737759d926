/**
 * Verdicts about originals, and the versions that wait for them. A verdict is of bytes: every version of them, in every collection that
 * asks for one, is let go or held by it. Who takes a scan has it for a while; who dies with it leaves it to be taken again.
 */
import type { Hex } from '../model/ids.ts'
import type { ImageFacts } from '../model/original.ts'
import type { ScanState, Verdict } from '../model/scan.ts'
import type { Sql } from './database.ts'

/** What a person said stands for good. */
const PERSON = 'person'
const STALE = `told_by <> '${PERSON}' and told_at < now() - make_interval(secs => $3)`

const FORGET_STALE = {
  name: 'scan_forget_stale',
  text: `delete from scan where tenant_id = $1 and sha256 = decode($2, 'hex') and ${STALE}`,
}
const REQUIRE = {
  name: 'scan_require',
  text: `insert into scan (tenant_id, sha256) values ($1, decode($2, 'hex'))
         on conflict (tenant_id, sha256) do update set state = scan.state returning state`,
}

export interface ScanWish {
  readonly tenant: string
  readonly sha256: Hex
  /** A verdict that is older is no verdict. */
  readonly freshSeconds: number
}

/** The verdict; where there is none, it is asked for. Holds the row, so that one which is told meanwhile finds the version. */
export const requireScan = async (tx: Sql, { tenant, sha256, freshSeconds }: ScanWish): Promise<ScanState> => {
  await tx.rows(FORGET_STALE, [tenant, sha256, freshSeconds])
  const [row] = await tx.rows<{ state: ScanState }>(REQUIRE, [tenant, sha256])
  return row?.state ?? 'WAITING'
}

const FIND = {
  name: 'scan_find',
  text: `select state from scan where tenant_id = $1 and sha256 = decode($2, 'hex') and not coalesce(${STALE}, false)`,
}

export const findScan = async (sql: Sql, { tenant, sha256, freshSeconds }: ScanWish): Promise<ScanState | undefined> =>
  (await sql.rows<{ state: ScanState }>(FIND, [tenant, sha256, freshSeconds]))[0]?.state

/** A minute, and as long as its bytes take at 5 MB/s: a scan that takes longer is done twice, and one whose process dies is not late by much. */
const TAKE = {
  name: 'scan_take',
  text: `update scan s set tries = s.tries + 1, not_before = now() + make_interval(secs => 60 + o.byte_length / 5e6)
         from (select tenant_id, sha256 from scan where state = 'WAITING' and not_before <= now() and tenant_id is not null
               order by not_before limit 1 for update skip locked) due
         join original o using (tenant_id, sha256)
         where s.tenant_id = due.tenant_id and s.sha256 = due.sha256
         returning s.tenant_id as tenant, encode(s.sha256, 'hex') as sha256, s.tries, o.byte_length as bytes,
           o.media_type as "mediaType", o.object_key as "objectKey"`,
}

export interface TakenScan {
  readonly tenant: string
  readonly sha256: Hex
  /** This one included. */
  readonly tries: number
  readonly bytes: number
  readonly mediaType: string
  readonly objectKey: string
}

/** The most overdue, of every tenant. */
export const takeScan = async (sql: Sql): Promise<TakenScan | undefined> => (await sql.rows<TakenScan>(TAKE, []))[0]

const TELL = {
  name: 'scan_tell',
  text: `insert into scan (tenant_id, sha256, state, signature, told_by, told_at) values ($1, decode($2, 'hex'), $3, $4, $5, now())
         on conflict (tenant_id, sha256) do update set state = excluded.state, signature = excluded.signature,
           told_by = excluded.told_by, told_at = excluded.told_at, last_error = null
         where scan.state = 'WAITING' or excluded.told_by = '${PERSON}'`,
}

type Told = Pick<TakenScan, 'tenant' | 'sha256'>

export const tellScan = async (
  sql: Sql,
  { tenant, sha256 }: Told,
  verdict: Verdict,
  toldBy: string = PERSON,
): Promise<void> => {
  const state: ScanState = verdict.clean ? 'CLEAN' : 'INFECTED'
  await sql.rows(TELL, [tenant, sha256, state, verdict.clean ? null : verdict.signature, toldBy])
}

const POSTPONE = {
  name: 'scan_postpone',
  text: `update scan set last_error = $3, not_before = now() + make_interval(secs => $4)
         where tenant_id = $1 and sha256 = decode($2, 'hex') and state = 'WAITING'`,
}

export const postponeScan = async (
  sql: Sql,
  { tenant, sha256 }: Told,
  { why, waitMs }: { why: string; waitMs: number },
): Promise<void> => {
  await sql.rows(POSTPONE, [tenant, sha256, why.slice(0, 200), waitMs / 1000])
}

const HELD = {
  name: 'scan_held',
  text: `select v.tenant_id as tenant, v.asset_id as asset, v.version, encode(v.sha256, 'hex') as sha256, s.state, s.signature,
                o.image, a.collection_id as collection
         from asset_version v
         join scan s using (tenant_id, sha256) join original o using (tenant_id, sha256) join asset a using (tenant_id, asset_id)
         where v.state = 'PENDING' and v.tenant_id is not null
           and (s.state = 'CLEAN' or s.state = 'INFECTED' and v.failure is null)
         order by v.created_at limit $1`,
}

export interface HeldVersion {
  readonly tenant: string
  readonly asset: string
  readonly version: number
  readonly sha256: Hex
  readonly state: Exclude<ScanState, 'WAITING'>
  readonly signature: string | null
  readonly image: ImageFacts | null
  readonly collection: string
}

/** That wait for a verdict which has been told. */
export const heldVersions = (sql: Sql, limit: number): Promise<HeldVersion[]> => sql.rows<HeldVersion>(HELD, [limit])

const LET_GO = {
  name: 'scan_let_go',
  text: `update asset_version set state = 'PROCESSING', failure = null
         where tenant_id = $1 and asset_id = $2 and version = $3 and state = 'PENDING' returning 1`,
}
const CONDEMN = {
  name: 'scan_condemn',
  text: `update asset_version set failure = $4
         where tenant_id = $1 and asset_id = $2 and version = $3 and state = 'PENDING' and failure is null returning 1`,
}

type Place = Pick<HeldVersion, 'tenant' | 'asset' | 'version'>

/** False: somebody else has. The caller holds the lock of the asset, and plans what is to be made. */
export const letGo = async (tx: Sql, { tenant, asset, version }: Place): Promise<boolean> =>
  (await tx.rows(LET_GO, [tenant, asset, version])).length > 0

/** It stays PENDING, which is shown to nobody, and says why. False: somebody else has said so. */
export const condemn = async (tx: Sql, { tenant, asset, version }: Place, failure: object): Promise<boolean> =>
  (await tx.rows(CONDEMN, [tenant, asset, version, JSON.stringify(failure)])).length > 0

const BACKLOG = {
  name: 'scan_backlog',
  text: `select count(*)::int as waiting, min(asked_at) as oldest,
                (array_agg(last_error order by not_before desc) filter (where last_error is not null))[1] as "lastError"
         from scan where state = 'WAITING' and tenant_id is not null`,
}

export interface ScanBacklog {
  readonly waiting: number
  readonly oldest: Date | null
  readonly lastError: string | null
}

export const scanBacklog = async (sql: Sql): Promise<ScanBacklog> =>
  (await sql.rows<ScanBacklog>(BACKLOG, []))[0] ?? { waiting: 0, oldest: null, lastError: null }
