/** Cells of the matrix: what a product may do in a collection, and how it is answered there. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { deleteEdge, findEdge, lockCollection, putEdge } from '../../manifest/collections.ts'
import type { Sql } from '../../manifest/database.ts'
import { listRenditions } from '../../manifest/renditions.ts'
import { refuse } from '../../model/errors.ts'
import type { Edges } from '../../model/product.ts'
import { keepsPrivate } from '../../ops/metadata.ts'
import { AccessImpactSchema, accessImpact } from '../access-impact.ts'
import { auditChange } from '../audit.ts'
import { isSeen, requireIfMatch, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import { tellGrant } from '../configuration-events.ts'
import type { Env } from '../context.ts'
import { EdgeBody, EdgeSchema, edgeOf, presentEdge } from '../edges.ts'
import { existingCollection, requireProduct } from '../existing.ts'
import { announceExposure } from '../exposure.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Name, WriteQuery } from '../validation.ts'

const cellParams = z.object({ collection: Name, product: Name })
const shared = refusals(...JSON_ROUTE)
const putConflicts = refusals('upload-incomplete', 'last-owner', 'conflict')
const lastOwner = refusals('upload-incomplete', 'last-owner')
const conditional = refusals('invalid-request', 'precondition-failed')

const resourceOf = (collection: string, product: string): string => `collections/${collection}/grants/${product}`

/** A right that is taken back must not go on in what was made under it: the rendition goes first. */
const requireNothingPrivate = async (
  sql: Sql,
  { tenant, collection, product }: { tenant: string; collection: string; product: string },
): Promise<void> => {
  const renditions = await listRenditions(sql, tenant, collection)
  const telling = renditions.filter(one => one.product === product && keepsPrivate(one.recipe))
  if (telling.length === 0) return
  throw refuse('conflict', 'Renditions of the product keep private metadata; change or delete them first.', {
    details: { renditions: telling.map(({ name }) => name) },
  })
}

export const grantRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)]
  const common = { tags: ['Matrix'], security, middleware }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path: '/v1/collections/{collection}/grants/{product}',
      summary: 'What a product may do in a collection: one cell of the matrix',
      request: { params: cellParams, query: WriteQuery, ...jsonBody(EdgeBody) },
      responses: {
        201: json(EdgeSchema, 'The edge, which is new'),
        200: json(
          EdgeSchema.extend({ impact: AccessImpactSchema.optional() }),
          'The edge, or with `validate_only` what would be and whom it would touch',
        ),
        ...shared,
        ...conditional,
        ...putConflicts,
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { collection, product } = c.req.valid('param')
      await existingCollection(database, tenant, collection)
      await requireProduct(database, { tenant, product, pointer: '/product' })
      const edge = edgeOf(product, c.req.valid('json'))
      const tries = c.req.valid('query').validate_only === 'true'
      const shown = presentEdge(edge)
      const { isNew, impact } = await writeConfiguration(database, { tries }, async tx => {
        await lockCollection(tx, tenant, collection)
        const before = await findEdge(tx, { tenantId: tenant, collectionId: collection, productId: product })
        requireState(c, before && stateTag(presentEdge(before)))
        if (!edge.privateMetadata) await requireNothingPrivate(tx, { tenant, collection, product })
        const wish = { tenant, collection, product, change: (cells: Edges) => ({ ...cells, collection: edge }) }
        const impact = tries ? await accessImpact(gateway, tx, wish) : undefined
        await putEdge(tx, tenant, collection, edge)
        await tellGrant(c, tx, gateway, { collection, product, role: edge.role, previous: before?.role })
        await auditChange(c, tx, {
          resource: resourceOf(collection, product),
          before: before && presentEdge(before),
          after: shown,
        })
        return { isNew: before === undefined, impact }
      })
      if (tries) return c.json({ ...shown, impact }, 200)
      if (!isNew) announceExposure(c, gateway)
      c.header('ETag', stateTag(shown))
      return c.json(shown, isNew ? 201 : 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/collections/{collection}/grants/{product}',
      summary: 'What a product may do in a collection',
      request: { params: cellParams },
      responses: { 200: json(EdgeSchema, 'The edge'), 304: { description: 'Unchanged' }, ...shared },
    }),
    async c => {
      const { collection, product } = c.req.valid('param')
      const { tenant } = c.get('principal')
      const found = await findEdge(database, { tenantId: tenant, collectionId: collection, productId: product })
      if (!found) throw refuse('not-found', 'There is no such grant.')
      const shown = presentEdge(found)
      if (isSeen(c, stateTag(shown))) return c.body(null, 304)
      return c.json(shown, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/collections/{collection}/grants/{product}',
      summary: 'Take a grant back: the next request of the product is refused',
      request: { params: cellParams, query: WriteQuery },
      responses: {
        204: { description: 'Gone' },
        200: json(z.object({ impact: AccessImpactSchema }), 'With `validate_only`: whom it would touch'),
        ...shared,
        ...conditional,
        ...lastOwner,
        ...refusals('precondition-required'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant } = c.get('principal')
      const { collection, product } = c.req.valid('param')
      const cell = { tenantId: tenant, collectionId: collection, productId: product }
      const tries = c.req.valid('query').validate_only === 'true'
      const impact = await writeConfiguration(database, { tries }, async tx => {
        await lockCollection(tx, tenant, collection)
        const before = await findEdge(tx, cell)
        if (!before) throw refuse('not-found', 'There is no such grant.')
        requireState(c, stateTag(presentEdge(before)))
        const wish = { tenant, collection, product, change: (cells: Edges) => ({ ...cells, collection: undefined }) }
        const would = tries ? await accessImpact(gateway, tx, wish) : undefined
        await deleteEdge(tx, cell)
        await tellGrant(c, tx, gateway, { collection, product, previous: before.role })
        await auditChange(c, tx, { resource: resourceOf(collection, product), before: presentEdge(before) })
        return would
      })
      announceExposure(c, gateway)
      if (impact) return c.json({ impact }, 200)
      return c.body(null, 204)
    },
  )
}
