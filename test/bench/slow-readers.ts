/** Readers who take a large original slowly: what they cost a gateway in memory. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import sharp from 'sharp'
import { upload } from './client.ts'
import { residentBytes } from './processes.ts'
import type { Table } from './report.ts'
import type { Gateway } from './world.ts'

const READERS = 200
const ORIGINAL_BYTES = 20_000_000
const SECONDS = 10
/** Each takes so much every time, ten times a second. */
const SIP_BYTES = 16 * 1024

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)

/** The key's product `shop` has its originals streamed. */
export const slowReaders = async (gateway: Gateway, key: string): Promise<Table> => {
  const picture = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#888' } })
    .jpeg()
    .toBuffer()
  // What follows the end of a JPEG is not looked at.
  const body = Buffer.concat([picture, randomBytes(ORIGINAL_BYTES - picture.length)])
  const { asset } = await upload(gateway, key, body, '&publish=now')
  const url = `${gateway.address}/i/shop/${asset}/v1/original`
  const open = async (): Promise<IncomingMessage> => {
    const request = get(url, { headers: { Authorization: `Bearer ${key}` }, agent: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode}`)
    return response.on('error', () => undefined).pause()
  }
  // One that is read to its end opens what is opened once.
  for await (const _chunk of await open());
  const before = residentBytes(gateway.pid)
  const readers: IncomingMessage[] = []
  while (readers.length < READERS) readers.push(await open())
  let [most, received] = [0, 0]
  for (let i = 0; i < SECONDS * 10; i++) {
    for (const reader of readers) received += (reader.read(SIP_BYTES) as Buffer | null)?.length ?? 0
    most = Math.max(most, residentBytes(gateway.pid))
    await delay(100)
  }
  const atEnd = residentBytes(gateway.pid)
  for (const reader of readers) reader.destroy()
  return {
    title: `Memory of a gateway, ${READERS} slow readers of an original of ${megabytes(ORIGINAL_BYTES)} MB`,
    note: `For ${SECONDS} s, in which each received ${megabytes(received / READERS)} MB; ${megabytes(READERS * ORIGINAL_BYTES)} MB would be all of it.`,
    columns: ['', 'resident MB'],
    rows: [
      ['before', megabytes(before)],
      ['most, while they read', megabytes(most)],
      ['at the end of it', megabytes(atEnd)],
    ],
  }
}
