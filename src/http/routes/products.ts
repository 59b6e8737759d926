import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findProduct, listProducts, lockTenant, putProduct } from '../../manifest/products.ts'
import { refuse } from '../../model/errors.ts'
import { NAME_PATTERN } from '../../model/ids.ts'
import type { Product } from '../../model/product.ts'
import { auditChange } from '../audit.ts'
import { BrowserFields, browserRulesOf, presentBrowserRules } from '../browser-rules.ts'
import { isSeen, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { LimitsSchema, limitsOf } from '../product-limits.ts'
import { Label, Name, Paging, page, readCursor, WriteQuery } from '../validation.ts'

const NamedProduct = z.object({
  product: z.string(),
  display_name: z.string(),
  share: z.number().int(),
  limits: LimitsSchema.optional().openapi({ description: 'Where it has limits of its own' }),
  ...BrowserFields,
})
const ProductSchema = NamedProduct.extend({ created_at: z.string() }).openapi('Product')
const ProductBody = z.strictObject({
  display_name: Label.min(1),
  share: z.number().int().min(1).max(100).default(1).openapi({
    description: 'Of the workers, in proportion to the shares of other products that want them at the same time',
  }),
  limits: LimitsSchema.default({}).openapi({
    description: 'In place of the defaults; what is not named has its default',
  }),
  ...BrowserFields,
})
const params = z.object({ product: Name })
const shared = refusals(...JSON_ROUTE)
const paged = refusals('invalid-request', 'invalid-cursor')
const conditional = refusals('invalid-request', 'precondition-failed')

const presentProduct = ({ product, displayName, share, limits, browser }: Omit<Product, 'createdAt'>) => {
  const own = limitsOf(limits)
  return {
    product,
    display_name: displayName,
    share,
    ...(Object.keys(own).length > 0 && { limits: own }),
    ...presentBrowserRules(browser),
  }
}

export const productRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)]
  const common = { tags: ['Matrix'], security, middleware }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path: '/v1/products/{product}',
      summary: 'Create or rename a product, and set its limits and what browsers may do',
      request: { params, query: WriteQuery, ...jsonBody(ProductBody) },
      responses: {
        201: json(NamedProduct, 'The product, which is new'),
        200: json(NamedProduct, 'The product, or with `validate_only` what would be'),
        ...shared,
        ...conditional,
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { product } = c.req.valid('param')
      const { display_name: displayName, share, ...given } = c.req.valid('json')
      const limits = limitsOf(given.limits)
      const browser = browserRulesOf(given)
      const shown = presentProduct({ product, displayName, share, limits, browser })
      const tries = c.req.valid('query').validate_only === 'true'
      const isNew = await writeConfiguration(database, { tries }, async tx => {
        await lockTenant(tx, tenant)
        const before = await findProduct(tx, tenant, product)
        requireState(c, before && stateTag(presentProduct(before)))
        await putProduct(tx, { tenantId: tenant, productId: product, displayName, share, limits, browser })
        await auditChange(c, tx, {
          resource: `products/${product}`,
          before: before && presentProduct(before),
          after: shown,
        })
        return before === undefined
      })
      if (tries) return c.json(shown, 200)
      // Other gateways heed them within seconds, as this one would.
      await gateway.rates.refresh(tenant, product).catch(() => undefined)
      c.header('ETag', stateTag(shown))
      return c.json(shown, isNew ? 201 : 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/products/{product}',
      summary: 'A product',
      request: { params },
      responses: { 200: json(NamedProduct, 'The product'), 304: { description: 'Unchanged' }, ...shared },
    }),
    async c => {
      const found = await findProduct(database, c.get('principal').tenant, c.req.valid('param').product)
      if (!found) throw refuse('not-found', 'There is no such product.')
      const shown = presentProduct(found)
      if (isSeen(c, stateTag(shown))) return c.body(null, 304)
      return c.json(shown, 200)
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
        ...presentProduct(item),
        created_at: item.createdAt.toISOString(),
      }))
      return c.json({ items: presented, ...rest }, 200)
    },
  )
}
