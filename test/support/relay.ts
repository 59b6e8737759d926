/** A TCP proxy that lets a test see what clients send. */
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface Relay {
  readonly port: number
  /** Ends every connection as it is. */
  cut(): void
  close(): Promise<void>
}

export interface RelayOptions {
  readonly connect: () => Socket
  /** Called for each connection; what it gives hears every chunk of it. */
  readonly listen: () => (chunk: Buffer) => void
}

export const startRelay = async ({ connect, listen }: RelayOptions): Promise<Relay> => {
  const sockets = new Set<Socket>()
  const server = createServer(client => {
    const upstream = connect()
    client.on('data', listen())
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
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    close: () =>
      new Promise(done => {
        server.close(() => done())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
