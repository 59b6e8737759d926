/** A socket for the app, and its orderly end. */

import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Env } from './context.ts'

export interface Listening {
  readonly address: string
  readonly port: number
  /** Accepts nothing new, finishes requests in hand within the grace, then cuts. */
  drain(): Promise<void>
}

type Fetch = (request: Request, env: Env['Bindings']) => Response | Promise<Response>

export const serve = async (
  fetch: Fetch,
  { host, port, drainMs }: { host: string; port: number; drainMs: number },
): Promise<Listening> => {
  const server = createAdaptorServer({ fetch: fetch as never }) as Server
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
