/** What every kind of long work says of itself, in one shape. */
import { z } from '@hono/zod-openapi'
import type { Principal } from '../../model/principal.ts'
import { SAGA_STATES, type SagaState } from '../../model/saga.ts'
import type { MatrixContext } from '../context.ts'

export const OPERATION_KINDS = ['backfill', 'erase', 'rollout', 'import'] as const
export type OperationKind = (typeof OPERATION_KINDS)[number]

/** A saga can be in all of them; of the others each kind knows some. */
export const ANY_STATE = SAGA_STATES
export type AnyState = SagaState

export const isOver = (state: AnyState): boolean =>
  state !== 'RUNNING' && state !== 'PAUSED' && state !== 'COMPENSATING'

const STEP_STATES = ['PENDING', 'RUNNING', 'DONE', 'FAILED', 'SKIPPED', 'UNDOING', 'UNDONE'] as const
type StepState = (typeof STEP_STATES)[number]

export const ProgressSchema = z
  .object({
    total: z.number().int(),
    done: z.number().int(),
    failed: z.number().int(),
    percent: z.number().int().openapi({ description: 'Of what is settled, done or failed, rounded down' }),
    eta_seconds: z
      .number()
      .int()
      .optional()
      .openapi({ description: 'While it runs, at the speed since it was last started' }),
  })
  .openapi('Progress')

export const operationFields = {
  id: z.uuid(),
  state: z.enum(ANY_STATE),
  progress: ProgressSchema,
  steps: z.array(z.object({ name: z.string(), state: z.enum(STEP_STATES) })).openapi({ description: 'In their order' }),
  reason: z.string().optional(),
  created_by: z.string(),
  created_at: z.string(),
  finished_at: z.string().optional(),
}

export interface Settled {
  readonly total: number
  readonly done: number
  readonly failed: number
}

export interface Pace {
  readonly state: AnyState
  readonly runningSince: Date
  /** What was settled by then. */
  readonly settledBefore: number
  readonly now: number
}

/** At the speed of now; nothing is said before something is settled. */
const etaOf = (
  left: number,
  settled: number,
  { state, runningSince, settledBefore, now }: Pace,
): number | undefined => {
  const since = settled - settledBefore
  if ((state !== 'RUNNING' && state !== 'COMPENSATING') || since <= 0) return undefined
  return Math.ceil(((left / since) * Math.max(1, now - runningSince.getTime())) / 1000)
}

/** Without a pace nothing is said of the time that is left. */
export const progressOf = ({ total, done, failed }: Settled, pace?: Pace): z.infer<typeof ProgressSchema> => {
  const settled = done + failed
  const whole = Math.max(total, settled)
  const eta = pace && etaOf(whole - settled, settled, pace)
  return {
    total: whole,
    done,
    failed,
    percent: whole === 0 ? 100 : Math.floor((settled / whole) * 100),
    ...(eta !== undefined && { eta_seconds: eta }),
  }
}

const END: Readonly<Record<AnyState, StepState>> = {
  RUNNING: 'RUNNING',
  PAUSED: 'PENDING',
  COMPENSATING: 'UNDOING',
  SUCCEEDED: 'DONE',
  PARTIAL: 'DONE',
  FAILED: 'FAILED',
  CANCELLED: 'SKIPPED',
  COMPENSATED: 'UNDONE',
}

/** Of work that takes its steps one after the other and is at the step of this index. */
export const stepsAt = (names: readonly string[], at: number, state: AnyState) =>
  names.map((name, n) => {
    if (state === 'SUCCEEDED' || state === 'PARTIAL' || n < at) return { name, state: 'DONE' as const }
    if (n === at) return { name, state: END[state] }
    return { name, state: state === 'RUNNING' || state === 'PAUSED' ? ('PENDING' as const) : ('SKIPPED' as const) }
  })

/** One piece of long work, of whichever kind, as somebody sees it who may. */
export interface Member {
  readonly id: string
  readonly kind: OperationKind
  /** `whole`: with what is left of it to show, e.g. a receipt. */
  present(options?: { whole: boolean }): Promise<OperationAnswer>
  /** What somebody says to it, recorded with its effect. False where its state does not allow that, `undefined` where its kind does not. */
  tell(c: MatrixContext, word: OperationWord): Promise<boolean> | undefined
}

/** The least that any answer has; each kind adds its own. */
export type OperationAnswer = { readonly id: string; readonly kind: OperationKind; readonly state: AnyState }

export const OPERATION_WORDS = ['pause', 'resume', 'cancel', 'undo'] as const
export type OperationWord = (typeof OPERATION_WORDS)[number]

export interface FamilyFilter {
  readonly state: AnyState | undefined
  readonly after: string | undefined
  readonly limit: number
}

/** One kind of long work. */
export interface Kind {
  readonly kind: OperationKind
  /** What the caller may see, the newest first. */
  list(principal: Principal, filter: FamilyFilter): Promise<readonly Member[]>
  /** `undefined`: there is none, or none for him. */
  find(principal: Principal, id: string): Promise<Member | undefined>
}

export const isAdministrator = ({ scopes }: Principal): boolean => scopes.includes('matrix:admin')
