/** What assets are called in other systems: an asset by such a name, and the names of an asset. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { nameAsset } from '../../ingest/place.ts'
import { dropAliases, findAlias, type KeptAlias, listAliases } from '../../manifest/aliases.ts'
import { findCollection } from '../../manifest/collections.ts'
import { appendFacts } from '../../manifest/events.ts'
import { lockMetadata } from '../../manifest/metadata.ts'
import { ALIASES_PATH, type AliasName, EXTERNAL_ID } from '../../model/alias.ts'
import { brokenByAliases } from '../../model/collection-rules.ts'
import { refuse } from '../../model/errors.ts'
import { newId } from '../../model/ids.ts'
import { forbiddenAttributes } from '../../policy/attributes.ts'
import { Aliases } from '../alias-names.ts'
import { auditChange } from '../audit.ts'
import { causeOf, type Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { assetTag, noneMatch } from '../preconditions.ts'
import { AssetIdParam, Name } from '../validation.ts'
import { AssetSchema, nothingHere, permitAsset, permittedAsset, presentAsset } from './assets.ts'

const AliasesSchema = z
  .object({
    items: z.array(z.object({ namespace: z.string(), external_id: z.string(), created_at: z.string() })),
  })
  .openapi('Aliases')
const Change = z
  .strictObject({ add: Aliases.optional(), remove: Aliases.optional() })
  .refine(({ add = [], remove = [] }) => add.length + remove.length > 0, 'Expected some to add or to remove')
  .openapi('AliasesChange')

const params = z.object({ asset: AssetIdParam })
const shared = refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased')

const present = (aliases: readonly KeptAlias[]) => ({
  items: aliases.map(({ namespace, externalId, createdAt }) => ({
    namespace,
    external_id: externalId,
    created_at: createdAt.toISOString(),
  })),
})

export const aliasRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const authenticate = authenticated(gateway.findPrincipal)
  const reading = {
    tags: ['Assets'],
    security,
    method: 'get' as const,
    middleware: [authenticate, requires('assets:read')],
  }

  app.openapi(
    createRoute({
      ...reading,
      path: '/v1/aliases/{namespace}/{external_id}',
      summary: 'The asset that another system calls so; in the namespace `alias`, by the alias of the asset',
      request: { params: z.object({ namespace: Name, external_id: z.string().regex(EXTERNAL_ID) }) },
      responses: {
        200: json(AssetSchema, 'The asset, as under its id'),
        304: { description: 'Unchanged' },
        ...shared,
      },
    }),
    async c => {
      const { namespace, external_id } = c.req.valid('param')
      const alias: AliasName = { namespace, externalId: external_id.normalize('NFC') }
      const found = await findAlias(database, c.get('principal').tenant, alias)
      // Of a name that nobody has, the same is asked as of one that is hidden: it takes as long.
      const asset = await permittedAsset(gateway, c, found ?? newId(), 'read')
      const etag = assetTag(asset)
      c.header('ETag', etag)
      c.header('Cache-Control', asset.look === 'pending' ? 'private, no-store' : 'private, no-cache')
      c.header('Content-Location', `/v1/assets/${asset.asset}`)
      if (!noneMatch(c.req.header('if-none-match'), etag)) return c.body(null, 304)
      return c.json(presentAsset(asset), 200)
    },
  )

  app.openapi(
    createRoute({
      ...reading,
      path: '/v1/assets/{asset}/aliases',
      summary: 'What other systems call an asset',
      request: { params },
      responses: { 200: json(AliasesSchema, 'In the order of their namespaces and ids'), ...shared },
    }),
    async c => {
      const { asset } = await permittedAsset(gateway, c, c.req.valid('param').asset, 'read')
      c.header('Cache-Control', 'no-store')
      return c.json(present(await listAliases(database, { tenant: c.get('principal').tenant, asset })), 200)
    },
  )

  app.openapi(
    createRoute({
      tags: ['Assets'],
      security,
      middleware: [authenticate, requires('assets:write'), jsonOnly(gateway.config)],
      method: 'post',
      path: '/v1/assets/{asset}/aliases',
      summary: 'Give an asset names of other systems, and take some away: all of it or nothing',
      description:
        'Repeated, it changes nothing more. A name that another asset has is 409 `alias-conflict`, which does not say whose it is.',
      request: { params, ...jsonBody(Change) },
      responses: {
        200: json(AliasesSchema, 'All that the asset has now'),
        ...refusals(...JSON_ROUTE, 'attribute-forbidden', 'alias-conflict', 'asset-archived', 'asset-erased'),
      },
    }),
    async c => {
      const { tenant, id: by } = c.get('principal')
      const { asset: id } = c.req.valid('param')
      const { add = [], remove = [] } = c.req.valid('json')
      const { asset, edge } = await permitAsset(gateway, c, id, 'write')
      if (forbiddenAttributes(c.get('principal'), edge, [ALIASES_PATH]).length > 0)
        throw refuse('attribute-forbidden', 'The product may not write aliases here.', {
          details: { attributes: [ALIASES_PATH] },
        })
      const rules = (await findCollection(database, tenant, asset.collection))?.rules ?? {}
      const violations = brokenByAliases(rules, add)
      if (violations.length > 0)
        throw refuse('contract-violation', 'It is not what the collection takes.', { violations })
      const kept = await database.transaction(async tx => {
        const locked = await lockMetadata(tx, tenant, id)
        if (!locked) throw nothingHere()
        if (locked.archived) throw refuse('asset-archived', 'The asset is archived.')
        const removed = remove.length > 0 ? await dropAliases(tx, { tenant, asset: id }, remove) : []
        const added = await nameAsset(tx, { tenant, asset: id, by }, add)
        // Namespaces alone: what is written down for good has no id of another system in it.
        const change = { ...(added.length > 0 && { added }), ...(removed.length > 0 && { removed }) }
        if (Object.keys(change).length > 0) {
          const facts = [{ type: 'asset.aliases_changed' as const, data: { asset: id, ...change } }]
          await appendFacts(tx, { tenant, asset: id, cause: causeOf(c), facts })
        }
        await auditChange(c, tx, { resource: `assets/${id}`, after: change })
        return listAliases(tx, { tenant, asset: id })
      })
      c.header('Cache-Control', 'no-store')
      return c.json(present(kept), 200)
    },
  )
}
