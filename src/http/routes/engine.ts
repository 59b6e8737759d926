/** Upgrades of the engine, for administrators: which builds may work, and rollouts of what they make otherwise than before. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { ENGINE_LINE } from '../../graph/key.ts'
import { findCollection } from '../../manifest/collections.ts'
import { pairOfLeaf, reportRollout } from '../../manifest/comparisons.ts'
import { listBuilds, registerBuild } from '../../manifest/engines.ts'
import { busyRollouts, findRollout, insertRollout, listRollouts } from '../../manifest/rollouts.ts'
import { refuse } from '../../model/errors.ts'
import { UUID_PATTERN } from '../../model/ids.ts'
import { tellRollout } from '../../reconcile/rollout.ts'
import { auditChange } from '../audit.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import {
  BuildSchema,
  presentBuild,
  presentReport,
  presentRollout,
  RolloutReportSchema,
  RolloutSchema,
} from '../rollout.ts'
import { AssetIdParam, Name, Paging, page, readCursor } from '../validation.ts'

const params = z.object({ rollout: AssetIdParam })
const NO_STORE = { 'Cache-Control': 'no-store' }
const MOST_LEAF = 2_147_483_647
const WORST = 20

const EngineSchema = z
  .object({
    line: z.string().openapi({ description: 'That keys of new nodes are made with' }),
    builds: z.array(BuildSchema).openapi({ description: 'The last started first' }),
  })
  .openapi('Engine')

const RegisterSchema = z
  .strictObject({ fingerprint: z.string().regex(/^[0-9a-f]{16}$/), line: z.string().max(40).default(ENGINE_LINE) })
  .openapi('EngineRegistration')

const RolloutWishSchema = z
  .strictObject({ share: z.int().min(1).max(100), collection: Name.optional() })
  .openapi('RolloutWish')

export const engineRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, log } = gateway
  const admin = [authenticated(gateway.findPrincipal), requires('matrix:admin')]
  const common = { tags: ['Engine'], security }
  const reads = refusals('unauthenticated', 'forbidden', 'not-found')

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/engine',
      middleware: admin,
      summary: 'The line of the engine and the builds that work under it',
      responses: { 200: json(EngineSchema, 'As of now'), ...refusals('unauthenticated', 'forbidden') },
    }),
    async c => c.json({ line: ENGINE_LINE, builds: (await listBuilds(database)).map(presentBuild) }, 200, NO_STORE),
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/engine/register',
      middleware: [...admin, jsonOnly(gateway.config)],
      summary: 'Let a build that was seen work: its pictures are those of the line',
      request: jsonBody(RegisterSchema),
      responses: { 200: json(BuildSchema, 'It is registered'), ...refusals(...JSON_ROUTE) },
    }),
    async c => {
      const { id: actor } = c.get('principal')
      const wish = c.req.valid('json')
      const build = await database.transaction(async tx => {
        const registered = await registerBuild(tx, { ...wish, by: actor })
        if (!registered) throw refuse('not-found', 'No worker of this build was ever started.')
        await auditChange(c, tx, { resource: 'engine', after: wish })
        return registered
      })
      log.info({ actor, line: build.line, fingerprint: build.fingerprint }, 'engine registered')
      return c.json(presentBuild(build), 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/engine/rollouts',
      middleware: [...admin, jsonOnly(gateway.config)],
      summary:
        'Make what the running code plans otherwise, for a share of the assets, and compare; nothing is shown of it yet',
      request: jsonBody(RolloutWishSchema),
      responses: { 202: json(RolloutSchema, 'It is under way'), ...refusals(...JSON_ROUTE, 'conflict') },
    }),
    async c => {
      const { tenant, id: actor } = c.get('principal')
      const { share, collection } = c.req.valid('json')
      if (collection !== undefined && !(await findCollection(database, tenant, collection))) {
        throw refuse('not-found', 'There is no such collection.')
      }
      const wish = { tenant, engine: ENGINE_LINE, collection: collection ?? null, share, createdBy: actor }
      const rollout = await database.transaction(async tx => {
        const inserted = await insertRollout(tx, wish)
        if (inserted)
          await auditChange(c, tx, { resource: `engine/rollouts/${inserted.id}`, after: { share, collection } })
        return inserted
      })
      if (!rollout) {
        const busy = (await busyRollouts(database)).find(one => one.tenant === tenant)
        throw refuse('conflict', 'Another rollout is under way.', {
          details: { ...(busy && { rollout: busy.id, state: busy.state }) },
        })
      }
      log.info({ actor, rollout: rollout.id, share, collection }, 'rollout')
      return c.json(presentRollout(rollout), 202, { Location: `/v1/engine/rollouts/${rollout.id}`, 'Retry-After': '1' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/engine/rollouts',
      middleware: admin,
      summary: 'Rollouts, the newest first',
      request: { query: z.strictObject(Paging) },
      responses: {
        200: json(z.object({ items: z.array(RolloutSchema), next_cursor: z.string().optional() }), 'A page'),
        ...refusals('unauthenticated', 'forbidden', 'invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { limit, cursor } = c.req.valid('query')
      const after = readCursor(cursor, UUID_PATTERN)
      const found = await listRollouts(database, { tenant: c.get('principal').tenant, after, limit: limit + 1 })
      const { items, ...rest } = page(found, limit, ({ id }) => id)
      return c.json({ items: items.map(presentRollout), ...rest }, 200, NO_STORE)
    },
  )

  const reportOf = async (tenant: string, id: string) => {
    const rollout = await findRollout(database, { tenant, id })
    if (!rollout) throw refuse('not-found', 'There is no such rollout.')
    return presentReport(rollout, await reportRollout(database, rollout, WORST))
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/engine/rollouts/{rollout}',
      middleware: admin,
      summary: 'How far it is, and how alike old and new are',
      request: { params },
      responses: { 200: json(RolloutReportSchema, 'As of now'), ...reads },
    }),
    async c => c.json(await reportOf(c.get('principal').tenant, c.req.valid('param').rollout), 200, NO_STORE),
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/engine/rollouts/{rollout}/leaves/{leaf}/picture',
      middleware: admin,
      summary: 'Old, new and their difference, sixteen times as strong, side by side',
      request: { params: params.extend({ leaf: z.coerce.number().int().min(1).max(MOST_LEAF) }) },
      responses: {
        200: {
          description: 'The picture',
          content: { 'image/png': { schema: z.string().openapi({ format: 'binary' }) } },
        },
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'not-ready', 'rendition-failed', 'overloaded'),
      },
    }),
    async c => {
      const { rollout, leaf } = c.req.valid('param')
      const pair = await pairOfLeaf(database, { tenant: c.get('principal').tenant, rollout, leaf })
      if (!pair) throw refuse('not-found', 'There is no such leaf in this rollout.')
      const picture = await gateway.comparisonPicture(pair)
      return c.body(new Uint8Array(picture), 200, {
        'Content-Type': 'image/png',
        'Cache-Control': 'private, max-age=3600',
      })
    },
  )

  const WORDS = {
    promote: 'Point the leaves at what is new and was compared; every gateway answers with it from then on',
    rollback: 'Point the leaves back at what was there before, or give the rollout up before that',
  } as const
  for (const word of ['promote', 'rollback'] as const) {
    app.openapi(
      createRoute({
        ...common,
        method: 'post',
        path: `/v1/engine/rollouts/{rollout}/${word}`,
        middleware: [...admin, jsonOnly(gateway.config)],
        summary: WORDS[word],
        request: { params },
        responses: {
          202: json(RolloutReportSchema, 'It is under way, or done'),
          ...refusals(...JSON_ROUTE, 'conflict'),
        },
      }),
      async c => {
        const { tenant, id: actor } = c.get('principal')
        const id = c.req.valid('param').rollout
        await tellRollout(database, { tenant, id }, word, actor, (tx, { from, to }) =>
          auditChange(c, tx, { resource: `engine/rollouts/${id}`, before: { state: from }, after: { state: to } }),
        )
        log.info({ actor, rollout: id, word }, 'rollout')
        return c.json(await reportOf(tenant, id), 202, { 'Retry-After': '1' })
      },
    )
  }
}
