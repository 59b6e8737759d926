import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Sql } from '../../manifest/database.ts'
import { earlierVersion, lockAsset, type Publication, publishVersion } from '../../manifest/publish.ts'
import { refuse } from '../../model/errors.ts'
import { auditChange } from '../audit.ts'
import { causeOf, type Env, type MatrixContext } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { json, jsonBody, refusals, security } from '../openapi.ts'
import { assetTag, expectedPublication } from '../preconditions.ts'
import { AssetIdParam, Version } from '../validation.ts'
import { permittedAsset } from './assets.ts'

const PublicationSchema = z
  .object({
    asset: z.uuid(),
    publication: z.number().int(),
    version: z.number().int(),
    previous_version: z.number().int().optional(),
  })
  .openapi('Publication')

const params = z.object({ asset: AssetIdParam })
const headers = z.object({
  'if-match': z.string().optional().openapi({ description: 'ETag of the asset, or `*`; required' }),
})
const responses = {
  200: json(PublicationSchema, 'The pointer has moved for all products at once'),
  ...refusals(
    'unauthenticated',
    'forbidden',
    'not-found',
    'not-ready',
    'asset-archived',
    'version-purged',
    'precondition-failed',
    'upload-incomplete',
    'payload-too-large',
    'unsupported-media',
    'precondition-required',
    'contract-violation',
  ),
}

export const publishRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('publish'), jsonOnly(gateway.config)]
  const common = { tags: ['Publish'], security, method: 'post' as const, middleware, responses }

  const auditMove = (
    c: MatrixContext,
    tx: Sql,
    asset: string,
    { publication, version, previousVersion }: Publication,
  ) =>
    auditChange(c, tx, {
      resource: `assets/${asset}`,
      before: { version: previousVersion },
      after: { version, publication },
    })

  const answer = (
    c: MatrixContext,
    asset: string,
    { publication, metadata, version, previousVersion }: Publication,
  ) => {
    c.header('ETag', assetTag({ publication, metadata }))
    c.header('Matrix-Publication', String(publication))
    c.header('Cache-Control', 'no-store')
    return { asset, publication, version, ...(previousVersion !== undefined && { previous_version: previousVersion }) }
  }

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets/{asset}/publish',
      summary: 'Make a complete version the current one',
      request: { params, headers, ...jsonBody(z.strictObject({ version: Version })) },
    }),
    async c => {
      const expected = expectedPublication(c.req.header('if-match'))
      const { tenant } = c.get('principal')
      const { asset } = await permittedAsset(gateway, c, c.req.valid('param').asset, 'publish')
      const { version } = c.req.valid('json')
      const publication = await database.transaction(async tx => {
        const published = await publishVersion(
          tx,
          { tenant, asset, version, cause: causeOf(c) },
          { reason: 'publish', expectedPublication: expected },
        )
        await auditMove(c, tx, asset, published)
        return published
      })
      return c.json(answer(c, asset, publication), 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/assets/{asset}/rollback',
      summary: 'Make the version before the current one, or a given one, current again',
      request: { params, headers, ...jsonBody(z.strictObject({ to: Version.optional() })) },
      responses: { ...responses, ...refusals('not-ready', 'nothing-to-roll-back') },
    }),
    async c => {
      const expected = expectedPublication(c.req.header('if-match'))
      const { tenant } = c.get('principal')
      const { asset } = await permittedAsset(gateway, c, c.req.valid('param').asset, 'publish')
      const { to } = c.req.valid('json')
      const publication = await database.transaction(async tx => {
        const locked = await lockAsset(tx, tenant, asset)
        const version = to ?? (await earlierVersion(tx, tenant, asset, locked?.active_version ?? 0))
        if (version === undefined) throw refuse('nothing-to-roll-back', 'No version was current before this one.')
        const published = await publishVersion(
          tx,
          { tenant, asset, version, cause: causeOf(c) },
          { reason: 'rollback', expectedPublication: expected },
        )
        await auditMove(c, tx, asset, published)
        return published
      })
      return c.json(answer(c, asset, publication), 200)
    },
  )
}
