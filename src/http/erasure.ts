/** An erasure as an answer shows it, and what is left of it: the receipt. */
import { z } from '@hono/zod-openapi'
import { ERASURE_STATES, type ErasedObject, type Erasure } from '../model/erasure.ts'
import { digestOf } from '../model/ids.ts'
import { operationFields, progressOf, stepsAt } from './operations/shape.ts'

const Removed = z.object({
  digest: z.string(),
  bytes: z.number().int(),
  at: z.string().openapi({ description: 'When the object was found to be gone from the store' }),
})
const Receipt = z
  .object({
    objects: z.number().int(),
    bytes: z.number().int(),
    originals: z.array(Removed),
    derivatives: z.array(Removed),
    kept: z
      .array(z.object({ kind: z.enum(['original', 'derivative']), digest: z.string() }))
      .openapi({ description: 'Another asset has the same bytes' }),
  })
  .openapi('ErasureReceipt')

export const ErasureSchema = z
  .object({
    ...operationFields,
    kind: z.literal('erase'),
    step: z.string(),
    asset: z.uuid(),
    version: z.number().int().optional().openapi({ description: 'Of this version alone' }),
    collection: z.string(),
    reason: z.string(),
    max_exposure_until: z.string().openapi({
      description: 'No URL that was handed out before works after this; and not once the object is deleted',
    }),
    cached_until: z.string().openapi({
      description: 'A cache that was not purged may keep a copy for so long: the largest max-age that was sent',
    }),
    receipt: Receipt.optional(),
  })
  .openapi('Erasure', { description: 'Progress is told in objects; more turn up while rows are gone through.' })

const STEPS = ['unbind', 'forget', 'delete']

const removed = (objects: readonly ErasedObject[]) =>
  objects.map(({ sha256, bytes, settledAt }) => ({
    digest: digestOf(sha256),
    bytes,
    at: (settledAt ?? new Date(0)).toISOString(),
  }))

const receiptOf = (objects: readonly ErasedObject[]): z.infer<typeof Receipt> => {
  const gone = objects.filter(({ state }) => state === 'DELETED')
  return {
    objects: gone.length,
    bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0),
    originals: removed(gone.filter(({ kind }) => kind === 'original')),
    derivatives: removed(gone.filter(({ kind }) => kind === 'derivative')),
    kept: objects
      .filter(({ state }) => state === 'KEPT')
      .map(({ kind, sha256 }) => ({ kind, digest: digestOf(sha256) })),
  }
}

export const presentErasure = (
  erasure: Erasure,
  objects: readonly ErasedObject[],
  { withReceipt }: { withReceipt: boolean },
): z.infer<typeof ErasureSchema> => {
  const isOver = erasure.state === 'DONE'
  const state = isOver ? 'SUCCEEDED' : 'RUNNING'
  const settled = objects.filter(({ state }) => state === 'DELETED' || state === 'KEPT').length
  return {
    id: erasure.id,
    kind: 'erase',
    state,
    step: erasure.state.toLowerCase(),
    asset: erasure.asset,
    ...(erasure.version !== null && { version: erasure.version }),
    collection: erasure.collection,
    reason: erasure.reason,
    // Which objects there are turns up while rows are gone through.
    progress: progressOf({ total: isOver ? objects.length : Math.max(objects.length, 1), done: settled, failed: 0 }),
    steps: stepsAt(STEPS, ERASURE_STATES.indexOf(erasure.state), state),
    max_exposure_until: erasure.exposedUntil.toISOString(),
    cached_until: erasure.cachedUntil.toISOString(),
    created_by: erasure.requestedBy,
    created_at: erasure.requestedAt.toISOString(),
    ...(erasure.finishedAt !== null && { finished_at: erasure.finishedAt.toISOString() }),
    ...(isOver && withReceipt && { receipt: receiptOf(objects) }),
  }
}
