/**
 * Long work as rows: asked for once, carried on by whichever process sweeps, and the same after any of them died.
 *
 *   RUNNING --pause--> PAUSED --resume--> RUNNING
 *      |---everything settled---------> SUCCEEDED | PARTIAL (some failed for good)
 *      |---cannot go on---------------> FAILED
 *      \---cancelled, or overtaken by another revision (PAUSED too)--> CANCELLED
 */

import type { Cause } from '../model/event.ts'
import { newId } from '../model/ids.ts'
import { OPERATION_STATES, type Operation, type OperationInput, type OperationState } from '../model/operation.ts'
import type { Sql } from './database.ts'
import { tellFinished } from './finished.ts'

const COLUMNS = `operation_id as id, tenant_id as tenant, kind, state, input, total, done, failed, cpu_ms as "cpuMs", after_asset as "afterAsset",
  round, found, steps, reason, correlation_id as "correlationId", traceparent, created_by as "createdBy", created_at as "createdAt", running_since as "runningSince",
  settled_before as "settledBefore", finished_at as "finishedAt"`

const INSERT = {
  name: 'operation_insert',
  text: `insert into operation (tenant_id, operation_id, kind, input, total, created_by, correlation_id, traceparent)
         values ($1, $2, 'backfill', $3, $4, $5, $6, $7)
         on conflict (tenant_id, kind, input) where state in ('RUNNING', 'PAUSED') do nothing returning ${COLUMNS}`,
}

/** `undefined` where the same is under way already. */
export const insertOperation = async (
  tx: Sql,
  { tenant, input, total, cause }: { tenant: string; input: OperationInput; total: number; cause: Cause },
): Promise<Operation | undefined> => {
  const whose = [cause.actor, cause.correlationId, cause.traceparent ?? null]
  return (await tx.rows<Operation>(INSERT, [tenant, newId(), JSON.stringify(input), total, ...whose]))[0]
}

const FIND = {
  name: 'operation_find',
  text: `select ${COLUMNS} from operation where tenant_id = $1 and operation_id = $2`,
}
const LOCK = { name: 'operation_lock', text: `${FIND.text} for update` }

export const findOperation = async (sql: Sql, tenant: string, id: string): Promise<Operation | undefined> =>
  (await sql.rows<Operation>(FIND, [tenant, id]))[0]

export const lockOperation = async (tx: Sql, tenant: string, id: string): Promise<Operation | undefined> =>
  (await tx.rows<Operation>(LOCK, [tenant, id]))[0]

const LATEST = {
  name: 'operation_latest',
  text: `select ${COLUMNS} from operation where tenant_id = $1 and kind = 'backfill' and input = $2 order by operation_id desc limit 1`,
}

/** The last one that was about the same. */
export const latestOperation = async (
  sql: Sql,
  tenant: string,
  input: OperationInput,
): Promise<Operation | undefined> => (await sql.rows<Operation>(LATEST, [tenant, JSON.stringify(input)]))[0]

const LIST = {
  name: 'operations_list',
  text: `select ${COLUMNS} from operation
         where tenant_id = $1 and ($2::text is null or input ->> 'product' = $2) and ($3::text is null or state = $3)
           and operation_id <= coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') and operation_id is distinct from $4
         order by operation_id desc limit $5`,
}

export interface OperationFilter {
  readonly tenant: string
  /** Those about this product's renditions; `undefined` for all. */
  readonly product: string | undefined
  readonly state: OperationState | undefined
  readonly after: string | undefined
  readonly limit: number
}

/** The newest first. */
export const listOperations = (sql: Sql, { tenant, product, state, after, limit }: OperationFilter) =>
  sql.rows<Operation>(LIST, [tenant, product ?? null, state ?? null, after ?? null, limit])

const RUNNING = {
  name: 'operations_running',
  text: `select ${COLUMNS} from operation where state = 'RUNNING' and tenant_id is not null order by created_at limit 100`,
}

/** Of every tenant, the oldest first. */
export const runningOperations = (sql: Sql): Promise<Operation[]> => sql.rows<Operation>(RUNNING, [])

const SET_STATE = {
  name: 'operation_set_state',
  text: `update operation set state = $3, reason = coalesce($4, reason),
           finished_at = case when $3 in ('RUNNING', 'PAUSED') then null else now() end,
           running_since = case when $3 = 'RUNNING' then now() else running_since end,
           settled_before = case when $3 = 'RUNNING' then done + failed else settled_before end,
           total = case when $3 in ('SUCCEEDED', 'PARTIAL') then done + failed else total end
         where tenant_id = $1 and operation_id = $2 returning ${COLUMNS}`,
}

/** The caller holds the lock and has checked that the state may be left. */
export const setOperationState = async (
  tx: Sql,
  { tenant, id }: Pick<Operation, 'tenant' | 'id'>,
  state: OperationState,
  reason?: string,
): Promise<void> => {
  const [now] = await tx.rows<Operation>(SET_STATE, [tenant, id, state, reason ?? null])
  if (now?.finishedAt) await tellFinished(tx, { ...now, product: now.input.product })
}

const COUNT = {
  name: 'operations_count',
  text: 'select state, count(*)::int as count from operation group by state',
}

export const countOperations = async (sql: Sql): Promise<Readonly<Record<OperationState, number>>> => {
  const rows = await sql.rows<{ state: OperationState; count: number }>(COUNT, [])
  const none = Object.fromEntries(OPERATION_STATES.map(state => [state, 0]))
  return { ...none, ...Object.fromEntries(rows.map(({ state, count }) => [state, count])) } as Record<
    OperationState,
    number
  >
}
