/**
 * One effect per `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the key is reserved before the work, and the
 * answer is stored in the transaction of the effect. A request that is refused releases its key, so that it may be mended
 * and sent again; refusals have no effect, and the same request is refused the same way.
 */
import type { Sql } from './database.ts'

export interface IdempotencyKey {
  readonly tenant: string
  readonly principal: string
  readonly key: string
  /** Method and path with query: the part of the fingerprint that is known before the body. */
  readonly request: string
  /** Of this one try: nobody gives back the reservation of another. */
  readonly holder: string
}

export interface StoredAnswer {
  readonly fingerprint: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** How long a reservation stands that nobody extends. */
export const LOCK_SECONDS = 60
const KEEP_HOURS = 24

const RESERVE = {
  name: 'idempotency_reserve',
  text: `insert into idempotency as i (tenant_id, principal, key, request, holder, locked_until, expires_at)
         values ($1, $2, $3, $4, $5, now() + make_interval(secs => ${LOCK_SECONDS}), now() + make_interval(hours => ${KEEP_HOURS}))
         on conflict (tenant_id, principal, key) do update set request = excluded.request, holder = excluded.holder, fingerprint = null, status = null,
           headers = null, body = null, locked_until = excluded.locked_until, expires_at = excluded.expires_at
           where i.expires_at < now() or i.status is null and i.locked_until < now()
         returning 1`,
}

const FIND = {
  name: 'idempotency_find',
  text: `select request, encode(fingerprint, 'hex') as fingerprint, status, headers, body from idempotency
         where tenant_id = $1 and principal = $2 and key = $3`,
}

export type Reservation =
  | { readonly kind: 'reserved' }
  | { readonly kind: 'in-flight' }
  | { readonly kind: 'reused' }
  | { readonly kind: 'answered'; readonly answer: StoredAnswer }

export const reserveKey = async (
  sql: Sql,
  { tenant, principal, key, request, holder }: IdempotencyKey,
): Promise<Reservation> => {
  const reserved = await sql.rows(RESERVE, [tenant, principal, key, request, holder])
  if (reserved.length > 0) return { kind: 'reserved' }
  const [found] = await sql.rows<{
    request: string
    fingerprint: string | null
    status: number | null
    headers: Record<string, string> | null
    body: string | null
  }>(FIND, [tenant, principal, key])
  // Released between the two statements: whoever held it is gone, but it is not ours either. The caller may come again.
  if (!found || found.status === null || found.fingerprint === null) return { kind: 'in-flight' }
  if (found.request !== request) return { kind: 'reused' }
  const { fingerprint, status, headers, body } = found
  return { kind: 'answered', answer: { fingerprint, status, headers: headers ?? {}, body: body ?? '' } }
}

const EXTEND = {
  name: 'idempotency_extend',
  text: `update idempotency set locked_until = now() + make_interval(secs => ${LOCK_SECONDS})
         where tenant_id = $1 and principal = $2 and key = $3 and holder = $4 and status is null`,
}

/** A long upload keeps its reservation by calling this more often than once a minute. */
export const extendKey = async (sql: Sql, { tenant, principal, key, holder }: IdempotencyKey): Promise<void> => {
  await sql.rows(EXTEND, [tenant, principal, key, holder])
}

const ANSWER = {
  name: 'idempotency_answer',
  text: `update idempotency set fingerprint = decode($4, 'hex'), status = $5, headers = $6, body = $7
         where tenant_id = $1 and principal = $2 and key = $3 and status is null`,
}

/** Called inside the transaction of the effect. */
export const answerKey = async (
  tx: Sql,
  { tenant, principal, key }: IdempotencyKey,
  answer: StoredAnswer,
): Promise<void> => {
  const { fingerprint, status, headers, body } = answer
  await tx.rows(ANSWER, [tenant, principal, key, fingerprint, status, JSON.stringify(headers), body])
}

const RELEASE = {
  name: 'idempotency_release',
  text: `delete from idempotency where tenant_id = $1 and principal = $2 and key = $3 and holder = $4 and status is null`,
}

/** Nothing happens where it has been answered, or is another's by now. */
export const releaseKey = async (sql: Sql, { tenant, principal, key, holder }: IdempotencyKey): Promise<void> => {
  await sql.rows(RELEASE, [tenant, principal, key, holder])
}

const EXPIRE = { name: 'idempotency_expire', text: `delete from idempotency where expires_at < now()` }

export const expireKeys = async (sql: Sql): Promise<void> => {
  await sql.rows(EXPIRE, [])
}
