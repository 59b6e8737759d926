/** The reference of the warm path: a redirect from Hono and nothing behind it. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const app = new Hono()
app.get('/v1/products/:product/assets/:asset/renditions/:rendition', () => {
  return new Response(null, {
    status: 302,
    headers: { Location: process.argv[2] ?? '', 'Cache-Control': 'private, max-age=5', Vary: 'Accept, Authorization' },
  })
})
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}`))
