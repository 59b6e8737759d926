/** Imports among other long work: a product's are its own. */
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Sql } from '../../manifest/database.ts'
import { countSteps } from '../../manifest/saga-steps.ts'
import { findSaga, listSagas } from '../../manifest/sagas.ts'
import type { Saga, SagaCounts } from '../../model/saga.ts'
import { tellSaga } from '../../reconcile/saga-words.ts'
import { auditChange } from '../audit.ts'
import { isAdministrator, type Kind, type Member, operationFields, progressOf, type Settled } from './shape.ts'

export const ImportSchema = z
  .object({
    ...operationFields,
    kind: z.literal('import'),
    collections: z.array(z.string()).openapi({ description: 'That its lines name' }),
    undone: z.number().int().openapi({ description: 'Lines that were taken back' }),
    results: z.string().openapi({ description: 'Where it is told what became of each line' }),
  })
  .openapi('Import')

/** On its way back what is settled is what is undone, or could not be. */
const settledOf = (state: Saga['state'], { DONE, FAILED, SKIPPED, UNDONE, STUCK, PENDING }: SagaCounts): Settled => {
  const isBack = state === 'COMPENSATING' || state === 'COMPENSATED' || UNDONE + STUCK > 0
  if (isBack) return { total: DONE + UNDONE + STUCK, done: UNDONE, failed: STUCK }
  return { total: DONE + FAILED + SKIPPED + PENDING, done: DONE, failed: FAILED }
}

const stepsOf = (state: Saga['state'], { UNDONE, STUCK }: SagaCounts) => {
  const isBack = state === 'COMPENSATING' || state === 'COMPENSATED' || UNDONE + STUCK > 0
  const lines = {
    RUNNING: 'RUNNING',
    PAUSED: 'PENDING',
    SUCCEEDED: 'DONE',
    PARTIAL: 'DONE',
    FAILED: 'FAILED',
    CANCELLED: 'SKIPPED',
    COMPENSATING: 'UNDOING',
    COMPENSATED: 'UNDONE',
  } as const
  const back = { COMPENSATING: 'RUNNING', COMPENSATED: 'DONE' } as const
  if (!isBack) return [{ name: 'lines', state: lines[state] }]
  const undo = state === 'COMPENSATING' || state === 'COMPENSATED' ? back[state] : ('FAILED' as const)
  return [
    { name: 'lines', state: state === 'COMPENSATED' ? ('UNDONE' as const) : ('UNDOING' as const) },
    { name: 'undo', state: undo },
  ]
}

export const presentImport = async (
  { database, clock }: { readonly database: Sql; readonly clock: Clock },
  saga: Saga,
): Promise<z.infer<typeof ImportSchema>> => {
  const counts = await countSteps(database, saga)
  return {
    id: saga.id,
    kind: 'import',
    state: saga.state,
    collections: Object.keys((saga.input as { collections: object }).collections),
    progress: progressOf(settledOf(saga.state, counts), { ...saga, now: clock.now() }),
    steps: stepsOf(saga.state, counts),
    undone: counts.UNDONE,
    results: `/v1/operations/${saga.id}/results`,
    ...(saga.reason !== null && { reason: saga.reason }),
    created_by: saga.createdBy,
    created_at: saga.createdAt.toISOString(),
    ...(saga.finishedAt !== null && { finished_at: saga.finishedAt.toISOString() }),
  }
}

/** `undefined`: there is none, or none for him. */
export const permittedImport = async (
  { database }: Pick<Gateway, 'database'>,
  principal: Parameters<Kind['find']>[0],
  id: string,
): Promise<Saga | undefined> => {
  const found = await findSaga(database, { tenant: principal.tenant, id })
  const isTheirs = found && (isAdministrator(principal) || found.product === (principal.product ?? ''))
  return isTheirs ? found : undefined
}

export const importKind = (gateway: Pick<Gateway, 'database' | 'clock'>): Kind => {
  const { database } = gateway
  const member = (one: Saga): Member => ({
    id: one.id,
    kind: 'import',
    present: () => presentImport(gateway, one),
    tell: (c, word) =>
      tellSaga(database, one, {
        word,
        principal: c.get('principal'),
        record: (tx, { from, to }) =>
          auditChange(c, tx, { resource: `operations/${one.id}`, before: { state: from }, after: { state: to } }),
      }),
  })
  return {
    kind: 'import',
    async list(principal, filter) {
      const product = isAdministrator(principal) ? undefined : (principal.product ?? '')
      return (await listSagas(database, { tenant: principal.tenant, product, ...filter })).map(member)
    },
    async find(principal, id) {
      const found = await permittedImport(gateway, principal, id)
      return found && member(found)
    },
  }
}
