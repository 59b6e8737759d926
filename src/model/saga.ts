/**
 * Long work in steps, each of which may fail, be tried again and be taken back by itself. What undoes a step is stored with what
 * the step made, in one transaction: who finds a step done finds how to undo it, whatever became of the process that did it.
 */
import type { ErrorCode, Violation } from './errors.ts'
import type { Cause } from './event.ts'
import type { Principal } from './principal.ts'

export const SAGA_STATES = [
  'RUNNING',
  'PAUSED',
  'COMPENSATING',
  'SUCCEEDED',
  'PARTIAL',
  'FAILED',
  'CANCELLED',
  'COMPENSATED',
] as const
export type SagaState = (typeof SAGA_STATES)[number]

export const SAGA_KINDS = ['import'] as const
export type SagaKind = (typeof SAGA_KINDS)[number]

export interface Saga {
  readonly id: string
  readonly tenant: string
  readonly kind: SagaKind
  readonly state: SagaState
  /** Whose it is; null: an administrator's. */
  readonly product: string | null
  /** In whose name steps are done, or undone. */
  readonly principal: Principal
  /** The address that it was asked for from. */
  readonly client: string | null
  readonly correlationId: string
  readonly traceparent: string | null
  readonly input: unknown
  readonly total: number
  /** Of one that is over. */
  readonly done: number
  readonly failed: number
  readonly reason: string | null
  readonly createdBy: string
  readonly createdAt: Date
  readonly runningSince: Date
  readonly settledBefore: number
  readonly finishedAt: Date | null
}

/** Its steps are done in the name of who asked for it. */
export const causeOfSaga = ({ principal, correlationId, traceparent }: Saga): Cause => ({
  actor: principal.id,
  product: principal.product,
  correlationId,
  traceparent: traceparent ?? undefined,
})

/** `STUCK`: it was to be undone and could not be. */
export const SAGA_STEP_STATES = ['PENDING', 'DONE', 'FAILED', 'SKIPPED', 'UNDONE', 'STUCK'] as const
export type SagaStepState = (typeof SAGA_STEP_STATES)[number]

/** What is said of a try that failed: never more than a caller would have been told. */
export interface StepProblem {
  readonly code: ErrorCode
  readonly detail?: string
  readonly errors?: readonly Violation[]
}

export interface SagaStep {
  readonly no: number
  readonly input: unknown
  readonly state: SagaStepState
  readonly tries: number
  readonly output: unknown
  readonly problem: StepProblem | null
  readonly undo: unknown
}

export type SagaCounts = Readonly<Record<SagaStepState, number>>

/** Another process has settled the step meanwhile: what was done for it is taken back with its transaction. */
export class StepTaken extends Error {}

/** Trying the step again would not help, whatever the code of its cause says. */
export class StepHopeless extends Error {}

/** The saga cannot go on at all; the code says why. */
export class SagaStopped extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode) {
    super(`The saga stops: ${code}`)
    this.code = code
  }
}
