/**
 * An HTTP proxy before an S3 server that breaks chosen requests. It passes the `Host` header on, which is signed. Faults:
 *
 *   drop-reply   the server executes the request, the client only sees a reset connection
 *   silent       the request is swallowed and never answered
 *   unavailable  503 SlowDown, without asking the server
 *   truncate     half of the body, then a closed connection
 *   stall        half of the body, then nothing
 *   corrupt      one bit in the middle of the body is another
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export type Fault = 'drop-reply' | 'silent' | 'unavailable' | 'truncate' | 'stall' | 'corrupt'

export interface FaultProxy {
  readonly endpoint: string
  /** The next `times` requests of this method, or of any (`*`); replaces what was asked before. */
  fail(method: string, fault: Fault, times?: number): void
  /** Methods of the requests that came, since the last `fail`. */
  seen(): readonly string[]
  /** Connections that are open to it. */
  open(): number
  close(): Promise<void>
}

export const startFaultProxy = async (upstream: string): Promise<FaultProxy> => {
  let plan: { method: string; fault: Fault; left: number } | undefined
  let seen: string[] = []
  const sockets = new Set<Socket>()

  const server = createServer((incoming, outgoing) => {
    seen.push(incoming.method ?? '')
    const hit = plan !== undefined && [incoming.method, '*'].includes(plan.method) && plan.left > 0
    if (hit && plan) plan.left--
    const fault = hit ? plan?.fault : undefined
    incoming.on('error', () => undefined)
    if (fault === 'silent') return void incoming.resume()
    if (fault === 'unavailable') return unavailable(incoming, outgoing)
    forward({ upstream, incoming, outgoing, fault })
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fail(method, fault, times = Number.POSITIVE_INFINITY) {
      seen = []
      plan = { method, fault, left: times }
    },
    seen: () => seen,
    open: () => sockets.size,
    close: () =>
      new Promise(done => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

const unavailable = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
  incoming.resume()
  incoming.once('end', () => {
    outgoing.writeHead(503, { 'content-type': 'application/xml' })
    outgoing.end('<Error><Code>SlowDown</Code><Message>Please reduce your request rate</Message></Error>')
  })
}

interface Forward {
  readonly upstream: string
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly fault: Fault | undefined
}

const forward = ({ upstream, incoming, outgoing, fault }: Forward): void => {
  const { method, url, headers } = incoming
  const target = new URL(upstream)
  const options = { host: target.hostname, port: target.port, method, path: url, headers, setHost: false, agent: false }
  const onward = request(options, reply => {
    if (fault === 'drop-reply') {
      reply.resume()
      return void reply.once('end', () => incoming.socket.resetAndDestroy())
    }
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers)
    if (fault === undefined) return void reply.pipe(outgoing)
    if (fault === 'corrupt') return flipOneBit(reply, outgoing)
    cutInHalf(reply, outgoing, fault)
  })
  onward.on('error', () => outgoing.destroy())
  // Who goes away ends the reply; what has come to its end is over already.
  outgoing.on('close', () => onward.destroy())
  incoming.pipe(onward)
}

const cutInHalf = (reply: IncomingMessage, outgoing: ServerResponse, fault: Fault): void => {
  let left = Math.floor(Number(reply.headers['content-length']) / 2)
  reply.on('data', (chunk: Buffer) => {
    if (left <= 0) return
    outgoing.write(chunk.subarray(0, left), () => {
      if (left <= 0 && fault === 'truncate') outgoing.destroy()
    })
    left -= chunk.length
  })
}

const flipOneBit = (reply: IncomingMessage, outgoing: ServerResponse): void => {
  let until = Math.floor(Number(reply.headers['content-length']) / 2)
  reply.on('data', (chunk: Buffer) => {
    if (until >= 0 && until < chunk.length) chunk.writeUInt8(chunk.readUInt8(until) ^ 1, until)
    until -= chunk.length
    outgoing.write(chunk)
  })
  reply.on('end', () => outgoing.end())
}
