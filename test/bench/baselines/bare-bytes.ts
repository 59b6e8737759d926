/** The reference of streamed bytes: the files of a folder from memory, by node alone (`node`) or by Hono (`hono`). */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const [, , folder = '', way = 'node'] = process.argv
const files = new Map(readdirSync(folder).map(name => [`/${name}`, readFileSync(join(folder, name))]))
const headersOf = (name: string) => ({
  'Content-Type': name.endsWith('.webp') ? 'image/webp' : 'image/jpeg',
  'Cache-Control': 'private, max-age=5',
  ETag: `"${name}"`,
})

if (way === 'hono') {
  const app = new Hono()
  app.get('/:name', c => {
    const bytes = files.get(c.req.path)
    return bytes ? new Response(bytes, { headers: headersOf(c.req.path) }) : c.notFound()
  })
  serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}`))
} else {
  const server = createServer(({ url = '' }, response) => {
    const bytes = files.get(url)
    if (!bytes) return response.writeHead(404).end()
    response.writeHead(200, { ...headersOf(url), 'Content-Length': bytes.length }).end(bytes)
  })
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
}
