/** What of an asset is kept in sight, and how far a change of it is. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { openMoves } from '../../manifest/leaf-moves.ts'
import type { Env } from '../context.ts'
import { PointSchema } from '../focal.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { assetTag } from '../preconditions.ts'
import { AssetIdParam } from '../validation.ts'
import { permittedAsset } from './assets.ts'

const FocalPointsSchema = z
  .object({
    asset: z.uuid(),
    focal_point: PointSchema.optional(),
    focal_points: z
      .record(z.string(), PointSchema)
      .openapi({ description: 'For single products; a product sees its own, an administrator all' }),
    moving: z
      .object({ outputs: z.number().int(), open: z.number().int(), dead: z.number().int() })
      .openapi({ description: 'Outputs that are shown as they were: still to be made, or impossible to make' }),
  })
  .openapi('FocalPoints')

export const focalPointRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  app.openapi(
    createRoute({
      tags: ['Assets'],
      security,
      middleware: [authenticated(gateway.findPrincipal), requires('assets:read')],
      method: 'get',
      path: '/v1/assets/{asset}/focal-points',
      summary: 'What crops keep in sight, and what of a change of it is still to be made',
      request: { params: z.object({ asset: AssetIdParam }) },
      responses: {
        200: json(FocalPointsSchema, 'The points; they are written by a PATCH of the asset'),
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased'),
      },
    }),
    async c => {
      const { tenant, product, scopes } = c.get('principal')
      const asset = await permittedAsset(gateway, c, c.req.valid('param').asset, 'read')
      const { moves: outputs, open, dead } = await openMoves(gateway.database, { tenant, asset: asset.asset })
      const seen = Object.entries(asset.focal?.products ?? {}).filter(
        ([name]) => name === product || scopes.includes('matrix:admin'),
      )
      c.header('ETag', assetTag(asset))
      c.header('Cache-Control', 'private, no-store')
      return c.json(
        {
          asset: asset.asset,
          focal_point: asset.focal?.all,
          focal_points: Object.fromEntries(seen),
          moving: { outputs, open, dead },
        },
        200,
      )
    },
  )
}
