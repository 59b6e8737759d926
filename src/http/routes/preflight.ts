/** Preflights of pages that ask with a credential, a condition or a range. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import { PREFLIGHT_HEADERS } from '../../deliver/cross-origin.ts'
import type { Env } from '../context.ts'

/** With what may follow a file: a name for readers. */
const FILE = '/i/:product/:asset/:version/:file{.+}'
const ROUTES = [
  '/v1/products/:product/assets/:asset/renditions/:rendition',
  FILE,
  `/s/:proof${FILE}`,
  `/share/:token${FILE}`,
] as const

export const preflightRoutes = (app: OpenAPIHono<Env>): void => {
  for (const route of ROUTES) {
    app.on('OPTIONS', route, () => new Response(null, { status: 204, headers: PREFLIGHT_HEADERS }))
    const names = [...route.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
    app.openAPIRegistry.registerPath({
      tags: ['Deliver'],
      method: 'options',
      path: route.replace(/:(\w+)(?:\{.+\})?/g, '{$1}'),
      summary: 'What a page may ask with',
      description:
        'The same to everybody. Whether a page may read an answer is said with the answer, by the `origins` of the product.',
      request: { params: z.object(Object.fromEntries(names.map(name => [name, z.string()]))) },
      responses: { 204: { description: 'Methods and headers' } },
    })
  }
}
