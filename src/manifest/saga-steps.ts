/**
 * The steps of sagas. A step is settled by the transaction of what it does, and only where it still stands as it was found: of
 * two processes that do the same step one commits, and what the other did is rolled back with it. A state that a saga is told
 * from outside (`skipPending`) is therefore safe while steps are under way: what they commit is counted, or does not happen.
 */
import {
  SAGA_STEP_STATES,
  type Saga,
  type SagaCounts,
  type SagaStep,
  type SagaStepState,
  type StepProblem,
  StepTaken,
} from '../model/saga.ts'
import type { Sql } from './database.ts'

const COLUMNS = 'step_no as no, input, state, tries, output, problem, undo'

type Named = Pick<Saga, 'tenant' | 'id'>

const INSERT = {
  name: 'saga_steps_insert',
  text: `insert into saga_step (tenant_id, saga_id, step_no, input)
         select $1, $2, s.no, s.input from rows from (unnest($3::int[]), jsonb_array_elements($4::jsonb)) as s (no, input)`,
}
/** Of a statement: some 50 ms. */
const AT_ONCE = 2_000

export interface NewStep {
  readonly no: number
  /** As text of JSON. */
  readonly input: string
}

export const insertSagaSteps = async (tx: Sql, { tenant, id }: Named, steps: readonly NewStep[]): Promise<void> => {
  for (let from = 0; from < steps.length; from += AT_ONCE) {
    const some = steps.slice(from, from + AT_ONCE)
    await tx.rows(INSERT, [tenant, id, some.map(({ no }) => no), `[${some.map(({ input }) => input).join()}]`])
  }
}

const DUE = {
  name: 'saga_steps_due',
  text: `select ${COLUMNS} from saga_step where tenant_id = $1 and saga_id = $2 and state = 'PENDING' and not_before <= now()
         order by step_no limit $3`,
}

/** To be done now, in their order. */
export const dueSteps = (sql: Sql, { tenant, id }: Named, limit: number): Promise<SagaStep[]> =>
  sql.rows<SagaStep>(DUE, [tenant, id, limit])

const LAST_DONE = {
  name: 'saga_step_last_done',
  text: `select ${COLUMNS}, not_before <= now() as due from saga_step where tenant_id = $1 and saga_id = $2 and state = 'DONE'
         order by step_no desc limit 1`,
}

/** The next to be undone: the last that is done. */
export const lastDone = async (sql: Sql, { tenant, id }: Named): Promise<(SagaStep & { due: boolean }) | undefined> =>
  (await sql.rows<SagaStep & { due: boolean }>(LAST_DONE, [tenant, id]))[0]

const SETTLE = {
  name: 'saga_step_settle',
  text: `update saga_step set state = 'DONE', input = '{}', output = $4, undo = $5, problem = null, tries = 0, not_before = now(), finished_at = now()
         where tenant_id = $1 and saga_id = $2 and step_no = $3 and state = 'PENDING' returning 1`,
}

/** In the transaction of what the step does: it is done, with what undoes it, and what it was told is kept no longer than needed. Throws `StepTaken`. */
export const settleStep = async (
  tx: Sql,
  { tenant, id }: Named,
  { no }: Pick<SagaStep, 'no'>,
  { output, undo }: { output: object; undo: object },
): Promise<void> => {
  const values = [tenant, id, no, JSON.stringify(output), JSON.stringify(undo)]
  if ((await tx.rows(SETTLE, values)).length === 0) throw new StepTaken(`Step ${no} was taken`)
}

const SETTLE_UNDO = {
  name: 'saga_step_settle_undo',
  text: `update saga_step set state = 'UNDONE', problem = null, finished_at = now()
         where tenant_id = $1 and saga_id = $2 and step_no = $3 and state = 'DONE' returning 1`,
}

/** In the transaction that undoes the step. Throws `StepTaken`. */
export const settleUndo = async (tx: Sql, { tenant, id }: Named, { no }: Pick<SagaStep, 'no'>): Promise<void> => {
  if ((await tx.rows(SETTLE_UNDO, [tenant, id, no])).length === 0) throw new StepTaken(`Step ${no} was taken`)
}

const MISS = {
  name: 'saga_step_miss',
  text: `update saga_step set state = $4, tries = tries + 1, problem = $6, not_before = now() + make_interval(secs => $7),
           finished_at = case when $4 = 'PENDING' then null else coalesce(finished_at, now()) end
         where tenant_id = $1 and saga_id = $2 and step_no = $3 and state = $5`,
}

/** A try that failed: the step becomes `to`, or stays as it was to be tried again after a while. */
export const missStep = async (
  sql: Sql,
  { tenant, id }: Named,
  { no, state }: Pick<SagaStep, 'no' | 'state'>,
  { to, problem, afterMs }: { to: SagaStepState; problem: StepProblem; afterMs: number },
): Promise<void> => {
  await sql.rows(MISS, [tenant, id, no, to, state, JSON.stringify(problem), afterMs / 1000])
}

const SKIP = {
  name: 'saga_steps_skip',
  text: `update saga_step set state = 'SKIPPED', finished_at = now() where tenant_id = $1 and saga_id = $2 and state = 'PENDING'`,
}

/** What was not begun is not. Waits for steps that are about to commit. */
export const skipPending = async (tx: Sql, { tenant, id }: Named): Promise<void> => {
  await tx.rows(SKIP, [tenant, id])
}

const UNSTICK = {
  name: 'saga_steps_unstick',
  text: `update saga_step set state = 'DONE', tries = 0, not_before = now() where tenant_id = $1 and saga_id = $2 and state = 'STUCK'`,
}

/** What could not be undone is tried once more. */
export const unstick = async (tx: Sql, { tenant, id }: Named): Promise<void> => {
  await tx.rows(UNSTICK, [tenant, id])
}

const COUNT = {
  name: 'saga_steps_count',
  text: `select state, count(*)::int as count from saga_step where tenant_id = $1 and saga_id = $2 group by state`,
}

export const countSteps = async (sql: Sql, { tenant, id }: Named): Promise<SagaCounts> => {
  const rows = await sql.rows<{ state: SagaStepState; count: number }>(COUNT, [tenant, id])
  const none = Object.fromEntries(SAGA_STEP_STATES.map(state => [state, 0]))
  return { ...none, ...Object.fromEntries(rows.map(({ state, count }) => [state, count])) } as SagaCounts
}

const LIST = {
  name: 'saga_steps_list',
  text: `select ${COLUMNS} from saga_step where tenant_id = $1 and saga_id = $2 and step_no > $3 and ($4::text[] is null or state = any($4))
         order by step_no limit $5`,
}

export interface StepFilter {
  readonly after: number
  /** `undefined`: all. */
  readonly states: readonly SagaStepState[] | undefined
  readonly limit: number
}

/** In their order. */
export const listSteps = (sql: Sql, { tenant, id }: Named, { after, states, limit }: StepFilter): Promise<SagaStep[]> =>
  sql.rows<SagaStep>(LIST, [tenant, id, after, states ?? null, limit])
