/**
 * The chain of a tenant's audit: each row has the hash of the one before it, so a row that was changed, removed, put in or
 * moved shows, whoever did it and with whatever rights.
 *
 * Rows get their places after the commit, one chainer of a tenant at a time, in the order of `insert_no` of what is visible. A
 * row that was begun before another and committed after it gets a later place: the order is that of the chain, without gaps.
 * A crash before the commit has chained nothing; after it, all of the batch and the head with it.
 */
import { type AuditRow, auditDocument, type Broken, follow, linkHash, type Place, START } from '../model/audit.ts'
import type { Hex } from '../model/ids.ts'
import type { Database, Sql } from './database.ts'

export const COLUMNS = `audit_no as no, audit_id as id, at, tenant_id as tenant, actor, actor_kind, product, action, resource, outcome, reasons,
  count, request_id, correlation_id, client, before, after, encode(prev_hash, 'hex') as prev_hash, encode(hash, 'hex') as hash`

/** A skip scan: as many probes as tenants that have something to chain. */
const TENANTS = {
  name: 'audit_tenants',
  text: `with recursive t as (
           (select tenant_id from audit where audit_no is null order by tenant_id limit 1)
           union all
           select (select a.tenant_id from audit a where a.audit_no is null and a.tenant_id > t.tenant_id order by a.tenant_id limit 1)
           from t where t.tenant_id is not null)
         select tenant_id as tenant from t where tenant_id is not null`,
}

/** A statement of its own: the snapshot of the one that reads what is due has to be younger than the lock. */
const TAKE_TURN = {
  name: 'audit_take_turn',
  text: 'select pg_try_advisory_xact_lock(7205815, hashtext($1)) as mine',
}

const DUE = {
  name: 'audit_due',
  text: `select insert_no, ctid::text as place, ${COLUMNS} from audit
         where tenant_id = $1 and audit_no is null and insert_no > $2 order by insert_no limit $3`,
}

const HEAD = {
  name: 'audit_head',
  text: `select audit_no as no, encode(hash, 'hex') as hash from audit_head where tenant_id = $1`,
}

const BEGIN = { name: 'audit_begin', text: 'insert into audit_head (tenant_id) values ($1) on conflict do nothing' }

/**
 * $2: where the rows are, in their order; nobody moves them but whoever has the turn. $3: the number before. $4: the hash before,
 * and theirs. The conditions are spelled so that no index fits: without statistics a planner takes all that is due for one row,
 * and reads or joins it for each batch (400 rows a second of a backlog of 50000).
 */
const CHAIN = {
  name: 'audit_chain',
  text: `update audit set audit_no = $3 + array_position($2::tid[], ctid),
           prev_hash = decode(($4::text[])[array_position($2::tid[], ctid)], 'hex'),
           hash = decode(($4::text[])[1 + array_position($2::tid[], ctid)], 'hex')
         where ctid = any($2::tid[]) and (tenant_id = $1 and audit_no is null) is true`,
}

const MOVE_HEAD = {
  name: 'audit_move_head',
  text: `update audit_head set audit_no = $2, hash = decode($3, 'hex'), chained_at = now() where tenant_id = $1`,
}

/** Of one transaction. */
const BATCH = 1_000

export const headOf = async (sql: Sql, tenant: string): Promise<Place | undefined> =>
  (await sql.rows<Place>(HEAD, [tenant]))[0]

type Due = AuditRow & { readonly insert_no: number; readonly place: string }

const chainBatch = (database: Database, tenant: string, after: number): Promise<{ rows: number; last: number }> =>
  database.transaction(async tx => {
    const [turn] = await tx.rows<{ mine: boolean }>(TAKE_TURN, [tenant])
    if (!turn?.mine) return { rows: 0, last: after }
    const due = await tx.rows<Due>(DUE, [tenant, after, BATCH])
    const last = due.at(-1)
    if (last === undefined) return { rows: 0, last: after }
    await tx.rows(BEGIN, [tenant])
    const head = await headOf(tx, tenant)
    if (!head) throw new Error('The head of the audit is gone')
    const hashes = [head.hash]
    let to = head
    for (const { insert_no: _, place: __, ...row } of due) {
      const no = to.no + 1
      to = { no, hash: linkHash(to.hash, auditDocument({ ...row, no })) }
      hashes.push(to.hash)
    }
    await tx.rows(CHAIN, [tenant, due.map(({ place }) => place), head.no, hashes])
    await tx.rows(MOVE_HEAD, [tenant, to.no, to.hash])
    return { rows: due.length, last: last.insert_no }
  })

/**
 * Chains what is committed. While another process has the tenant's turn, nothing. Each batch looks behind the one before, for
 * what was chained lies dead in the index until it is vacuumed; who committed late meanwhile has his turn with the next call.
 * Returns how many rows.
 */
