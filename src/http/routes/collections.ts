import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { canonicalText } from '../../lib/canonical.ts'
import { findCollection, listCollections, listEdges, putCollection } from '../../manifest/collections.ts'
import { lockTenant } from '../../manifest/products.ts'
import { listRenditions } from '../../manifest/renditions.ts'
import { refuse } from '../../model/errors.ts'
import { NAME_PATTERN } from '../../model/ids.ts'
import { type Collection, type Edges, PUBLISH_GATES } from '../../model/product.ts'
import { AccessImpactSchema, accessImpact } from '../access-impact.ts'
import { presentSchema, SchemaBody } from '../attribute-schema.ts'
import { auditChange } from '../audit.ts'
import { presentRules, RulesBody, rulesOf } from '../collection-rules.ts'
import { isSeen, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import { tellPolicy } from '../configuration-events.ts'
import type { Env } from '../context.ts'
import { EdgeSchema, presentEdge } from '../edges.ts'
import { existingCollection, requireProduct } from '../existing.ts'
import { KeepVersions, WouldPurgeSchema, wouldPurge } from '../keep-versions.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { presentRendition } from '../rendition.ts'
import { Name, Paging, page, readCursor, WriteQuery } from '../validation.ts'
import { WouldBreakSchema, wouldBreak } from '../would-break.ts'

const CollectionBody = z.strictObject({
  owner: Name,
  publish_gate: z.enum(PUBLISH_GATES).default('all'),
  rules: RulesBody.optional().openapi({
    description: 'What is asked of originals before they are taken in; what is there already stays as it is',
  }),
  keep_versions: KeepVersions.optional(),
  attribute_schema: SchemaBody.optional(),
})
const CollectionSchema = z
  .object({
    collection: z.string(),
    owner: z.string(),
    publish_gate: z.enum(PUBLISH_GATES),
    rules: RulesBody.optional(),
    keep_versions: KeepVersions.optional(),
    attribute_schema: z.any().optional().openapi({ type: 'object' }),
  })
  .openapi('Collection')
const params = z.object({ collection: Name })
const shared = refusals(...JSON_ROUTE)
const paged = refusals('invalid-request', 'invalid-cursor')
const conditional = refusals('invalid-request', 'precondition-failed')

const presentCollection = ({ collection, owner, publishGate, rules, keepVersions, attributeSchema }: Collection) => ({
  collection,
  owner,
  publish_gate: publishGate,
  ...(rules && { rules: presentRules(rules) }),
  ...(keepVersions !== undefined && { keep_versions: keepVersions }),
  ...(attributeSchema && { attribute_schema: presentSchema(attributeSchema) }),
})

const noScanner = () =>
  refuse('contract-violation', 'There is no scanner that could call anything clean: set CLAMD or SCAN_URL.', {
    violations: [{ pointer: '/rules/scan', rule: 'scan', message: 'No scanner is configured.' }],
  })

/** What `putCollection` does to the edge of the owner. */
const givenTo =
  (product: string) =>
  ({ collection, asset }: Edges): Edges => {
    const kept = collection ?? { originalAccess: true, visibility: 'private' as const, delivery: 'redirect' as const }
    const forGood = { attributePaths: undefined, notBefore: undefined, expiresAt: undefined, conditions: undefined }
    return { collection: { ...kept, ...forGood, product, role: 'owner' }, asset }
  }

export const collectionRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, scanners } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)]
  const common = { tags: ['Matrix'], security, middleware }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path: '/v1/collections/{collection}',
      summary: 'Create or change a collection; its owner gets an edge',
      request: { params, query: WriteQuery, ...jsonBody(CollectionBody) },
      responses: {
        201: json(CollectionSchema, 'The collection, which is new'),
        200: json(
          CollectionSchema.extend({
            impact: AccessImpactSchema.optional(),
            would_purge: WouldPurgeSchema.optional(),
            breaks: WouldBreakSchema.optional(),
          }),
          'The collection, or with `validate_only` what would be and whom it would touch',
        ),
        ...shared,
        ...conditional,
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { collection } = c.req.valid('param')
      const { owner, publish_gate: publishGate, rules, ...given } = c.req.valid('json')
      const { keep_versions: keepVersions, attribute_schema: attributeSchema } = given
      await requireProduct(database, { tenant, product: owner, pointer: '/owner' })
      if (rules?.scan && scanners.length === 0) throw noScanner()
      const wished: Collection = {
        collection,
        owner,
        publishGate,
        rules: rulesOf(rules),
        keepVersions,
        attributeSchema,
      }
      const shown = presentCollection(wished)
      const tries = c.req.valid('query').validate_only === 'true'
      const { isNew, impact, purged, isOther } = await writeConfiguration(database, { tries }, async tx => {
        await lockTenant(tx, tenant)
        const before = await findCollection(tx, tenant, collection)
        requireState(c, before && stateTag(presentCollection(before)))
        const wish = { tenant, collection, product: owner, change: givenTo(owner) }
        const would = tries ? await accessImpact(gateway, tx, wish) : undefined
        const keep = tries ? keepVersions : undefined
        const purged = keep === undefined ? undefined : await wouldPurge(tx, { tenant, collection, keep })
        await putCollection(tx, { tenantId: tenant, ...wished })
        await tellPolicy(c, tx, { collection, owner, before: before && presentCollection(before), after: shown })
        await auditChange(c, tx, {
          resource: `collections/${collection}`,
          before: before && presentCollection(before),
          after: shown,
        })
        const isOther =
          tries || canonicalText(before?.attributeSchema ?? null) !== canonicalText(attributeSchema ?? null)
        return { isNew: before === undefined, impact: would, purged, isOther }
      })
      const breaks =
        attributeSchema && isOther && !isNew
          ? await wouldBreak(database, { tenant, collection, schema: attributeSchema })
          : undefined
      const told = { ...shown, ...(breaks && { breaks }) }
      if (tries) return c.json({ ...told, impact, ...(purged && { would_purge: purged }) }, 200)
      c.header('ETag', stateTag(shown))
      return c.json(told, isNew ? 201 : 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/collections/{collection}',
      summary: 'A collection',
      request: { params },
      responses: { 200: json(CollectionSchema, 'The collection'), 304: { description: 'Unchanged' }, ...shared },
    }),
    async c => {
      const found = await existingCollection(database, c.get('principal').tenant, c.req.valid('param').collection)
      const shown = presentCollection(found)
      if (isSeen(c, stateTag(shown))) return c.body(null, 304)
      return c.json(shown, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/collections',
      summary: 'Collections by name',
      request: { query: z.strictObject(Paging) },
      responses: {
        200: json(z.object({ items: z.array(CollectionSchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...paged,
      },
    }),
    async c => {
      const { limit, cursor } = c.req.valid('query')
      const after = readCursor(cursor, NAME_PATTERN)
      const found = await listCollections(database, {
        tenantId: c.get('principal').tenant,
        ...(after && { after }),
        limit: limit + 1,
      })
      const { items, ...rest } = page(found, limit, item => item.collection)
      return c.json({ items: items.map(presentCollection), ...rest }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/collections/{collection}/matrix',
      summary: 'The matrix of a collection: products, their rights and their renditions',
      request: { params },
      responses: {
        200: json(z.looseObject({ collection: z.string(), edges: z.array(EdgeSchema) }), 'The matrix'),
        304: { description: 'Unchanged' },
        ...shared,
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const found = await existingCollection(database, tenant, c.req.valid('param').collection)
      const { collection } = found
      const [edges, renditions] = await Promise.all([
        listEdges(database, tenant, collection),
        listRenditions(database, tenant, collection),
      ])
      const shown = {
        ...presentCollection(found),
        edges: edges.map(presentEdge),
        renditions: renditions.map(found => {
          const { collection: _, ...rest } = presentRendition(found)
          return rest
        }),
      }
      if (isSeen(c, stateTag(shown))) return c.body(null, 304)
      return c.json(shown, 200)
    },
  )
}
