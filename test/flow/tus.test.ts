/** Uploads that can be resumed, verb by verb: what the protocol says, and what of it is ours. */
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PIECE_BYTES } from '../../src/ingest/pieces.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { openSide } from '../faults/side.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, openSocketClient, type Send } from '../support/http.ts'
import { type CallOptions, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { RESUMABLE_OPEN: '10', MAX_RESUMABLE_BYTES: '20000000' } })
  send = await openClient(system)
  socket = await openSocketClient(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const encode = (metadata: Readonly<Record<string, string>>): string =>
  Object.entries(metadata)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',')

const owner = (): string => system.keys['shop-web']
const TUS = { 'Tus-Resumable': '1.0.0' }

const post = (
  length: number,
  metadata: Readonly<Record<string, string>> = {},
  more: CallOptions = {},
  via: Send = send,
) =>
  via('POST', '/v1/tus', {
    key: owner(),
    ...more,
    headers: {
      ...TUS,
      'Upload-Length': String(length),
      'Upload-Metadata': encode({ collection: 'product-photo', ...metadata }),
      ...more.headers,
    },
  })
const begin = async (length: number, metadata: Readonly<Record<string, string>> = {}): Promise<string> => {
  const response = await post(length, metadata)
  expect(response.status, await response.clone().text()).toBe(201)
  return response.headers.get('location') ?? ''
}
const patch = (
  url: string,
  offset: number,
  bytes: Uint8Array,
  { headers, ...more }: CallOptions = {},
  via: Send = send,
): Promise<Response> =>
  via('PATCH', url, {
    key: owner(),
    body: new Uint8Array(bytes),
    ...more,
    headers: {
      ...TUS,
      'Upload-Offset': String(offset),
      'Content-Type': 'application/offset+octet-stream',
      ...headers,
    },
  })
const head = (url: string, via: Send = send) => via('HEAD', url, { key: owner(), headers: TUS })
const offsetOf = async (url: string): Promise<number> => Number((await head(url)).headers.get('upload-offset'))

const staged = async (): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of system.core.staging.list('')) keys.push(key)
  return keys
}
const query = (text: string, values: readonly unknown[] = []) =>
  system.core.database.rows<Record<string, unknown>>({ name: `tus_${sha256Hex(text).slice(0, 12)}`, text }, values)
const originalOf = async (asset: string): Promise<Buffer> => {
  const path = `/v1/products/shop-web/assets/${asset}/renditions/original?delivery=stream`
  return Buffer.from(await (await send('GET', path, { key: owner() })).arrayBuffer())
}

