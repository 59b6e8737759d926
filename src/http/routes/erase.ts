/** The legal purge: nobody is answered from the commit on; what was made of the asset goes in steps, and a receipt stays. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { beginErasure, findErasure } from '../../manifest/erasures.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { exposureOf } from '../../reconcile/erase.ts'
import { auditChange } from '../audit.ts'
import { causeOf, type Env } from '../context.ts'
import { ErasureSchema, presentErasure } from '../erasure.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { AssetIdParam } from '../validation.ts'
import { permittedAsset } from './assets.ts'

const Body = z.strictObject({
  reason: z
    .string()
    .min(1)
    .max(500)
    .regex(/^\P{Cc}*$/u)
    .openapi({ description: 'Kept with the receipt: a case number, no personal data' }),
})

export const eraseRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, config, clock } = gateway
  app.openapi(
    createRoute({
      tags: ['Publish'],
      security,
      method: 'post',
      path: '/v1/assets/{asset}/erase',
      middleware: [authenticated(gateway.findPrincipal), requires('assets:erase'), jsonOnly(config)],
      summary: 'Erase an asset for good: its originals, all that was made of them, and what points there',
      request: {
        params: z.object({ asset: AssetIdParam }),
        headers: z.object({ 'idempotency-key': z.string().optional() }),
        ...jsonBody(Body),
      },
      responses: {
        202: json(ErasureSchema, 'Nobody is answered any more; the operation at `Location` ends with the receipt'),
        ...refusals(...JSON_ROUTE, 'asset-erased', 'held', 'conflict', 'idempotency-key-missing', 'invalid-request'),
        ...refusals('upload-incomplete', 'conflict', 'idempotency-in-flight'),
        ...refusals('contract-violation', 'idempotency-key-reused'),
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { asset } = c.req.valid('param')
      const { reason } = c.req.valid('json')
      const response = await withIdempotencyKey(c, database, async ({ key, answered }) => {
        const print = fingerprint(key.request, reason)
        // Whoever asks again hears the same, although the asset is not there any more.
        if (answered) return replay(answered, print)
        await permittedAsset(gateway, c, asset, 'erase')
        const now = clock.now()
        return database.transaction(async tx => {
          const id = await beginErasure(tx, {
            tenant,
            asset,
            reason,
            cause: causeOf(c),
            requestedAt: new Date(now),
            exposure: exposureOf(config, now),
          })
          const erasure = await findErasure(tx, tenant, id)
          if (!erasure) throw new Error(`The erasure ${id} was not written`)
          const body = JSON.stringify(presentErasure(erasure, [], { withReceipt: false }))
          const headers = {
            'Content-Type': 'application/json',
            'Cache-Control': 'no-store',
            Location: `/v1/operations/${id}`,
            'Retry-After': '1',
            'Matrix-Max-Exposure-Until': erasure.exposedUntil.toISOString(),
          }
          const { exposedUntil, cachedUntil } = erasure
          const after = { operation: id, reason, max_exposure_until: exposedUntil, cached_until: cachedUntil }
          await auditChange(c, tx, { resource: `assets/${asset}`, after })
          await answerKey(tx, key, { fingerprint: print, status: 202, headers, body })
          return new Response(body, { status: 202, headers })
        })
      })
      return response as never
    },
  )
}
