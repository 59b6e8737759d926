/** Places that originals are fetched from, honest and otherwise; each on a port of its own. */
import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'

export interface Place {
  readonly port: number
  /** Connections so far: of a place that nobody may come to, none. */
  connections(): number
  close(): Promise<void>
}

const opened = async (server: Server, host: string, port = 0): Promise<Place> => {
  const sockets = new Set<Socket>()
  let count = 0
  server.on('connection', socket => {
    count++
    sockets.add(socket)
    socket.on('error', () => undefined) // whoever hangs up on us may
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => count,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

export const openHttp = (listener: RequestListener, host = '127.0.0.1', port?: number): Promise<Place> =>
  opened(createHttp(listener), host, port)

/** Speaks what it likes, once it has heard a request. */
export const openRaw = (speak: (socket: Socket) => void, host = '127.0.0.1'): Promise<Place> =>
  opened(
    createTcp(socket => void socket.once('data', () => speak(socket))),
    host,
  )
