/** What has become of what a subscription was to be told: tries, what was given up, and the ways to have it told again. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { callReceiver } from '../../events/call.ts'
import { testEvent } from '../../events/envelope.ts'
import type { Gateway } from '../../gateway.ts'
import { type ListedDelivery, listDeliveries, redriveDeliveries } from '../../manifest/deliveries.ts'
import { logHead } from '../../manifest/event-log.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { firstSince, insertReplay, type Replay, runningReplay } from '../../manifest/replays.ts'
import { refuse } from '../../model/errors.ts'
import { wireType } from '../../model/event-catalogue.ts'
import { newId } from '../../model/ids.ts'
import { DELIVERY_STATES, FAILURE_CLASSES } from '../../model/subscription.ts'
import { auditChange } from '../audit.ts'
import type { Env } from '../context.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { growing, JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { EventTypes, lockOwnSubscription, ownSubscription, Subject, SubscriptionId } from '../subscriptions.ts'
import { Moment, Paging, page, readCursor } from '../validation.ts'

const MOST_IDS = 500
const MOST_REDRIVEN = 10_000
const Seq = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
const ClassSchema = z.enum(FAILURE_CLASSES)
const TriedClass = ClassSchema.openapi(growing)

const DeliverySchema = z
  .object({
    id: z.uuid(),
    event: z.uuid(),
    seq: z.int(),
    type: z.string(),
    subject: z.string(),
    replay: z.uuid().optional(),
    state: z.enum(DELIVERY_STATES).openapi({ description: 'WAITING: for an earlier one about the same asset' }),
    failures: z.int(),
    class: TriedClass.optional().openapi({ ...growing, description: 'Why it was not taken the last time' }),
    attempts: z
      .array(z.object({ at: z.string(), ms: z.int(), status: z.int().optional(), class: TriedClass.optional() }))
      .openapi({ description: 'The last twenty; without a class it was taken' }),
    next_try_at: z.string().optional(),
    created_at: z.string(),
    finished_at: z.string().optional(),
  })
  .openapi('Delivery')

const presentDelivery = (one: ListedDelivery) => ({
  id: one.id,
  event: one.event,
  seq: one.seq,
  type: wireType(one.type),
  subject: one.subject,
  replay: one.replay ?? undefined,
  state: one.state,
  failures: one.failures,
  class: one.class ?? undefined,
  attempts: [...one.attempts],
  next_try_at: one.state === 'PENDING' ? one.notBefore.toISOString() : undefined,
  created_at: one.createdAt.toISOString(),
  finished_at: one.finishedAt?.toISOString(),
})

const range = {
  from_seq: Seq.optional(),
  to_seq: Seq.optional(),
  types: EventTypes.optional(),
  subject: Subject.optional(),
}
const assetOf = (subject: string | undefined): string | undefined => subject?.slice('assets/'.length)

const RedriveBody = z
  .strictObject({ ids: z.array(z.uuid()).min(1).max(MOST_IDS).optional(), class: ClassSchema.optional(), ...range })
  .refine(
    wish => Object.values(wish).some(value => value !== undefined),
    'Expected ids, class, a range, types or subject',
  )
const ReplayBody = z
  .strictObject({
    ...range,
    since: Moment.optional(),
    until: Moment.optional(),
    only: z.enum(['all', 'failed']).default('all'),
  })
  .refine(({ from_seq, since }) => from_seq !== undefined || since !== undefined, 'Expected from_seq or since')
  .refine(({ from_seq, since }) => from_seq === undefined || since === undefined, 'Expected one of from_seq and since')
  .refine(({ to_seq, until }) => to_seq === undefined || until === undefined, 'Expected one of to_seq and until')

const ReplaySchema = z
  .object({
    replay: z.uuid().optional().openapi({ description: 'Absent where only what had failed is told again' }),
    from_seq: z.int().openapi({ description: 'Where it goes on' }),
    to_seq: z.int(),
    told: z.int().openapi({ description: 'Put into its queue so far' }),
    finished_at: z.string().optional(),
  })
  .openapi('Replay')

const presentReplay = ({ replay: id, cursor, until, told, finishedAt }: Replay) => ({
  ...{ replay: id, from_seq: cursor + 1, to_seq: until, told },
  finished_at: finishedAt?.toISOString(),
})

const TestedSchema = z
  .object({
    taken: z.boolean(),
    status: z.int().optional(),
    class: ClassSchema.optional(),
    ms: z.int(),
    event: z.uuid(),
  })
  .openapi('TestedSubscription')

const params = z.object({ subscription: SubscriptionId })
const shared = refusals(...JSON_ROUTE)

export const deliveryRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, clock, config } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('events:read'), jsonOnly(config)]
  const common = { tags: ['Events'], security, middleware }

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/subscriptions/{subscription}/deliveries',
      summary: 'Events for a subscription with their tries, newest first',
      request: { params, query: z.strictObject({ state: z.enum(DELIVERY_STATES).optional(), ...Paging }) },
      responses: {
        200: json(z.object({ items: z.array(DeliverySchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...refusals('invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { state, limit, cursor } = c.req.valid('query')
      const subscription = await ownSubscription(c, database, c.req.valid('param').subscription)
      const before = readCursor(cursor, /^\d{1,18}$/)
      const found = await listDeliveries(database, subscription, { state, before, limit: limit + 1 })
      const { items, ...rest } = page(found, limit, ({ no }) => no)
      return c.json({ items: items.map(presentDelivery), ...rest }, 200, { 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/subscriptions/{subscription}/redrive',
      summary: 'Tell what was given up once more, of that what fits everything that is given',
      description: `At most ${MOST_REDRIVEN} at a time; repeat it until it says less.`,
      request: { params, ...jsonBody(RedriveBody) },
      responses: { 200: json(z.object({ redriven: z.int() }), 'How many'), ...shared },
    }),
    async c => {
      const { subscription: id } = c.req.valid('param')
      const { ids, class: kind, from_seq: fromSeq, to_seq: toSeq, types, subject } = c.req.valid('json')
      const redriven = await database.transaction(async tx => {
        const subscription = await lockOwnSubscription(c, tx, id)
        const filter = { ids, class: kind, fromSeq, toSeq, types, asset: assetOf(subject) }
        const count = await redriveDeliveries(tx, subscription, { ...filter, limit: MOST_REDRIVEN })
        await auditChange(c, tx, { resource: `subscriptions/${id}`, after: { redriven: count } })
        return count
      })
      return c.json({ redriven }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/subscriptions/{subscription}/replay',
      summary: 'Tell a part of the log once more to this subscription alone',
      description:
        'By number or by time (when events were numbered), of types or one asset, or only what had failed. What it wants and may hear now is told, behind what waits for it already. One at a time.',
      request: { params, headers: z.object({ 'idempotency-key': z.string().optional() }), ...jsonBody(ReplayBody) },
      responses: {
        202: json(ReplaySchema, 'It has begun'),
        ...shared,
        ...refusals('idempotency-key-missing', 'invalid-request'),
        ...refusals('upload-incomplete', 'conflict', 'idempotency-in-flight'),
        ...refusals('contract-violation', 'idempotency-key-reused'),
      },
    }),
    async c => {
      const { subscription: id } = c.req.valid('param')
      const principal = c.get('principal')
      const { tenant } = principal
      const { since, until, from_seq, to_seq, types, subject, only } = c.req.valid('json')
      await ownSubscription(c, database, id)
      const response = await withIdempotencyKey(c, database, async ({ key, answered }) => {
        const print = fingerprint(key.request, JSON.stringify(c.req.valid('json')))
        if (answered) return replay(answered, print)
        const head = await logHead(database)
        const numberAt = (time: string) => firstSince(database, tenant, { at: new Date(time), head })
        const first = from_seq ?? (since === undefined ? 1 : await numberAt(since))
        const last = Math.min(head, to_seq ?? (until === undefined ? head : (await numberAt(until)) - 1))
        const asset = assetOf(subject)
        const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
        const body = await database.transaction(async tx => {
          const subscription = await lockOwnSubscription(c, tx, id)
          const begin = async () => {
            if (only === 'failed') {
              const wish = { fromSeq: first, toSeq: last, types, asset, limit: MOST_REDRIVEN }
              return { from_seq: first, to_seq: last, told: await redriveDeliveries(tx, subscription, wish) }
            }
            const wish = { replay: newId(), cursor: first - 1, until: last, types, asset, createdBy: principal.id }
            const made = await insertReplay(tx, subscription, wish)
            if (made === undefined) throw refuse('conflict', 'Another replay of this subscription is under way.')
            return presentReplay(made)
          }
          const shown = await begin()
          await auditChange(c, tx, { resource: `subscriptions/${id}`, after: { only, types, subject, ...shown } })
          const text = JSON.stringify(shown)
          await answerKey(tx, key, { fingerprint: print, status: 202, headers, body: text })
          return text
        })
        return new Response(body, { status: 202, headers })
      })
      return response as never
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/subscriptions/{subscription}/replay',
      summary: 'The replay that is under way',
      request: { params },
      responses: { 200: json(ReplaySchema, 'How far it is'), ...shared },
    }),
    async c => {
      const subscription = await ownSubscription(c, database, c.req.valid('param').subscription)
      const running = await runningReplay(database, subscription)
      if (running === undefined) throw refuse('not-found', 'No replay of it is under way.')
      return c.json(presentReplay(running), 200, { 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/subscriptions/{subscription}/test',
      summary: 'Tell it an event that says nothing, now, and say what it answered',
      description:
        'Type `io.matrix.subscription.test.v1`, signed like any other. Not tried again, not listed, and told to one that is paused, too.',
      request: { params },
      responses: { 200: json(TestedSchema, 'What became of it'), ...shared },
    }),
    async c => {
      const subscription = await ownSubscription(c, database, c.req.valid('param').subscription)
      const event = testEvent(subscription, {
        id: newId(),
        at: new Date(clock.now()),
        correlationId: c.get('correlationId'),
      })
      const signal = c.req.raw.signal
      const { answer, ms } = await callReceiver(gateway, subscription, {
        id: event.id,
        body: JSON.stringify(event),
        signal,
      })
      const shown = {
        taken: answer.ok,
        status: answer.status,
        class: answer.ok ? undefined : answer.class,
        ms,
        event: event.id,
      }
      return c.json(shown, 200, { 'Cache-Control': 'no-store' })
    },
  )
}
