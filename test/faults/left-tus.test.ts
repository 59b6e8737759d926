/** Senders that are gone at random bytes, a hundred times: the gateway keeps what came, goes on, and says where. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { environmentOf, type Forked, forkNode } from '../support/fork-node.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { randomFrom } from './photo.ts'

const TIMES = 100
const SEED = 20_261_123
const LENGTH = 6_000_000
const MOST_SENT = 60_000

let system: System
let gateway: Forked & { readonly said: unknown }
beforeAll(async () => {
  system = await startSystem({ worker: false })
  const env = environmentOf(system, { ROLE: 'gateway', LOG_LEVEL: 'silent', UPLOAD_IDLE_MS: '2000' })
  gateway = await forkNode({ file: 'test/support/fork-gateway.ts', env })
})
afterAll(async () => {
  await gateway.kill('SIGTERM')
  await system.close()
})

test('the upload grows, and is whole in the end', async () => {
  const random = randomFrom(SEED)
  const address = new URL(String(gateway.said))
  const bytes = randomBytes(LENGTH)
  const fields = { Authorization: `Bearer ${system.keys['shop-web']}`, 'Tus-Resumable': '1.0.0' }
  const begun = await fetch(new URL('/v1/tus', address), {
    method: 'POST',
    headers: {
      ...fields,
      'Upload-Length': String(LENGTH),
      'Upload-Metadata': `collection ${Buffer.from('product-photo').toString('base64')}`,
    },
  })
  const url = new URL(begun.headers.get('location') ?? '', address)
  const offset = async (): Promise<number> => {
    const found = await fetch(url, { method: 'HEAD', headers: fields })
    expect(found.status).toBe(200)
    return Number(found.headers.get('upload-offset'))
  }
  const patchFields = (from: number) => ({
    ...fields,
    'Upload-Offset': String(from),
    'Content-Type': 'application/offset+octet-stream',
  })

  /** Some of what it announces, then a reset, an end, or nothing any more. */
  const leave = async (from: number): Promise<void> => {
    const socket = connect(Number(address.port), address.hostname)
    await once(socket, 'connect')
    socket.on('error', () => undefined) // it is what we are about
    const head = Object.entries({ ...patchFields(from), 'Content-Length': LENGTH - from, Host: address.host })
    const sent = Math.floor(random() * MOST_SENT)
    socket.write(
      `PATCH ${url.pathname} HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    )
    await new Promise<void>(resolve => socket.write(bytes.subarray(from, from + sent), () => resolve()))
    const how = random()
    if (how < 0.45) socket.resetAndDestroy()
    else if (how < 0.9) socket.end()
    else await once(socket.resume(), 'close') // it is the gateway that gives up
  }

  let kept = 0
  for (let n = 0; n < TIMES; n++) {
    await leave(kept)
    const now = await offset()
    expect(now).toBeGreaterThanOrEqual(kept)
    // Of this one, or of one before that was heard of late: there is one from each offset.
    expect(now).toBeLessThanOrEqual(kept + MOST_SENT)
    kept = now
  }
  expect(kept).toBeGreaterThan(100_000)
  const last = await until('nobody else has it in hand', async () => {
    const from = await offset()
    const answer = await fetch(url, { method: 'PATCH', headers: patchFields(from), body: bytes.subarray(from) })
    return answer.status === 204 ? answer : undefined
  })
  expect(last.headers.get('matrix-digest')).toBe(`sha256:${sha256Hex(bytes)}`)
  expect(gateway.child.exitCode).toBeNull()
  expect(gateway.complaints()).toBe('')
  console.log(`seed ${SEED}: ${TIMES} senders left, ${kept} bytes kept of ${LENGTH}`)
}, 300_000)
