/**
 * The reference of the warm path: a redirect from Hono and nothing behind it, the fastest way (`response`) or the usual one (`redirect`), or a picture from
 * memory (`body`, with its file in place of the location).
 */
import { readFileSync } from 'node:fs'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const [, , location = '', way = 'response'] = process.argv
const path = '/v1/products/:product/assets/:asset/renditions/:rendition'
const headers = { 'Cache-Control': 'private, max-age=5', Vary: 'Accept, Authorization', 'Matrix-Publication': '1' }
const app = new Hono()
if (way === 'response') {
  app.get(path, () => new Response(null, { status: 302, headers: { Location: location, ...headers } }))
} else if (way === 'body') {
  const bytes = readFileSync(location)
  app.get(path, () => new Response(bytes, { headers: { 'Content-Type': 'image/webp', ...headers } }))
} else {
  app.get(path, c => {
    for (const [name, value] of Object.entries(headers)) c.header(name, value)
    return c.redirect(location, 302)
  })
}
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}`))
