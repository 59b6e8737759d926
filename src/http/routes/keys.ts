import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { adminKeyId, listKeys, lockKey, productExists, revokeKey } from '../../manifest/products.ts'
import { refuse } from '../../model/errors.ts'
import { DEFAULT_SCOPES, PRODUCT_SCOPES, SCOPES } from '../../model/principal.ts'
import { makeKey, presentKey, presentListed } from '../api-keys.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import type { Env } from '../context.ts'
import { announceExposure } from '../exposure.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Label, Moment, Name, WriteQuery } from '../validation.ts'

export const KeyId = z.string().regex(/^key_[\w-]{1,60}$/)
const NewKey = z.strictObject({
  label: Label.default(''),
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .default([...DEFAULT_SCOPES]),
  expires_at: Moment.optional(),
})
export const KeySchema = z
  .object({
    id: z.string(),
    label: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    created_at: z.string().optional(),
    expires_at: z.string().optional(),
    revoked_at: z.string().optional(),
    last_used_at: z.string().optional().openapi({ description: 'To two minutes; absent: never' }),
    replaces: z.string().optional().openapi({ description: 'The key that was rotated to this one' }),
    etag: z.string().openapi({ description: 'For the If-Match of its revocation or rotation' }),
  })
  .openapi('ApiKey')
const params = z.object({ product: Name })
const shared = refusals(...JSON_ROUTE)
const conditional = refusals('invalid-request', 'precondition-failed')

/** Its secret is the gateways' own: each of them puts it back when it starts. Throws `conflict`. */
export const refuseAdminKey = (tenant: string, key: string, done: 'revoked' | 'rotated'): void => {
  if (key !== adminKeyId(tenant)) return
  throw refuse(
    'conflict',
    `The admin key is replaced, not ${done}: start the gateway with another ASSET_MATRIX_ADMIN_KEY, or remove admin.key from its data folder and start it again.`,
  )
}

export const keyRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)]
  const common = { tags: ['Matrix'], security, middleware }

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/products/{product}/keys',
      summary: 'A new API key; the secret is shown this once',
      request: {
        params,
        query: WriteQuery,
        headers: z.object({ 'idempotency-key': z.string().optional() }),
        ...jsonBody(NewKey),
      },
      responses: {
        201: json(
          z.object({
            id: z.string(),
            product: z.string(),
            secret: z.string().optional(),
            scopes: z.array(z.enum(SCOPES)),
          }),
          'The key; a repeated request is answered without the secret',
        ),
        200: json(
          z.object({ product: z.string(), label: z.string(), scopes: z.array(z.enum(SCOPES)) }),
          'With `validate_only`: what would be made',
        ),
        ...shared,
        ...refusals('idempotency-key-missing', 'invalid-request', 'idempotency-in-flight'),
        ...refusals('contract-violation', 'idempotency-key-reused'),
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { product } = c.req.valid('param')
      const wish = c.req.valid('json')
      const { label, scopes } = wish
      if (!scopes.every(scope => PRODUCT_SCOPES.includes(scope)))
        throw refuse('forbidden', 'A product can be neither an administrator nor a cache in front.')
      if (c.req.valid('query').validate_only === 'true') {
        if (!(await productExists(database, tenant, product))) throw refuse('not-found', 'There is no such product.')
        return c.json({ product, label, scopes }, 200)
      }
      const response = await makeKey(c, gateway, { product, ...wish })
      return response as never
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/products/{product}/keys',
      summary: 'Keys of a product, without their secrets',
      request: { params },
      responses: { 200: json(z.object({ items: z.array(KeySchema) }), 'The keys, revoked ones included'), ...shared },
    }),
    async c => {
      const keys = await listKeys(database, c.get('principal').tenant, c.req.valid('param').product)
      return c.json({ items: keys.map(presentListed) }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/keys/{key}',
      summary: 'Revoke a key: the next request with it is refused',
      request: { params: z.object({ key: KeyId }), query: WriteQuery },
      responses: {
        204: { description: 'Revoked' },
        ...shared,
        ...conditional,
        ...refusals('upload-incomplete', 'conflict', 'precondition-required'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant } = c.get('principal')
      const { key } = c.req.valid('param')
      refuseAdminKey(tenant, key, 'revoked')
      await writeConfiguration(database, { tries: c.req.valid('query').validate_only === 'true' }, async tx => {
        const before = await lockKey(tx, tenant, key)
        if (!before) throw refuse('not-found', 'There is no such key.')
        requireState(c, stateTag(presentKey(before)))
        await revokeKey(tx, tenant, key)
        const after = await lockKey(tx, tenant, key)
        await auditChange(c, tx, {
          resource: `keys/${key}`,
          before: presentKey(before),
          after: after && presentKey(after),
        })
      })
      announceExposure(c, gateway)
      return c.body(null, 204)
    },
  )
}
