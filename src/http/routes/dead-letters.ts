/** What was given up after all its tries, for administrators: who waits for it, why it failed, and the way to try it again. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Sql } from '../../manifest/database.ts'
import { type DeadDelivery, listDeadDeliveries } from '../../manifest/dead-deliveries.ts'
import { type DeadNode, listDeadNodes } from '../../manifest/dead-letters.ts'
import { refuse } from '../../model/errors.ts'
import { wireType } from '../../model/event-catalogue.ts'
import { digestOf, UUID_PATTERN } from '../../model/ids.ts'
import { redriveNodes } from '../../reconcile/redrive.ts'
import { redriveAnyDeliveries } from '../../reconcile/redrive-deliveries.ts'
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
  .openapi({
    description:
      'Class of the failure, e.g. corrupt-media, memory-exceeded, worker-lost; of deliveries timeout, unreachable, refused',
  })
const NodeId = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const MOST_IDS = 500

const Kind = z
  .enum(['node', 'delivery'])
  .default('node')
  .openapi({ description: 'Derivatives that could not be made, or events that a webhook did not take' })

const DeadNodeSchema = z
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

const DeadDeliverySchema = z
  .object({
    kind: z.literal('delivery'),
    id: z.uuid(),
    subscription: z.string(),
    product: z.string().optional().openapi({ description: 'Absent: of the whole tenant' }),
    event: z.uuid(),
    seq: z.int(),
    type: z.string(),
    subject: z.string(),
    class: z.string(),
    failures: z.int(),
    at: z.string(),
  })
  .openapi('DeadDelivery')
const DeadLetterSchema = z.discriminatedUnion('kind', [DeadNodeSchema, DeadDeliverySchema])

const presentNode = ({ key, original, format, code, attempts, crashes, at, asks, askers }: DeadNode) => ({
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

const presentDelivery = ({ product, type, at, exact_at: _, ...rest }: DeadDelivery) => ({
  kind: 'delivery' as const,
  ...rest,
  product: product ?? undefined,
  type: wireType(type),
  at: at.toISOString(),
})

const RedriveSchema = z
  .strictObject({
    kind: Kind,
    ids: z
      .array(z.union([NodeId, z.uuid()]))
      .min(1)
      .max(MOST_IDS)
      .optional(),
    class: FailureClass.optional(),
    before: Moment.optional(),
  })
  .refine(
    ({ kind: _, ...wish }) => Object.values(wish).some(value => value !== undefined),
    'Expected ids, class or before',
  )
  .refine(
    ({ kind, ids = [] }) => ids.every(id => id.startsWith('sha256:') === (kind === 'node')),
    'Expected ids of that kind',
  )
  .openapi('Redrive')

const RedrivenSchema = z
  .object({
    redriven: z.number().int(),
    remaining: z.number().int().openapi({ description: 'Fit as well; repeat the request with this `before`' }),
    before: z.string().optional(),
  })
  .openapi('Redriven')

/** When it died and what it is, as the list is ordered. */
const AT = '(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}Z)'
const CURSORS = {
  node: new RegExp(`^${AT} ([0-9a-f]{64})$`),
  delivery: new RegExp(`^${AT} ${UUID_PATTERN.source.slice(1)}`),
} as const

const placeAfter = (cursor: string | undefined, kind: keyof typeof CURSORS) => {
  const [at, key] = (readCursor(cursor, CURSORS[kind]) ?? '').split(' ')
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
        query: z.strictObject({ kind: Kind, class: FailureClass.optional(), ...Paging }),
      },
      responses: {
        200: json(z.object({ items: z.array(DeadLetterSchema), next_cursor: z.string().optional() }), 'A page'),
        ...refusals('unauthenticated', 'forbidden', 'invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { kind, class: code, limit, cursor } = c.req.valid('query')
      const { tenant } = c.get('principal')
      const asked = { tenant, code, after: placeAfter(cursor, kind), limit: limit + 1 }
      const headers = { 'Cache-Control': 'no-store' }
      if (kind === 'delivery') {
        const found = await listDeadDeliveries(database, asked)
        const { items, ...rest } = page(found, limit, one => `${one.exact_at} ${one.id}`)
        return c.json({ items: items.map(presentDelivery), ...rest }, 200, headers)
      }
      const { items, ...rest } = page(await listDeadNodes(database, asked), limit, one => `${one.exact_at} ${one.key}`)
      return c.json({ items: items.map(presentNode), ...rest }, 200, headers)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/dead-letters/redrive',
      middleware: [...admin, jsonOnly(gateway.config)],
      summary: 'Try again what fits everything that is given; versions that failed for it wait again',
      description: 'Of deliveries a thousand at a time: repeat it with the `before` of the answer while some remain.',
      request: jsonBody(RedriveSchema),
      responses: { 200: json(RedrivenSchema, 'It is queued'), ...refusals(...JSON_ROUTE) },
    }),
    async c => {
      const { kind, ids, class: code, before } = c.req.valid('json')
      const { tenant, id: actor } = c.get('principal')
      const filter = { tenant, code, before: before === undefined ? undefined : new Date(before) }
      const record = (tx: Sql, redriven: number, resource = 'dead-letters') =>
        auditChange(c, tx, { resource, after: { kind, class: code, ids: ids?.length, before, redriven } })
      const done =
        kind === 'delivery'
          ? await redriveAnyDeliveries(database, { ...filter, keys: ids }, (tx, redriven, subscription) =>
              record(tx, redriven, subscription && `subscriptions/${subscription}`),
            )
          : await redriveNodes(
              gateway,
              { ...filter, keys: ids?.map(id => id.slice('sha256:'.length)) },
              causeOf(c),
              record,
            )
      log.info({ actor, kind, class: code, redriven: done.redriven }, 'redrive')
      return c.json({ ...done, before: done.before?.toISOString() }, 200)
    },
  )
}
