/** What a new recipe would come to in its collection, before anything is made of it. */
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../gateway.ts'
import { type CostFactors, estimateChain, estimatePixels } from '../graph/cost.ts'
import { planRendition } from '../graph/plan.ts'
import { derivativeWeights, estimateShownImages, knownNodes, type ShownImage, shownImages } from '../manifest/impact.ts'
import type { Hex } from '../model/ids.ts'
import { type Format, MEDIA_TYPE, type PlannedNode, type Recipe } from '../model/recipe.ts'

/** Planning three formats takes 63 us an image, four times that at first, and holds up everybody else meanwhile: 13 to 50 ms. */
const MOST_PLANNED = 200

export const ImpactSchema = z
  .object({
    versions_affected: z.number().int().openapi({
      description: 'Images of the collection that are current or may be soon; beyond two thousand an estimate',
    }),
    versions_planned: z
      .number()
      .int()
      .openapi({ description: `Of these, the sample that was planned: the newest ${MOST_PLANNED} at most` }),
    nodes_new: z.number().int().openapi({ description: 'Outputs that would have to be made for the sample' }),
    nodes_existing: z
      .number()
      .int()
      .openapi({ description: 'Outputs for the sample that are there already, whoever asked for them' }),
    refused: z
      .number()
      .int()
      .openapi({ description: 'Outputs that the recipe cannot be made to from an image of the sample' }),
    estimated_cpu_seconds: z
      .number()
      .openapi({ description: 'To make what is new for all versions affected: the sample, in proportion' }),
    estimated_bytes: z.number().int().openapi({
      description: 'That all of it would add to the store, at the bytes per pixel of what is stored; likewise',
    }),
  })
  .openapi('Impact')
export type Impact = z.infer<typeof ImpactSchema>

export const NO_IMPACT: Impact = {
  versions_affected: 0,
  versions_planned: 0,
  nodes_new: 0,
  nodes_existing: 0,
  refused: 0,
  estimated_cpu_seconds: 0,
  estimated_bytes: 0,
}

/** At the default settings, of photographs at 800 px; for formats of which nothing is stored. */
const BYTES_PER_PIXEL: Readonly<Record<Format, number>> = { jpeg: 0.17, png: 1.6, webp: 0.12, avif: 0.08, gif: 0.7 }

interface New {
  readonly image: ShownImage
  readonly node: PlannedNode
}

/** Steps that several outputs of an image go through are made once, as workers do it. */
const cpuOf = (made: readonly New[], factors: CostFactors): number => {
  const steps = new Map(
    made.flatMap(({ node, image }) => {
      const costs = estimateChain(node.chain, image.image, factors)
      return node.keys.map((key, index) => [key, costs[index] ?? 0] as const)
    }),
  )
  return [...steps.values()].reduce((sum, ms) => sum + ms, 0)
}

const bytesOf = (made: readonly New[], weights: ReadonlyMap<string, number>): number =>
  made.reduce((sum, { node, image }) => {
    const weight = weights.get(MEDIA_TYPE[node.format]) ?? BYTES_PER_PIXEL[node.format]
    return sum + weight * estimatePixels(node.chain, image.image)
  }, 0)

export const impactOf = async (
  { database, costs, config }: Pick<Gateway, 'database' | 'costs' | 'config'>,
  { tenant, collection, recipe }: { tenant: string; collection: string; recipe: Recipe },
): Promise<Impact> => {
  const images = await shownImages(database, tenant, collection, MOST_PLANNED)
  const planned = images.flatMap(image =>
    planRendition(recipe, image, config.maxTransformCpuMs).map(one => ({ image, ...one })),
  )
  // Equal images are one node each.
  const nodes = new Map(planned.flatMap(({ image, node }): [Hex, New][] => (node ? [[node.key, { image, node }]] : [])))
  const [existing, weights, factors] = await Promise.all([
    knownNodes(database, tenant, [...nodes.keys()]),
    derivativeWeights(database, tenant),
    costs(),
  ])
  const made = [...nodes].filter(([key]) => !existing.has(key)).map(([, one]) => one)
  const affected =
    images.length < MOST_PLANNED ? images.length : await estimateShownImages(database, tenant, collection)
  const scale = images.length === 0 ? 0 : affected / images.length
  return {
    versions_affected: affected,
    versions_planned: images.length,
    nodes_new: made.length,
    nodes_existing: existing.size,
    refused: planned.filter(({ refusal }) => refusal !== undefined).length,
    estimated_cpu_seconds: Math.round(cpuOf(made, factors) * scale) / 1000,
    estimated_bytes: Math.round(bytesOf(made, weights) * scale),
  }
}
