/**
 * Carries sagas on, from wherever a process left them:
 *
 *   RUNNING       steps that are due, in their order, some at once; what fails and may succeed later is tried again after a while
 *   COMPENSATING  what was done is undone, the last first, one at a time; what cannot be undone is reported and the others go on
 *
 * What a step does, that it is done and what undoes it are one transaction (manifest/saga-steps.ts): killed before the commit it
 * was not done, after it it is not done again. A lease keeps others off while a process works; of one that died it runs out.
 */
import { hostname } from 'node:os'
import { fullJitter } from '../lib/backoff.ts'
import { inLanes } from '../lib/in-lanes.ts'
import { type Repeated, repeat } from '../lib/repeat.ts'
import { type Database, isAbsence, type Sql } from '../manifest/database.ts'
import {
  countSteps,
  dueSteps,
  lastDone,
  missStep,
  settleStep,
  settleUndo,
  skipPending,
} from '../manifest/saga-steps.ts'
import { findSaga, leaseSaga, lockSaga, openSagas, releaseSaga, setSagaState } from '../manifest/sagas.ts'
import { type ErrorCode, isMatrixError } from '../model/errors.ts'
import { newId } from '../model/ids.ts'
import { RETRIES } from '../model/retries.ts'
import {
  type Saga,
  type SagaKind,
  type SagaStep,
  SagaStopped,
  StepHopeless,
  type StepProblem,
  StepTaken,
} from '../model/saga.ts'
import type { Log } from '../telemetry/log.ts'
import { processSpan } from '../telemetry/span-names.ts'
import type { Tracing } from '../telemetry/tracing.ts'

/** What the steps of one kind of saga do. Called any number of times for the same step, at once too. */
export interface SagaWork {
  /** Asked before steps are begun. Throws `SagaStopped`. */
  stand(saga: Saga): Promise<void>
  /** Calls `settle` in the transaction of what it does. Throws `SagaStopped` where no step can be done any more. */
  run(
    saga: Saga,
    step: SagaStep,
    settle: (tx: Sql, made: { output: object; undo: object }) => Promise<void>,
  ): Promise<void>
  /** Calls `settle` in the transaction that takes back what `step.undo` says; what is not there any more is taken back. */
  undo(saga: Saga, step: SagaStep, settle: (tx: Sql) => Promise<void>): Promise<void>
}

export type StepResult = 'done' | 'failed' | 'retried' | 'undone' | 'stuck'

export interface SagaOptions {
  readonly database: Database
  readonly works: Readonly<Record<SagaKind, SagaWork>>
  readonly log: Log
  /** Of this process. */
  readonly owner: string
  /** Steps at once; 0: sagas are left to other processes. */
  readonly lanes: number
  readonly onStep: (kind: SagaKind, result: StepResult) => void
  readonly tracing?: Tracing | undefined
  readonly leaseSeconds?: number
  /** For so long one saga is worked on before the others have their turn. */
  readonly sliceMs?: number
}

/** How soon a pause and a cancellation are felt. */
const BATCH = 32

const problemOf = (error: unknown): { problem: StepProblem; retryable: boolean } => {
  if (error instanceof StepHopeless) return { ...problemOf(error.cause), retryable: false }
  if (!isMatrixError(error)) return { problem: { code: 'internal' }, retryable: true }
  const { code, publicMessage, violations, retryable } = error
  return {
    problem: {
      code,
      ...(publicMessage !== undefined && { detail: publicMessage }),
      ...(violations.length > 0 && { errors: violations }),
    },
    retryable,
  }
}

type Held = Pick<SagaOptions, 'database' | 'works' | 'log' | 'lanes' | 'onStep' | 'tracing'> & {
  /** Whether there is time, and the lease. */
  readonly goesOn: () => boolean
}

/** A try that failed, noted. Throws what the step is not to blame for. */
const miss = async (
  { database, log, onStep }: Held,
  saga: Saga,
  step: SagaStep,
  { error, final }: { error: unknown; final: 'FAILED' | 'STUCK' },
): Promise<void> => {
  if (error instanceof StepTaken) return
  if (error instanceof SagaStopped || isAbsence(error)) throw error
  const { problem, retryable } = problemOf(error)
  if (problem.code === 'internal') log.error({ err: error, saga: saga.id, step: step.no }, 'step of a saga')
  const again = retryable && step.tries + 1 < RETRIES.step.tries
  const afterMs = again ? fullJitter(step.tries, RETRIES.step) : 0
  await missStep(database, saga, step, { to: again ? step.state : final, problem, afterMs })
  onStep(saga.kind, again ? 'retried' : final === 'FAILED' ? 'failed' : 'stuck')
}

/** In the trace of the request that began it, or linked to it: most steps come later than half a minute. */
const traced = ({ tracing }: Held, saga: Saga, work: () => Promise<void>): Promise<void> => {
  if (tracing === undefined) return work()
  const origin = { traceparent: saga.traceparent ?? undefined, at: saga.createdAt }
  return tracing.after([origin], processSpan(`${saga.kind}s`, {}), work)
}

