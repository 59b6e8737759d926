/** What was given up after all its tries, for administrators: who waits for it, why it failed, and the way to try it again. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { type DeadNode, listDeadNodes } from '../../manifest/dead-letters.ts'
import { refuse } from '../../model/errors.ts'
import { digestOf } from '../../model/ids.ts'
import { redriveNodes } from '../../reconcile/redrive.ts'
import { auditChange } from '../audit.ts'
import type { Env } from '../context.ts'
import { causeOf } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Moment, Paging, page, readCursor } from '../validation.ts'

const FailureClass = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,63}$/)
  .openapi({ description: 'Class of the failure, e.g. corrupt-media, memory-exceeded, worker-lost' })
const NodeId = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const MOST_IDS = 500

const DeadLetterSchema = z
  .object({
    kind: z.literal('node'),
    id: NodeId,
    original: z.string(),
    format: z.string(),
    class: z.string(),
    attempts: z.number().int(),
    crashes: z.number().int(),
    at: z.string(),
    asks: z.number().int().openapi({ description: 'How many wishes of products wait for it' }),
    asked_by: z
      .array(z.object({ product: z.string(), asset: z.uuid(), version: z.number().int(), rendition: z.string() }))
      .openapi({ description: 'The newest of them, 20 at most' }),
  })
  .openapi('DeadLetter')

const present = ({ key, original, format, code, attempts, crashes, at, asks, askers }: DeadNode) => ({
  kind: 'node' as const,
  id: digestOf(key),
  original: digestOf(original),
  format,
  class: code,
  attempts,
  crashes,
  at: at.toISOString(),
  asks,
  asked_by: [...askers],
})

const RedriveSchema = z
  .strictObject({
    ids: z.array(NodeId).min(1).max(MOST_IDS).optional(),
    class: FailureClass.optional(),
    before: Moment.optional(),
  })
  .refine(wish => Object.values(wish).some(value => value !== undefined), 'Expected ids, class or before')
  .openapi('Redrive')

const RedrivenSchema = z
  .object({
    redriven: z.number().int(),
    remaining: z.number().int().openapi({ description: 'Fit as well; repeat the request with this `before`' }),
    before: z.string().optional(),
  })
  .openapi('Redriven')

/** When it died and what it is, as the list is ordered. */
const CURSOR = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([0-9a-f]{64})$/

const placeAfter = (cursor: string | undefined) => {
  const [, at, key] = CURSOR.exec(readCursor(cursor, CURSOR) ?? '') ?? []
  if (at === undefined || key === undefined) return undefined
  if (!Moment.safeParse(at).success) throw refuse('invalid-cursor', 'The cursor is not one that was issued.')
  return { at, key }
}

export const deadLetterRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, log } = gateway
  const admin = [authenticated(gateway.findPrincipal), requires('matrix:admin')]
  const common = { tags: ['Operate'], security }

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/dead-letters',
      middleware: admin,
      summary: 'What was given up, the last first',
      request: {
        query: z.strictObject({ kind: z.literal('node').default('node'), class: FailureClass.optional(), ...Paging }),
      },
      responses: {
        200: json(z.object({ items: z.array(DeadLetterSchema), next_cursor: z.string().optional() }), 'A page'),
        ...refusals('unauthenticated', 'forbidden', 'invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { class: code, limit, cursor } = c.req.valid('query')
      const { tenant } = c.get('principal')
      const nodes = await listDeadNodes(database, { tenant, code, after: placeAfter(cursor), limit: limit + 1 })
      const { items, ...rest } = page(nodes, limit, node => `${node.exact_at} ${node.key}`)
      return c.json({ items: items.map(present), ...rest }, 200, { 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/dead-letters/redrive',
      middleware: [...admin, jsonOnly(gateway.config)],
      summary: 'Try again what fits everything that is given; versions that failed for it wait again',
      request: jsonBody(RedriveSchema),
      responses: { 200: json(RedrivenSchema, 'It is queued'), ...refusals(...JSON_ROUTE) },
    }),
    async c => {
      const { ids, class: code, before } = c.req.valid('json')
      const { tenant, id: actor } = c.get('principal')
      const filter = {
        tenant,
        keys: ids?.map(id => id.slice('sha256:'.length)),
        code,
        before: before === undefined ? undefined : new Date(before),
      }
      const done = await redriveNodes(gateway, filter, causeOf(c), (tx, redriven) =>
        auditChange(c, tx, { resource: 'dead-letters', after: { class: code, ids: ids?.length, before, redriven } }),
      )
      log.info({ actor, class: code, redriven: done.redriven }, 'redrive')
      return c.json({ ...done, before: done.before?.toISOString() }, 200)
    },
  )
}
