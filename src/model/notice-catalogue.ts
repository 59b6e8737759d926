/** Events that are no asset's: what is agreed between products and the matrix, and what becomes of its own work. */
import { z } from 'zod'
import { asset, digest, size, time } from './event-fields.ts'
import type { EventKind } from './event-kind.ts'

const revised = {
  collection: z.string(),
  product: z.string(),
  rendition: z.string(),
  revision: z.int().positive(),
  recipe_hash: digest,
}
const drift = { kind: z.enum(['original-mismatch', 'version-stuck']), resource: z.string() }

export const NOTICES = {
  'rendition.revised': {
    stream: 'contracts',
    audience: 'named',
    about: 'A rendition is new, or has another recipe: what is made by it is told one by one.',
    data: z.strictObject({
      ...revised,
      previous_revision: z.int().positive().nullable(),
      lane: z.enum(['eager', 'lazy']),
    }),
  },
  'rendition.retired': {
    stream: 'contracts',
    audience: 'named',
    about: 'Nothing is answered under the name of a rendition any more.',
    data: z.strictObject(revised),
  },
  'rendition.deprecated': {
    stream: 'contracts',
    audience: 'named',
    about: 'A rendition is to go, or is not to go any more: it is answered as before, and says until when.',
    data: z.strictObject({
      ...revised,
      /** Null: it stays after all. */
      sunset: time.nullable(),
      previous_sunset: time.nullable(),
    }),
  },
  'grant.changed': {
    stream: 'contracts',
    audience: 'named',
    about: 'What a product may do in a collection, or with one asset of it, is another thing.',
    data: z.strictObject({
      collection: z.string(),
      asset: asset.optional(),
      product: z.string(),
      /** Null: nothing is said any more. */
      role: z.string().nullable(),
      previous_role: z.string().nullable(),
      effective_at: time,
      /** Until then what was handed out before may still be used. */
      max_exposure_until: time,
    }),
  },
  'policy.changed': {
    stream: 'contracts',
    audience: 'named',
    about: 'A collection is new, or its owner, gate or rules are others; told to its owner.',
    data: z.strictObject({ collection: z.string(), product: z.string(), changed: z.array(z.string()).readonly() }),
  },
  'contract.registered': {
    stream: 'contracts',
    audience: 'named',
    about: 'A product says what it reads of a contract, or sends; or says it otherwise than before.',
    data: z.strictObject({
      product: z.string(),
      subject: z.string(),
      /** That it goes together with. */
      version: z.string(),
    }),
  },
  'operation.finished': {
    stream: 'system',
    audience: 'named',
    about: 'Long work is over, or has been undone.',
    data: z.strictObject({
      operation: z.uuid(),
      kind: z.enum(['backfill', 'import', 'erasure', 'rollout']),
      state: z.string(),
      product: z.string().nullable(),
      total: size.optional(),
      done: size.optional(),
      failed: size.optional(),
      reason: z.string().optional(),
    }),
  },
  'subscription.disabled': {
    stream: 'system',
    audience: 'named',
    about: 'A receiver wants nothing more: nothing is told to it until somebody resumes it.',
    data: z.strictObject({
      subscription: z.string(),
      product: z.string().nullable(),
      reason: z.literal('gone'),
      event: z.uuid(),
    }),
  },
  'delivery.dead': {
    stream: 'system',
    audience: 'named',
    about: 'An event has been given up for a subscription. Never told of one that is itself such a word.',
    data: z.strictObject({
      subscription: z.string(),
      product: z.string().nullable(),
      delivery: z.uuid(),
      event: z.uuid(),
      event_seq: z.int().positive(),
      event_type: z.string(),
      attempts: z.int().positive(),
      class: z.string(),
      last_status: z.int().nullable(),
      redrive: z.string(),
    }),
  },
  'drift.detected': {
    stream: 'system',
    audience: 'administrators',
    about: 'Something is not as it should be: an object has other bytes than its digest says.',
    data: z.strictObject(drift),
  },
  'drift.healed': {
    stream: 'system',
    audience: 'administrators',
    about:
      'What was not as it should be is so again: an original was read well since, or a version that stood still goes on.',
    data: z.strictObject(drift),
  },
} as const satisfies Record<string, EventKind>
