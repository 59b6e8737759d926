/** What caches in front were told to forget, and what they did not take. */
import { randomUUID } from 'node:crypto'
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { type ListedPurge, listPurges, redrivePurges } from '../../manifest/purges.ts'
import { PURGE_REASONS, PURGE_STATES } from '../../model/purge.ts'
import { auditChange } from '../audit.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { growing, JSON_ROUTE, json, refusals, security } from '../openapi.ts'
import { Paging } from '../validation.ts'

/** The tag of no asset. */
const NIL = '00000000-0000-0000-0000-000000000000'

const PurgeSchema = z
  .object({
    id: z.uuid().openapi({ description: 'The `webhook-id` of every try' }),
    reason: z.enum(PURGE_REASONS).openapi(growing),
    subject: z.string(),
    tags: z.array(z.string()),
    state: z.enum(PURGE_STATES),
    tries: z.number().int(),
    targets: z
      .record(
        z.string(),
        z.object({
          state: z.enum(PURGE_STATES),
          tries: z.number().int(),
          answer: z.string(),
          at: z.iso.datetime().optional().openapi({ description: 'When the last try began' }),
        }),
      )
      .openapi({ description: 'Those who have to hear it and were told; `verify` is what asks afterwards' }),
    last_answer: z.string().optional(),
    created_at: z.string(),
    finished_at: z.string().optional(),
  })
  .openapi('Purge')

const presentPurge = ({ id, reason, subject, tags, state, tries, targets, ...purge }: ListedPurge) => ({
  id,
  reason,
  subject,
  tags: [...tags],
  state,
  tries,
  targets: Object.fromEntries(
    Object.entries(targets).map(([name, one]) => [
      name,
      {
        state: one.state,
        tries: one.tries,
        answer: one.answer,
        ...(one.at > 0 && { at: new Date(one.at).toISOString() }),
      },
    ]),
  ),
  ...(purge.lastAnswer !== null && { last_answer: purge.lastAnswer }),
  created_at: purge.createdAt.toISOString(),
  ...(purge.finishedAt !== null && { finished_at: purge.finishedAt.toISOString() }),
})

export const purgeRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, clock, purgeTargets } = gateway
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

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/purges/test',
      middleware: [...guard, jsonOnly(gateway.config)],
      summary: 'Tell everybody who hears purges to forget something that nobody has, and see who takes it',
      responses: {
        200: json(
          z.object({ targets: z.record(z.string(), z.object({ ok: z.boolean(), answer: z.string() })) }),
          'The answer of each; nothing is kept of it',
        ),
        ...refusals(...JSON_ROUTE),
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const purge = {
        id: randomUUID(),
        tenant,
        reason: 'test' as const,
        subject: 'purges/test',
        createdAt: new Date(clock.now()),
      }
      const tags = [`a:${NIL}`]
      const said = await Promise.all(
        purgeTargets.map(async ({ name, send }) => {
          const { ok, answer } = await send({ purges: [{ ...purge, tags }], tags })
          return [name, { ok, answer }] as const
        }),
      )
      return c.json({ targets: Object.fromEntries(said) }, 200, { 'Cache-Control': 'no-store' })
    },
  )
}
