import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { openClamd } from '../../src/scan/clamd.ts'

const MEGABYTE = Buffer.alloc(1_000_000)

/** Says its answer at once and reads nothing. */
const startHasty = async (answer: string) => {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.write(answer)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return openClamd({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, { timeoutMs: 10_000 })
}
const scanned = (open: () => Promise<Readable>) => ({
  ...{ bytes: 50_000_000, mediaType: 'application/octet-stream', digest: 'sha-256=:x:' },
  open,
})
const fifty = async () => Readable.from(Array.from({ length: 50 }, () => MEGABYTE))

test('who answers before it has had everything is heard, however full its socket is', async () => {
  const clamd = await startHasty('INSTREAM size limit exceeded. ERROR\0')
  await expect(clamd.scan(scanned(fifty))).rejects.toThrow('size limit exceeded')
  const found = await startHasty('stream: Eicar FOUND\0')
  expect(await found.scan(scanned(fifty))).toEqual({ clean: false, signature: 'Eicar' })
})

test('an original that breaks off has no verdict, whatever is said of its beginning', async () => {
  const server = createServer(socket => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const clamd = openClamd({ host: '127.0.0.1', port: (server.address() as AddressInfo).port }, { timeoutMs: 10_000 })
  const broken = async () =>
    Readable.from(
      (async function* () {
        yield MEGABYTE
        throw new Error('the store is away')
      })(),
    )
  await expect(clamd.scan(scanned(broken))).rejects.toThrow('the store is away')
})
