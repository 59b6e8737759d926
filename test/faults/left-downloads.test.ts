/** Readers that go away, stop reading, or are given half: what they held is free again, and nobody has the whole of something wrong. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type ClientRequest, get, type IncomingMessage } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/http/app.ts'
import { openS3Store } from '../../src/objects/s3.ts'
import { openSocketClient, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { type FaultProxy, startFaultProxy } from '../support/s3-fault-proxy.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const STALL_MS = 400
/** More than the system keeps on the way, twice. */
const ORIGINAL_BYTES = 40_000_000

let system: System
let faults: FaultProxy
let socket: Awaited<ReturnType<typeof openSocketClient>>
let url: string
let original: Buffer

beforeAll(async () => {
  system = await startSystem({ env: { STREAM_STALL_MS: String(STALL_MS) } })
  // Only the gateway that is asked reads through the proxy.
  faults = await startFaultProxy(system.s3.endpoint)
  const { originals: _own, ...gateway } = system.gateway
  const originals = openS3Store({
    ...system.engines.s3,
    endpoint: faults.endpoint,
    bucket: system.config.s3BucketOriginals,
  })
  socket = await openSocketClient({
    ...system,
    gateway: { ...gateway, originals },
    app: createApp({ ...gateway, originals }),
  })
  const edge = { role: 'editor', original_access: true, delivery: 'stream' }
  await system.call('PUT', '/v1/collections/product-photo/grants/mobile', { key: ADMIN_KEY, body: edge })
  const picture = await photo({ width: 300, height: 200 })
  // What follows the end of a JPEG is not looked at.
  original = Buffer.concat([picture, randomBytes(ORIGINAL_BYTES - picture.length)])
  const { asset } = await system.upload(original)
  await settled(system)
  url = `${socket.address}/i/mobile/${asset}/v1/original`
})
afterAll(async () => {
  await socket.close()
  await faults.close()
  await system.close()
})

const ask = async (): Promise<{ request: ClientRequest; response: IncomingMessage }> => {
  const request = get(url, { headers: { Authorization: `Bearer ${system.keys.mobile}` }, agent: false })
  request.on('error', () => undefined)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.on('error', () => undefined)
  return { request, response }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const held = (): number => {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Gone when the head is there, all of them at once. */
const askAndLeave = async (times: number): Promise<void> => {
  await Promise.all(
    Array.from({ length: times }, async () => {
      const { request, response } = await ask()
      expect(response.statusCode).toBe(200)
      request.destroy()
    }),
  )
}

test('what is read to its end is whole, and its connection to S3 is kept for the next', async () => {
  for (let i = 0; i < 2; i++) {
    const { response } = await ask()
    expect(response.headers['x-request-id']).toMatch(/^req_/)
    expect(response.headers['ratelimit-policy']).toBeDefined()
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    expect(Buffer.concat(chunks).equals(original)).toBe(true)
  }
  expect(faults.open()).toBe(1)
})

test('a thousand readers who leave hold nothing: no connection to S3, no memory', async () => {
  const idle = faults.open()
  await askAndLeave(50)
  await until('connections are closed', () => faults.open() <= idle)
  const before = held()
  for (let i = 0; i < 200; i++) await askAndLeave(5)
  await until('connections are closed', () => faults.open() <= idle)
  // A stream that is kept holds 64 KB at least.
  expect(held() - before).toBeLessThan(8_000_000)
}, 240_000)

test('who takes nothing is cut off', async () => {
  const idle = faults.open()
  const { response } = await ask()
  response.pause()
  await until('the connection is closed', () => faults.open() < Math.max(idle, 1))
  response.resume()
  await expect(once(response, 'end')).rejects.toThrow('aborted')
})

test.each(['truncate', 'corrupt'] as const)(
  'an original that S3 gives with a fault (%s) ends below its length',
  async fault => {
    faults.fail('GET', fault, 1)
    const { response } = await ask()
    expect(response.headers['content-length']).toBe(String(original.length))
    let received = 0
    const reading = async (): Promise<void> => {
      for await (const chunk of response) received += chunk.length
    }
    await expect(reading()).rejects.toThrow()
    expect(received).toBeLessThan(original.length)
  },
)

test('who leaves before S3 has answered ends the question to S3', async () => {
  const idle = faults.open()
  faults.fail('GET', 'silent', 1)
  const request = get(url, { headers: { Authorization: `Bearer ${system.keys.mobile}` }, agent: false })
  request.on('error', () => undefined)
  await until('S3 is asked', () => faults.seen().includes('GET'))
  request.destroy()
  await until('connections are closed', () => faults.open() <= Math.max(idle - 1, 0))
  faults.fail('GET', 'silent', 0)
})
