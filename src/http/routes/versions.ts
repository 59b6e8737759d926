/** Versions of an asset: what they are, what is ready of them, and how they are made. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { explainVersion } from '../../graph/explain-version.ts'
import { findOriginal, findVersion, listVersions } from '../../manifest/assets.ts'
import { findCollection } from '../../manifest/collections.ts'
import { nodesFoundBy } from '../../manifest/costs.ts'
import { leavesOfVersion } from '../../manifest/leaves.ts'
import { listRenditions } from '../../manifest/renditions.ts'
import { type Asset, isDraft, VERSION_STATES, type Version } from '../../model/asset.ts'
import { digestOf } from '../../model/ids.ts'
import { placeholderOf } from '../../model/look.ts'
import { type Grant, mayPublish } from '../../model/product.ts'
import { ENTRANCES } from '../../model/source.ts'
import { CompletenessSchema, completenessOf } from '../completeness.ts'
import type { Env, MatrixContext } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { PlaceholderSchema } from '../placeholder.ts'
import { AssetIdParam, VersionParam } from '../validation.ts'
import { nothingHere, permitAsset, permittedAsset } from './assets.ts'

const at = (date: Date | undefined) => date?.toISOString()

const presentVersion = (version: Version) => ({
  version: version.version,
  state: version.state,
  digest: version.sha256 && digestOf(version.sha256),
  filename: version.filename,
  source: version.source,
  failure: version.failure ?? undefined,
  created_at: at(version.createdAt),
  ready_at: at(version.readyAt),
  activated_at: at(version.activatedAt),
  placeholder: placeholderOf(version.look),
})

const VersionSchema = z
  .object({
    version: z.number().int(),
    state: z.string(),
    digest: z.string().optional(),
    filename: z.string().optional(),
    source: z.object({ entrance: z.enum(ENTRANCES), ref: z.string().optional() }),
    failure: z.unknown().optional(),
    created_at: z.string().optional(),
    ready_at: z.string().optional(),
    activated_at: z.string().optional(),
    placeholder: PlaceholderSchema.optional(),
  })
  .openapi('Version')

/** Who may not publish does not learn of what is not published yet. */
const seesVersion = (c: MatrixContext, edge: Grant | undefined, { state }: Version): boolean =>
  !isDraft(state) || c.get('principal').scopes.includes('matrix:admin') || mayPublish(edge)

/** Of an asset that the caller may read. Throws `not-found`. */
export const permittedVersion = async (
  gateway: Gateway,
  c: MatrixContext,
  id: string,
  version: number,
): Promise<{ asset: Asset; found: Version }> => {
  const { asset, edge } = await permitAsset(gateway, c, id, 'read')
  const key = { tenantId: c.get('principal').tenant, assetId: asset.asset, version }
  const found = await findVersion(gateway.database, key)
  if (!found || !seesVersion(c, edge, found)) throw nothingHere()
  return { asset, found }
}

/** Of a version that the caller may read. */
export const readCompleteness = async (
  gateway: Gateway,
  c: MatrixContext,
  { id, version }: { id: string; version: number },
) => {
  const { database } = gateway
  const { tenant, product: viewer } = c.get('principal')
  const { asset, collection: collectionId } = await permittedAsset(gateway, c, id, 'read')
  const found = await findVersion(database, { tenantId: tenant, assetId: asset, version })
  const collection = await findCollection(database, tenant, collectionId)
  if (!found || !collection) throw nothingHere()
  const [leaves, renditions] = await Promise.all([
    leavesOfVersion(database, tenant, asset, version),
    listRenditions(database, tenant, collectionId),
  ])
  return completenessOf(asset, found, { leaves, renditions, gate: collection.publishGate, viewer })
}

const params = z.object({ asset: AssetIdParam })
const versionParams = z.object({ asset: AssetIdParam, version: VersionParam })
const shared = refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased')

export const versionRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('assets:read')]
  const common = { tags: ['Assets'], security, method: 'get' as const, middleware }

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets/{asset}/versions',
      summary: 'Every version, newest first; drafts for those who may publish them',
      request: { params, query: z.strictObject({ state: z.enum(VERSION_STATES).optional() }) },
      responses: {
        200: json(z.object({ items: z.array(VersionSchema) }), 'The history'),
        ...shared,
        ...refusals('invalid-request'),
      },
    }),
    async c => {
      const { asset, edge } = await permitAsset(gateway, c, c.req.valid('param').asset, 'read')
      const { state } = c.req.valid('query')
      const versions = await listVersions(database, c.get('principal').tenant, asset.asset)
      const shown = versions.filter(one => (state === undefined || one.state === state) && seesVersion(c, edge, one))
      return c.json({ items: shown.map(presentVersion) }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets/{asset}/versions/{version}',
      summary: 'One version',
      request: { params: versionParams },
      responses: { 200: json(VersionSchema, 'The version'), ...shared },
    }),
    async c => {
      const { asset: id, version } = c.req.valid('param')
      return c.json(presentVersion((await permittedVersion(gateway, c, id, version)).found), 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets/{asset}/versions/{version}/completeness',
      summary: 'What is ready for whom, and what blocks',
      request: { params: versionParams },
      responses: { 200: json(CompletenessSchema, 'Counts per product'), ...shared },
    }),
    async c => {
      const { asset, version } = c.req.valid('param')
      return c.json(await readCompleteness(gateway, c, { id: asset, version }), 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets/{asset}/versions/{version}/plan',
      summary: 'The graph of a version: rungs, nodes, who shares them, what they cost',
      request: { params: versionParams },
      responses: {
        200: json(
          z.any().openapi({ type: 'object', properties: { text: { type: 'string' } } }),
          'As data, and as text the way a database prints a plan',
        ),
        ...shared,
      },
    }),
    async c => {
      const { asset: id, version } = c.req.valid('param')
      const { tenant } = c.get('principal')
      const asset = await permittedAsset(gateway, c, id, 'read')
      const found = await findVersion(database, { tenantId: tenant, assetId: asset.asset, version })
      const original = found?.sha256 === undefined ? undefined : await findOriginal(database, tenant, found.sha256)
      if (!original) throw nothingHere()
      const leaves = await leavesOfVersion(database, tenant, asset.asset, version)
      const [existing, factors] = await Promise.all([
        nodesFoundBy(database, tenant, asset.asset, version),
        gateway.costs(),
      ])
      return c.json(explainVersion(original, { leaves, existing, factors, viewer: c.get('principal').product }), 200)
    },
  )
}
