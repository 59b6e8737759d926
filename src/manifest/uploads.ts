/**
 * Staged uploads as rows. A completion takes a lease and a fence: its effect is written only under the number that it was given,
 * in the transaction of the version, so an upload becomes one version however often and wherever it is completed. A process that
 * dies keeps its lease for a minute, and then anybody goes on.
 */
import type { StagedAnswer, StagedProblem, StagedUpload } from '../model/staged.ts'
import type { Sql } from './database.ts'

const LEASE_SECONDS = 60
const COLUMNS = `tenant_id as tenant, upload_id as id, product_id as product, state, wish, byte_length as bytes, encode(sha256, 'hex') as sha256,
  session, part_bytes as "partBytes", answer, problem, created_at as "createdAt", expires_at as "expiresAt"`

interface Row extends Omit<StagedUpload, 'sha256' | 'parts' | 'answer' | 'problem'> {
  readonly sha256: string | null
  readonly session: string | null
  readonly partBytes: number | null
  readonly answer: StagedAnswer | null
  readonly problem: StagedProblem | null
}

const toUpload = ({ sha256, session, partBytes, answer, problem, ...row }: Row): StagedUpload => ({
  ...row,
  sha256: sha256 ?? undefined,
  parts: session === null || partBytes === null ? undefined : { session, bytes: partBytes },
  answer: answer ?? undefined,
  problem: problem ?? undefined,
})

const INSERT = {
  name: 'upload_insert',
  text: `insert into upload (tenant_id, upload_id, product_id, wish, byte_length, sha256, session, part_bytes, created_by, expires_at)
         values ($1, $2, $3, $4, $5, decode($6, 'hex'), $7, $8, $9, now() + make_interval(secs => $10)) returning ${COLUMNS}`,
}

export interface NewUpload
  extends Pick<StagedUpload, 'tenant' | 'id' | 'product' | 'wish' | 'bytes' | 'sha256' | 'parts'> {
  readonly createdBy: string
  readonly lifeSeconds: number
}

export const insertUpload = async (tx: Sql, upload: NewUpload): Promise<StagedUpload> => {
  const { tenant, id, product, wish, bytes, sha256, parts, createdBy, lifeSeconds } = upload
  const values = [tenant, id, product, JSON.stringify(wish), bytes, sha256 ?? null]
  const rest = [parts?.session ?? null, parts?.bytes ?? null, createdBy, lifeSeconds]
  const [row] = await tx.rows<Row>(INSERT, [...values, ...rest])
  return toUpload(row as Row)
}

const LOCK = {
  name: 'uploads_lock',
  text: `select pg_advisory_xact_lock(hashtextextended('open uploads ' || $1, 0))`,
}
const OPEN = {
  name: 'uploads_open',
  text: `select count(*) filter (where product_id = $2)::int as count, coalesce(sum(byte_length) filter (where product_id = $2), 0)::bigint as bytes,
                coalesce(sum(byte_length), 0)::bigint as "tenantBytes"
         from upload where tenant_id = $1 and state in ('OPEN', 'COMPLETING')`,
}

export interface OpenUploads {
  readonly count: number
  /** As they were announced. */
  readonly bytes: number
  readonly tenantBytes: number
}

/** Of two that would exceed a limit together, the second sees the first: until the commit nobody else of the tenant counts. */
export const countOpenUploads = async (tx: Sql, tenant: string, product: string): Promise<OpenUploads> => {
  await tx.rows(LOCK, [tenant])
  const [row] = await tx.rows<OpenUploads>(OPEN, [tenant, product])
  return row ?? { count: 0, bytes: 0, tenantBytes: 0 }
}

const FIND = { name: 'upload_find', text: `select ${COLUMNS} from upload where tenant_id = $1 and upload_id = $2` }

export const findUpload = async (sql: Sql, tenant: string, id: string): Promise<StagedUpload | undefined> => {
  const [row] = await sql.rows<Row>(FIND, [tenant, id])
  return row && toUpload(row)
}

type Of = Pick<StagedUpload, 'tenant' | 'id'>

const CLAIM = {
  name: 'upload_claim',
  text: `update upload set state = 'COMPLETING', fence = fence + 1, lease_until = now() + make_interval(secs => ${LEASE_SECONDS})
         where tenant_id = $1 and upload_id = $2 and expires_at > now()
           and (state = 'OPEN' or state = 'COMPLETING' and lease_until < now()) returning fence`,
}

/** The fence. `undefined`: it is not open, or somebody else is completing it. */
export const claimUpload = async (sql: Sql, { tenant, id }: Of): Promise<number | undefined> =>
  (await sql.rows<{ fence: number }>(CLAIM, [tenant, id]))[0]?.fence

const MINE = `fence = $3 and state = 'COMPLETING'`
const EXTEND = {
  name: 'upload_extend',
  text: `update upload set lease_until = now() + make_interval(secs => ${LEASE_SECONDS}) where tenant_id = $1 and upload_id = $2 and ${MINE}`,
}

/** More often than once a minute. */
export const extendUpload = async (sql: Sql, { tenant, id }: Of, fence: number): Promise<void> => {
  await sql.rows(EXTEND, [tenant, id, fence])
}

const RELEASE = {
  name: 'upload_release',
  text: `update upload set state = 'OPEN', lease_until = null where tenant_id = $1 and upload_id = $2 and ${MINE}`,
}

