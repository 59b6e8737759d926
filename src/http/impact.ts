/** What a new recipe would come to in its collection, before anything is made of it. */
import { z } from '@hono/zod-openapi'
import { planRendition } from '../graph/plan.ts'
import type { Sql } from '../manifest/database.ts'
import { countKnownNodes, shownImages } from '../manifest/impact.ts'
import type { Hex } from '../model/ids.ts'
import type { Recipe } from '../model/recipe.ts'

/** Planning three formats takes 63 us an image, four times that at first, and holds up everybody else meanwhile: 13 to 50 ms. */
const MOST_PLANNED = 200

export const ImpactSchema = z
  .object({
    versions_affected: z.number().int().openapi({ description: 'Images that are current in the collection' }),
    versions_planned: z
      .number()
      .int()
      .openapi({ description: `Of these, those that the figures below are about: the newest ${MOST_PLANNED} at most` }),
    nodes_new: z.number().int().openapi({ description: 'Outputs that would have to be made' }),
    nodes_existing: z.number().int().openapi({ description: 'Outputs that are there already, whoever asked for them' }),
    refused: z.number().int().openapi({ description: 'Outputs that the recipe cannot be made to from its image' }),
  })
  .openapi('Impact')
export type Impact = z.infer<typeof ImpactSchema>

export const NO_IMPACT: Impact = {
  versions_affected: 0,
  versions_planned: 0,
  nodes_new: 0,
  nodes_existing: 0,
  refused: 0,
}

export const impactOf = async (
  sql: Sql,
  { tenant, collection, recipe }: { tenant: string; collection: string; recipe: Recipe },
): Promise<Impact> => {
  const images = await shownImages(sql, tenant, collection, MOST_PLANNED)
  const planned = images.flatMap(image => planRendition(recipe, image))
  const nodes = [...new Set(planned.flatMap(({ node }): Hex[] => (node ? [node.key] : [])))]
  const existing = await countKnownNodes(sql, tenant, nodes)
  return {
    versions_affected: images[0]?.total ?? 0,
    versions_planned: images.length,
    nodes_new: nodes.length - existing,
    nodes_existing: existing,
    refused: planned.filter(({ refusal }) => refusal !== undefined).length,
  }
}
