/** An origin that answers as it was told, path by path, and remembers who asked for what. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Scripted {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Asked {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}

export interface ScriptedOrigin {
  readonly address: string
  /** In this order; the last one goes on. */
  script(path: string, answers: readonly Scripted[]): void
  asked(path: string): readonly Asked[]
  close(): Promise<void>
}

/** Says `304` by itself to who names the ETag that it would send. */
export const startScriptedOrigin = async (): Promise<ScriptedOrigin> => {
  const scripts = new Map<string, Scripted[]>()
  const heard = new Map<string, Asked[]>()
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    if (path === '/healthz') return void response.end('{}')
    const answers = scripts.get(path) ?? []
    const {
      status = 200,
      headers = {},
      body = path,
    } = (answers.length > 1 ? answers.shift() : answers[0]) ?? { status: 404 }
    heard.set(path, [...(heard.get(path) ?? []), { method: request.method ?? '', headers: request.headers }])
    const seen = headers.ETag !== undefined && request.headers['if-none-match'] === headers.ETag
    response.writeHead(seen ? 304 : status, { ...headers, ...(!seen && { 'Content-Length': Buffer.byteLength(body) }) })
    response.end(seen ? undefined : body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    script: (path, answers) => void scripts.set(path, [...answers]),
    asked: path => heard.get(path) ?? [],
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}
