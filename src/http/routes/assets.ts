import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findAsset } from '../../manifest/assets.ts'
import { findCollection } from '../../manifest/collections.ts'
import { type Asset, ENTRY_STATUSES, entryStatus } from '../../model/asset.ts'
import { type MatrixError, refuse } from '../../model/errors.ts'
import { UUID_PATTERN } from '../../model/ids.ts'
import { placeholderOf } from '../../model/look.ts'
import type { Grant } from '../../model/product.ts'
import type { Action } from '../../policy/decide.ts'
import { listPermitted } from '../../policy/list-permitted.ts'
import { type Permission, permitOnAsset } from '../../policy/permission.ts'
import { addressOf } from '../address.ts'
import { AssetQuery, isPlain } from '../asset-query.ts'
import type { Env, MatrixContext } from '../context.ts'
import { PointSchema } from '../focal.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { PlaceholderSchema } from '../placeholder.ts'
import { assetTag, noneMatch } from '../preconditions.ts'
import { presentSchedule, ScheduleSchema } from '../schedule.ts'
import { noCollection, searchAssets } from '../search-assets.ts'
import { AssetIdParam, page, readCursor } from '../validation.ts'

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

const at = (date: Date | undefined) => date?.toISOString()

export const presentAsset = (asset: Asset) => ({
  id: asset.asset,
  collection: asset.collection,
  owner: asset.owner,
  alias: asset.alias,
  labels: [...asset.labels],
  attributes: asset.attributes,
  focal_point: asset.focal?.all,
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

export const AssetSchema = z
  .object({
    id: z.uuid(),
    collection: z.string(),
    owner: z.string(),
    alias: z.string().optional(),
    labels: z.array(z.string()),
    attributes: z.any().openapi({ type: 'object', description: "JSON of the products' own" }),
    focal_point: PointSchema.optional(),
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
const params = z.object({ asset: AssetIdParam })
const shared = refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased')

export const assetRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('assets:read')]
  const common = { tags: ['Assets'], security, method: 'get' as const, middleware }

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets',
      summary: 'Assets that the caller may see, found by what they are',
      description:
        'What is asked for is asked of each asset, all of it together. A page may have fewer than `limit`, or none: while there is a `next_cursor` there may be more. See docs/attributes.md.',
      request: { query: AssetQuery },
      responses: {
        200: json(z.object({ items: z.array(AssetSchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...refusals('invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const query = c.req.valid('query')
      if (query.collection === undefined || !isPlain(query)) {
        const { assets, ...rest } = await searchAssets(gateway, c, query)
        return c.json({ items: assets.map(presentAsset), ...rest }, 200)
      }
      const { collection, state: [state] = [], limit, cursor } = query
      const principal = c.get('principal')
      const { tenant, product } = principal
      const after = readCursor(cursor, UUID_PATTERN)
      const asked = { principal, product: product ?? '', collection, address: addressOf(c) }
      const assets = await listPermitted(gateway, asked, { after, limit: limit + 1, state })
      if (assets === undefined || !(await findCollection(database, tenant, collection)))
        throw noCollection(assets === undefined)
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
}