describe('an upload', () => {
  test('in three requests becomes a version, and leaves nothing in the bucket', async () => {
    const bytes = randomBytes(2 * PIECE_BYTES + 1000)
    const url = await begin(bytes.length, { filename: 'holiday/a.bin', alias: 'tus:one', labels: 'summer,sea' })
    const first = await patch(url, 0, bytes.subarray(0, 700))
    expect(first.status).toBe(204)
    expect(first.headers.get('upload-offset')).toBe('700')
    expect(first.headers.get('tus-resumable')).toBe('1.0.0')
    expect(Date.parse(first.headers.get('upload-expires') ?? '')).toBeGreaterThan(Date.now())
    const second = await patch(url, 700, bytes.subarray(700, PIECE_BYTES + 5000))
    expect(second.headers.get('upload-offset')).toBe(String(PIECE_BYTES + 5000))
    expect(await staged()).toHaveLength(3)
    expect(await expectJson(send('GET', url, { key: owner() }), 200)).toMatchObject({
      state: 'open',
      offset: PIECE_BYTES + 5000,
      length: bytes.length,
    })

    const last = await patch(url, PIECE_BYTES + 5000, bytes.subarray(PIECE_BYTES + 5000))
    expect(last.status, await last.clone().text()).toBe(204)
    const asset = last.headers.get('matrix-asset') ?? ''
    expect(last.headers.get('location')).toBe(`/v1/assets/${asset}`)
    expect(last.headers.get('matrix-version')).toBe('1')
    expect(last.headers.get('matrix-digest')).toBe(`sha256:${sha256Hex(bytes)}`)
    expect(sha256Hex(await originalOf(asset))).toBe(sha256Hex(bytes))
    expect(await staged()).toEqual([])
    expect(await query('select 1 from tus_piece')).toEqual([])
    const [version] = await query('select entrance, source_ref, filename from asset_version where asset_id = $1', [
      asset,
    ])
    expect(version).toEqual({ entrance: 'tus', source_ref: url.split('/').at(-1), filename: 'a.bin' })

    // Asked again, by whichever verb, it says the same.
    for (const again of [await head(url), await patch(url, bytes.length, new Uint8Array())]) {
      expect(again.ok).toBe(true)
      expect(again.headers.get('upload-offset')).toBe(String(bytes.length))
      expect(again.headers.get('matrix-asset')).toBe(asset)
    }
    expect(await expectJson(send('GET', url, { key: owner() }), 200)).toMatchObject({
      state: 'done',
      result: { asset, version: 1 },
    })
    await expectRefusal(send('DELETE', url, { key: owner(), headers: TUS }), 409, 'conflict')
    expect(await query('select 1 from asset_version where asset_id = $1', [asset])).toHaveLength(1)
  })

  test('with its bytes in the first request, as a new version', async () => {
    const { asset } = await system.upload(randomBytes(100))
    const bytes = randomBytes(5000)
    const made = await send('POST', '/v1/tus', {
      key: owner(),
      body: new Uint8Array(bytes),
      headers: {
        ...TUS,
        'Upload-Length': '5000',
        'Upload-Metadata': encode({ asset, publish: 'manual', sha256: sha256Hex(bytes) }),
        'Content-Type': 'application/offset+octet-stream',
      },
    })
    expect(made.status, await made.clone().text()).toBe(201)
    expect(made.headers.get('upload-offset')).toBe('5000')
    expect(made.headers.get('location')).toMatch(/^\/v1\/tus\//)
    expect(made.headers.get('matrix-asset')).toBe(asset)
    expect(made.headers.get('matrix-version')).toBe('2')
    expect(made.headers.get('upload-expires')).toBeNull()
  })

  test('through a socket, cut at any byte, goes on where it says', async () => {
    const bytes = randomBytes(PIECE_BYTES + 300_000)
    const url = await begin(bytes.length)
    for (const cutAfter of [1, 70_000, PIECE_BYTES - 10]) {
      const from = await offsetOf(url)
      const [row] = await query('select fence from tus_upload where upload_id = $1', [url.split('/').at(-1)])
      const fence = row?.fence
      const broken = new AbortController()
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          controller.enqueue(bytes.subarray(from, from + cutAfter))
          const taken = 'select 1 from tus_upload where upload_id = $1 and fence > $2'
          await until('the gateway reads', async () => (await query(taken, [url.split('/').at(-1), fence])).length > 0)
          broken.abort()
        },
      })
      const sent = fetch(`${socket.address}${url}`, {
        method: 'PATCH',
        body,
        duplex: 'half',
        signal: broken.signal,
        headers: {
          ...TUS,
          Authorization: `Bearer ${owner()}`,
          'Upload-Offset': String(from),
          'Content-Type': 'application/offset+octet-stream',
        },
      } as RequestInit)
      await expect(sent).rejects.toThrow()
      const kept = await offsetOf(url)
      expect(kept).toBeGreaterThanOrEqual(from)
      expect(kept).toBeLessThanOrEqual(from + cutAfter)
    }
    const from = await offsetOf(url)
    const last = await patch(url, from, bytes.subarray(from), {}, socket.send)
    expect(last.headers.get('matrix-digest')).toBe(`sha256:${sha256Hex(bytes)}`)
    expect(await staged()).toEqual([])
  })

  test('that two write to at once belongs to the later one; nothing interleaves', async () => {
    const side = await openSide(system)
    const bytes = randomBytes(PIECE_BYTES + 100)
    const url = await begin(bytes.length)
    // The first has sent a piece and stalls; another gateway is asked.
    let go: () => void = () => undefined
    const waits = new Promise<void>(resolve => {
      go = resolve
    })
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(bytes.subarray(0, 1000))
        await waits
        controller.enqueue(randomBytes(bytes.length - 1000))
        controller.close()
      },
    })
    const first = patch(url, 0, new Uint8Array(), { body })
    await until('the first has begun', async () => (await query('select 1 from tus_upload where fence > 0')).length > 0)
    const viaSide: Send = side.call
    expect((await head(url, viaSide)).headers.get('upload-offset')).toBe('0')
    const second = await patch(url, 0, bytes.subarray(0, 2000), {}, viaSide)
    expect(second.headers.get('upload-offset')).toBe('2000')
    go()
    await expectRefusal(first, 409, 'conflict')
    const last = await patch(url, 2000, bytes.subarray(2000), {}, viaSide)
    expect(last.headers.get('matrix-digest')).toBe(`sha256:${sha256Hex(bytes)}`)
    expect(await staged()).toEqual([])
    await side.close()
  })
})

