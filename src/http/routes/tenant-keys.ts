/** Keys that are no product's: what a cache in front fetches bytes with (routes/origin.ts). They are rotated and revoked like any other. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { listKeys } from '../../manifest/products.ts'
import { SCOPES } from '../../model/principal.ts'
import { makeKey, presentListed } from '../api-keys.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Label, Moment, WriteQuery } from '../validation.ts'
import { KeySchema } from './keys.ts'

const NewTenantKey = z.strictObject({
  label: Label.default(''),
  scopes: z.tuple([z.literal('origin')]).openapi({
    description:
      'Said, so that nobody makes such a key by leaving the product out: it reads the bytes of the whole tenant',
    type: 'array',
    items: { type: 'string', enum: ['origin'] },
  }),
  expires_at: Moment.optional(),
})
const Made = z.object({ id: z.string(), secret: z.string().optional(), scopes: z.array(z.enum(SCOPES)) })

export const tenantKeyRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)]
  const common = { tags: ['Matrix'], security, middleware, path: '/v1/keys' }
  const shared = refusals(...JSON_ROUTE)

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      summary: 'A new key for a cache in front; the secret is shown this once',
      request: {
        query: WriteQuery,
        headers: z.object({ 'idempotency-key': z.string().optional() }),
        ...jsonBody(NewTenantKey),
      },
      responses: {
        201: json(Made, 'The key; a repeated request is answered without the secret'),
        200: json(
          z.object({ label: z.string(), scopes: z.array(z.enum(SCOPES)) }),
          'With `validate_only`: what would be made',
        ),
        ...shared,
        ...refusals('idempotency-key-missing', 'invalid-request', 'idempotency-in-flight'),
        ...refusals('contract-violation', 'idempotency-key-reused'),
      },
    }),
    async c => {
      const wish = c.req.valid('json')
      const { label, scopes } = wish
      if (c.req.valid('query').validate_only === 'true') return c.json({ label, scopes: [...scopes] }, 200)
      return (await makeKey(c, gateway, { product: undefined, ...wish })) as never
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      summary: 'Keys of the tenant itself, without their secrets: the admin key and those of caches in front',
      responses: { 200: json(z.object({ items: z.array(KeySchema) }), 'The keys, revoked ones included'), ...shared },
    }),
    async c => {
      const keys = await listKeys(gateway.database, c.get('principal').tenant, null)
      return c.json({ items: keys.map(presentListed) }, 200)
    },
  )
}
