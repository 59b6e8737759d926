/** Keys that sign URLs: several of a product live at once, so that one can follow another without a URL that fails. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Sql } from '../../manifest/database.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { productExists } from '../../manifest/products.ts'
import {
  endSigningKey,
  insertSigningKey,
  listSigningKeys,
  lockSigningKey,
  revokeSigningKey,
  type SigningKey,
} from '../../manifest/signing-keys.ts'
import { refuse } from '../../model/errors.ts'
import { newKid, newSigningSecret } from '../../model/ids.ts'
import { signingKeyPlace } from '../../model/signing-key.ts'
import { KID_PATTERN } from '../../policy/signature.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import type { Env, MatrixContext } from '../context.ts'
import { announceExposure } from '../exposure.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Label, Name, WriteQuery } from '../validation.ts'
import { Overlap, secondsOf } from './key-rotation.ts'

const NewKey = z.strictObject({ label: Label.default('') })
/** The old one goes on for as long as the longest URL that it signed may live, so by default for as long as any may. */
const Rotation = z.strictObject({ label: Label.optional(), overlap: Overlap.default('7d') })

const KeySchema = z
  .object({
    kid: z.string(),
    product: z.string(),
    label: z.string(),
    created_at: z.string(),
    expires_at: z.string().optional(),
    revoked_at: z.string().optional(),
    etag: z.string().openapi({ description: 'For the If-Match of its revocation' }),
  })
  .openapi('SigningKey')
const MadeSchema = z
  .object({
    kid: z.string(),
    product: z.string(),
    label: z.string(),
    secret: z.string().optional(),
    replaces: z.object({ kid: z.string(), expires_at: z.string() }).optional(),
  })
  .openapi('NewSigningKey')

const kidParams = z.object({ kid: z.string().regex(KID_PATTERN) })
const headers = z.object({ 'idempotency-key': z.string().optional() })
const shared = refusals(...JSON_ROUTE)
const creating = {
  ...shared,
  ...refusals('idempotency-key-missing', 'invalid-request', 'idempotency-in-flight'),
  ...refusals('contract-violation', 'idempotency-key-reused'),
}
const nothingHere = () => refuse('not-found', 'There is no such signing key.')

const present = ({ kid, product, label, expiresAt, revokedAt }: SigningKey) => ({
  kid,
  product,
  label,
  expires_at: expiresAt?.toISOString(),
  revoked_at: revokedAt?.toISOString(),
})

