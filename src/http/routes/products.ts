import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { insertKey, listKeys, listProducts, productExists, putProduct, revokeKey } from '../../manifest/products.ts'
import { refuse } from '../../model/errors.ts'
import { hashSecret, NAME_PATTERN, newId, newSecret } from '../../model/ids.ts'
import { SCOPES, type Scope } from '../../model/product.ts'
import type { Env } from '../context.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Label, Moment, Name, Paging, page, readCursor } from '../validation.ts'

const ProductSchema = z
  .object({ product: z.string(), display_name: z.string(), created_at: z.string() })
  .openapi('Product')
const NewKey = z.strictObject({
  label: Label.default(''),
  scopes: z.array(z.enum(SCOPES)).min(1).default(['resolve', 'assets:read', 'assets:write', 'publish']),
  expires_at: Moment.optional(),
})
const KeySchema = z
  .object({
    id: z.string(),
    label: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    created_at: z.string().optional(),
    expires_at: z.string().optional(),
    revoked_at: z.string().optional(),
  })
  .openapi('ApiKey')
const params = z.object({ product: Name })
const shared = refusals(...JSON_ROUTE)
const paged = refusals('invalid-request', 'invalid-cursor')

export const productRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly]
  const common = { tags: ['Matrix'], security, middleware }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path: '/v1/products/{product}',
      summary: 'Create or rename a product',
      request: { params, ...jsonBody(z.strictObject({ display_name: Label.min(1) })) },
      responses: { 200: json(z.object({ product: z.string(), display_name: z.string() }), 'The product'), ...shared },
    }),
    async c => {
      const { product } = c.req.valid('param')
      const { display_name } = c.req.valid('json')
      await putProduct(database, { tenantId: c.get('principal').tenant, productId: product, displayName: display_name })
      return c.json({ product, display_name }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/products',
      summary: 'Products by name',
      request: { query: z.strictObject(Paging) },
      responses: {
        200: json(z.object({ items: z.array(ProductSchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...paged,
      },
    }),
    async c => {
      const { limit, cursor } = c.req.valid('query')
      const after = readCursor(cursor, NAME_PATTERN)
      const products = await listProducts(database, {
        tenantId: c.get('principal').tenant,
        ...(after && { after }),
        limit: limit + 1,
      })
      const { items, ...rest } = page(products, limit, item => item.product)
      const presented = items.map(item => ({
        product: item.product,
        display_name: item.displayName,
        created_at: item.createdAt.toISOString(),
      }))
      return c.json({ items: presented, ...rest }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/products/{product}/keys',
      summary: 'A new API key; the secret is shown this once',
      request: { params, headers: z.object({ 'idempotency-key': z.string().optional() }), ...jsonBody(NewKey) },
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
      if (scopes.includes('matrix:admin')) throw refuse('forbidden', 'A product cannot be an administrator.')
      const response = await withIdempotencyKey(c, database, async ({ key, answered }) => {
        const print = fingerprint(key.request, JSON.stringify(wish))
        if (answered) return replay(answered, print)
        if (!(await productExists(database, tenant, product))) throw refuse('not-found', 'There is no such product.')
        const secret = newSecret()
        const id = `key_${newId().replaceAll('-', '').slice(-16)}`
        const shown = { id, product, scopes: scopes as Scope[] }
        const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
        await database.transaction(async tx => {
          const expiresAt = wish.expires_at === undefined ? null : new Date(wish.expires_at)
          await insertKey(tx, {
            keyId: id,
            tenantId: tenant,
            productId: product,
            secretHash: hashSecret(secret),
            label,
            scopes,
            expiresAt,
          })
          // The stored answer is for repeats; a secret is shown once, so it is not in there.
          await answerKey(tx, key, { fingerprint: print, status: 201, headers, body: JSON.stringify(shown) })
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
      path: '/v1/products/{product}/keys',
      summary: 'Keys of a product, without their secrets',
      request: { params },
      responses: { 200: json(z.object({ items: z.array(KeySchema) }), 'The keys, revoked ones included'), ...shared },
    }),
    async c => {
      const keys = await listKeys(database, c.get('principal').tenant, c.req.valid('param').product)
      const items = keys.map(key => ({
        id: key.keyId,
        label: key.label,
        scopes: key.scopes,
        created_at: key.createdAt.toISOString(),
        expires_at: key.expiresAt?.toISOString(),
        revoked_at: key.revokedAt?.toISOString(),
      }))
      return c.json({ items }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/keys/{key}',
      summary: 'Revoke a key: the next request with it is refused',
      request: { params: z.object({ key: z.string().regex(/^key_[\w-]{1,60}$/) }) },
      responses: { 204: { description: 'Revoked' }, ...shared },
    }),
    async c => {
      if (!(await revokeKey(database, c.get('principal').tenant, c.req.valid('param').key)))
        throw refuse('not-found', 'There is no such key.')
      return c.body(null, 204)
    },
  )
}
