/**
 * A TCP proxy before an engine, and the troubles of a network:
 *
 *   none    everything goes through, later by `lateMs`
 *   gone    connections are reset, those that there are and those that are tried
 *   hangs   connections stay and are made, and nothing goes through them any more; they are dead when it is over
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export type Trouble = 'none' | 'gone' | 'hangs'

export interface Troubled {
  readonly port: number
  become(trouble: Trouble, options?: { lateMs?: number }): void
  /** Resets the connections that there are. */
  cut(): void
  close(): Promise<void>
}

export const startTroubled = async (connect: () => Socket): Promise<Troubled> => {
  const clients = new Set<Socket>()
  let trouble: Trouble = 'none'
  let late = 0

  const carry = (from: Socket, to: Socket): void => {
    let carried: Promise<unknown> = Promise.resolve()
    to.on('drain', () => from.resume())
    from.on('data', chunk => {
      const deliver = (): void => {
        if (trouble !== 'hangs' && !to.write(chunk)) from.pause()
      }
      carried = carried.then(() => (late > 0 ? pause(late) : undefined)).then(deliver)
    })
    from.on('end', () => void carried.then(() => trouble !== 'hangs' && to.end()))
  }
  const cut = (): void => {
    for (const client of clients) client.resetAndDestroy()
  }

  const server = createServer(client => {
    clients.add(client)
    client.on('close', () => clients.delete(client)).on('error', () => undefined)
    if (trouble === 'gone') return client.resetAndDestroy()
    if (trouble === 'hangs') return
    const engine = connect()
    engine.on('error', () => client.destroy())
    client.on('close', () => engine.destroy())
    engine.on('close', () => client.destroy())
    carry(client, engine)
    carry(engine, client)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    become(next, { lateMs = 0 } = {}) {
      if (next !== 'hangs' && (next === 'gone' || trouble === 'hangs')) cut()
      trouble = next
      late = lateMs
    },
    cut,
    close: () =>
      new Promise(done => {
        server.close(() => done())
        for (const client of clients) client.destroy()
      }),
  }
}