export const chainTenant = async (database: Database, tenant: string): Promise<number> => {
  let total = 0
  for (let after = 0; ; ) {
    const { rows, last } = await chainBatch(database, tenant, after)
    total += rows
    after = last
    if (rows < BATCH) return total
  }
}

/** Every tenant's. Rejects with the first failure, after the others had their turn: a broken chain is one tenant's trouble. */
export const chainAudit = async (database: Database): Promise<number> => {
  const failures: unknown[] = []
  let total = 0
  for (const { tenant } of await database.rows<{ tenant: string }>(TENANTS, [])) {
    try {
      total += await chainTenant(database, tenant)
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return total
}

const WALK = {
  name: 'audit_walk',
  text: `select ${COLUMNS} from audit where tenant_id = $1 and audit_no > $2 order by audit_no limit $3`,
}

/** One statement, so that both are of one moment. */
const ENDS = {
  name: 'audit_ends',
  text: `select coalesce(h.audit_no, 0)::bigint as no, coalesce(encode(h.hash, 'hex'), repeat('0', 64)) as hash,
           coalesce((select max(audit_no) from audit where tenant_id = $1), 0)::bigint as last
         from (select $1::text as tenant_id) t left join audit_head h using (tenant_id)`,
}

const AT = {
  name: 'audit_at',
  text: `select audit_id as id, encode(hash, 'hex') as hash from audit where tenant_id = $1 and audit_no = $2`,
}

export interface Verified {
  /** As far as it was followed: the next page starts there. */
  readonly to: Place
  readonly head: Place
  readonly broken: Broken | undefined
}

const PAGE = 1_000

/** The noted place has to be there still, or everything before it may have been written anew. */
const recall = async (sql: Sql, tenant: string, { no, hash }: Place): Promise<Broken | undefined> => {
  if (no === 0) return undefined
  const [row] = await sql.rows<{ id: string; hash: Hex }>(AT, [tenant, no])
  if (!row) return { no, what: 'missing' }
  return row.hash === hash ? undefined : { no, what: 'changed', id: row.id }
}

/** Follows the chain from a place, `most` rows at most, and finds the first row that is not as it was chained. */
export const verifyAudit = async (
  sql: Sql,
  tenant: string,
  { from, most }: { from: Place; most: number },
): Promise<Verified> => {
  const [ends] = await sql.rows<Place & { last: number }>(ENDS, [tenant])
  if (!ends) throw new Error('Postgres did not say where the audit ends')
  const head = { no: ends.no, hash: ends.hash }
  const forgotten = await recall(sql, tenant, from)
  if (forgotten) return { to: from, head, broken: forgotten }
  const until = Math.min(head.no, from.no + most)
  let to = from
  while (to.no < until) {
    const rows = await sql.rows<AuditRow>(WALK, [tenant, to.no, Math.min(PAGE, until - to.no)])
    const walked = follow(to, rows.map(auditDocument))
    to = walked.to
    if (walked.broken) return { to, head, broken: walked.broken }
    if (rows.length === 0) return { to, head, broken: { no: to.no + 1, what: 'missing' } }
  }
  if (to.no < head.no) return { to, head, broken: undefined }
  const isEnd = to.no === head.no && to.hash === head.hash && ends.last === head.no
  const no = ends.last > head.no ? head.no + 1 : head.no
  return { to, head, broken: isEnd ? undefined : { no, what: 'other-end' } }
}

/** The last rows only: what it starts from is taken as it is. */
export const verifyEnd = async (sql: Sql, tenant: string, most: number): Promise<Verified> => {
  const no = Math.max(0, ((await headOf(sql, tenant))?.no ?? 0) - most)
  const [row] = no === 0 ? [] : await sql.rows<{ hash: Hex }>(AT, [tenant, no])
  return verifyAudit(sql, tenant, { from: row ? { no, hash: row.hash } : START, most: most + PAGE })
}

const WAITING = {
  name: 'audit_waiting',
  text: `select count(*)::int as rows, coalesce(extract(epoch from now() - min(at)), 0)::float8 as seconds
         from (select at from audit where audit_no is null and ($1::text is null or tenant_id = $1) limit 10000) waiting`,
}

/** Rows without a place, 10000 at most, and how long the first has waited: of a tenant, or of all. */
export const unchained = async (sql: Sql, tenant?: string): Promise<{ rows: number; seconds: number }> =>
  (await sql.rows<{ rows: number; seconds: number }>(WAITING, [tenant ?? null]))[0] ?? { rows: 0, seconds: 0 }

const LENGTH = {
  name: 'audit_length',
  text: 'select coalesce(sum(audit_no), 0)::float8 as rows from audit_head where tenant_id is not null',
}

/** Rows that have a place, of all tenants. */
export const chainedRows = async (sql: Sql): Promise<number> =>
  (await sql.rows<{ rows: number }>(LENGTH, []))[0]?.rows ?? 0
