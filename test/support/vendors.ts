/**
 * Interfaces of CDNs and caches as their vendors document them, for what speaks to them: they note what they are sent and answer
 * what a test wants. Contract doubles of services that cannot be had here.
 */
import { createHash, createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** `cut`: the connection ends without an answer. `silent`: it stays open. */
export type Reply = { status: number; headers?: Record<string, string>; body?: string } | 'cut' | 'silent'

export const startVendor = async (usual: Reply | ((asked: Asked) => Promise<Reply>)) => {
  const asked: Asked[] = []
  /** In order; then the usual one. */
  const replies: Reply[] = []
  const http = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request
    const one = { method: method === 'PURGE' ? 'BAN' : method, path, headers, body: await text(request) }
    asked.push(one)
    const reply = replies.shift() ?? (typeof usual === 'function' ? await usual(one) : usual)
    if (reply === 'silent') return
    if (reply === 'cut') return void request.socket.destroy()
    response.writeHead(reply.status, { ...reply.headers, Connection: 'close' }).end(reply.body)
  })
  // Node's parser does not know the method BAN: it gets another name on the way, and its own back above.
  const server = createTcpServer(socket => {
    socket.once('data', bytes => {
      socket.pause()
      socket.unshift(Buffer.from(bytes.toString('latin1').replace(/^BAN /, 'PURGE '), 'latin1'))
      http.emit('connection', socket)
      socket.resume()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    asked,
    replies,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    reset(): void {
      asked.length = 0
      replies.length = 0
    },
    close(): void {
      http.closeAllConnections()
      server.close()
    },
  }
}

export type Vendor = Awaited<ReturnType<typeof startVendor>>

const sha256 = (data: string): string => createHash('sha256').update(data).digest('hex')
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest()

/** What the `Authorization` of a request without a query has to be: "Create a signed AWS API request", step by step. */
export const awsAuthorization = (
  { method, path, headers, body }: Asked,
  { keyId, secret, region, service }: { keyId: string; secret: string; region: string; service: string },
): string => {
  const [, names = ''] = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? []
  const canonicalHeaders = names.split(';').map(name => `${name}:${String(headers[name]).trim()}\n`)
  const canonical = [method, path, '', canonicalHeaders.join(''), names, sha256(body)].join('\n')
  const time = String(headers['x-amz-date'])
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')
  const key = [region, service, 'aws4_request'].reduce(hmac, hmac(`AWS4${secret}`, time.slice(0, 8)))
  const signature = createHmac('sha256', key).update(toSign).digest('hex')
  return `AWS4-HMAC-SHA256 Credential=${keyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
}
