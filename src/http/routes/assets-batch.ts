/** Many assets in one request, each as it would be answered alone. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findAssets } from '../../manifest/assets.ts'
import type { Asset } from '../../model/asset.ts'
import { type MatrixError, refuse } from '../../model/errors.ts'
import { UUID_PATTERN } from '../../model/ids.ts'
import { type Permission, permitOnAssets } from '../../policy/permission.ts'
import { addressOf } from '../address.ts'
import type { Env } from '../context.ts'
import { noteDenial } from '../denials.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, Problem, refusals, security } from '../openapi.ts'
import { problemDocument } from '../problem.ts'
import { AssetSchema, nothingHere, presentAsset, refusalOf } from './assets.ts'

const MAX_IDS = 200

const Body = z.strictObject({
  ids: z
    .array(z.string().max(100))
    .min(1)
    .max(MAX_IDS)
    .openapi({ description: 'What cannot be an id is answered like one that names nothing' }),
})
const ItemSchema = z.union([
  z.object({ id: z.string(), asset: AssetSchema }),
  z.object({ id: z.string(), problem: Problem }),
])

/** What the caller hears of one; `undefined`: he may see it. */
const refusalFor = (asset: Asset | undefined, permission: Permission | undefined): MatrixError | undefined => {
  if (permission === undefined) return nothingHere()
  const refusal = refusalOf(permission)
  if (refusal) return refusal
  if (!asset) return nothingHere()
  return asset.erasedAt ? refuse('asset-erased', 'The asset has been erased.') : undefined
}

export const assetsBatchRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, publicBase } = gateway
  app.openapi(
    createRoute({
      tags: ['Assets'],
      security,
      method: 'post',
      path: '/v1/assets/batchGet',
      middleware: [authenticated(gateway.findPrincipal), requires('assets:read'), jsonOnly(gateway.config)],
      summary: `Up to ${MAX_IDS} assets by their ids`,
      request: jsonBody(Body),
      responses: {
        200: json(
          z.object({ items: z.array(ItemSchema) }),
          'The asset or the refusal of each, in the order of the request',
        ),
        ...refusals(...JSON_ROUTE),
      },
    }),
    async c => {
      const { ids } = c.req.valid('json')
      const principal = c.get('principal')
      const different = [...new Set(ids)].filter(id => UUID_PATTERN.test(id))
      const asked = { principal, product: principal.product ?? '', action: 'read' as const, address: addressOf(c) }
      const [permissions, found] = await Promise.all([
        permitOnAssets(gateway, { ...asked, assets: different }),
        findAssets(database, principal.tenant, different),
      ])
      const byId = new Map(found.map(asset => [asset.asset, asset]))
      const permissionOf = new Map(different.map((id, index) => [id, permissions[index]]))
      const items = ids.map(id => {
        const asset = byId.get(id)
        const refusal = refusalFor(asset, permissionOf.get(id))
        if (refusal === undefined && asset !== undefined) return { id, asset: presentAsset(asset) }
        const error = refusal ?? nothingHere()
        if (UUID_PATTERN.test(id)) noteDenial(gateway, c, error, { action: 'read', resource: `assets/${id}` })
        return { id, problem: problemDocument(error, { base: publicBase(), requestId: c.get('requestId') }) }
      })
      return c.json({ items } as never, 200, { 'Cache-Control': 'no-store' })
    },
  )
}
