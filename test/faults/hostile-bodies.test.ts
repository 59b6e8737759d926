/** Attack T3: bodies that lie about their length, have no end, come in ten thousand parts, or do not come. On raw sockets. */
import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, leavesNothing, openSocketClient } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const LIMIT = 256 * 1024
const IDLE_MS = 400

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let jpeg: Buffer
beforeAll(async () => {
  const env = { MAX_UPLOAD_BYTES: String(LIMIT), UPLOAD_IDLE_MS: String(IDLE_MS) }
  system = await startSystem({ worker: false, env })
  socket = await openSocketClient(system)
  jpeg = await photo({ width: 64, height: 48 })
})
afterAll(async () => {
  await socket.close()
  await system.close()
})
/** Whatever was done to it, the process answers. */
afterEach(async () => expect((await fetch(`${socket.address}/readyz`)).status).toBe(200))

interface Answer {
  readonly status: number
  readonly text: string
}

interface Wire {
  readonly write: (data: string | Uint8Array) => Promise<void>
  readonly end: () => void
  readonly cut: () => void
  /** What the server has said when it, or a whole answer, has ended; status 0: nothing. */
  readonly answer: () => Promise<Answer>
}

const open = async (): Promise<Wire> => {
  const connection: Socket = connect(socket.port, '127.0.0.1')
  await once(connection, 'connect')
  let text = ''
  let closed = false
  connection.setEncoding('latin1').on('data', chunk => {
    text += chunk
  })
  connection.on('error', () => undefined) // a server that has heard enough may cut; what it said before counts
  connection.on('close', () => {
    closed = true
  })
  const isWhole = (): boolean => {
    const [head = '', body] = text.split('\r\n\r\n', 2)
    const length = /content-length: (\d+)/i.exec(head)?.[1]
    return (
      body !== undefined &&
      (length === undefined ? /\r\n0\r\n/.test(text) || /connection: close/i.test(head) : body.length >= Number(length))
    )
  }
  return {
    write: data =>
      new Promise(resolve => {
        if (closed || !connection.writable) return resolve()
        connection.write(data, () => resolve())
      }),
    end: () => connection.end(),
    cut: () => connection.resetAndDestroy(),
    async answer() {
      await until('an answer', () => closed || isWhole(), { withinMs: 10_000 })
      connection.destroy()
      return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text }
    },
  }
}