const run = async (held: Held, saga: Saga, step: SagaStep): Promise<void> => {
  const work = () => held.works[saga.kind].run(saga, step, (tx, made) => settleStep(tx, saga, step, made))
  try {
    await traced(held, saga, work)
    held.onStep(saga.kind, 'done')
  } catch (error) {
    await miss(held, saga, step, { error, final: 'FAILED' })
  }
}

/** Where every step is settled, the saga is. False: some wait for their next try. */
const settle = (database: Database, saga: Saga): Promise<boolean> =>
  database.transaction(async tx => {
    const now = await lockSaga(tx, saga)
    if (now?.state !== 'RUNNING') return true
    const counts = await countSteps(tx, saga)
    if (counts.PENDING > 0) return false
    const failed = counts.DONE === 0 && counts.FAILED > 0
    const state = failed ? 'FAILED' : counts.FAILED > 0 ? 'PARTIAL' : 'SUCCEEDED'
    await setSagaState(tx, saga, state, failed ? { reason: 'every-step-failed' } : {})
    return true
  })

const stop = (database: Database, saga: Saga, code: ErrorCode): Promise<void> =>
  database.transaction(async tx => {
    const now = await lockSaga(tx, saga)
    if (now?.state !== 'RUNNING') return
    await skipPending(tx, saga)
    await setSagaState(tx, saga, 'FAILED', { reason: code })
  })

/** A batch of steps. False: nothing is to be done before something else has happened. */
const forward = async (held: Held, saga: Saga): Promise<boolean> => {
  const { database, works, lanes, goesOn } = held
  try {
    const steps = await dueSteps(database, saga, BATCH)
    if (steps.length === 0) return settle(database, saga).then(() => false)
    await works[saga.kind].stand(saga)
    await inLanes(steps, { atOnce: lanes, goesOn, work: step => run(held, saga, step) })
    return true
  } catch (error) {
    if (!(error instanceof SagaStopped)) throw error
    await stop(database, saga, error.code)
    return false
  }
}

/** Undoes the last step that is done. False: it waits for its next try, or none is left. */
const back = async (held: Held, saga: Saga): Promise<boolean> => {
  const { database, works, onStep } = held
  const step = await lastDone(database, saga)
  if (step === undefined) {
    await database.transaction(async tx => {
      const now = await lockSaga(tx, saga)
      if (now?.state !== 'COMPENSATING') return
      const isWhole = (await countSteps(tx, saga)).STUCK === 0
      await setSagaState(tx, saga, isWhole ? 'COMPENSATED' : 'FAILED', isWhole ? {} : { reason: 'not-undone' })
    })
    return false
  }
  if (!step.due) return false
  try {
    await works[saga.kind].undo(saga, step, tx => settleUndo(tx, saga, step))
    onStep(saga.kind, 'undone')
  } catch (error) {
    await miss(held, saga, step, { error, final: 'STUCK' })
  }
  return true
}

const drive = async (held: Held, named: Saga): Promise<void> => {
  while (held.goesOn()) {
    const saga = await findSaga(held.database, named)
    const goesOn =
      saga?.state === 'RUNNING' ? await forward(held, saga) : saga?.state === 'COMPENSATING' && (await back(held, saga))
    if (!goesOn) return
  }
}

const LEASE_SECONDS = 30
const SLICE_MS = 10_000

const workOn = async (options: SagaOptions, saga: Saga): Promise<void> => {
  const { database, owner, leaseSeconds = LEASE_SECONDS, sliceMs = SLICE_MS } = options
  const lease = () => leaseSaga(database, saga, { owner, seconds: leaseSeconds })
  if (!(await lease())) return
  let isHeld = true
  const until = Date.now() + sliceMs
  const heartbeat = setInterval(
    () => {
      lease().then(
        held => {
          isHeld = held
        },
        () => undefined, // it runs out by itself, and whoever takes it does what is left
      )
    },
    (leaseSeconds * 1000) / 3,
  )
  try {
    await drive({ ...options, goesOn: () => isHeld && Date.now() < until }, saga)
  } finally {
    clearInterval(heartbeat)
    await releaseSaga(database, saga, owner)
  }
}

/** Carries every saga on that nobody else works on. Rejects with the first failure, after the others had their turn. */
export const advanceSagas = async (options: SagaOptions): Promise<void> => {
  if (options.lanes === 0) return
  const failures: unknown[] = []
  for (const saga of await openSagas(options.database)) {
    await workOn(options, saga).catch(error => void failures.push(error))
  }
  if (failures.length > 0) throw failures[0]
}

const EVERY_MS = 1_000

/** Rounds on an interval, of a process that can do what the steps ask for. */
export const startSagas = (options: Omit<SagaOptions, 'owner'>): Repeated<void> => {
  const owner = `${hostname()}-${process.pid}-${newId().slice(-6)}`
  return repeat(() => advanceSagas({ ...options, owner }), {
    everyMs: EVERY_MS,
    onError: error => options.log.warn({ err: error }, 'sagas'),
  })
}
