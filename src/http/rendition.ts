/** A rendition as answers show it, and who may change it. */
import { z } from '@hono/zod-openapi'
import { presentDeprecation } from '../deliver/deprecation.ts'
import type { Gateway } from '../gateway.ts'
import { hasAssetEdges } from '../manifest/asset-edges.ts'
import { findCollection } from '../manifest/collections.ts'
import type { Deprecation } from '../model/deprecation.ts'
import { refuse } from '../model/errors.ts'
import { digestOf } from '../model/ids.ts'
import type { Rendition } from '../model/product.ts'
import { type Asked, permitOnCollection } from '../policy/permission.ts'
import { addressOf } from './address.ts'
import type { MatrixContext } from './context.ts'
import { ImpactSchema } from './impact.ts'
import { BackfillSchema } from './operation.ts'
import { Name } from './validation.ts'

export const RENDITION_PATH = '/v1/collections/{collection}/products/{product}/renditions/{name}'
export const renditionParams = z.object({ collection: Name, product: Name, name: Name })

export const DeprecationSchema = z.object({
  since: z.iso.datetime(),
  sunset: z.iso.datetime().openapi({
    description: 'Until when it is answered at least. What comes then is for its product to do: nothing ends by itself',
  }),
})

export const RenditionSchema = z
  .object({
    collection: z.string(),
    product: z.string(),
    name: z.string(),
    revision: z.number().int(),
    lane: z.enum(['eager', 'lazy']),
    recipe: z.looseObject({}),
    recipe_hash: z.string(),
    state: z.enum(['active', 'deprecated']),
    deprecation: DeprecationSchema.optional(),
  })
  .openapi('Rendition')

export const WrittenSchema = RenditionSchema.extend({
  impact: ImpactSchema,
  operation: BackfillSchema.optional().openapi({ description: 'The backfill that was started' }),
}).openapi('WrittenRendition')

export const presentEnd = (deprecation: Deprecation | undefined) => ({
  state: deprecation ? ('deprecated' as const) : ('active' as const),
  ...(deprecation && { deprecation: presentDeprecation(deprecation) }),
})

export const presentRendition = (found: Rendition) => {
  const { collection, product, name, revision, lane, recipe, recipeHash, deprecation } = found
  return {
    ...{ collection, product, name, revision, lane },
    recipe: recipe as unknown as Record<string, string>,
    recipe_hash: digestOf(recipeHash),
    ...presentEnd(deprecation),
  }
}

/** No revision is another one later, so its number is the state, with the end that it is to have. */
export const renditionTag = (found: Pick<Rendition, 'revision' | 'deprecation'> | undefined): string | undefined => {
  if (found === undefined) return undefined
  const { revision, deprecation } = found
  return deprecation === undefined ? `"r${revision}"` : `"r${revision}.${deprecation.sunset.getTime().toString(36)}"`
}

/** Its recipe is kept with each revision, so its hash says it all. */
export const auditedRendition = ({
  revision,
  lane,
  recipeHash,
  deprecation,
}: Pick<Rendition, 'revision' | 'lane' | 'recipeHash' | 'deprecation'>) => ({
  revision,
  lane,
  recipe_hash: digestOf(recipeHash),
  sunset: deprecation?.sunset.toISOString(),
})

export const renditionResource = ({ collection, product, name }: z.infer<typeof renditionParams>): string =>
  `collections/${collection}/products/${product}/renditions/${name}`

/** A product names its own renditions, whatever its role: that is its side of the matrix. An administrator names anyone's. */
export const permitRenditions = async (
  gateway: Gateway,
  c: MatrixContext,
  { collection, product }: { collection: string; product: string },
): Promise<Omit<Asked, 'action'>> => {
  const { database } = gateway
  const principal = c.get('principal')
  const who = { principal, product, address: addressOf(c) }
  const key = { tenantId: principal.tenant, collectionId: collection, productId: product }
  const [found, permission] = await Promise.all([
    findCollection(database, principal.tenant, collection),
    permitOnCollection(gateway, { ...who, collection, action: 'read' }),
  ])
  const hasEdge = permission.question.edge !== undefined || (await hasAssetEdges(database, key))
  if (!found || !hasEdge || permission.effect !== 'allow')
    throw refuse('not-found', 'There is no such collection for this product.', {
      ...(permission.effect !== 'allow' && { denied: { rule: permission.rule } }),
    })
  return who
}

/** What the product's edge has to allow of a recipe. Throws `forbidden`. */
export const requirePrivate = (isKept: boolean, isAllowed: boolean | undefined): void => {
  if (!isKept || isAllowed) return
  throw refuse('forbidden', 'The product may not keep private metadata here.', {
    details: { reasons: ['private-metadata-closed'] },
  })
}
