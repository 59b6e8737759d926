import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { pinSeconds } from '../../graph/pin.ts'
import { parseRecipe, recipeHash, recipeText } from '../../graph/recipe.ts'
import { findEdge, lockCollection } from '../../manifest/collections.ts'
import { latestOperation } from '../../manifest/operations.ts'
import { findRendition, putRendition, retireRendition } from '../../manifest/renditions.ts'
import { refuse } from '../../model/errors.ts'
import { keepsPrivate } from '../../ops/metadata.ts'
import { auditChange } from '../audit.ts'
import { isSeen, requireIfMatch, requireState, writeConfiguration } from '../configuration.ts'
import { tellRetired, tellRevised } from '../configuration-events.ts'
import { causeOf, type Env, type MatrixContext } from '../context.ts'
import { impactOf, NO_IMPACT } from '../impact.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { announceOperation, BackfillSchema, presentBackfill, startBackfill } from '../operation.ts'
import {
  auditedRendition,
  permitRenditions,
  presentEnd,
  presentRendition,
  RENDITION_PATH,
  RenditionSchema,
  renditionParams,
  renditionResource,
  renditionTag,
  requirePrivate,
  WrittenSchema,
} from '../rendition.ts'
import { findSecondFor } from '../seconds.ts'
import { WriteQuery } from '../validation.ts'

const RenditionBody = z.strictObject({
  recipe: z.record(z.string(), z.unknown()).openapi({ description: 'Operations and formats; see docs/operations.md' }),
  lane: z
    .enum(['eager', 'lazy'])
    .default('eager')
    .openapi({ description: 'eager: made when a version is added; lazy: when first asked for' }),
})
const PutQuery = WriteQuery.extend({
  backfill: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: '`true`: make it for the versions that are there, too, unless this revision has been' }),
})
const shared = refusals('invalid-request', ...JSON_ROUTE, 'invalid-recipe', 'unsupported-transform')
const conditional = refusals('precondition-failed')

/** `original` is how the bytes as received are asked for. */
const RESERVED = new Set(['original', 'x', 'info'])

