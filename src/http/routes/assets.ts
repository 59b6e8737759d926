import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { explainVersion } from '../../graph/explain-version.ts'
import { findAsset, findOriginal, findVersion, listVersions } from '../../manifest/assets.ts'
import { findCollection } from '../../manifest/collections.ts'
import { nodesFoundBy } from '../../manifest/costs.ts'
import { leavesOfVersion } from '../../manifest/leaves.ts'
import { type Asset, ENTRY_STATUSES, entryStatus, type Version } from '../../model/asset.ts'
import { type MatrixError, refuse } from '../../model/errors.ts'
import { digestOf, UUID_PATTERN } from '../../model/ids.ts'
import { placeholderOf } from '../../model/look.ts'
import type { Grant } from '../../model/product.ts'
import { ENTRANCES } from '../../model/source.ts'
import type { Action } from '../../policy/decide.ts'
import { listPermitted } from '../../policy/list-permitted.ts'
import { type Permission, permitOnAsset } from '../../policy/permission.ts'
import { addressOf } from '../address.ts'
import { CompletenessSchema, completenessOf } from '../completeness.ts'
import type { Env, MatrixContext } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { PlaceholderSchema } from '../placeholder.ts'
import { assetTag, noneMatch } from '../preconditions.ts'
import { presentSchedule, ScheduleSchema } from '../schedule.ts'
import { AssetIdParam, Name, Paging, page, readCursor, VersionParam } from '../validation.ts'

export const nothingHere = (rule?: string) =>
  refuse('not-found', 'There is no such asset for this product.', rule === undefined ? {} : { denied: { rule } })

/** What the caller hears of what was decided; `undefined` where it is allowed. */
export const refusalOf = ({ effect, rule }: Pick<Permission, 'effect' | 'rule'>): MatrixError | undefined => {
  if (effect === 'allow') return undefined
  if (effect === 'hide') return nothingHere(rule)
  return refuse('forbidden', 'The product may not do this to the asset.', { details: { reasons: [rule] } })
}

/** The asset and the edge that answers for it, where the caller's product may do this; otherwise the refusal it may hear. */
export const permitAsset = async (
  { database, clock, policy }: Gateway,
  c: MatrixContext,
  assetId: string,
  action: Action,
): Promise<{ asset: Asset; edge: Grant | undefined }> => {
  const principal = c.get('principal')
  const asset = await findAsset(database, principal.tenant, assetId)
  const product = principal.product ?? asset?.owner ?? ''
  const asked = { principal, product, action, asset: assetId, address: addressOf(c) }
  const permission = await permitOnAsset({ database, clock, policy }, asked)
  const refusal = refusalOf(permission)
  if (refusal?.code === 'not-found') throw refusal
  if (!asset) throw nothingHere()
  if (refusal) throw refusal
  if (asset.erasedAt) throw refuse('asset-erased', 'The asset has been erased.')
  return { asset, edge: permission.question.edge }
}

export const permittedAsset = async (...question: Parameters<typeof permitAsset>): Promise<Asset> =>
  (await permitAsset(...question)).asset

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
  const leaves = await leavesOfVersion(database, tenant, asset, version)
  return completenessOf(asset, found, { leaves, gate: collection.publishGate, viewer })
}

const at = (date: Date | undefined) => date?.toISOString()

export const presentAsset = (asset: Asset) => ({
  id: asset.asset,
  collection: asset.collection,
  owner: asset.owner,
  alias: asset.alias,
  labels: [...asset.labels],
  attributes: asset.attributes,
  status: entryStatus(asset),
  version: asset.activeVersion,
  publication: asset.publication,
  created_at: at(asset.createdAt),
  updated_at: at(asset.updatedAt),
  archived_at: at(asset.archivedAt),
  deleted_at: at(asset.deletedAt),
  schedule: presentSchedule(asset.schedule),
  placeholder: placeholderOf(asset.look),
})

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

export const AssetSchema = z
  .object({
    id: z.uuid(),
    collection: z.string(),
    owner: z.string(),
    alias: z.string().optional(),
    labels: z.array(z.string()),
    attributes: z.any().openapi({ type: 'object', description: "JSON of the products' own" }),
    status: z.enum(ENTRY_STATUSES),
    version: z.number().int().optional(),
    publication: z.number().int(),
    created_at: z.string().optional(),
    updated_at: z.string().optional(),
    archived_at: z.string().optional(),
    deleted_at: z.string().optional(),
    schedule: ScheduleSchema.optional(),
    placeholder: PlaceholderSchema.optional(),
  })
  .openapi('Asset')
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

const params = z.object({ asset: AssetIdParam })
const versionParams = z.object({ asset: AssetIdParam, version: VersionParam })
const shared = refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased')

export const assetRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('assets:read')]
  const common = { tags: ['Assets'], security, method: 'get' as const, middleware }

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets',
      summary: 'Assets of a collection, oldest first',
      request: { query: z.strictObject({ collection: Name, ...Paging }) },
      responses: {
        200: json(z.object({ items: z.array(AssetSchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...refusals('invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { collection, limit, cursor } = c.req.valid('query')
      const principal = c.get('principal')
      const { tenant, product } = principal
      const after = readCursor(cursor, UUID_PATTERN)
      const asked = { principal, product: product ?? '', collection, address: addressOf(c) }
      const assets = await listPermitted(gateway, asked, { after, limit: limit + 1 })
      if (assets === undefined || !(await findCollection(database, tenant, collection)))
        throw refuse('not-found', 'There is no such collection for this product.', {
          ...(assets === undefined && { denied: { rule: 'no-grant' } }),
        })
      const { items, ...rest } = page(assets, limit, asset => asset.asset)
      return c.json({ items: items.map(presentAsset), ...rest }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets/{asset}',
      summary: 'An asset',
      request: { params },
      responses: {
        200: json(AssetSchema, 'The asset; its ETag names the publication and the metadata'),
        304: { description: 'Unchanged' },
        ...shared,
      },
    }),
    async c => {
      const asset = await permittedAsset(gateway, c, c.req.valid('param').asset, 'read')
      const etag = assetTag(asset)
      c.header('ETag', etag)
      // The placeholder comes without a publication, so what lacks it is not to be asked about by its tag.
      c.header('Cache-Control', asset.look === 'pending' ? 'private, no-store' : 'private, no-cache')
      if (!noneMatch(c.req.header('if-none-match'), etag)) return c.body(null, 304)
      return c.json(presentAsset(asset), 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets/{asset}/versions',
      summary: 'Every version, newest first',
      request: { params },
      responses: { 200: json(z.object({ items: z.array(VersionSchema) }), 'The history'), ...shared },
    }),
    async c => {
      const asset = await permittedAsset(gateway, c, c.req.valid('param').asset, 'read')
      const versions = await listVersions(database, c.get('principal').tenant, asset.asset)
      return c.json({ items: versions.map(presentVersion) }, 200)
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
      const asset = await permittedAsset(gateway, c, id, 'read')
      const found = await findVersion(database, { tenantId: c.get('principal').tenant, assetId: asset.asset, version })
      if (!found) throw nothingHere()
      return c.json(presentVersion(found), 200)
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
