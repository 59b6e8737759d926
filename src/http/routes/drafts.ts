/** Versions that have not been published: compared with another one, and discarded. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findOriginal } from '../../manifest/assets.ts'
import { findErasure } from '../../manifest/erasures.ts'
import { discardDraft } from '../../manifest/prune.ts'
import { lockAsset } from '../../manifest/publish.ts'
import { type Version, whyGone } from '../../model/asset.ts'
import { refuse } from '../../model/errors.ts'
import { digestOf } from '../../model/ids.ts'
import { exposureOf } from '../../reconcile/erase.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState } from '../configuration.ts'
import { causeOf, type Env } from '../context.ts'
import { ErasureSchema, presentErasure } from '../erasure.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, refusals, security } from '../openapi.ts'
import { assetTag } from '../preconditions.ts'
import { AssetIdParam, VersionParam } from '../validation.ts'
import { nothingHere, permittedAsset } from './assets.ts'
import { permittedVersion } from './versions.ts'

const params = z.object({ asset: AssetIdParam, version: VersionParam })
const Value = z.union([z.string(), z.number(), z.boolean()])
const ComparisonSchema = z
  .object({
    asset: z.uuid(),
    version: z.number().int(),
    with: z.number().int(),
    same_content: z.boolean().openapi({ description: 'Byte by byte' }),
    changes: z
      .record(z.string(), z.object({ version: Value.optional(), with: Value.optional() }))
      .openapi({ description: 'What differs of what is known of them; pixels are not looked at' }),
  })
  .openapi('VersionComparison')

export const draftRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, config, clock } = gateway

  const factsOf = async (tenant: string, { state, sha256, filename, source, createdAt }: Version) => {
    const original = sha256 === undefined ? undefined : await findOriginal(database, tenant, sha256)
    const { width, height, format, frames } = original?.image ?? {}
    return {
      state,
      digest: sha256 && digestOf(sha256),
      filename,
      entrance: source.entrance,
      created_at: createdAt.toISOString(),
      media_type: original?.mediaType,
      bytes: original?.bytes,
      width,
      height,
      format,
      frames,
    }
  }

  app.openapi(
    createRoute({
      tags: ['Assets'],
      security,
      method: 'get',
      path: '/v1/assets/{asset}/versions/{version}/compare',
      middleware: [authenticated(gateway.findPrincipal), requires('assets:read')],
      summary: 'What differs between a version and the current one, or a given one',
      request: { params, query: z.strictObject({ with: VersionParam.optional() }) },
      responses: {
        200: json(ComparisonSchema, 'What differs'),
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased', 'invalid-request'),
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { asset: id, version } = c.req.valid('param')
      const { asset, found } = await permittedVersion(gateway, c, id, version)
      const other = c.req.valid('query').with ?? asset.activeVersion
      if (other === undefined) throw refuse('not-found', 'No version is current; name one to compare with.')
      const one = await factsOf(tenant, found)
      const two = await factsOf(tenant, (await permittedVersion(gateway, c, id, other)).found)
      const names = Object.keys(one) as (keyof typeof one)[]
      const differing = names.filter(name => one[name] !== two[name])
      return c.json(
        {
          asset: asset.asset,
          version,
          with: other,
          same_content: one.digest !== undefined && one.digest === two.digest,
          changes: Object.fromEntries(differing.map(name => [name, { version: one[name], with: two[name] }])),
        },
        200,
      )
    },
  )

  app.openapi(
    createRoute({
      tags: ['Publish'],
      security,
      method: 'delete',
      path: '/v1/assets/{asset}/versions/{version}',
      middleware: [authenticated(gateway.findPrincipal), requires('publish'), jsonOnly(config)],
      summary: 'Discard a version that has never been published; what it alone was made of is erased',
      request: {
        params,
        headers: z.object({
          'if-match': z.string().optional().openapi({ description: 'ETag of the asset, or `*`; required' }),
        }),
      },
      responses: {
        202: json(ErasureSchema, 'It is gone; the operation at `Location` ends when its bytes are'),
        ...refusals(
          ...JSON_ROUTE.filter(code => code !== 'contract-violation'),
          'conflict',
          'held',
          'asset-archived',
          'asset-erased',
          'version-purged',
          'precondition-failed',
          'precondition-required',
        ),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant } = c.get('principal')
      const { asset: id, version } = c.req.valid('param')
      const { asset } = await permittedAsset(gateway, c, id, 'publish')
      const now = clock.now()
      const erasure = await database.transaction(async tx => {
        const locked = await lockAsset(tx, tenant, asset)
        if (!locked) throw nothingHere()
        const gone = whyGone({ archived: false, erased: locked.erased_at !== null })
        if (gone) throw gone
        requireState(c, assetTag({ publication: locked.publication_no, metadata: locked.metadata_no }))
        const operation = await discardDraft(tx, locked, {
          tenant,
          asset,
          version,
          reason: 'discarded',
          cause: causeOf(c),
          requestedAt: new Date(now),
          exposure: exposureOf(config, now),
        })
        await auditChange(c, tx, { resource: `assets/${asset}/versions/${version}`, after: { operation } })
        return findErasure(tx, tenant, operation)
      })
      if (!erasure) throw new Error('The erasure was not written')
      c.header('Location', `/v1/operations/${erasure.id}`)
      c.header('Retry-After', '1')
      c.header('Cache-Control', 'no-store')
      return c.json(presentErasure(erasure, [], { withReceipt: false }), 202)
    },
  )
}