const head = (headers: Record<string, string>, path = '/v1/assets?collection=product-photo', method = 'POST'): string =>
  [
    `${method} ${path} HTTP/1.1`,
    'Host: x',
    `Authorization: Bearer ${system.keys['shop-web']}`,
    `Idempotency-Key: ${randomUUID()}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n')

/** Uploads that were given up so far. */
const givenUp = async (): Promise<number> =>
  (await system.gateway.metrics.uploads.get()).values.find(({ labels }) => labels.result === 'upload-incomplete')
    ?.value ?? 0

/** Sends, perhaps ends its side, and gives the answer; nothing may be left of it. */
const refused = (parts: readonly (string | Uint8Array)[], { end = false, cut = false } = {}): Promise<Answer> =>
  leavesNothing(system, async () => {
    const wire = await open()
    for (const part of parts) await wire.write(part)
    if (end) wire.end()
    if (!cut) return wire.answer()
    const before = await givenUp()
    wire.cut()
    await until('the server has noticed', async () => (await givenUp()) > before)
    return { status: 0, text: '' }
  })

const expectCode = ({ status, text }: Answer, expected: number, code: string): void => {
  expect(status, text).toBe(expected)
  expect(text).toContain(`"code":"${code}"`)
  expect(text).not.toMatch(/node_modules|\.ts:|at \w+ \(|stack/i)
}

const chunk = (bytes: Uint8Array | string): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), Buffer.from(bytes), Buffer.from('\r\n')])
const CHUNKED = { 'Transfer-Encoding': 'chunked' }

describe('a length', () => {
  test('that is announced beyond the limit is refused before the body', async () => {
    expectCode(await refused([head({ 'Content-Length': String(LIMIT + 1) })]), 413, 'payload-too-large')
    expectCode(await refused([head({ 'Content-Length': '999999999999999' })]), 413, 'payload-too-large')
  })

  test('that is not announced is refused where it passes the limit', async () => {
    const parts = Array.from({ length: 8 }, () => chunk(Buffer.alloc(64 * 1024)))
    expectCode(await refused([head(CHUNKED), ...parts]), 413, 'payload-too-large')
  })

  test('just at the limit is taken', async () => {
    const wire = await open()
    await wire.write(head(CHUNKED))
    for (let i = 0; i < 4; i++) await wire.write(chunk(Buffer.alloc(LIMIT / 4, randomUUID())))
    await wire.write('0\r\n\r\n')
    expect((await wire.answer()).status).toBe(201)
  })

  test('that is announced longer than it is, is waited for and given up', async () => {
    const parts = [head({ 'Content-Length': String(jpeg.length + 1) }), jpeg]
    expectCode(await refused(parts), 409, 'upload-incomplete')
    expect([0, 400, 409]).toContain((await refused(parts, { end: true })).status)
  })

  test('that is announced shorter than it is, is what counts', async () => {
    const digest = `sha-256=:${createHash('sha256').update(jpeg).digest('base64')}:`
    const length = { 'Content-Length': String(jpeg.length - 10), 'Repr-Digest': digest }
    // The rest is the next request, and none: whichever of the two answers comes first ends the connection.
    expect([400, 422]).toContain((await refused([head(length), jpeg])).status)
  })

  test.each(['-1', 'abc', '1, 2', '0x10', '1e3', '+5', ''])('of %j is none', async length => {
    expect((await refused([head({ 'Content-Length': length }), 'abc'], { end: true })).status).toBe(400)
  })

  test('beside chunks, twice or in chunks that lie is refused by the parser', async () => {
    const both = head({ 'Content-Length': '5', ...CHUNKED })
    expect((await refused([both, '0\r\n\r\n'], { end: true })).status).toBe(400)
    const twice = head({ 'Content-Length': '5' }).replace('\r\n\r\n', '\r\nContent-Length: 6\r\n\r\n')
    expect((await refused([twice, 'abcdef'], { end: true })).status).toBe(400)
    for (const broken of ['ffffffffffffffffff\r\n', 'zz\r\nabc\r\n', '-1\r\n', '3\r\nabcdef\r\n'])
      expect([0, 400, 409], broken).toContain((await refused([head(CHUNKED), broken], { end: true })).status)
    expect((await refused([head({ 'Transfer-Encoding': 'gzip' }), 'abc'], { end: true })).status).toBe(400)
  })
})

describe('a sender', () => {
  test('who says nothing more is given up', async () => {
    expectCode(await refused([head(CHUNKED), chunk('abc')]), 409, 'upload-incomplete')
    expectCode(await refused([head({ 'Content-Length': '1000' })]), 409, 'upload-incomplete')
  })

  test('who is slow but goes on is waited for', async () => {
    const wire = await open()
    await wire.write(head({ 'Content-Length': '8' }))
    const startedAt = performance.now()
    for (const letter of 'abcdefgh') {
      await wire.write(letter)
      const next = performance.now() + IDLE_MS / 4
      await until('the next letter', () => performance.now() > next, { everyMs: 5 })
    }
    expect((await wire.answer()).status).toBe(201)
    expect(performance.now() - startedAt).toBeGreaterThan(IDLE_MS)
  })

  test('who is gone leaves nothing', async () => {
    await refused([head({ 'Content-Length': '100000' }), Buffer.alloc(50_000)], { cut: true })
    await refused([head(CHUNKED), chunk(Buffer.alloc(50_000))], { cut: true })
    await refused([head({ 'Content-Length': '100000' })], { cut: true })
  })

  test('of JSON has no longer than of anything else', async () => {
    const json = head(
      { 'Content-Type': 'application/json', 'Content-Length': '1000' },
      '/v1/collections/product-photo/products/shop-web/renditions/x',
      'PUT',
    )
    expectCode(await refused([json, '{"recipe":']), 409, 'upload-incomplete')
  })
})

describe('a form', () => {
  const form = (length?: number) =>
    head({
      'Content-Type': 'multipart/form-data; boundary=b',
      ...(length === undefined ? CHUNKED : { 'Content-Length': String(length) }),
    })
  const part = (body: string, name = 'file', filename: string | undefined = 'a.txt'): string =>
    `--b\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n\r\n${body}\r\n`
  const END = '0\r\n\r\n'

  test('without an end is no form', async () => {
    const body = part('abc')
    expectCode(await refused([form(body.length), body]), 409, 'upload-incomplete')
    expectCode(await refused([form(), chunk(body), END]), 409, 'upload-incomplete')
  })

  test('that stops anywhere is given up', async () => {
    const whole = `${part('abc')}--b--\r\n`
    for (let length = 0; length < whole.length - 5; length += 9)
      expectCode(
        await refused([form(), ...(length === 0 ? [] : [chunk(whole.slice(0, length))])]),
        409,
        'upload-incomplete',
      )
  })

  test('of ten thousand parts is refused', async () => {
    const files = Array.from({ length: 10_000 }, () => part('x')).join('')
    const fields = Array.from({ length: 10_000 }, (_, i) => part('x', `f${i}`, undefined)).join('')
    for (const body of [files, fields, part('a') + fields]) {
      const bytes = `${body}--b--\r\n`.slice(0, LIMIT)
      expectCode(await refused([form(), chunk(bytes)]), 400, 'invalid-request')
    }
  })

  test('has no more around its file than there may be in it', async () => {
    const preamble = Array.from({ length: 8 }, () => chunk('x'.repeat(64 * 1024)))
    expectCode(await refused([form(), ...preamble]), 413, 'payload-too-large')
    const file = [chunk(part('abc')), chunk('--b--\r\n'), ...preamble, END]
    const { status } = await leavesAtMostOne([form(), ...file])
    expect([201, 413]).toContain(status)
    expectCode(
      await refused([form(), chunk(part('x'.repeat(LIMIT + 1))), chunk('--b--\r\n'), END]),
      413,
      'payload-too-large',
    )
  })

  test('has headers of a sane size, and a boundary', async () => {
    const headers = `--b\r\n${Array.from({ length: 5_000 }, (_, i) => `X-${i}: y`).join('\r\n')}\r\n\r\nabc\r\n--b--\r\n`
    expect([400, 409]).toContain((await refused([form(headers.length), headers])).status)
    for (const type of [
      'multipart/form-data',
      'multipart/form-data; boundary=',
      `multipart/form-data; boundary=${'b'.repeat(5_000)}`,
    ]) {
      const { status } = await refused([head({ 'Content-Type': type, 'Content-Length': '3' }), 'abc'])
      expect([400, 409], type.slice(0, 50)).toContain(status)
    }
  })

  test('that is well formed is taken', async () => {
    const body = `${part(randomUUID())}--b--\r\n`
    const wire = await open()
    await wire.write(form(body.length) + body)
    expect((await wire.answer()).status).toBe(201)
  })
})

/** The form has ended where its last boundary is; whether what follows is read depends on the pace. */
const leavesAtMostOne = async (parts: readonly (string | Uint8Array)[]): Promise<Answer> => {
  const wire = await open()
  for (const part of parts) await wire.write(part)
  return wire.answer()
}

test('heads have a bounded size, and a bounded time', async () => {
  expect((await refused([head({ 'X-Long': 'x'.repeat(100_000) })], { end: true })).status).toBe(431)
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`X-${i}`, 'y']))
  expect((await refused([head(many)], { end: true })).status).toBe(431)
})

test('two requests with one body between them are two requests', async () => {
  // What follows a body is the next request, and is read as such: never as a part of the first.
  const smuggled = `GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`
  const first = head({ 'Content-Length': String(jpeg.length), Connection: 'keep-alive' })
  const wire = await open()
  await wire.write(Buffer.concat([Buffer.from(first), jpeg, Buffer.from(smuggled)]))
  const { status, text } = await wire.answer()
  expect(status).toBe(201)
  const stored = JSON.parse(text.slice(text.indexOf('{'), text.indexOf('}') + 1)) as { bytes: number; asset: string }
  expect(stored.bytes).toBe(jpeg.length)
  await expectJson(socket.send('GET', `/v1/assets/${stored.asset}`, { key: system.keys['shop-web'] }), 200)
})