describe('what is refused', () => {
  test.each([
    [412, 'tus-version', { headers: { 'Tus-Resumable': '0.2.2' } }],
    [400, 'invalid-request', { headers: { 'Upload-Length': '0' } }],
    [400, 'invalid-request', { headers: { 'Upload-Length': 'x' } }],
    [413, 'payload-too-large', { headers: { 'Upload-Length': '20000001' } }],
    [400, 'invalid-request', { headers: { 'Upload-Metadata': 'collection !' } }],
    [
      400,
      'invalid-request',
      { headers: { 'Upload-Metadata': encode({ collection: 'product-photo', colour: 'red' }) } },
    ],
    [400, 'invalid-request', { headers: { 'Upload-Metadata': encode({ filename: 'a' }) } }],
    [400, 'invalid-request', { headers: { 'Upload-Metadata': encode({ collection: 'product-photo', sha256: 'x' }) } }],
    [404, 'not-found', { headers: { 'Upload-Metadata': encode({ collection: 'nothing' }) } }],
    [404, 'not-found', { headers: { 'Upload-Metadata': encode({ asset: crypto.randomUUID() }) } }],
    [400, 'invalid-request', { headers: { 'Upload-Concat': 'partial' } }],
  ] as const)('is not begun: %i %s %j', async (status, code, options) => {
    await leavesNothing(system, () => expectRefusal(post(100, {}, options), status, code))
    expect(await query(`select 1 from tus_upload where length = 100`)).toEqual([])
  })

  test('an upload whose length is not known yet', async () => {
    const headers = { ...TUS, 'Upload-Defer-Length': '1', 'Upload-Metadata': encode({ collection: 'product-photo' }) }
    await expectRefusal(send('POST', '/v1/tus', { key: owner(), headers }), 400, 'invalid-request')
  })

  test('content that is not what was said: again and again the same, and nothing of it is left', async () => {
    const bytes = Buffer.concat([Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), randomBytes(1000)])
    for (const [metadata, status, code] of [
      [{ filetype: 'image/svg+xml' }, 415, 'unsupported-media'],
      [{ sha256: '0'.repeat(64), filetype: 'application/x-other' }, 422, 'content-mismatch'],
    ] as const) {
      const content = code === 'content-mismatch' ? randomBytes(1000) : bytes
      await leavesNothing(system, async () => {
        const url = await begin(content.length, metadata)
        await patch(url, 0, content.subarray(0, 500))
        await expectRefusal(patch(url, 500, content.subarray(500)), status, code)
        expect((await head(url)).status).toBe(status)
        await expectRefusal(patch(url, 500, content.subarray(500)), status, code)
        expect(await expectJson(send('GET', url, { key: owner() }), 200)).toMatchObject({
          state: 'refused',
          problem: { code, status },
        })
        expect(await staged()).toEqual([])
      })
    }
  })

  test('bytes at another offset, of another kind, or more than there should be', async () => {
    const url = await begin(1000)
    await patch(url, 0, randomBytes(100))
    await expectRefusal(patch(url, 0, randomBytes(100)), 409, 'conflict')
    await expectRefusal(patch(url, 200, randomBytes(100)), 409, 'conflict')
    const text = { headers: { 'Content-Type': 'text/plain' } }
    await expectRefusal(patch(url, 100, randomBytes(10), text), 415, 'unsupported-media')
    await expectRefusal(patch(url, 100, randomBytes(901)), 413, 'payload-too-large')
    expect(await offsetOf(url)).toBe(100)
    await send('DELETE', url, { key: owner(), headers: TUS })
  })

  test('uploads of others: they are not there', async () => {
    const url = await begin(1000)
    for (const key of [system.keys.mobile, 'admin-key-of-the-tests']) {
      await expectRefusal(send('GET', url, { key }), 404, 'not-found')
      expect((await send('HEAD', url, { key, headers: TUS })).status).toBe(404)
      const sent = patch(url, 0, randomBytes(10), { key })
      expect((await sent).status).toBe(key === system.keys.mobile ? (await sent).status : 404)
      expect([403, 404]).toContain((await sent).status)
    }
    expect(await offsetOf(url)).toBe(0)
    await send('DELETE', url, { key: owner(), headers: TUS })
  })

  test('more uploads at once than a product may have', async () => {
    const urls: string[] = []
    for (let n = 0; n < 10; n++) {
      const response = await post(10)
      if (response.status !== 201) break
      urls.push(response.headers.get('location') ?? '')
    }
    await expectRefusal(post(10), 429, 'rate-limited')
    // Of many who come for the last place, at two gateways, one gets it.
    const last = urls.pop() ?? ''
    expect((await send('DELETE', last, { key: owner(), headers: TUS })).status).toBe(204)
    const side = await openSide(system)
    const rush = await Promise.all(
      Array.from({ length: 30 }, (_, n) => post(10, {}, {}, n % 2 === 0 ? send : (...asked) => side.call(...asked))),
    )
    await side.close()
    const taken = rush.filter(({ status }) => status === 201)
    expect(rush.map(({ status }) => status).sort()).toEqual([201, ...Array(29).fill(429)])
    urls.push(...taken.map(({ headers }) => headers.get('location') ?? ''))
    for (const url of urls) expect((await send('DELETE', url, { key: owner(), headers: TUS })).status).toBe(204)
    expect((await post(10)).status).toBe(201)
    await query(`update tus_upload set expires_at = now() where state = 'OPEN'`)
  })
})

