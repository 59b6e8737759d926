/** What caches in front were told to forget, and what they did not take. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { type ListedPurge, listPurges, redrivePurges } from '../../manifest/purges.ts'
import { PURGE_REASONS, PURGE_STATES } from '../../model/purge.ts'
import { auditChange } from '../audit.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, refusals, security } from '../openapi.ts'
import { Paging } from '../validation.ts'

const PurgeSchema = z
  .object({
    id: z.uuid().openapi({ description: 'The `webhook-id` of every try' }),
    reason: z.enum(PURGE_REASONS),
    subject: z.string(),
    tags: z.array(z.string()),
    state: z.enum(PURGE_STATES),
    tries: z.number().int(),
    last_answer: z.string().optional(),
    created_at: z.string(),
    finished_at: z.string().optional(),
  })
  .openapi('Purge')

const presentPurge = ({ id, reason, subject, tags, state, tries, ...purge }: ListedPurge) => ({
  id,
  reason,
  subject,
  tags: [...tags],
  state,
  tries,
  ...(purge.lastAnswer !== null && { last_answer: purge.lastAnswer }),
  created_at: purge.createdAt.toISOString(),
  ...(purge.finishedAt !== null && { finished_at: purge.finishedAt.toISOString() }),
})

export const purgeRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const guard = [authenticated(gateway.findPrincipal), requires('matrix:admin')] as const
  const common = { tags: ['Operate'], security }

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/purges',
      middleware: [...guard],
      summary: 'Purges of caches in front, the newest first; those of a week are kept',
      request: { query: z.strictObject({ state: z.enum(PURGE_STATES).optional(), limit: Paging.limit }) },
      responses: {
        200: json(z.object({ items: z.array(PurgeSchema) }), 'The newest of them'),
        ...refusals('unauthenticated', 'forbidden', 'invalid-request'),
      },
    }),
    async c => {
      const { state, limit } = c.req.valid('query')
      const found = await listPurges(database, { tenant: c.get('principal').tenant, state, limit })
      return c.json({ items: found.map(presentPurge) }, 200, { 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/purges/redrive',
      middleware: [...guard, jsonOnly(gateway.config)],
      summary: 'Try again what was given up',
      responses: {
        200: json(z.object({ redriven: z.number().int() }), 'So many wait again'),
        ...refusals(...JSON_ROUTE),
      },
    }),
    async c => {
      const redriven = await database.transaction(async tx => {
        const count = await redrivePurges(tx, c.get('principal').tenant)
        await auditChange(c, tx, { resource: 'purges', after: { redriven: count } })
        return count
      })
      return c.json({ redriven }, 200)
    },
  )
}
