/** A person knows better than the scanners, or is there where none answers: what was held is let go. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findVersion } from '../../manifest/assets.ts'
import { lockAsset } from '../../manifest/publish.ts'
import { tellScan } from '../../manifest/scans.ts'
import { refuse } from '../../model/errors.ts'
import { auditChange } from '../audit.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { AssetIdParam, Label, VersionParam } from '../validation.ts'

export const releaseRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  app.openapi(
    createRoute({
      tags: ['Assets'],
      security,
      middleware: [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)],
      method: 'post',
      path: '/v1/assets/{asset}/versions/{version}/release',
      summary: 'Call the bytes of a version clean that scanners hold, or have not looked at',
      description:
        'Holds for the same bytes wherever they are, and whatever scanners say of them later. What waits for it goes on within a second or so.',
      request: {
        params: z.object({ asset: AssetIdParam, version: VersionParam }),
        ...jsonBody(z.strictObject({ reason: Label.min(1).openapi({ description: 'For the audit' }) })),
      },
      responses: {
        202: json(z.object({ asset: z.uuid(), version: z.number().int(), scan: z.literal('clean') }), 'It goes on'),
        ...refusals(...JSON_ROUTE, 'conflict', 'not-found'),
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { asset, version } = c.req.valid('param')
      const { reason } = c.req.valid('json')
      await database.transaction(async tx => {
        await lockAsset(tx, tenant, asset)
        const found = await findVersion(tx, { tenantId: tenant, assetId: asset, version })
        if (!found) throw refuse('not-found', 'There is no such version.')
        if (found.state !== 'PENDING' || found.sha256 === undefined)
          throw refuse('conflict', `Version ${version} is ${found.state}: it does not wait for a scanner.`)
        await tellScan(tx, { tenant, sha256: found.sha256 }, { clean: true })
        await auditChange(c, tx, {
          resource: `assets/${asset}/versions/${version}`,
          before: { failure: found.failure ?? null },
          after: { scan: 'clean', reason },
        })
      })
      return c.json({ asset, version, scan: 'clean' as const }, 202, { 'Cache-Control': 'no-store' })
    },
  )
}