export const renditionRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const authenticate = authenticated(gateway.findPrincipal)

  const permit = (c: MatrixContext, collection: string, product: string) =>
    permitRenditions(gateway, c, { collection, product })

  app.openapi(
    createRoute({
      tags: ['Matrix'],
      security,
      method: 'put',
      path: RENDITION_PATH,
      middleware: [authenticate, requires('assets:write'), jsonOnly(gateway.config)],
      summary: 'Name a recipe, or give the name a new revision',
      request: { params: renditionParams, query: PutQuery, ...jsonBody(RenditionBody) },
      responses: {
        201: json(WrittenSchema, 'A new revision'),
        202: json(WrittenSchema, 'The same, and a backfill was started: `Location` says how far it is'),
        200: json(WrittenSchema, 'The revision that is equal, or with `validate_only` what would be'),
        ...shared,
        ...conditional,
      },
    }),
    async c => {
      const principal = c.get('principal')
      const { collection, product, name } = c.req.valid('param')
      const { lane, recipe: wish } = c.req.valid('json')
      if (RESERVED.has(name)) throw refuse('contract-violation', `The name ${name} is reserved.`)
      const who = await permit(c, collection, product)
      const recipe = await pinSeconds(parseRecipe(wish), findSecondFor(gateway, who))
      const cell = { tenantId: principal.tenant, collectionId: collection, productId: product }
      const key = { ...cell, name }
      const presented = {
        collection,
        product,
        name,
        lane,
        recipe: recipe as unknown as Record<string, string>,
        recipe_hash: `sha256:${recipeHash(recipe)}`,
      }
      // Before the write: a count that takes too long is a refusal that changed nothing.
      const impact = await impactOf(gateway, { tenant: principal.tenant, collection, recipe })
      const { validate_only, backfill } = c.req.valid('query')
      const tries = validate_only === 'true'
      const { revision, created, started, deprecation } = await writeConfiguration(database, { tries }, async tx => {
        await lockCollection(tx, principal.tenant, collection)
        requirePrivate(keepsPrivate(recipe), (await findEdge(tx, cell))?.privateMetadata)
        const before = await findRendition(tx, key)
        requireState(c, renditionTag(before))
        const put = await putRendition(tx, { ...key, recipe: recipeText(recipe), recipeHash: recipeHash(recipe), lane })
        const { tenant } = principal
        if (put.created) await tellRevised(c, tx, { ...presented, revision: put.revision, previous: before?.revision })
        const input = { collection, product, rendition: name, revision: put.revision }
        const starts = backfill === 'true' && !tries
        const started = starts ? await startBackfill(tx, { tenant, input, cause: causeOf(c), once: true }) : undefined
        const deprecation = before?.deprecation
        const after = auditedRendition({ revision: put.revision, lane, recipeHash: recipeHash(recipe), deprecation })
        await auditChange(c, tx, {
          resource: renditionResource(c.req.valid('param')),
          before: before && auditedRendition(before),
          after: { ...after, operation: started?.id },
        })
        return { ...put, started, deprecation }
      })
      const shown = { ...presented, revision, ...presentEnd(deprecation), impact: created ? impact : NO_IMPACT }
      if (tries) return c.json(shown, 200)
      c.header('ETag', renditionTag({ revision, deprecation }))
      if (!started) return c.json(shown, created ? 201 : 200)
      announceOperation(c, started)
      return c.json({ ...shown, operation: await presentBackfill(gateway, started) }, 202)
    },
  )

  app.openapi(
    createRoute({
      tags: ['Matrix'],
      security,
      method: 'get',
      path: RENDITION_PATH,
      middleware: [authenticate, requires('assets:read'), jsonOnly(gateway.config)],
      summary: 'The active revision of a rendition',
      request: { params: renditionParams },
      responses: { 200: json(RenditionSchema, 'The rendition'), 304: { description: 'Unchanged' }, ...shared },
    }),
    async c => {
      const { collection, product, name } = c.req.valid('param')
      await permit(c, collection, product)
      const found = await findRendition(database, {
        tenantId: c.get('principal').tenant,
        collectionId: collection,
        productId: product,
        name,
      })
      if (!found) throw refuse('not-found', 'There is no such rendition.')
      if (isSeen(c, renditionTag(found) ?? '')) return c.body(null, 304)
      return c.json(presentRendition(found), 200)
    },
  )

  app.openapi(
    createRoute({
      tags: ['Matrix'],
      security,
      method: 'post',
      path: `${RENDITION_PATH}/backfill`,
      middleware: [authenticate, requires('assets:write'), jsonOnly(gateway.config)],
      summary: 'Make it for the versions that are there: those that lack it, in the lane behind all others',
      request: { params: renditionParams },
      responses: {
        202: json(BackfillSchema, 'Started, or under way already: `Location` says how far it is'),
        ...shared,
      },
    }),
    async c => {
      const { collection, product, name } = c.req.valid('param')
      const { tenant } = c.get('principal')
      await permit(c, collection, product)
      const key = { tenantId: tenant, collectionId: collection, productId: product, name }
      const operation = await database.transaction(async tx => {
        await lockCollection(tx, tenant, collection)
        const found = await findRendition(tx, key)
        if (!found) throw refuse('not-found', 'There is no such rendition.')
        const input = { collection, product, rendition: name, revision: found.revision }
        const started = await startBackfill(tx, { tenant, input, cause: causeOf(c), once: false })
        await auditChange(c, tx, {
          resource: renditionResource(c.req.valid('param')),
          after: { operation: started?.id },
        })
        return started ?? latestOperation(tx, tenant, input)
      })
      if (!operation) throw refuse('conflict', 'The operation has ended meanwhile.')
      announceOperation(c, operation)
      return c.json(await presentBackfill(gateway, operation), 202)
    },
  )

  app.openapi(
    createRoute({
      tags: ['Matrix'],
      security,
      method: 'delete',
      path: RENDITION_PATH,
      middleware: [authenticate, requires('assets:write'), jsonOnly(gateway.config)],
      summary: 'Stop answering under this name',
      request: { params: renditionParams, query: WriteQuery },
      responses: {
        204: { description: 'Retired' },
        ...shared,
        ...conditional,
        ...refusals('precondition-required'),
      },
    }),
    async c => {
      const { collection, product, name } = c.req.valid('param')
      const { tenant } = c.get('principal')
      await permit(c, collection, product)
      requireIfMatch(c)
      const key = { tenantId: tenant, collectionId: collection, productId: product, name }
      await writeConfiguration(database, { tries: c.req.valid('query').validate_only === 'true' }, async tx => {
        await lockCollection(tx, tenant, collection)
        const before = await findRendition(tx, key)
        if (!before) throw refuse('not-found', 'There is no such rendition.')
        requireState(c, renditionTag(before))
        await retireRendition(tx, key)
        await tellRetired(c, tx, before)
        await auditChange(c, tx, {
          resource: renditionResource(c.req.valid('param')),
          before: auditedRendition(before),
        })
      })
      return c.body(null, 204)
    },
  )
}