test('bytes with a wrong checksum are not kept; with the right one they are', async () => {
  const bytes = randomBytes(PIECE_BYTES + 1000)
  const url = await begin(bytes.length + 1)
  const sha1 = createHash('sha1').update(bytes).digest('base64')
  const wrong = Buffer.from(bytes)
  wrong[5] = (wrong[5] ?? 0) ^ 1
  const headers = { 'Upload-Checksum': `sha1 ${sha1}` }
  expect((await patch(url, 0, wrong, { headers })).status).toBe(460)
  expect(await offsetOf(url)).toBe(0)
  expect(await staged()).toEqual([])
  expect((await patch(url, 0, bytes, { headers: { 'Upload-Checksum': `crc7 ${sha1}` } })).status).toBe(400)
  expect((await patch(url, 0, bytes, { headers })).headers.get('upload-offset')).toBe(String(bytes.length))
  expect((await send('DELETE', url, { key: owner(), headers: TUS })).status).toBe(204)
  expect((await head(url)).status).toBe(404)
  expect(await staged()).toEqual([])
})

test('what has expired is not there; the janitor takes what it left, and what no row knows', async () => {
  const url = await begin(PIECE_BYTES * 2)
  await patch(url, 0, randomBytes(1000))
  const [known = ''] = await staged()
  const orphan = known.replace(/[^/]+$/, '7-0')
  const body = randomBytes(10)
  await system.core.staging.put({ key: orphan, body, bytes: 10, sha256: sha256Hex(body), mediaType: 'x/y' })
  const id = url.split('/').at(-1)
  await query('update tus_upload set expires_at = now() where upload_id = $1', [id])
  expect((await head(url)).status).toBe(404)
  await expectRefusal(patch(url, 1000, randomBytes(10)), 404, 'not-found')
  expect(await expectJson(send('GET', url, { key: owner() }), 200)).toMatchObject({ state: 'expired' })
  const sweep = startSweep(system.core)
  await sweep.stop()
  await sweep.once()
  expect(await staged()).toEqual([])
  expect(await query('select 1 from tus_piece where upload_id = $1', [id])).toEqual([])
  // A piece that was put as it ended goes when it is forgotten.
  await system.core.staging.put({ key: orphan, body, bytes: 10, sha256: sha256Hex(body), mediaType: 'x/y' })
  await query(`update tus_upload set ended_at = now() - interval '25 hours' where upload_id = $1`, [id])
  await sweep.once()
  expect(await staged()).toEqual([])
  expect((await send('GET', url, { key: owner() })).status).toBe(404)
})

describe('pages', () => {
  test('a preflight says what may be sent, to anybody', async () => {
    for (const path of ['/v1/tus', `/v1/tus/${crypto.randomUUID()}`]) {
      const { status, headers } = await send('OPTIONS', path, { headers: { Origin: 'https://shop.example' } })
      expect(status).toBe(204)
      expect(headers.get('tus-version')).toBe('1.0.0')
      expect(headers.get('tus-extension')).toBe('creation,creation-with-upload,expiration,termination,checksum')
      expect(headers.get('tus-max-size')).toBe('20000000')
      expect(headers.get('access-control-allow-methods')).toContain('PATCH')
      expect(headers.get('access-control-allow-headers')).toContain('Upload-Metadata')
    }
  })

  test('only those of the product read its answers', async () => {
    const admin = { key: 'admin-key-of-the-tests' }
    const shown = await send('GET', '/v1/products/shop-web', admin)
    const headers = { 'If-Match': shown.headers.get('etag') ?? '' }
    const body = { display_name: 'Shop', origins: ['https://shop.example'] }
    expect((await send('PUT', '/v1/products/shop-web', { ...admin, headers, body })).ok).toBe(true)
    const from = (origin: string, length = 10) => post(length, {}, { headers: { Origin: origin } })
    const ours = await from('https://shop.example')
    expect(ours.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    expect(ours.headers.get('access-control-expose-headers')).toContain('Upload-Offset')
    const refused = await from('https://shop.example', 30_000_000)
    expect(refused.status).toBe(413)
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    const other = await from('https://other.example')
    expect(other.headers.get('access-control-allow-origin')).toBeNull()
  })
})
