/** The life of a rendition after it was named: back to an older recipe, and an end that is told beforehand. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { pinSeconds } from '../../graph/pin.ts'
import { findEdge, lockCollection } from '../../manifest/collections.ts'
import type { Sql } from '../../manifest/database.ts'
import { latestOperation } from '../../manifest/operations.ts'
import { findEarlier, reactivate, setDeprecation } from '../../manifest/rendition-life.ts'
import { findRendition, type RenditionKey } from '../../manifest/renditions.ts'
import { refuse } from '../../model/errors.ts'
import { digestOf } from '../../model/ids.ts'
import type { Rendition } from '../../model/product.ts'
import { keepsPrivate } from '../../ops/metadata.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState, writeConfiguration } from '../configuration.ts'
import { tellDeprecated, tellRevised } from '../configuration-events.ts'
import { causeOf, type Env } from '../context.ts'
import { impactOf, NO_IMPACT } from '../impact.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { presentBackfill, startBackfill } from '../operation.ts'
import {
  auditedRendition,
  permitRenditions,
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
import { Moment, Version, WriteQuery } from '../validation.ts'

const RollbackBody = z.strictObject({
  to: Version.optional().openapi({ description: 'A revision; the one that was active before, where absent' }),
})
const DeprecateBody = z.strictObject({
  sunset: Moment.nullable().openapi({
    description: 'Until when it is answered at least, which is a time to come; `null`: it stays after all',
  }),
})

const requireFound = <T>(found: T | undefined): T => {
  if (found === undefined) throw refuse('not-found', 'There is no such rendition.')
  return found
}

/** As it stands, with nobody writing until the transaction ends, and as the caller saw it. */
const lockRendition = async (tx: Sql, key: RenditionKey, require: (tag: string | undefined) => void) => {
  await lockCollection(tx, key.tenantId, key.collectionId)
  const found = requireFound(await findRendition(tx, key))
  require(renditionTag(found))
  return found
}

export const renditionLifeRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, clock } = gateway
  const common = {
    tags: ['Matrix'],
    security,
    method: 'post' as const,
    middleware: [authenticated(gateway.findPrincipal), requires('assets:write'), jsonOnly(gateway.config)],
  }
  const request = {
    params: renditionParams,
    query: WriteQuery,
    headers: z.object({
      'If-Match': z.string().optional().openapi({ description: 'The ETag of the rendition as it was seen, or `*`' }),
    }),
  }
  const shared = refusals('invalid-request', ...JSON_ROUTE, 'precondition-failed')

  app.openapi(
    createRoute({
      ...common,
      path: `${RENDITION_PATH}/rollback`,
      summary: 'Make the revision that was active before, or a given one, the active one again',
      description:
        'Nothing is made where its outputs still stand. Versions that came in the meantime are planned by a backfill, where the revision is eager.',
      request: { ...request, ...jsonBody(RollbackBody) },
      responses: {
        200: json(WrittenSchema, 'The active revision, or with `validate_only` what would be'),
        ...shared,
        ...refusals('invalid-recipe', 'nothing-to-roll-back', 'precondition-required'),
      },
    }),
    async c => {
      const { collection, product, name } = c.req.valid('param')
      const { tenant } = c.get('principal')
      const who = await permitRenditions(gateway, c, { collection, product })
      requireIfMatch(c)
      const cell = { tenantId: tenant, collectionId: collection, productId: product }
      const key = { ...cell, name }
      const { to } = c.req.valid('json')
      const seen = requireFound(await findRendition(database, key))
      const target = seen.revision === to ? seen : await findEarlier(database, key, to)
      if (target === undefined)
        throw refuse('nothing-to-roll-back', to ? `There is no revision ${to}.` : 'No revision was active before.')
      const { revision, recipe, recipeHash, lane } = target
      // What was laid on its pictures may have been erased since, or be hidden from the product.
      await pinSeconds(recipe, findSecondFor(gateway, who))
      const impact = await impactOf(gateway, { tenant, collection, recipe })
      const tries = c.req.valid('query').validate_only === 'true'
      const { after, moved, started } = await writeConfiguration(database, { tries }, async tx => {
        const before = await lockRendition(tx, key, tag => requireState(c, tag))
        requirePrivate(keepsPrivate(recipe), (await findEdge(tx, cell))?.privateMetadata)
        const after: Rendition = { ...before, revision, recipe, recipeHash, lane }
        const input = { collection, product, rendition: name, revision }
        const moved = before.revision !== revision
        const starts = moved && lane === 'eager' && !tries
        if (moved) {
          await reactivate(tx, key, revision)
          await tellRevised(c, tx, { ...after, recipe_hash: digestOf(recipeHash), previous: before.revision })
        }
        const started = starts
          ? ((await startBackfill(tx, { tenant, input, cause: causeOf(c), once: false })) ??
            (await latestOperation(tx, tenant, input)))
          : undefined
        await auditChange(c, tx, {
          resource: renditionResource(c.req.valid('param')),
          before: auditedRendition(before),
          after: { ...auditedRendition(after), operation: started?.id },
        })
        return { after, moved, started }
      })
      const shown = { ...presentRendition(after), impact: moved ? impact : NO_IMPACT }
      if (tries) return c.json(shown, 200)
      c.header('ETag', renditionTag(after))
      return c.json({ ...shown, ...(started && { operation: await presentBackfill(gateway, started) }) }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: `${RENDITION_PATH}/deprecate`,
      summary: 'Tell everybody who asks for it until when it is there, or take that back',
      description:
        'It is answered as before, with `Deprecation` and `Sunset`, and its product and administrators are told by `rendition.deprecated`. Nothing ends by itself.',
      request: { ...request, ...jsonBody(DeprecateBody) },
      responses: { 200: json(RenditionSchema, 'The rendition, or with `validate_only` what would be'), ...shared },
    }),
    async c => {
      const { collection, product, name } = c.req.valid('param')
      const { tenant } = c.get('principal')
      await permitRenditions(gateway, c, { collection, product })
      const key = { tenantId: tenant, collectionId: collection, productId: product, name }
      const text = c.req.valid('json').sunset
      const sunset = text === null ? undefined : new Date(text)
      const now = new Date(clock.now())
      if (sunset && sunset <= now)
        throw refuse('contract-violation', 'The sunset is over.', {
          violations: [{ pointer: '/sunset', rule: 'future', message: 'Expected a time to come.' }],
        })
      const tries = c.req.valid('query').validate_only === 'true'
      const after = await writeConfiguration(database, { tries }, async tx => {
        const before = await lockRendition(tx, key, tag => requireState(c, tag))
        // It has been to go since it was said first, however its end is moved.
        const deprecation = sunset && { at: before.deprecation?.at ?? now, sunset }
        const after: Rendition = { ...before, deprecation }
        if (sunset?.getTime() !== before.deprecation?.sunset.getTime()) {
          await setDeprecation(tx, key, deprecation)
          await tellDeprecated(c, tx, before, sunset)
        }
        await auditChange(c, tx, {
          resource: renditionResource(c.req.valid('param')),
          before: auditedRendition(before),
          after: auditedRendition(after),
        })
        return after
      })
      if (!tries) c.header('ETag', renditionTag(after))
      return c.json(presentRendition(after), 200)
    },
  )
}
