/** Who is told of events by webhook: what a product has subscribed to, and administrators for the whole tenant. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { clearDeliveries } from '../../manifest/deliveries.ts'
import { hastenDeliveries } from '../../manifest/delivery-runs.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { lockTenant } from '../../manifest/products.ts'
import {
  changeSubscription,
  countSubscriptions,
  deleteSubscription,
  insertSubscription,
  listSubscriptions,
} from '../../manifest/subscriptions.ts'
import { refuse } from '../../model/errors.ts'
import { newId, newWebhookSecret } from '../../model/ids.ts'
import type { Principal, Scope } from '../../model/principal.ts'
import { HEARING_SCOPES, subscriptionSecretPlace } from '../../model/subscription.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import type { Env } from '../context.ts'
import { requireProduct } from '../existing.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import {
  auditedWish,
  EventTypes,
  HookUrl,
  lockOwnSubscription,
  ownSubscription,
  presentWish,
  requireReachable,
  Subject,
  SubscriptionId,
  SubscriptionSchema,
  wishes,
} from '../subscriptions.ts'
import { Label, Name, Paging, page, readCursor, WriteQuery } from '../validation.ts'

const NewSubscription = z.strictObject({
  kind: z.literal('webhook').default('webhook'),
  product: Name.optional().openapi({ description: 'Of administrators: whose it is; by default the whole tenant’s' }),
  ...wishes,
})
const Patch = z
  .strictObject({
    url: HookUrl.optional(),
    types: EventTypes.nullable().optional(),
    subject: Subject.nullable().optional(),
    collection: Name.nullable().optional(),
    description: Label.optional(),
    state: z.enum(['ACTIVE', 'PAUSED']).optional(),
  })
  .openapi('SubscriptionPatch')
const MadeSchema = SubscriptionSchema.extend({
  secret: z.string().optional().openapi({ description: 'Signs what is told; shown this once' }),
}).openapi('NewSubscription')

/** Some ten milliseconds. */
const CLEARED_AT_ONCE = 5_000
const params = z.object({ subscription: SubscriptionId })
const shared = refusals(...JSON_ROUTE)
const assetOf = (subject: string): string => subject.slice('assets/'.length)

/** What the subscription may hear is what its maker may, now; administrators give a product what its keys may have. */
const hearing = ({ scopes }: Principal, product: string | undefined): readonly Scope[] =>
  scopes.includes('matrix:admin')
    ? product === undefined
      ? ['matrix:admin']
      : HEARING_SCOPES
    : HEARING_SCOPES.filter(scope => scopes.includes(scope))

