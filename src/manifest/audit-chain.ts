/**
 * The chain of a tenant's audit: each row has the hash of the one before it, so a row that was changed, removed, put in or
 * moved shows, whoever did it and with whatever rights.
 *
 * Rows get their places after the commit, one chainer of a tenant at a time, in the order of `insert_no` of what is visible. A
 * row that was begun before another and committed after it gets a later place: the order is that of the chain, without gaps.
 * A crash before the commit has chained nothing; after it, all of the batch and the head with it.
 */
import { type AuditRow, auditDocument, type Broken, follow, linkHash, type Place } from '../model/audit.ts'
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
  text: `select insert_no, ${COLUMNS} from audit where tenant_id = $1 and audit_no is null order by insert_no limit $2`,
}

const HEAD = {
  name: 'audit_head',
  text: `select audit_no as no, encode(hash, 'hex') as hash from audit_head where tenant_id = $1`,
}

const BEGIN = { name: 'audit_begin', text: 'insert into audit_head (tenant_id) values ($1) on conflict do nothing' }

const CHAIN = {
  name: 'audit_chain',
  text: `update audit a set audit_no = c.no, prev_hash = decode(c.prev, 'hex'), hash = decode(c.hash, 'hex')
         from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[]) as c (insert_no, no, prev, hash)
         where a.tenant_id = $1 and a.audit_no is null and a.insert_no = c.insert_no`,
}

const MOVE_HEAD = {
  name: 'audit_move_head',
  text: `update audit_head set audit_no = $2, hash = decode($3, 'hex'), chained_at = now() where tenant_id = $1`,
}

/** Of one transaction: 1000 rows took 60 to 90 ms on two cores. */
const BATCH = 1_000

export const headOf = async (sql: Sql, tenant: string): Promise<Place | undefined> =>
  (await sql.rows<Place>(HEAD, [tenant]))[0]

const chainBatch = (database: Database, tenant: string): Promise<number> =>
  database.transaction(async tx => {
    const [turn] = await tx.rows<{ mine: boolean }>(TAKE_TURN, [tenant])
    if (!turn?.mine) return 0
    const due = await tx.rows<AuditRow & { insert_no: number }>(DUE, [tenant, BATCH])
    if (due.length === 0) return 0
    await tx.rows(BEGIN, [tenant])
    const head = await headOf(tx, tenant)
    if (!head) throw new Error('The head of the audit is gone')
    let { no, hash } = head
    const links = due.map(({ insert_no: insertNo, ...row }) => {
      const prev = hash
      no++
      hash = linkHash(prev, auditDocument({ ...row, no }))
      return { insertNo, no, prev, hash }
    })
    const column = <K extends keyof (typeof links)[number]>(name: K) => links.map(link => link[name])
    await tx.rows(CHAIN, [tenant, column('insertNo'), column('no'), column('prev'), column('hash')])
    await tx.rows(MOVE_HEAD, [tenant, no, hash])
    return due.length
  })

/** Chains what is committed. While another process has the tenant's turn, nothing. Returns how many rows. */
export const chainTenant = async (database: Database, tenant: string): Promise<number> => {
  for (let total = 0; ; ) {
    const chained = await chainBatch(database, tenant)
    total += chained
    if (chained < BATCH) return total
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
