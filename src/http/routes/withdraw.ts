/** Taking an asset from everybody at once, and giving it back: the next question anywhere is answered by it. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { type Withdrawal, withdrawAsset } from '../../manifest/withdraw.ts'
import type { Asset } from '../../model/asset.ts'
import { auditChange } from '../audit.ts'
import { causeOf, type Env, type MatrixContext } from '../context.ts'
import { announceExposure } from '../exposure.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { json, refusals, security } from '../openapi.ts'
import { assetTag, expectedPublication } from '../preconditions.ts'
import { AssetIdParam } from '../validation.ts'
import { AssetSchema, permittedAsset, presentAsset } from './assets.ts'

const HOUR_MS = 3_600_000
const params = z.object({ asset: AssetIdParam })
const headers = z.object({
  'if-match': z.string().optional().openapi({ description: 'ETag of the asset, or `*`; required' }),
})
const WithdrawnSchema = AssetSchema.extend({
  max_exposure_until: z
    .string()
    .optional()
    .openapi({ description: 'Of what is taken back: no URL that was handed out before works after this' }),
})
const shared = refusals(
  'unauthenticated',
  'forbidden',
  'not-found',
  'asset-erased',
  'upload-incomplete',
  'payload-too-large',
  'unsupported-media',
  'precondition-required',
  'precondition-failed',
)

export const withdrawRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, config, clock } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('publish'), jsonOnly(gateway.config)]
  const common = { tags: ['Publish'], security, middleware, request: { params, headers } }

  const withdraw = async (c: MatrixContext, id: string, verb: Withdrawal): Promise<Asset> => {
    const expected = expectedPublication(c.req.header('if-match'))
    const { tenant } = c.get('principal')
    const { asset } = await permittedAsset(gateway, c, id, 'publish')
    const wish = {
      tenant,
      asset,
      cause: causeOf(c),
      expectedPublication: expected,
      graceMs: config.deleteGraceHours * HOUR_MS,
      now: clock.now(),
    }
    await database.transaction(async tx => {
      const { before, after } = await withdrawAsset(tx, verb, wish)
      await auditChange(c, tx, { resource: `assets/${asset}`, before, after })
    })
    const now = await permittedAsset(gateway, c, asset, 'publish')
    c.header('ETag', assetTag(now))
    c.header('Matrix-Publication', String(now.publication))
    c.header('Cache-Control', 'no-store')
    return now
  }

  for (const [verb, summary] of [
    ['archive', 'Stop answering for this asset; its history stays'],
    ['restore', 'Answer for an archived asset again'],
    ['undelete', 'Have a deleted asset back, while the grace lasts'],
  ] as const) {
    app.openapi(
      createRoute({
        ...common,
        method: 'post',
        path: `/v1/assets/{asset}/${verb}`,
        summary,
        responses: {
          200: json(WithdrawnSchema, 'The asset as it is now'),
          ...shared,
          ...refusals('precondition-failed', 'conflict'),
        },
      }),
      async c => {
        const now = await withdraw(c, c.req.valid('param').asset, verb)
        const exposure = verb === 'archive' ? { max_exposure_until: announceExposure(c, gateway) } : {}
        return c.json({ ...presentAsset(now), ...exposure }, 200)
      },
    )
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/assets/{asset}',
      summary: 'Delete an asset: it may be had back for a while, and is erased then',
      responses: {
        204: { description: 'Deleted. `Matrix-Max-Exposure-Until` says how long URLs handed out before may work' },
        ...shared,
        ...refusals('held'),
      },
    }),
    async c => {
      await withdraw(c, c.req.valid('param').asset, 'delete')
      announceExposure(c, gateway)
      return c.body(null, 204)
    },
  )
}