export const subscriptionRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, database, sealing } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('events:read'), jsonOnly(config)]
  const common = { tags: ['Events'], security, middleware }
  const show = (one: Parameters<typeof presentWish>[0]) => ({
    ...presentWish(one),
    cursor: one.cursor,
    failing_since: one.failingSince?.toISOString(),
    etag: stateTag(presentWish(one)),
  })

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/subscriptions',
      summary: 'Tell a webhook of events from now on; its secret is shown this once',
      description:
        'Signed as Standard Webhooks has it. What is told is what the product may hear at that time, and no more than this key could read.',
      request: { headers: z.object({ 'idempotency-key': z.string().optional() }), ...jsonBody(NewSubscription) },
      responses: {
        201: json(MadeSchema, 'The subscription; a repeated request is answered without the secret'),
        ...shared,
        ...refusals('idempotency-key-missing', 'invalid-request'),
        ...refusals('upload-incomplete', 'conflict', 'idempotency-in-flight'),
        ...refusals('contract-violation', 'url-forbidden', 'idempotency-key-reused'),
      },
    }),
    async c => {
      const principal = c.get('principal')
      const { tenant } = principal
      const body = c.req.valid('json')
      const product = principal.product ?? body.product
      if (body.product !== undefined && body.product !== product)
        throw refuse('forbidden', 'A product subscribes in its own name.', { details: { reasons: ['other-product'] } })
      const scopes = hearing(principal, product)
      if (product === undefined && !scopes.includes('matrix:admin'))
        throw refuse('forbidden', 'Only a product or an administrator subscribes.', {
          details: { reasons: ['no-product'] },
        })
      const response = await withIdempotencyKey(c, database, async ({ key, answered }) => {
        const print = fingerprint(key.request, JSON.stringify(body))
        if (answered) return replay(answered, print)
        await requireReachable(gateway, body.url)
        const id = `sub_${newId().replaceAll('-', '')}`
        const secret = newWebhookSecret()
        const { shown, headers } = await database.transaction(async tx => {
          await lockTenant(tx, tenant)
          if (product !== undefined) await requireProduct(tx, { tenant, product, pointer: '/product' })
          if ((await countSubscriptions(tx, tenant, product)) >= config.webhookSubscriptions)
            throw refuse('conflict', `There may be ${config.webhookSubscriptions} subscriptions; delete one first.`)
          const { url, types, subject, collection, description } = body
          const kept = await insertSubscription(tx, {
            ...{ tenant, id, product, url, types, collection, description, scopes },
            asset: subject && assetOf(subject),
            secret: sealing.seal(secret, subscriptionSecretPlace({ tenant, id })),
            createdBy: principal.id,
          })
          const shown = show(kept)
          const headers = {
            'Content-Type': 'application/json',
            'Cache-Control': 'no-store',
            Location: `/v1/subscriptions/${id}`,
            ETag: shown.etag,
          }
          await auditChange(c, tx, { resource: `subscriptions/${id}`, after: auditedWish(kept) })
          // The stored answer is for repeats; a secret is shown once, so it is not in there.
          await answerKey(tx, key, { fingerprint: print, status: 201, headers, body: JSON.stringify(shown) })
          return { shown, headers }
        })
        return new Response(JSON.stringify({ ...shown, secret }), { status: 201, headers })
      })
      return response as never
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/subscriptions',
      summary: 'Subscriptions of the product, or for an administrator of the tenant, oldest first',
      request: { query: z.strictObject(Paging) },
      responses: {
        200: json(z.object({ items: z.array(SubscriptionSchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...refusals('invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { tenant, product } = c.get('principal')
      const { limit, cursor } = c.req.valid('query')
      const after = readCursor(cursor, /^sub_[0-9a-f]{32}$/)
      const found = await listSubscriptions(database, { tenant, product, after, limit: limit + 1 })
      const { items, ...rest } = page(found, limit, ({ id }) => id)
      return c.json({ items: items.map(show), ...rest }, 200, { 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/subscriptions/{subscription}',
      summary: 'A subscription',
      request: { params },
      responses: { 200: json(SubscriptionSchema, 'The subscription'), ...shared },
    }),
    async c => {
      const shown = show(await ownSubscription(c, database, c.req.valid('param').subscription))
      // How far it has been told is no part of its tag, so a copy with the same tag may be old.
      return c.json(shown, 200, { ETag: shown.etag, 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'patch',
      path: '/v1/subscriptions/{subscription}',
      summary: 'Pause or resume it, or say anew where it is told what',
      description:
        'What is named is replaced, null takes away. While it is paused nothing is told, and nothing is lost: it goes on where it stopped. A disabled one is resumed by `"state": "ACTIVE"`. Whoever sets its URL lets it hear no more than his key could read.',
      request: { params, query: WriteQuery, ...jsonBody(Patch) },
      responses: {
        200: json(SubscriptionSchema, 'The subscription, or with `validate_only` what would be'),
        ...shared,
        ...refusals('invalid-request', 'precondition-failed', 'precondition-required'),
        ...refusals('contract-violation', 'url-forbidden'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { subscription: id } = c.req.valid('param')
      const patch = c.req.valid('json')
      await ownSubscription(c, database, id)
      if (patch.url !== undefined) await requireReachable(gateway, patch.url)
      const tries = c.req.valid('query').validate_only === 'true'
      const shown = await writeConfiguration(database, { tries }, async tx => {
        const before = await lockOwnSubscription(c, tx, id)
        requireState(c, stateTag(presentWish(before)))
        const { url = before.url, types, subject, collection, description, state = before.state } = patch
        const isWell = url !== before.url || patch.state === 'ACTIVE'
        const mine = hearing(c.get('principal'), before.product)
        const after = await changeSubscription(tx, {
          ...before,
          url,
          types: types === undefined ? before.types : (types ?? undefined),
          asset: subject === undefined ? before.asset : subject === null ? undefined : assetOf(subject),
          collection: collection === undefined ? before.collection : (collection ?? undefined),
          description: description ?? before.description,
          state,
          isWell,
          scopes: url === before.url ? before.scopes : before.scopes.filter(scope => mine.includes(scope)),
        })
        if (isWell) await hastenDeliveries(tx, after)
        await auditChange(c, tx, {
          resource: `subscriptions/${id}`,
          before: auditedWish(before),
          after: auditedWish(after),
        })
        return show(after)
      })
      if (!tries) c.header('ETag', shown.etag)
      return c.json(shown, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/subscriptions/{subscription}',
      summary: 'Tell it nothing more; what it was still to be told is forgotten',
      request: { params, query: WriteQuery },
      responses: {
        204: { description: 'Gone' },
        ...shared,
        ...refusals('invalid-request', 'precondition-failed', 'precondition-required'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { subscription: id } = c.req.valid('param')
      const tries = c.req.valid('query').validate_only === 'true'
      const found = await ownSubscription(c, database, id)
      requireState(c, stateTag(presentWish(found)))
      while (!tries && (await clearDeliveries(database, found, CLEARED_AT_ONCE)) === CLEARED_AT_ONCE);
      await writeConfiguration(database, { tries }, async tx => {
        const before = await lockOwnSubscription(c, tx, id)
        requireState(c, stateTag(presentWish(before)))
        await deleteSubscription(tx, before.tenant, id)
        await auditChange(c, tx, { resource: `subscriptions/${id}`, before: auditedWish(before) })
      })
      return c.body(null, 204)
    },
  )
}
