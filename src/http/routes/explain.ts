import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { refuse } from '../../model/errors.ts'
import { FORMATS } from '../../model/recipe.ts'
import { explainResolution } from '../../resolve/explain.ts'
import { addressOf } from '../address.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Name, Version } from '../validation.ts'

const Body = z.strictObject({
  asset: z.uuid(),
  rendition: Name,
  format: z.enum(['auto', ...FORMATS]).default('auto'),
  accept: z.string().max(500).optional().openapi({ description: 'Explain for a client that sends this Accept header' }),
  version: Version.optional(),
})
const ExplanationSchema = z
  .object({
    outcome: z.string(),
    steps: z.array(z.object({ step: z.string(), result: z.unknown() })),
    text: z.string(),
  })
  .openapi('Explanation')

export const explainRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  app.openapi(
    createRoute({
      tags: ['Resolve'],
      security,
      method: 'post',
      path: '/v1/products/{product}/resolve/explain',
      middleware: [authenticated(gateway.findPrincipal), requires('resolve'), jsonOnly(gateway.config)],
      summary: 'How a resolve would be decided, step by step, without doing anything',
      request: { params: z.object({ product: Name }), ...jsonBody(Body) },
      responses: {
        200: json(ExplanationSchema, 'The trail'),
        ...refusals(...JSON_ROUTE),
      },
    }),
    async c => {
      const principal = c.get('principal')
      const { product } = c.req.valid('param')
      if (principal.product !== product && !principal.scopes.includes('matrix:admin')) {
        throw refuse('not-found', 'There is no such product for this key.')
      }
      return c.json(
        await explainResolution(gateway, { principal, product, ...c.req.valid('json'), address: addressOf(c) }),
        200,
      )
    },
  )
}
