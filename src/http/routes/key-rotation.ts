/** A new secret in the place of an old one, both good for a while: whoever uses the key changes over without a refused request. */

import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { endKey, insertKey, lockKey } from '../../manifest/products.ts'
import { refuse } from '../../model/errors.ts'
import { hashSecret, newKeyId, newSecret } from '../../model/ids.ts'
import { SCOPES } from '../../model/principal.ts'
import { presentKey } from '../api-keys.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState, stateTag } from '../configuration.ts'
import type { Env } from '../context.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { KeyId, refuseAdminKey } from './keys.ts'

const UNITS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const
const MAX_OVERLAP_SECONDS = 30 * UNITS.d

export const secondsOf = (overlap: number | string): number =>
  typeof overlap === 'number' ? overlap : Number(overlap.slice(0, -1)) * UNITS[overlap.slice(-1) as keyof typeof UNITS]

/** Seconds, or a number with its unit. */
export const Overlap = z
  .union([z.int().min(0), z.string().regex(/^\d{1,7}[smhd]$/)])
  .refine(overlap => secondsOf(overlap) <= MAX_OVERLAP_SECONDS, 'Expected at most 30 days')
  .openapi({ description: 'How long the old secret goes on: seconds, or `90m`, `24h`, `30d`; 0 ends it at once' })

const Rotation = z.strictObject({ overlap: Overlap.default('24h') })
const Rotated = z
  .object({
    id: z.string(),
    product: z.string().optional().openapi({ description: 'Absent: a key of the tenant' }),
    secret: z.string().optional(),
    label: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    expires_at: z.string().optional(),
    replaces: z.object({ id: z.string(), expires_at: z.string() }),
  })
  .openapi('RotatedKey')

type Key = NonNullable<Awaited<ReturnType<typeof lockKey>>>

/** A key that was made to end is replaced by one that is made to live as long. */
const nextEnd = ({ createdAt, expiresAt }: Key, now: number): Date | null =>
  expiresAt && new Date(now + expiresAt.getTime() - createdAt.getTime())

export const keyRotationRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, clock } = gateway

  app.openapi(
    createRoute({
      tags: ['Matrix'],
      security,
      middleware: [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)],
      method: 'post',
      path: '/v1/keys/{key}/rotate',
      summary: 'A new key for an old one, which goes on for the overlap; the secret is shown this once',
      request: {
        params: z.object({ key: KeyId }),
        headers: z.object({ 'idempotency-key': z.string().optional(), 'if-match': z.string().optional() }),
        ...jsonBody(Rotation),
      },
      responses: {
        201: json(Rotated, 'The new key; a repeated request is answered without the secret'),
        ...refusals(...JSON_ROUTE),
        ...refusals('idempotency-key-missing', 'invalid-request'),
        ...refusals('upload-incomplete', 'conflict', 'idempotency-in-flight'),
        ...refusals('precondition-failed', 'precondition-required'),
        ...refusals('contract-violation', 'idempotency-key-reused'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant } = c.get('principal')
      const { key: oldId } = c.req.valid('param')
      const overlapSeconds = secondsOf(c.req.valid('json').overlap)
      refuseAdminKey(tenant, oldId, 'rotated')
      const response = await withIdempotencyKey(c, database, async ({ key, answered }) => {
        const print = fingerprint(key.request, String(overlapSeconds))
        if (answered) return replay(answered, print)
        const secret = newSecret()
        const id = newKeyId()
        const { shown, headers } = await database.transaction(async tx => {
          const old = await lockKey(tx, tenant, oldId)
          if (!old) throw refuse('not-found', 'There is no such key.')
          requireState(c, stateTag(presentKey(old)))
          if (old.revokedAt !== null || (old.expiresAt !== null && old.expiresAt.getTime() <= clock.now()))
            throw refuse('conflict', 'The key is revoked or expired; make a new one.')
          const { productId, label, scopes } = old
          const expiresAt = nextEnd(old, clock.now())
          const record = { keyId: id, tenantId: tenant, productId, label, scopes, expiresAt, replaces: oldId }
          await insertKey(tx, { ...record, secretHash: hashSecret(secret) })
          const endsAt = await endKey(tx, { tenantId: tenant, keyId: oldId, overlapSeconds })
          const { revoked_at: _, ...made } = presentKey({ ...record, revokedAt: null })
          const replaces = { id: oldId, expires_at: endsAt.toISOString() }
          const shown = { ...made, product: productId ?? undefined, replaces }
          const headers = {
            'Content-Type': 'application/json',
            'Cache-Control': 'no-store',
            ETag: stateTag(presentKey({ ...record, revokedAt: null })),
          }
          await auditChange(c, tx, { resource: `keys/${id}`, after: shown })
          // The stored answer is for repeats; a secret is shown once, so it is not in there.
          await answerKey(tx, key, { fingerprint: print, status: 201, headers, body: JSON.stringify(shown) })
          return { shown, headers }
        })
        return new Response(JSON.stringify({ ...shown, secret }), { status: 201, headers })
      })
      return response as never
    },
  )
}
