/** Rollouts of an engine among other long work. Undoing one is rolling it back; promoting it is a decision of its own (routes/engine). */
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findRollout, listRollouts } from '../../manifest/rollouts.ts'
import { ROLLOUT_STATES, type Rollout, type RolloutState } from '../../model/engine.ts'
import { isMatrixError } from '../../model/errors.ts'
import { tellRollout } from '../../reconcile/rollout.ts'
import { auditChange } from '../audit.ts'
import {
  type AnyState,
  isAdministrator,
  type Kind,
  type Member,
  operationFields,
  progressOf,
  stepsAt,
} from './shape.ts'

export const RolloutOperationSchema = z
  .object({
    ...operationFields,
    kind: z.literal('rollout'),
    phase: z.enum(ROLLOUT_STATES),
    engine: z.string(),
    collection: z.string().optional(),
    share: z.number().int().openapi({ description: 'Per cent of the assets' }),
    report: z.string().openapi({ description: 'Where it is told how alike old and new are' }),
  })
  .openapi('RolloutOperation')

/** `READY` waits for a word. */
const STATES: Readonly<Record<RolloutState, AnyState>> = {
  PLANNING: 'RUNNING',
  COMPARING: 'RUNNING',
  READY: 'PAUSED',
  PROMOTING: 'RUNNING',
  PROMOTED: 'SUCCEEDED',
  ROLLING_BACK: 'COMPENSATING',
  ROLLED_BACK: 'COMPENSATED',
}
const STEPS = ['plan', 'compare', 'promote']
const AT: Readonly<Record<RolloutState, number>> = {
  PLANNING: 0,
  COMPARING: 1,
  READY: 2,
  PROMOTING: 2,
  PROMOTED: 2,
  ROLLING_BACK: 2,
  ROLLED_BACK: 2,
}

/** In pointers: those that are where they are to be. */
const movedOf = ({ state, leaves, afterLeaf }: Rollout): number => {
  if (state === 'PROMOTED' || state === 'ROLLED_BACK') return leaves
  return state === 'PROMOTING' || state === 'ROLLING_BACK' ? Math.min(afterLeaf, leaves) : 0
}

const present = (one: Rollout): z.infer<typeof RolloutOperationSchema> => {
  const state = STATES[one.state]
  const isOver = state === 'SUCCEEDED' || state === 'COMPENSATED'
  const isPlanned = one.leaves > 0 || isOver
  return {
    id: one.id,
    kind: 'rollout',
    state,
    phase: one.state,
    engine: one.engine,
    ...(one.collection !== null && { collection: one.collection }),
    share: one.share,
    // Before anything is planned nothing is done of it, either.
    progress: progressOf({ total: isPlanned ? one.leaves : 1, done: movedOf(one), failed: 0 }),
    steps: stepsAt(STEPS, AT[one.state], state),
    report: `/v1/engine/rollouts/${one.id}`,
    created_by: one.createdBy,
    created_at: one.createdAt.toISOString(),
    ...(isOver && { finished_at: one.changedAt.toISOString() }),
  }
}

export const rolloutKind = ({ database }: Pick<Gateway, 'database'>): Kind => {
  const member = (one: Rollout): Member => ({
    id: one.id,
    kind: 'rollout',
    present: async () => present(one),
    tell: (c, word) => {
      if (word === 'pause' || word === 'resume') return undefined
      return tellRollout(
        database,
        one,
        // To call off what is shown already is to undo it, and is said so.
        word === 'cancel' ? 'giveUp' : 'rollback',
        c.get('principal').id,
        (tx, { from, to }) =>
          auditChange(c, tx, { resource: `engine/rollouts/${one.id}`, before: { state: from }, after: { state: to } }),
      ).then(
        () => true,
        error => {
          if (isMatrixError(error, 'conflict')) return false
          throw error
        },
      )
    },
  })
  return {
    kind: 'rollout',
    async list(principal, { state, after, limit }) {
      if (!isAdministrator(principal)) return []
      const states = ROLLOUT_STATES.filter(one => state === undefined || STATES[one] === state)
      return (await listRollouts(database, { tenant: principal.tenant, after, limit, states })).map(member)
    },
    async find(principal, id) {
      if (!isAdministrator(principal)) return undefined
      const found = await findRollout(database, { tenant: principal.tenant, id })
      return found && member(found)
    },
  }
}
