/** Long work as an answer shows it. */
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../gateway.ts'
import { openSteps, tally } from '../manifest/backfill.ts'
import type { Sql } from '../manifest/database.ts'
import { countShownImages } from '../manifest/impact.ts'
import { insertOperation, latestOperation } from '../manifest/operations.ts'
import { OPERATION_STATES, type Operation, type OperationInput } from '../model/operation.ts'
import type { MatrixContext } from './context.ts'

export const BackfillSchema = z
  .object({
    id: z.uuid(),
    kind: z.literal('backfill'),
    state: z.enum(OPERATION_STATES),
    collection: z.string(),
    product: z.string(),
    rendition: z.string(),
    revision: z.number().int(),
    progress: z
      .object({ total: z.number().int(), done: z.number().int(), failed: z.number().int() })
      .openapi({ description: 'Versions; failed are those with an output that cannot be made' }),
    eta_seconds: z
      .number()
      .int()
      .optional()
      .openapi({ description: 'While it runs, at the speed since it was last started' }),
    cpu_ms: z.number().int().openapi({ description: 'Spent on what it has planned' }),
    reason: z
      .string()
      .optional()
      .openapi({ description: 'Why it was cancelled (superseded: by a newer revision) or failed' }),
    created_by: z.string(),
    created_at: z.string(),
    finished_at: z.string().optional(),
  })
  .openapi('Backfill')

/** At the speed of now; nothing is said before something is settled. */
const etaOf = (operation: Operation, settled: number, now: number): number | undefined => {
  const since = settled - operation.settledBefore
  if (operation.state !== 'RUNNING' || since <= 0) return undefined
  const elapsedMs = Math.max(1, now - operation.runningSince.getTime())
  return Math.ceil(((Math.max(0, operation.total - settled) / since) * elapsedMs) / 1000)
}

/** With what its open batches have come to by now. */
export const presentBackfill = async (
  { database, clock }: Pick<Gateway, 'database' | 'clock'>,
  operation: Operation,
): Promise<z.infer<typeof BackfillSchema>> => {
  const open = tally(operation.finishedAt === null ? await openSteps(database, operation) : [])
  const [done, failed] = [operation.done + open.done, operation.failed + open.failed]
  const eta = etaOf(operation, done + failed, clock.now())
  return {
    id: operation.id,
    kind: operation.kind,
    state: operation.state,
    ...operation.input,
    progress: { total: Math.max(operation.total, done + failed), done, failed },
    ...(eta !== undefined && { eta_seconds: eta }),
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
  { tenant, input, createdBy, once }: { tenant: string; input: OperationInput; createdBy: string; once: boolean },
): Promise<Operation | undefined> => {
  const last = await latestOperation(tx, tenant, input)
  if (once && (last?.state === 'SUCCEEDED' || last?.state === 'PARTIAL')) return undefined
  const total = await countShownImages(tx, tenant, input.collection)
  return insertOperation(tx, { tenant, input, total, createdBy })
}
