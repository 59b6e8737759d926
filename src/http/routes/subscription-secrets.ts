/** A new secret in the place of an old one: both sign for a while, so that a receiver changes over without refusing anything. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { rotateSecret } from '../../manifest/subscriptions.ts'
import { newWebhookSecret } from '../../model/ids.ts'
import { subscriptionSecretPlace } from '../../model/subscription.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState, stateTag } from '../configuration.ts'
import type { Env } from '../context.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { auditedWish, lockOwnSubscription, ownSubscription, presentWish, SubscriptionId } from '../subscriptions.ts'
import { Overlap, secondsOf } from './key-rotation.ts'

const Rotated = z
  .object({
    id: z.string(),
    secret: z.string().optional(),
    secret_at: z.string(),
    former_secret_until: z.string().optional().openapi({ description: 'Until then the old one signs as well' }),
  })
  .openapi('RotatedSubscription')

export const subscriptionSecretRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, sealing } = gateway

  app.openapi(
    createRoute({
      tags: ['Events'],
      security,
      middleware: [authenticated(gateway.findPrincipal), requires('events:read'), jsonOnly(gateway.config)],
      method: 'post',
      path: '/v1/subscriptions/{subscription}/rotate-secret',
      summary: 'A new secret; the old one signs as well for the overlap. Shown this once',
      request: {
        params: z.object({ subscription: SubscriptionId }),
        headers: z.object({ 'idempotency-key': z.string().optional(), 'if-match': z.string().optional() }),
        ...jsonBody(z.strictObject({ overlap: Overlap.default('24h') })),
      },
      responses: {
        201: json(Rotated, 'The new secret; a repeated request is answered without it'),
        ...refusals(...JSON_ROUTE),
        ...refusals('idempotency-key-missing', 'invalid-request'),
        ...refusals('upload-incomplete', 'idempotency-in-flight', 'precondition-failed', 'precondition-required'),
        ...refusals('contract-violation', 'idempotency-key-reused'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { subscription: id } = c.req.valid('param')
      const overlapSeconds = secondsOf(c.req.valid('json').overlap)
      await ownSubscription(c, database, id)
      const response = await withIdempotencyKey(c, database, async ({ key, answered }) => {
        const print = fingerprint(key.request, String(overlapSeconds))
        if (answered) return replay(answered, print)
        const secret = newWebhookSecret()
        const { shown, headers } = await database.transaction(async tx => {
          const before = await lockOwnSubscription(c, tx, id)
          requireState(c, stateTag(presentWish(before)))
          const sealed = sealing.seal(secret, subscriptionSecretPlace(before))
          const after = await rotateSecret(tx, before, { secret: sealed, overlapSeconds })
          const { secret_at, former_secret_until } = presentWish(after)
          const shown = { id, secret_at, former_secret_until }
          const headers = {
            'Content-Type': 'application/json',
            'Cache-Control': 'no-store',
            ETag: stateTag(presentWish(after)),
          }
          await auditChange(c, tx, {
            resource: `subscriptions/${id}`,
            before: auditedWish(before),
            after: auditedWish(after),
          })
          await answerKey(tx, key, { fingerprint: print, status: 201, headers, body: JSON.stringify(shown) })
          return { shown, headers }
        })
        return new Response(JSON.stringify({ ...shown, secret }), { status: 201, headers })
      })
      return response as never
    },
  )
}
