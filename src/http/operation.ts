/** Long work as an answer shows it. */
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../gateway.ts'
import { openSteps, tally } from '../manifest/backfill.ts'
import type { Sql } from '../manifest/database.ts'
import { countShownImages } from '../manifest/impact.ts'
import { insertOperation, latestOperation } from '../manifest/operations.ts'
import type { Cause } from '../model/event.ts'
import type { Operation, OperationInput } from '../model/operation.ts'
import type { MatrixContext } from './context.ts'
import { operationFields, progressOf, stepsAt } from './operations/shape.ts'

export const BackfillSchema = z
  .object({
    ...operationFields,
    kind: z.literal('backfill'),
    collection: z.string(),
    product: z.string(),
    rendition: z.string(),
    revision: z.number().int(),
    cpu_ms: z.number().int().openapi({ description: 'Spent on what it has planned' }),
  })
  .openapi('Backfill', {
    description:
      'Progress is told in versions; failed are those with an output that cannot be made. The reason says why it was cancelled (superseded: by another revision) or failed.',
  })

const STEPS = ['plan', 'look again']

/** With what its open batches have come to by now. */
export const presentBackfill = async (
  { database, clock }: Pick<Gateway, 'database' | 'clock'>,
  operation: Operation,
): Promise<z.infer<typeof BackfillSchema>> => {
  const { state, total } = operation
  const open = tally(operation.finishedAt === null ? await openSteps(database, operation) : [])
  const [done, failed] = [operation.done + open.done, operation.failed + open.failed]
  return {
    id: operation.id,
    kind: operation.kind,
    state,
    ...operation.input,
    progress: progressOf({ total, done, failed }, { ...operation, now: clock.now() }),
    // Rounds after the first find what was being processed while it went over it.
    steps: stepsAt(STEPS, Math.min(operation.round - 1, 1), state),
    cpu_ms: Math.round(operation.cpuMs + open.cpuMs),
    ...(operation.reason !== null && { reason: operation.reason }),
    created_by: operation.createdBy,
    created_at: operation.createdAt.toISOString(),
    ...(operation.finishedAt !== null && { finished_at: operation.finishedAt.toISOString() }),
  }
}

const RETRY_AFTER_SECONDS = 1

/** Where it is watched; an answer that carries these is a 202. */
export const announceOperation = (c: MatrixContext, { id }: Pick<Operation, 'id'>): void => {
  c.header('Location', `/v1/operations/${id}`)
  c.header('Retry-After', String(RETRY_AFTER_SECONDS))
}

/** Starts a backfill, unless one is under way. `once`: nor where one is through. Part of the transaction that changes the rendition. */
export const startBackfill = async (
  tx: Sql,
  { tenant, input, cause, once }: { tenant: string; input: OperationInput; cause: Cause; once: boolean },
): Promise<Operation | undefined> => {
  const last = await latestOperation(tx, tenant, input)
  if (once && (last?.state === 'SUCCEEDED' || last?.state === 'PARTIAL')) return undefined
  const total = await countShownImages(tx, tenant, input.collection)
  return insertOperation(tx, { tenant, input, total, cause })
}
