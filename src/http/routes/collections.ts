import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import {
  deleteEdge,
  findCollection,
  listCollections,
  listEdges,
  putCollection,
  putEdge,
} from '../../manifest/collections.ts'
import { productExists } from '../../manifest/products.ts'
import { listRenditions } from '../../manifest/renditions.ts'
import { refuse } from '../../model/errors.ts'
import { NAME_PATTERN } from '../../model/ids.ts'
import { DELIVERIES, type Edge, PUBLISH_GATES, ROLES } from '../../model/product.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Moment, Name, Paging, page, readCursor } from '../validation.ts'

const CollectionBody = z.strictObject({ owner: Name, publish_gate: z.enum(PUBLISH_GATES).default('all') })
const CollectionSchema = z
  .object({ collection: z.string(), owner: z.string(), publish_gate: z.enum(PUBLISH_GATES) })
  .openapi('Collection')
const EdgeBody = z.strictObject({
  role: z.enum(ROLES),
  original_access: z.boolean().default(false),
  visibility: z.enum(['private', 'public']).default('private'),
  delivery: z.enum(DELIVERIES).default('redirect'),
  expires_at: Moment.optional(),
})
const EdgeSchema = EdgeBody.extend({ product: z.string() }).openapi('Edge')
const params = z.object({ collection: Name })
const cellParams = z.object({ collection: Name, product: Name })
const shared = refusals(...JSON_ROUTE)
const paged = refusals('invalid-request', 'invalid-cursor')

const presentEdge = ({ product, role, originalAccess, visibility, delivery, expiresAt }: Edge) => ({
  product,
  role,
  original_access: originalAccess,
  visibility,
  delivery,
  expires_at: expiresAt?.toISOString(),
})

export const collectionRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly]
  const common = { tags: ['Matrix'], security, middleware }

  const existing = async (tenant: string, collection: string) => {
    const found = await findCollection(database, tenant, collection)
    if (!found) throw refuse('not-found', 'There is no such collection.')
    return found
  }
  const existingProduct = async (tenant: string, product: string, pointer: string) => {
    if (await productExists(database, tenant, product)) return
    throw refuse('contract-violation', 'The product does not exist.', {
      violations: [{ pointer, rule: 'exists', message: `There is no product ${product}.` }],
    })
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path: '/v1/collections/{collection}',
      summary: 'Create or change a collection; its owner gets an edge',
      request: { params, ...jsonBody(CollectionBody) },
      responses: { 200: json(CollectionSchema, 'The collection'), ...shared },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { collection } = c.req.valid('param')
      const { owner, publish_gate } = c.req.valid('json')
      await existingProduct(tenant, owner, '/owner')
      await database.transaction(tx =>
        putCollection(tx, { tenantId: tenant, collectionId: collection, owner, publishGate: publish_gate }),
      )
      return c.json({ collection, owner, publish_gate }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/collections',
      summary: 'Collections by name',
      request: { query: z.strictObject(Paging) },
      responses: {
        200: json(z.object({ items: z.array(CollectionSchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...paged,
      },
    }),
    async c => {
      const { limit, cursor } = c.req.valid('query')
      const after = readCursor(cursor, NAME_PATTERN)
      const found = await listCollections(database, {
        tenantId: c.get('principal').tenant,
        ...(after && { after }),
        limit: limit + 1,
      })
      const { items, ...rest } = page(found, limit, item => item.collection)
      const presented = items.map(({ collection, owner, publishGate }) => ({
        collection,
        owner,
        publish_gate: publishGate,
      }))
      return c.json({ items: presented, ...rest }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path: '/v1/collections/{collection}/grants/{product}',
      summary: 'What a product may do in a collection: one cell of the matrix',
      request: { params: cellParams, ...jsonBody(EdgeBody) },
      responses: { 200: json(EdgeSchema, 'The edge'), ...shared, ...refusals('last-owner') },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { collection, product } = c.req.valid('param')
      const { role, original_access, visibility, delivery, expires_at } = c.req.valid('json')
      await existing(tenant, collection)
      await existingProduct(tenant, product, '/product')
      const edge: Edge = {
        product,
        role,
        originalAccess: original_access,
        visibility,
        delivery,
        expiresAt: expires_at === undefined ? undefined : new Date(expires_at),
      }
      await database.transaction(tx => putEdge(tx, tenant, collection, edge))
      return c.json(presentEdge(edge), 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/collections/{collection}/grants/{product}',
      summary: 'Take a grant back: the next request of the product is refused',
      request: { params: cellParams },
      responses: { 204: { description: 'Gone' }, ...shared, ...refusals('last-owner') },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { collection, product } = c.req.valid('param')
      const gone = await database.transaction(tx =>
        deleteEdge(tx, { tenantId: tenant, collectionId: collection, productId: product }),
      )
      if (!gone) throw refuse('not-found', 'There is no such grant.')
      return c.body(null, 204)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/collections/{collection}/matrix',
      summary: 'The matrix of a collection: products, their rights and their renditions',
      request: { params },
      responses: {
        200: json(z.looseObject({ collection: z.string(), edges: z.array(EdgeSchema) }), 'The matrix'),
        ...shared,
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { collection, owner, publishGate } = await existing(tenant, c.req.valid('param').collection)
      const [edges, renditions] = await Promise.all([
        listEdges(database, tenant, collection),
        listRenditions(database, tenant, collection),
      ])
      return c.json(
        {
          collection,
          owner,
          publish_gate: publishGate,
          edges: edges.map(presentEdge),
          renditions: renditions.map(({ product, name, revision, lane, recipe, recipeHash }) => ({
            product,
            name,
            revision,
            lane,
            recipe,
            recipe_hash: `sha256:${recipeHash}`,
          })),
        },
        200,
      )
    },
  )
}
