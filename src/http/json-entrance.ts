/** An upload whose body says where the bytes are: what each such entrance is, and how it reads its wishes. */
import type { z } from '@hono/zod-openapi'
import type { Destination } from '../ingest/ingest.ts'
import { refuse } from '../model/errors.ts'
import type { MatrixContext } from './context.ts'
import type { Work } from './idempotent.ts'
import type { JsonCreate } from './upload-wishes.ts'
import { violationsOf } from './validation.ts'

/** What the path says of where they go. */
export type Target = { readonly kind: 'asset' } | Extract<Destination, { kind: 'version' }>

/** One key: reads the rest of the body, or throws `contract-violation`; then does the work under its Idempotency-Key. */
export type JsonEntrance = (target: Target, body: object) => (c: MatrixContext, work: Work) => Promise<Response>

/** Throws `contract-violation`, with every place. */
export const parseWish = <T extends z.ZodType>(schema: T, body: unknown): z.infer<T> => {
  const parsed = schema.safeParse(body)
  if (!parsed.success)
    throw refuse('contract-violation', 'The body does not fit its schema.', { violations: violationsOf(parsed.error) })
  return parsed.data
}

export const newAsset = ({ collection, alias, labels, attributes }: z.infer<typeof JsonCreate>): Destination => ({
  kind: 'asset',
  collection,
  alias,
  labels,
  attributes,
})
