/** A TCP proxy that counts what clients send. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface ByteCount {
  readonly port: number
  sent(): number
  close(): Promise<void>
}

export const startByteCount = async (port: number): Promise<ByteCount> => {
  let bytes = 0
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const upstream = connect(port, '127.0.0.1')
    client.on('data', chunk => {
      bytes += chunk.length
    })
    client.pipe(upstream)
    upstream.pipe(client)
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy()).on('close', () => sockets.delete(one))
    }
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => bytes,
    close: () =>
      new Promise(done => {
        server.close(() => done())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