/** It may be completed anew. */
export const releaseUpload = async (sql: Sql, { tenant, id }: Of, fence: number): Promise<void> => {
  await sql.rows(RELEASE, [tenant, id, fence])
}

const KEPT_OF_WISH = `wish - '{filename,alias,aliases,labels,attributes,identityHints}'::text[]`
const FINISH = {
  name: 'upload_finish',
  text: `update upload set state = 'COMPLETED', answer = $4, wish = ${KEPT_OF_WISH}, lease_until = null, finished_at = now()
         where tenant_id = $1 and upload_id = $2 and ${MINE} returning 1`,
}

/** In the transaction that makes the version. False: somebody else has it, and this one is to be taken back. */
export const finishUpload = async (
  tx: Sql,
  { tenant, id }: Of,
  fence: number,
  answer: StagedAnswer,
): Promise<boolean> => (await tx.rows(FINISH, [tenant, id, fence, JSON.stringify(answer)])).length > 0

const REJECT = {
  name: 'upload_reject',
  text: `update upload set state = 'REJECTED', problem = $4, wish = ${KEPT_OF_WISH}, lease_until = null, finished_at = now()
         where tenant_id = $1 and upload_id = $2 and ${MINE} returning 1`,
}

export const rejectUpload = async (
  sql: Sql,
  { tenant, id }: Of,
  fence: number,
  problem: StagedProblem,
): Promise<boolean> => (await sql.rows(REJECT, [tenant, id, fence, JSON.stringify(problem)])).length > 0

const DELETE = {
  name: 'upload_delete',
  text: `delete from upload where tenant_id = $1 and upload_id = $2 and state not in ('COMPLETING', 'COMPLETED') returning 1`,
}

/** False where it has become a version, or is about to. */
export const deleteUpload = async (tx: Sql, { tenant, id }: Of): Promise<boolean> =>
  (await tx.rows(DELETE, [tenant, id])).length > 0

const EXPIRE = {
  name: 'uploads_expire',
  text: `update upload set state = 'EXPIRED', wish = ${KEPT_OF_WISH}, lease_until = null, finished_at = now()
         where expires_at < now() and (state = 'OPEN' or state = 'COMPLETING' and lease_until < now()) returning tenant_id`,
}

/** Of every tenant. Resolves with their number. */
export const expireUploads = async (sql: Sql): Promise<number> => (await sql.rows(EXPIRE, [])).length

/** For so long whoever repeats a completion is answered with its version. */
const KEEP_DAYS = 7
const FORGET = {
  name: 'uploads_forget',
  text: `delete from upload where state in ('COMPLETED', 'REJECTED', 'EXPIRED')
           and finished_at < now() - make_interval(days => ${KEEP_DAYS}) returning tenant_id`,
}

export const forgetUploads = async (sql: Sql): Promise<void> => {
  await sql.rows(FORGET, [])
}

const STATES = {
  name: 'upload_states',
  text: `select u.tenant_id as tenant, u.upload_id as id, u.state in ('OPEN', 'COMPLETING') as open
         from unnest($1::text[], $2::uuid[]) as asked (tenant_id, upload_id) join upload u using (tenant_id, upload_id)`,
}

/** Of those that there are, by `<tenant>/<id>`: whether they are open. */
export const openUploadsOf = async (sql: Sql, asked: readonly Of[]): Promise<ReadonlyMap<string, boolean>> => {
  const values = [asked.map(({ tenant }) => tenant), asked.map(({ id }) => id)]
  const rows = await sql.rows<Of & { open: boolean }>(STATES, values)
  return new Map(rows.map(({ tenant, id, open }) => [`${tenant}/${id}`, open]))
}

const COUNT = {
  name: 'uploads_count',
  text: `select count(*)::int as count, coalesce(sum(byte_length), 0)::bigint as bytes from upload
         where tenant_id is not null and state in ('OPEN', 'COMPLETING')`,
}

/** For gauges: of every tenant. */
export const countUploads = async (sql: Sql): Promise<{ count: number; bytes: number }> =>
  (await sql.rows<{ count: number; bytes: number }>(COUNT, []))[0] ?? { count: 0, bytes: 0 }

const HOLDERS = {
  name: 'assets_holding',
  text: `select distinct v.asset_id as asset from asset_version v
         join asset a on a.tenant_id = v.tenant_id and a.asset_id = v.asset_id
         where v.tenant_id = $1 and v.sha256 = decode($2, 'hex') and a.archived_at is null and a.deleted_at is null and a.erased_at is null
           and ($3::text is null
                or exists (select 1 from edge e where e.tenant_id = a.tenant_id and e.collection_id = a.collection_id and e.product_id = $3)
                or exists (select 1 from asset_edge s where s.tenant_id = a.tenant_id and s.asset_id = a.asset_id and s.product_id = $3))
         limit 50`,
}

/** Assets with a version of these bytes that a product (`undefined`: anybody) has an edge to: it may still not have the bytes. */
export const assetsHolding = async (
  sql: Sql,
  { tenant, product, sha256 }: { tenant: string; product: string | undefined; sha256: string },
): Promise<string[]> =>
  (await sql.rows<{ asset: string }>(HOLDERS, [tenant, sha256, product ?? null])).map(({ asset }) => asset)
