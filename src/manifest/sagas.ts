/**
 * Sagas as rows: asked for once, carried on by whichever process holds the lease, and the same after any of them died.
 *
 *   RUNNING <--pause, resume--> PAUSED
 *      |--every step settled--> SUCCEEDED | PARTIAL (some failed) | FAILED (all did)
 *      |--cannot go on--------> FAILED
 *      \--cancelled (PAUSED too)--> CANCELLED
 *   any of these --undo--> COMPENSATING --every step that was done is undone--> COMPENSATED | FAILED (some could not be)
 *
 * The lease spares double work, no more: that a step is done once rests on its row (saga-steps.ts).
 */
import { newId } from '../model/ids.ts'
import type { Saga, SagaKind, SagaState } from '../model/saga.ts'
import type { Sql } from './database.ts'
import { tellFinished } from './finished.ts'

const COLUMNS = `saga_id as id, tenant_id as tenant, kind, state, product_id as product, principal, client, correlation_id as "correlationId", traceparent,
  input, total, done, failed, reason, created_by as "createdBy", created_at as "createdAt", running_since as "runningSince",
  settled_before as "settledBefore", finished_at as "finishedAt"`

const INSERT = {
  name: 'saga_insert',
  text: `insert into saga (tenant_id, saga_id, kind, product_id, principal, client, correlation_id, traceparent, input, total, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning ${COLUMNS}`,
}

export type NewSaga = Pick<Saga, 'kind' | 'principal' | 'client' | 'correlationId' | 'traceparent' | 'input' | 'total'>

/** Its steps follow in the same transaction (`insertSagaSteps`). */
export const insertSaga = async (tx: Sql, saga: NewSaga): Promise<Saga> => {
  const { kind, principal, client, correlationId, traceparent, input, total } = saga
  const { tenant, product, id: createdBy } = principal
  const texts = [JSON.stringify(principal), client, correlationId, traceparent, JSON.stringify(input)]
  const values = [tenant, newId(), kind, product ?? null, ...texts, total, createdBy]
  const [inserted] = await tx.rows<Saga>(INSERT, values)
  if (!inserted) throw new Error('The saga was not written')
  return inserted
}

const FIND = { name: 'saga_find', text: `select ${COLUMNS} from saga where tenant_id = $1 and saga_id = $2` }
const LOCK = { name: 'saga_lock', text: `${FIND.text} for update` }

type Named = Pick<Saga, 'tenant' | 'id'>

export const findSaga = async (sql: Sql, { tenant, id }: Named): Promise<Saga | undefined> =>
  (await sql.rows<Saga>(FIND, [tenant, id]))[0]

export const lockSaga = async (tx: Sql, { tenant, id }: Named): Promise<Saga | undefined> =>
  (await tx.rows<Saga>(LOCK, [tenant, id]))[0]

const LIST = {
  name: 'sagas_list',
  text: `select ${COLUMNS} from saga
         where tenant_id = $1 and ($2::text is null or product_id = $2) and ($3::text is null or state = $3)
           and saga_id <= coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') and saga_id is distinct from $4
         order by saga_id desc limit $5`,
}

export interface SagaFilter {
  readonly tenant: string
  /** Of this product; `undefined` for all. */
  readonly product: string | undefined
  readonly state: SagaState | undefined
  readonly after: string | undefined
  readonly limit: number
}

/** The newest first. */
export const listSagas = (sql: Sql, { tenant, product, state, after, limit }: SagaFilter): Promise<Saga[]> =>
  sql.rows<Saga>(LIST, [tenant, product ?? null, state ?? null, after ?? null, limit])

const OPEN = {
  name: 'sagas_open',
  text: `select ${COLUMNS} from saga where state in ('RUNNING', 'COMPENSATING') and (lease_until is null or lease_until < now())
           and tenant_id is not null order by created_at limit 100`,
}

/** Those that nobody works on, of every tenant, the oldest first. */
export const openSagas = (sql: Sql): Promise<Saga[]> => sql.rows<Saga>(OPEN, [])

const LEASE = {
  name: 'saga_lease',
  text: `update saga set lease_owner = $3, lease_until = now() + make_interval(secs => $4)
         where tenant_id = $1 and saga_id = $2 and state in ('RUNNING', 'COMPENSATING')
           and (lease_owner = $3 or lease_until is null or lease_until < now()) returning 1`,
}

/** Takes the lease or extends it. False: another process has it, or there is nothing to be done. */
export const leaseSaga = async (
  sql: Sql,
  { tenant, id }: Named,
  { owner, seconds }: { owner: string; seconds: number },
): Promise<boolean> => (await sql.rows(LEASE, [tenant, id, owner, seconds])).length > 0

const RELEASE = {
  name: 'saga_release',
  text: `update saga set lease_owner = null, lease_until = null where tenant_id = $1 and saga_id = $2 and lease_owner = $3`,
}

export const releaseSaga = async (sql: Sql, { tenant, id }: Named, owner: string): Promise<void> => {
  await sql.rows(RELEASE, [tenant, id, owner])
}

const SET_STATE = {
  name: 'saga_set_state',
  text: `update saga g set state = $3, reason = $4, principal = coalesce($5, principal),
           finished_at = case when $3 in ('RUNNING', 'PAUSED', 'COMPENSATING') then null else now() end,
           running_since = case when $3 in ('RUNNING', 'COMPENSATING') then now() else running_since end,
           settled_before = case when $3 = 'COMPENSATING' then 0 when $3 = 'RUNNING' then c.good + c.bad else settled_before end,
           done = c.good, failed = c.bad
         from (select count(*) filter (where state = 'DONE')::int as good, count(*) filter (where state in ('FAILED', 'STUCK'))::int as bad
               from saga_step where tenant_id = $1 and saga_id = $2) c
         where g.tenant_id = $1 and g.saga_id = $2 returning ${COLUMNS}`,
}

/** The caller holds the lock and has checked that the state may be left. */
export const setSagaState = async (
  tx: Sql,
  { tenant, id }: Named,
  state: SagaState,
  { reason, principal }: { reason?: string; principal?: Saga['principal'] } = {},
): Promise<void> => {
  const values = [tenant, id, state, reason ?? null, principal ? JSON.stringify(principal) : null]
  const [now] = await tx.rows<Saga>(SET_STATE, values)
  if (now?.finishedAt) await tellFinished(tx, now)
}

const COUNT = { name: 'sagas_count', text: 'select kind, state, count(*)::int as count from saga group by kind, state' }

/** Of all tenants. */
export const countSagas = (sql: Sql): Promise<{ kind: SagaKind; state: SagaState; count: number }[]> =>
  sql.rows(COUNT, [])