export const signingKeyRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, sealing, clock } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)]
  const common = { tags: ['Matrix'], security, middleware }

  /** Makes a key for a product, in the transaction of whatever else has to be true; answers with its secret once. */
  const make = (
    c: MatrixContext,
    wish: { tries: boolean; print: string },
    prepare: (tx: Sql) => Promise<{ product: string; label: string; replaces?: { kid: string; expires_at: string } }>,
  ): Promise<Response> => {
    const { tenant, id: createdBy } = c.get('principal')
    const insert = async (tx: Sql) => {
      const { product, label, replaces } = await prepare(tx)
      const kid = newKid(product)
      const secret = newSigningSecret()
      const sealed = sealing.seal(secret, signingKeyPlace({ tenant, kid })).toString('hex')
      await insertSigningKey(tx, { kid, tenantId: tenant, productId: product, secret: sealed, label, createdBy })
      const shown = { kid, product, label, ...(replaces && { replaces }) }
      await auditChange(c, tx, { resource: `signing-keys/${kid}`, after: shown })
      return { secret, shown }
    }
    if (wish.tries)
      return writeConfiguration(database, { tries: true }, async tx => {
        const { kid: _, ...shown } = (await insert(tx)).shown
        return c.json(shown, 200)
      })
    return withIdempotencyKey(c, database, async ({ key, answered }) => {
      const print = fingerprint(key.request, wish.print)
      if (answered) return replay(answered, print)
      const noted = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
      const { secret, shown } = await database.transaction(async tx => {
        const made = await insert(tx)
        // The stored answer is for repeats; a secret is shown once, so it is not in there.
        const body = JSON.stringify(made.shown)
        await answerKey(tx, key, { fingerprint: print, status: 201, headers: noted, body })
        return made
      })
      return new Response(JSON.stringify({ ...shown, secret }), { status: 201, headers: noted })
    })
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/products/{product}/signing-keys',
      summary: 'A new key to sign URLs with; the secret is shown this once',
      request: { params: z.object({ product: Name }), query: WriteQuery, headers, ...jsonBody(NewKey) },
      responses: {
        201: json(MadeSchema, 'The key; a repeated request is answered without the secret'),
        200: json(MadeSchema.omit({ kid: true, secret: true }), 'With `validate_only`: what would be made'),
        ...creating,
      },
    }),
    async c => {
      const { product } = c.req.valid('param')
      const { label } = c.req.valid('json')
      const tries = c.req.valid('query').validate_only === 'true'
      const response = await make(c, { tries, print: label }, async tx => {
        const isThere = await productExists(tx, c.get('principal').tenant, product)
        if (!isThere) throw refuse('not-found', 'There is no such product.')
        return { product, label }
      })
      return response as never
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/products/{product}/signing-keys',
      summary: 'Signing keys of a product, without their secrets',
      request: { params: z.object({ product: Name }) },
      responses: { 200: json(z.object({ items: z.array(KeySchema) }), 'The keys, revoked ones included'), ...shared },
    }),
    async c => {
      const keys = await listSigningKeys(database, c.get('principal').tenant, c.req.valid('param').product)
      const items = keys.map(key => {
        const shown = present(key)
        return { ...shown, created_at: key.createdAt.toISOString(), etag: stateTag(shown) }
      })
      return c.json({ items }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/signing-keys/{kid}/rotate',
      summary: 'A new key in the place of one that goes on verifying for a while',
      request: { params: kidParams, query: WriteQuery, headers, ...jsonBody(Rotation) },
      responses: {
        201: json(MadeSchema, 'The new key; a repeated request is answered without the secret'),
        200: json(MadeSchema.omit({ kid: true, secret: true }), 'With `validate_only`: what would be made'),
        ...creating,
        ...refusals('upload-incomplete', 'conflict', 'idempotency-in-flight'),
        ...refusals('precondition-failed', 'precondition-required'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant } = c.get('principal')
      const { kid } = c.req.valid('param')
      const { overlap, label } = c.req.valid('json')
      const overlapSeconds = secondsOf(overlap)
      const tries = c.req.valid('query').validate_only === 'true'
      const response = await make(c, { tries, print: `${overlapSeconds} ${label ?? ''}` }, async tx => {
        const before = await lockSigningKey(tx, tenant, kid)
        if (!before) throw nothingHere()
        requireState(c, stateTag(present(before)))
        if (before.revokedAt !== null || (before.expiresAt !== null && before.expiresAt.getTime() <= clock.now()))
          throw refuse('conflict', 'The key is revoked or expired; make a new one.')
        const expiresAt = await endSigningKey(tx, { tenantId: tenant, kid, overlapSeconds })
        const replaces = { kid, expires_at: expiresAt.toISOString() }
        return { product: before.product, label: label ?? before.label, replaces }
      })
      return response as never
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/signing-keys/{kid}',
      summary: 'Revoke a signing key: the next request for a URL that it signed is refused',
      request: { params: kidParams, query: WriteQuery },
      responses: {
        204: { description: 'Revoked' },
        ...shared,
        ...refusals('invalid-request', 'precondition-failed', 'precondition-required'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant } = c.get('principal')
      const { kid } = c.req.valid('param')
      await writeConfiguration(database, { tries: c.req.valid('query').validate_only === 'true' }, async tx => {
        const before = await lockSigningKey(tx, tenant, kid)
        if (!before) throw nothingHere()
        requireState(c, stateTag(present(before)))
        await revokeSigningKey(tx, tenant, kid)
        const after = await lockSigningKey(tx, tenant, kid)
        await auditChange(c, tx, {
          resource: `signing-keys/${kid}`,
          before: present(before),
          after: after && present(after),
        })
      })
      announceExposure(c, gateway)
      return c.body(null, 204)
    },
  )
}
