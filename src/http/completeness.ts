/** Completeness is a fact one can read: for every product of a version, what is required, done, pending and failed. */
import { z } from '@hono/zod-openapi'
import type { LeafState } from '../manifest/leaves.ts'
import { VERSION_STATES, type Version } from '../model/asset.ts'
import { isVariant } from '../model/delivery-path.ts'
import { PUBLISH_GATES, type PublishGate, type Rendition } from '../model/product.ts'

const STATUSES = ['COMPLETE', 'PARTIAL', 'PENDING', 'DEGRADED', 'FAILED'] as const
type Status = (typeof STATUSES)[number]

const Count = z.number().int()
const counts = {
  required: Count.openapi({ description: 'What is made for every version and has to be there' }),
  done: Count,
  dead: Count.openapi({ description: 'What cannot be made, or was tried in vain' }),
}

export const CompletenessSchema = z
  .object({
    asset: z.uuid(),
    version: Count,
    state: z.enum(VERSION_STATES),
    gate: z.enum(PUBLISH_GATES).openapi({
      description:
        'Whose required renditions the collection waits for before it publishes: of `all` products, of the `owner` alone, of `none`',
    }),
    products: z.array(
      z.object({
        product: z.string(),
        status: z.enum(STATUSES).openapi({
          description:
            '`PARTIAL`, `PENDING`: being made; `DEGRADED`, `FAILED`: something, or everything, cannot be had',
        }),
        ...counts,
        failed: z
          .array(
            z.object({
              rendition: z.string(),
              format: z.string(),
              node: z.string().nullable().openapi({ description: 'null: refused when it was planned' }),
              code: z.string().optional(),
              attempts: Count.optional(),
              at: z.string().optional(),
            }),
          )
          .optional(),
        pending: z
          .array(
            z.object({
              rendition: z.string(),
              format: z.string(),
              node: z.string(),
              state: z.string(),
              code: z.string().optional().openapi({ description: 'Of the try before, where it is tried again' }),
              attempts: Count.optional(),
            }),
          )
          .optional()
          .openapi({ description: 'What is required and on its way' }),
      }),
    ),
    others: z
      .object({ products: Count, ...counts })
      .optional()
      .openapi({ description: 'What the other products come to, where a product asks' }),
    asks: Count.openapi({ description: 'Renditions in a format, of all products' }),
    nodes: Count.openapi({ description: 'What is made for them' }),
    reused: Count.openapi({ description: 'Asks that another one is answered with' }),
    ready_percent: Count,
  })
  .openapi('Completeness')

const isDead = (leaf: LeafState): boolean => leaf.node === null || leaf.state === 'DEAD'

const statusOf = ({ required, done, dead }: { required: number; done: number; dead: number }): Status => {
  if (done === required) return 'COMPLETE'
  if (dead > 0) return done > 0 ? 'DEGRADED' : 'FAILED'
  return done > 0 ? 'PARTIAL' : 'PENDING'
}

const countsOf = (leaves: readonly LeafState[]) => {
  const gated = leaves.filter(leaf => leaf.required && leaf.eager)
  return {
    required: gated.length,
    done: gated.filter(leaf => leaf.state === 'DONE').length,
    dead: gated.filter(isDead).length,
  }
}

const productOf = (product: string, leaves: readonly LeafState[]) => {
  const counts = countsOf(leaves)
  const failed = leaves.filter(isDead).map(leaf => ({
    rendition: leaf.rendition,
    format: leaf.format,
    node: leaf.node && `sha256:${leaf.node}`,
    code: leaf.failure?.code ?? leaf.refusal?.code,
    attempts: leaf.failure?.attempts,
    at: leaf.failure?.at,
  }))
  const pending = leaves
    .filter(leaf => leaf.required && leaf.eager && leaf.state !== 'DONE' && !isDead(leaf))
    .map(leaf => ({
      rendition: leaf.rendition,
      format: leaf.format,
      node: `sha256:${leaf.node}`,
      state: leaf.state ?? 'PLANNED',
      code: leaf.failure?.code,
      attempts: leaf.attempts ?? undefined,
    }))
  return {
    product,
    status: statusOf(counts),
    ...counts,
    ...(failed.length > 0 && { failed }),
    ...(pending.length > 0 && { pending }),
  }
}

/** A version waits for what was planned when it was made, whatever has become of it; of one that is through, what is answered now counts. */
const counted = (
  { state }: Pick<Version, 'state'>,
  leaves: readonly LeafState[],
  renditions: readonly Pick<Rendition, 'product' | 'name' | 'revision'>[],
): readonly LeafState[] => {
  if (state === 'PROCESSING' || state === 'FAILED') return leaves
  const answered = new Set(renditions.map(({ product, name, revision }) => `${product}/${name}/${revision}`))
  return leaves.filter(({ product, rendition, revision }) => answered.has(`${product}/${rendition}/${revision}`))
}

/**
 * What somebody asked for beside the renditions is not part of being complete: nobody waits for it and nothing names it.
 *
 * `viewer`: a product is told of itself by name, and of the others what they come to; `undefined` is told everything.
 */
export const completenessOf = (
  asset: string,
  { version, state }: Version,
  {
    leaves: all,
    renditions,
    gate,
    viewer,
  }: {
    leaves: readonly LeafState[]
    /** Those of its collection that are answered now. */
    renditions: readonly Rendition[]
    gate: PublishGate
    viewer: string | undefined
  },
) => {
  const leaves = counted({ state }, all, renditions).filter(({ rendition }) => !isVariant(rendition))
  const everybody = [...new Set(leaves.map(leaf => leaf.product))]
  const products = everybody.filter(product => viewer === undefined || product === viewer)
  const others = leaves.filter(leaf => !products.includes(leaf.product))
  const nodes = new Set(leaves.flatMap(leaf => leaf.node ?? []))
  const asks = leaves.filter(leaf => leaf.node !== null).length
  const done = leaves.filter(leaf => leaf.state === 'DONE').length
  return {
    asset,
    version,
    state,
    gate,
    products: products.map(product =>
      productOf(
        product,
        leaves.filter(leaf => leaf.product === product),
      ),
    ),
    ...(viewer !== undefined && { others: { products: everybody.length - products.length, ...countsOf(others) } }),
    asks,
    nodes: nodes.size,
    reused: asks - nodes.size,
    ready_percent: leaves.length === 0 ? 100 : Math.floor((100 * done) / leaves.length),
  }
}
