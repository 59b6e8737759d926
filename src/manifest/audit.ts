/**
 * The audit is appended to. What was accepted is recorded in its own transaction, so that it is there if and only if it was
 * done. Its place in the tenant's chain is given after the commit (audit-chain.ts): a chain inside requests would have them
 * wait for each other, 348 writes a second in all when it was measured.
 */
import type { AuditEntry, Fields } from '../model/audit.ts'
import { newId } from '../model/ids.ts'
import { changedFields, withoutSecrets } from './audit-fields.ts'
import type { Database, Sql } from './database.ts'

const APPEND = {
  name: 'audit_append',
  text: `insert into audit (audit_id, tenant_id, at, actor, actor_kind, product, action, resource, outcome, reasons, count,
           request_id, correlation_id, client, before, after)
         select audit_id, tenant_id, coalesce(at, now()), actor, actor_kind, product, action, resource, outcome, reasons, count,
           request_id, correlation_id, client, before, after
         from jsonb_to_recordset($1) as e (audit_id uuid, tenant_id text, at timestamptz, actor text, actor_kind text, product text,
           action text, resource text, outcome text, reasons text[], count int, request_id text, correlation_id text, client text,
           before jsonb, after jsonb)`,
}

const clean = (text: string, most: number): string => withoutSecrets(text).slice(0, most)

const rowOf = (entry: AuditEntry) => {
  const { before, after } = changedFields(entry.before, entry.after)
  return {
    audit_id: newId(),
    tenant_id: entry.tenant,
    at: entry.at,
    actor: clean(entry.actor, 200),
    actor_kind: entry.actorKind,
    product: entry.product,
    action: entry.action,
    resource: clean(entry.resource, 500),
    outcome: entry.outcome,
    reasons: entry.reasons.slice(0, 20).map(reason => clean(reason, 200)),
    count: entry.count,
    request_id: entry.requestId,
    correlation_id: clean(entry.correlationId, 200),
    client: entry.client,
    before,
    after,
  }
}

const append = async (sql: Sql, entries: readonly AuditEntry[]): Promise<void> => {
  await sql.rows(APPEND, [JSON.stringify(entries.map(rowOf))])
}

const AT_ONCE = 500

/** What was seen outside of any transaction: denials, and looks at what is closed to most. */
export const recordAll = async (database: Database, entries: readonly AuditEntry[]): Promise<void> => {
  if (entries.length === 0) return
  await database.transaction(async tx => {
    for (let from = 0; from < entries.length; from += AT_ONCE) await append(tx, entries.slice(from, from + AT_ONCE))
  })
}

/** In the transaction of what was accepted: one row, with what changed. Fields that could open a door are left out of it. */
export const recordAudit = (tx: Sql, change: Omit<AuditEntry, 'at' | 'outcome' | 'count'>): Promise<void> =>
  append(tx, [{ ...change, at: undefined, outcome: 'allowed', count: 1 }])

interface OwnAct {
  readonly tenant: string
  /** The part of the software that acts: `sweep`, `scan`, `start`. */
  readonly actor: string
  /** What it did it for; the actor itself where there is nothing nearer. */
  readonly requestId?: string
  readonly correlationId?: string
  readonly action: string
  readonly resource: string
  readonly reasons?: readonly string[]
  readonly before?: Fields
  readonly after?: Fields
}

/** What the software does by itself, without any request. */
export const recordOwnAct = (
  tx: Sql,
  { actor, requestId = actor, correlationId = requestId, reasons = [], before, after, ...act }: OwnAct,
): Promise<void> =>
  recordAudit(tx, {
    ...act,
    ...{ actor, actorKind: 'system', product: undefined, client: undefined },
    ...{ requestId, correlationId, reasons, before, after },
  })
