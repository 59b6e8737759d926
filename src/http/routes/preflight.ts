/** Preflights of pages that ask with a credential, a condition, a range or a document. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import { preflightHeaders } from '../../deliver/cross-origin.ts'
import type { Env } from '../context.ts'

/** With what may follow a file: a name for readers. */
const FILE = '/i/:product/:asset/:version/:file{.+}'
const READ = 'GET, HEAD'
const ROUTES: Readonly<Record<string, string>> = {
  '/v1/products/:product/assets/:asset/renditions/:rendition': READ,
  '/v1/products/:product/assets/:asset/picture': 'GET',
  '/v1/products/:product/resolve/batch': 'POST',
  [FILE]: READ,
  [`/s/:proof${FILE}`]: READ,
  [`/share/:token${FILE}`]: READ,
}

export const preflightRoutes = (app: OpenAPIHono<Env>): void => {
  for (const [route, methods] of Object.entries(ROUTES)) {
    const headers = preflightHeaders(methods)
    app.on('OPTIONS', route, () => new Response(null, { status: 204, headers }))
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
