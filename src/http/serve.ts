/** A socket for the app, and its orderly end. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Env } from './context.ts'
import type { Lane } from './warm-lane.ts'

export interface Listening {
  readonly address: string
  readonly port: number
  /** Accepts nothing new, finishes requests in hand within the grace, then cuts. */
  drain(): Promise<void>
}

type Fetch = (request: Request, env: Env['Bindings']) => Response | Promise<Response>

export interface ServeOptions {
  readonly host: string
  readonly port: number
  readonly drainMs: number
  /** Sees every request first. */
  readonly lane?: Lane
}

export const serve = async (fetch: Fetch, { host, port, drainMs, lane }: ServeOptions): Promise<Listening> => {
  const listener = getRequestListener(fetch as never)
  const server = createServer(
    lane ? (incoming, outgoing) => lane(incoming, outgoing, () => listener(incoming, outgoing)) : listener,
  )
  // An upload may take as long as it makes progress; silence is what is limited, where the body is read.
  server.requestTimeout = 0
  server.headersTimeout = 15_000
  server.keepAliveTimeout = 75_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const bound = server.address() as AddressInfo
  const shown = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
  return {
    address: `http://${shown}:${bound.port}`,
    port: bound.port,
    drain: () =>
      new Promise(resolve => {
        const cut = setTimeout(() => server.closeAllConnections(), drainMs)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}
