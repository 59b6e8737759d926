/** The matrix as people look at it: all of it, or what it comes to for one asset. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findAsset } from '../../manifest/assets.ts'
import { listCollections, listEdges } from '../../manifest/collections.ts'
import { findGrounds } from '../../manifest/grounds.ts'
import { countAssetEdges, productsOfAsset } from '../../manifest/ownership.ts'
import { refuse } from '../../model/errors.ts'
import { NAME_PATTERN } from '../../model/ids.ts'
import { PUBLISH_GATES, ROLES } from '../../model/product.ts'
import { ACTIONS } from '../../policy/decide.ts'
import { cellOf, holdsAt, mayDo } from '../../policy/ownership.ts'
import type { Env } from '../context.ts'
import { AssetEdgeSchema, EdgeSchema, presentEdge, presentGrant } from '../edges.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { AssetIdParam, Paging, page, readCursor } from '../validation.ts'

const Holds = z.enum(['now', 'later', 'over']).openapi({ description: 'By its time alone' })
const CollectionRow = z.object({
  collection: z.string(),
  owner: z.string(),
  publish_gate: z.enum(PUBLISH_GATES),
  edges: z.array(EdgeSchema.extend({ holds: Holds })),
  single_assets: z
    .array(z.object({ product: z.string(), role: z.enum([...ROLES, 'none']), assets: z.int() }))
    .openapi({ description: 'How many assets have an edge of their own' }),
})
const MatrixSchema = z.object({ items: z.array(CollectionRow), next_cursor: z.string().optional() }).openapi('Matrix')
const AssetMatrixSchema = z
  .object({
    asset: z.uuid(),
    collection: z.string(),
    media_type: z.string().optional(),
    labels: z.array(z.string()),
    cells: z.array(
      AssetEdgeSchema.extend({
        from: z.enum(['collection', 'asset']).openapi({ description: 'Whose edge answers' }),
        holds: Holds,
        may: z
          .array(z.enum(ACTIONS))
          .openapi({ description: 'Where its key has every scope, and the caller is in the networks of the edge' }),
      }),
    ),
  })
  .openapi('AssetMatrix')

export const matrixRoutes = (app: OpenAPIHono<Env>, { database, clock, findPrincipal }: Gateway): void => {
  const ofAsset = async (tenant: string, id: string): Promise<z.infer<typeof AssetMatrixSchema>> => {
    const asset = await findAsset(database, tenant, id)
    if (!asset) throw refuse('not-found', 'There is no such asset.')
    const at = clock.now()
    const products = await productsOfAsset(database, tenant, id)
    const found = await Promise.all(
      products.map(async product => ({
        product,
        grounds: await findGrounds(database, { tenantId: tenant, assetId: id, productId: product }),
      })),
    )
    const cells = found.flatMap(({ product, grounds }) => {
      const cell = grounds && cellOf(product, grounds.edges, at)
      if (!grounds || !cell) return []
      const { mediaType, labels } = grounds
      const may = mayDo(product, cell.edge, { at, mediaType, labels })
      return [{ product, ...presentGrant(cell.edge), from: cell.from, holds: holdsAt(cell.edge, at), may }]
    })
    const mediaType = found[0]?.grounds?.mediaType
    return {
      asset: id,
      collection: asset.collection,
      ...(mediaType !== undefined && { media_type: mediaType }),
      labels: [...asset.labels],
      cells,
    }
  }

  app.openapi(
    createRoute({
      tags: ['Matrix'],
      security,
      method: 'get',
      path: '/v1/matrix',
      middleware: [authenticated(findPrincipal), requires('matrix:admin')],
      summary: 'Who was given what, collection by collection; with `asset`, what it comes to for that one',
      request: { query: z.strictObject({ asset: AssetIdParam.optional(), ...Paging }) },
      responses: {
        200: json(z.union([MatrixSchema, AssetMatrixSchema]), 'The matrix'),
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { asset, limit, cursor } = c.req.valid('query')
      const { tenant } = c.get('principal')
      c.header('Cache-Control', 'no-store')
      if (asset !== undefined) return c.json(await ofAsset(tenant, asset), 200)
      const after = readCursor(cursor, NAME_PATTERN)
      const found = await listCollections(database, { tenantId: tenant, ...(after && { after }), limit: limit + 1 })
      const { items: collections, ...rest } = page(found, limit, ({ collection }) => collection)
      const at = clock.now()
      const singles = await countAssetEdges(
        database,
        tenant,
        collections.map(({ collection }) => collection),
      )
      const items = await Promise.all(
        collections.map(async ({ collection, owner, publishGate }) => ({
          collection,
          owner,
          publish_gate: publishGate,
          edges: (await listEdges(database, tenant, collection)).map(edge => ({
            ...presentEdge(edge),
            holds: holdsAt(edge, at),
          })),
          single_assets: singles
            .filter(one => one.collection === collection)
            .map(({ product, role, assets }) => ({ product, role, assets })),
        })),
      )
      return c.json({ items, ...rest }, 200)
    },
  )
}
