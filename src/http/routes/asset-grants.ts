/** Edges on single assets: for one product, instead of what its edge on the collection says. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { deleteAssetEdge, findAssetEdge, listAssetEdges, putAssetEdge } from '../../manifest/asset-edges.ts'
import { findAsset } from '../../manifest/assets.ts'
import { findEdge, lockCollection } from '../../manifest/collections.ts'
import type { Sql } from '../../manifest/database.ts'
import type { Asset } from '../../model/asset.ts'
import { refuse } from '../../model/errors.ts'
import type { AssetEdge } from '../../model/product.ts'
import { type AccessImpact, AccessImpactSchema, accessImpact } from '../access-impact.ts'
import { auditChange } from '../audit.ts'
import { isSeen, requireIfMatch, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import { tellGrant } from '../configuration-events.ts'
import type { Env } from '../context.ts'
import { AssetEdgeBody, AssetEdgeSchema, assetEdgeOf, presentAssetEdge } from '../edges.ts'
import { requireProduct } from '../existing.ts'
import { announceExposure } from '../exposure.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { AssetIdParam, Name, WriteQuery } from '../validation.ts'

const params = z.object({ asset: AssetIdParam })
const cellParams = params.extend({ product: Name })
const path = '/v1/assets/{asset}/grants/{product}'
const shared = refusals(...JSON_ROUTE)
const conditional = refusals('invalid-request', 'precondition-failed')
const resourceOf = (asset: string, product: string): string => `assets/${asset}/grants/${product}`

const existingAsset = async (sql: Sql, tenant: string, assetId: string): Promise<Asset> => {
  const found = await findAsset(sql, tenant, assetId)
  if (!found) throw refuse('not-found', 'There is no such asset.')
  return found
}

/** It would say nothing: policy/governing.ts. */
const requireNoOwner = async (tx: Sql, key: Parameters<typeof findEdge>[1]): Promise<void> => {
  if ((await findEdge(tx, key))?.role === 'owner')
    throw refuse('conflict', 'The product owns the collection: its edge there answers for every asset.')
}

export const assetGrantRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)]
  const common = { tags: ['Matrix'], security, middleware }

  const impactOf = (
    tx: Sql,
    {
      tenantId: tenant,
      collectionId: collection,
      assetId: asset,
      product,
      edge,
    }: { tenantId: string; collectionId: string; assetId: string; product: string; edge: AssetEdge | undefined },
  ): Promise<AccessImpact> =>
    accessImpact(gateway, tx, { tenant, collection, asset, product, change: edges => ({ ...edges, asset: edge }) })

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path,
      summary: 'What a product may do with one asset, instead of what it may in the collection',
      request: { params: cellParams, query: WriteQuery, ...jsonBody(AssetEdgeBody) },
      responses: {
        201: json(AssetEdgeSchema, 'The edge, which is new'),
        200: json(
          AssetEdgeSchema.extend({ impact: AccessImpactSchema.optional() }),
          'The edge, or with `validate_only` what would be and whom it would touch',
        ),
        ...shared,
        ...conditional,
        ...refusals('upload-incomplete', 'conflict'),
      },
    }),
    async c => {
      const { tenant: tenantId } = c.get('principal')
      const { asset: assetId, product } = c.req.valid('param')
      const { collection: collectionId } = await existingAsset(database, tenantId, assetId)
      await requireProduct(database, { tenant: tenantId, product, pointer: '/product' })
      const edge = assetEdgeOf(product, c.req.valid('json'))
      const shown = presentAssetEdge(edge)
      const tries = c.req.valid('query').validate_only === 'true'
      const { isNew, impact } = await writeConfiguration(database, { tries }, async tx => {
        await lockCollection(tx, tenantId, collectionId)
        await requireNoOwner(tx, { tenantId, collectionId, productId: product })
        const before = await findAssetEdge(tx, { tenantId, assetId, productId: product })
        const shownBefore = before && presentAssetEdge(before)
        requireState(c, shownBefore && stateTag(shownBefore))
        const impact = tries ? await impactOf(tx, { tenantId, collectionId, assetId, product, edge }) : undefined
        await putAssetEdge(tx, { tenantId, assetId }, edge)
        const grant = {
          collection: collectionId,
          asset: assetId,
          product,
          role: shown.role,
          previous: shownBefore?.role,
        }
        await tellGrant(c, tx, gateway, grant)
        await auditChange(c, tx, { resource: resourceOf(assetId, product), before: shownBefore, after: shown })
        return { isNew: before === undefined, impact }
      })
      if (tries) return c.json({ ...shown, impact }, 200)
      // New or not, it may say less than what answered before.
      announceExposure(c, gateway)
      c.header('ETag', stateTag(shown))
      return c.json(shown, isNew ? 201 : 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path,
      summary: 'What was said of one asset for a product',
      request: { params: cellParams },
      responses: { 200: json(AssetEdgeSchema, 'The edge'), 304: { description: 'Unchanged' }, ...shared },
    }),
    async c => {
      const { asset: assetId, product: productId } = c.req.valid('param')
      const found = await findAssetEdge(database, { tenantId: c.get('principal').tenant, assetId, productId })
      if (!found) throw refuse('not-found', 'There is no such grant.')
      const shown = presentAssetEdge(found)
      if (isSeen(c, stateTag(shown))) return c.body(null, 304)
      return c.json(shown, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/assets/{asset}/grants',
      summary: 'What was said of one asset, for whom',
      request: { params },
      responses: {
        200: json(z.object({ items: z.array(AssetEdgeSchema) }), 'The edges, by product'),
        304: { description: 'Unchanged' },
        ...shared,
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { asset } = await existingAsset(database, tenant, c.req.valid('param').asset)
      const shown = { items: (await listAssetEdges(database, tenant, asset)).map(presentAssetEdge) }
      if (isSeen(c, stateTag(shown))) return c.body(null, 304)
      return c.json(shown, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path,
      summary: 'Unsay it: the edge on the collection answers again',
      request: { params: cellParams, query: WriteQuery },
      responses: {
        204: { description: 'Gone' },
        200: json(z.object({ impact: AccessImpactSchema }), 'With `validate_only`: whom it would touch'),
        ...shared,
        ...conditional,
        ...refusals('upload-incomplete', 'precondition-required'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant: tenantId } = c.get('principal')
      const { asset: assetId, product: productId } = c.req.valid('param')
      const { collection } = await existingAsset(database, tenantId, assetId)
      const key = { tenantId, assetId, productId }
      const tries = c.req.valid('query').validate_only === 'true'
      const impact = await writeConfiguration(database, { tries }, async tx => {
        await lockCollection(tx, tenantId, collection)
        const before = await findAssetEdge(tx, key)
        if (!before) throw refuse('not-found', 'There is no such grant.')
        const shown = presentAssetEdge(before)
        requireState(c, stateTag(shown))
        const cell = { tenantId, collectionId: collection, assetId, product: productId, edge: undefined }
        const would = tries ? await impactOf(tx, cell) : undefined
        await deleteAssetEdge(tx, key)
        await tellGrant(c, tx, gateway, { collection, asset: assetId, product: productId, previous: shown.role })
        await auditChange(c, tx, { resource: resourceOf(assetId, productId), before: shown })
        return would
      })
      announceExposure(c, gateway)
      if (impact) return c.json({ impact }, 200)
      return c.body(null, 204)
    },
  )
}
