import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DOCUMENTS } from '../support/documents.ts'
import {
  expectJson,
  expectRefusal,
  expectWellFormed,
  leavesNothing,
  openApiOf,
  openClient,
  openSocketClient,
  type Send,
  traces,
} from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let jpeg: Buffer<ArrayBuffer>

beforeAll(async () => {
  system = await startSystem()
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  jpeg = Buffer.from(await photo({ width: 320, height: 200 }))
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const shop = (): string => system.keys['shop-web']
const upload = (send: Send, body: CallOptions['body'], headers: Record<string, string> = {}, query = '') =>
  send('POST', `/v1/assets?collection=product-photo${query}`, { key: shop(), body: body as object, headers })
const fresh = (): Buffer<ArrayBuffer> => Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const reprDigest = (bytes: Uint8Array): string => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`
const form = (bytes: Uint8Array<ArrayBuffer>, { part = 'file', name = 'holiday.jpg', type = '' } = {}): FormData => {
  const data = new FormData()
  data.set(part, new Blob([bytes], { type }), name)
  return data
}

describe.each(['in process', 'through a socket'] as const)('an upload %s', transport => {
  const send: Send = (...request) => (transport === 'in process' ? inProcess : socket.send)(...request)

  test('answers what was stored', async () => {
    const bytes = fresh()
    const response = await upload(send, bytes)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('matrix-event-no')).toMatch(/^\d+$/)
    const { asset, event_no, state, publication, ...rest } = await expectJson(response, 201)
    expect(response.headers.get('location')).toBe(`/v1/assets/${asset}`)
    expect(['PROCESSING', 'READY', 'ACTIVE']).toContain(state)
    expect(event_no).toBeGreaterThanOrEqual(2)
    expect(rest).toEqual({
      collection: 'product-photo',
      version: 1,
      digest: `sha256:${digest(bytes)}`,
      bytes: bytes.length,
      media_type: 'image/jpeg',
      width: 320,
      height: 200,
      frames: 1,
      deduplicated: false,
    })
  })

  test('as a form is the same upload', async () => {
    const bytes = fresh()
    const { asset, digest: stored } = await expectJson(upload(send, form(bytes)), 201)
    expect(stored).toBe(`sha256:${digest(bytes)}`)
    const version = await expectJson(send('GET', `/v1/assets/${asset}/versions/1`, { key: shop() }), 200)
    expect(version.filename).toBe('holiday.jpg')
    await expectJson(upload(send, form(fresh(), { type: 'image/jpeg' })), 201)
    await expectRefusal(upload(send, form(fresh(), { type: 'image/png' })), 422, 'content-mismatch')
  })

  test('as a form has one part, named file', async () => {
    const two = form(fresh())
    two.append('file', new Blob([jpeg]), 'b.jpg')
    const withField = form(fresh())
    withField.set('title', 'a title')
    await leavesNothing(system, async () => {
      await expectRefusal(upload(send, form(fresh(), { part: 'photo' })), 400, 'invalid-request')
      await expectRefusal(upload(send, two), 400, 'invalid-request')
      await expectRefusal(upload(send, withField), 400, 'invalid-request')
      await expectRefusal(upload(send, new FormData()), 400, 'invalid-request')
      await expectRefusal(upload(send, jpeg, { 'Content-Type': 'multipart/form-data' }), 400, 'invalid-request')
    })
  })

  test('has the digest that it announces', async () => {
    const bytes = fresh()
    await expectJson(upload(send, bytes, { 'Repr-Digest': reprDigest(bytes) }), 201)
    await expectJson(upload(send, fresh(), { 'Repr-Digest': 'unixsum=:MTIz:' }), 201)
    const both = fresh()
    await expectJson(upload(send, both, { 'Repr-Digest': `unixsum=:MTIz:, ${reprDigest(both)}` }), 201)
    await leavesNothing(system, async () => {
      await expectRefusal(upload(send, fresh(), { 'Repr-Digest': reprDigest(bytes) }), 422, 'content-mismatch')
      for (const broken of ['sha-256=:AAAA:', `sha-256=${digest(bytes)}`, 'sha-256=::', 'SHA-256=:x:'])
        await expectRefusal(upload(send, fresh(), { 'Repr-Digest': broken }), 400, 'invalid-request')
    })
  })

  test('is what its Content-Type claims', async () => {
    const unsaid = [
      'application/x-www-form-urlencoded',
      'application/octet-stream',
      'image/jpeg',
      'image/jpg',
      'IMAGE/JPEG; q=1',
    ]
    for (const type of unsaid) await expectJson(upload(send, fresh(), { 'Content-Type': type }), 201)
    await leavesNothing(system, async () => {
      for (const type of ['image/png', 'image/x-unknown', 'application/pdf', 'text/html', 'video/mp4'])
        await expectRefusal(upload(send, fresh(), { 'Content-Type': type }), 422, 'content-mismatch')
      for (const type of ['jpeg', 'image/', 'a/b/c', 'image/svg+xml'])
        await expectRefusal(upload(send, fresh(), { 'Content-Type': type }), 415, 'unsupported-media')
      await expectRefusal(upload(send, fresh(), { 'Content-Type': 'application/json' }), 400, 'invalid-request')
    })
  })

  test('is not what it claims only because nobody knows what it is', async () => {
    const unknown = (): Buffer<ArrayBuffer> => Buffer.from(`nobody knows ${crypto.randomUUID()}`)
    await leavesNothing(system, async () => {
      for (const type of ['application/pdf', 'application/x-pdf', 'application/zip', 'video/mp4', 'font/woff2'])
        await expectRefusal(upload(send, unknown(), { 'Content-Type': type }), 422, 'content-mismatch')
      await expectRefusal(upload(send, form(unknown(), { type: 'application/pdf' })), 422, 'content-mismatch')
    })
    const late = Buffer.concat([Buffer.from('%!PS-Adobe-3.0 PDF\n\n'), unknown(), Buffer.from('\n%PDF-1.4\n')])
    for (const [type, bytes] of [
      ['text/csv', unknown()],
      ['application/xml', unknown()],
      ['application/ld+json', Buffer.from(`{"a":"${crypto.randomUUID()}"}`)],
      ['application/pdf', Buffer.concat([Buffer.from('\n'), late.subarray(20)])],
    ] as const)
      expect(await expectJson(upload(send, bytes, { 'Content-Type': type }), 201)).toMatchObject({ media_type: type })
  })

  test('is sent as it is, not packed', async () => {
    await leavesNothing(system, async () => {
      for (const coding of ['gzip', 'br', 'GZIP', 'identity, gzip', 'x'])
        await expectRefusal(upload(send, fresh(), { 'Content-Encoding': coding }), 415, 'unsupported-media')
      await expectRefusal(upload(send, form(fresh()), { 'Content-Encoding': 'gzip' }), 415, 'unsupported-media')
    })
    await expectJson(upload(send, fresh(), { 'Content-Encoding': 'identity' }), 201)
  })

  test.each(DOCUMENTS)('of $name is kept as it is, and has no renditions', async ({ bytes, mediaType }) => {
    const { asset, width } = await expectJson(upload(send, Buffer.concat([bytes, Buffer.from(transport)])), 201)
    expect(width).toBeUndefined()
    const path = `/v1/products/shop-web/assets/${asset}/renditions`
    const headers = { Accept: 'application/json' }
    const original = await expectJson(send('GET', `${path}/original`, { key: shop(), headers }), 200)
    expect(original).toMatchObject({ media_type: mediaType, rendition: 'original', state: 'ready' })
    await expectRefusal(send('GET', `${path}/card`, { key: shop(), headers }), 422, 'unsupported-transform')
    await expectRefusal(send('GET', `${path}/nothing`, { key: shop(), headers }), 404, 'not-found')
    expect(
      await expectJson(send('GET', `/v1/assets/${asset}/versions/1/completeness`, { key: shop() }), 200),
    ).toMatchObject({
      products: [],
      ready_percent: 100,
    })
  })

  test('of bytes that are known stores nothing again', async () => {
    const bytes = fresh()
    const first = await expectJson(upload(send, bytes), 201)
    const before = await traces(system)
    const second = await expectJson(upload(send, bytes), 201)
    expect(second).toMatchObject({ deduplicated: true, digest: first.digest, version: 1 })
    expect(second.asset).not.toBe(first.asset)
    const after = await traces(system)
    expect(after.originals).toEqual(before.originals)
    expect(after.rows?.node).toBe(before.rows?.node)
    expect(after.rows?.original).toBe(before.rows?.original)
  })

  test('of a version continues an asset', async () => {
    const { asset } = await expectJson(upload(send, fresh()), 201)
    const next = await expectJson(send('POST', `/v1/assets/${asset}/versions`, { key: shop(), body: fresh() }), 201)
    expect(next).toMatchObject({ asset, version: 2 })
    const { items } = await expectJson<{ items: { version: number }[] }>(
      send('GET', `/v1/assets/${asset}/versions`, { key: shop() }),
      200,
    )
    expect(items.map(({ version }) => version)).toEqual([2, 1])
    const nowhere = crypto.randomUUID()
    await leavesNothing(system, async () => {
      for (const id of [nowhere, 'nothing', nowhere.toUpperCase()])
        await expectRefusal(send('POST', `/v1/assets/${id}/versions`, { key: shop(), body: fresh() }), 404, 'not-found')
    })
  })

  test('with a key that is used again is answered again', async () => {
    const [bytes, key] = [fresh(), crypto.randomUUID()]
    const first = await upload(send, bytes, { 'Idempotency-Key': key })
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    const before = await traces(system)
    for (const again of [key, `"${key}"`]) {
      const replayed = await upload(send, bytes, { 'Idempotency-Key': again })
      expect(replayed.headers.get('idempotent-replayed')).toBe('true')
      for (const header of ['location', 'matrix-event-no', 'cache-control', 'content-type'])
        expect(replayed.headers.get(header)).toBe(first.headers.get(header))
      expect(await replayed.text()).toBe(await first.clone().text())
    }
    expect((await traces(system)).rows?.asset).toBe(before.rows?.asset)
    await leavesNothing(system, async () => {
      await expectRefusal(upload(send, fresh(), { 'Idempotency-Key': key }), 422, 'idempotency-key-reused')
      await expectRefusal(
        upload(send, bytes, { 'Idempotency-Key': key }, '&publish=now'),
        422,
        'idempotency-key-reused',
      )
    })
    const other = { key: system.keys.mobile, body: bytes, headers: { 'Idempotency-Key': key } }
    await expectJson(send('POST', '/v1/assets?collection=product-photo', other), 201)
  })

  test('with a key that is in use has to wait', async () => {
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    let go: () => void = () => undefined
    const gate = new Promise<void>(resolve => {
      go = resolve
    })
    const bytes = fresh()
    const slow = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(bytes.subarray(0, 100))
        await gate
        controller.enqueue(bytes.subarray(100))
        controller.close()
      },
    })
    const first = upload(send, slow, headers)
    const reserved = { name: 'reserved', text: 'select 1 from idempotency where key = $1' }
    await until('a reservation', async () => {
      return (await system.core.database.rows(reserved, [headers['Idempotency-Key']])).length > 0
    })
    const problem = await expectRefusal(upload(send, bytes, headers), 409, 'idempotency-in-flight')
    expect(problem).toMatchObject({ retryable: true, retry_after: 1 })
    go()
    const stored = await expectJson(first, 201)
    expect(await expectJson(upload(send, bytes, headers), 201)).toEqual(stored)
  })

  test('that was refused gives its key back', async () => {
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const bytes = fresh()
    const refused = upload(send, bytes, { ...headers, 'Repr-Digest': reprDigest(jpeg) })
    await leavesNothing(system, () => expectRefusal(refused, 422, 'content-mismatch'))
    await expectJson(upload(send, bytes, { ...headers, 'Repr-Digest': reprDigest(bytes) }), 201)
  })
})

test('an Idempotency-Key is required, and of a sane form', async () => {
  const path = '/v1/assets?collection=product-photo'
  const document = await openApiOf(system)
  const without = { method: 'POST', body: jpeg, headers: { Authorization: `Bearer ${shop()}` } }
  await leavesNothing(system, async () => {
    const response = await expectWellFormed(await system.app.request(path, without), { method: 'POST', path, document })
    await expectRefusal(response, 400, 'idempotency-key-missing')
    for (const key of ['', ' ', '""', 'x'.repeat(256), 'a b', 'ä'])
      await expectRefusal(upload(inProcess, jpeg, { 'Idempotency-Key': key }), 400, 'invalid-request')
  })
  await expectJson(upload(inProcess, fresh(), { 'Idempotency-Key': 'x'.repeat(255) }), 201)
})

test('who asks again hears the first answer, whatever has happened since', async () => {
  const { asset } = await expectJson(upload(inProcess, fresh()), 201)
  const request = { key: shop(), body: fresh(), headers: { 'Idempotency-Key': crypto.randomUUID() } }
  const first = await expectJson(inProcess('POST', `/v1/assets/${asset}/versions`, request), 201)
  expect(
    (await inProcess('POST', `/v1/assets/${asset}/archive`, { key: shop(), headers: { 'If-Match': '*' } })).status,
  ).toBe(200)
  expect(await expectJson(inProcess('POST', `/v1/assets/${asset}/versions`, request), 201)).toEqual(first)
  const another = { key: shop(), body: fresh() }
  await leavesNothing(system, () =>
    expectRefusal(inProcess('POST', `/v1/assets/${asset}/versions`, another), 410, 'asset-archived'),
  )
})

test('an alias names one asset of the tenant', async () => {
  const { asset } = await expectJson(upload(inProcess, fresh(), {}, '&alias=sku:4711'), 201)
  expect(await expectJson(inProcess('GET', `/v1/assets/${asset}`, { key: shop() }), 200)).toMatchObject({
    alias: 'sku:4711',
  })
  await leavesNothing(system, () =>
    expectRefusal(upload(inProcess, jpeg, {}, '&alias=sku:4711'), 409, 'alias-conflict'),
  )
})

test('the query is read strictly, before the body', async () => {
  await leavesNothing(system, async () => {
    const bad = [
      '&collection=avatar',
      '&publish=never',
      '&colour=red',
      '&alias=',
      '&alias=a%20b',
      `&filename=${'x'.repeat(1025)}`,
    ]
    for (const query of bad) await expectRefusal(upload(inProcess, jpeg, {}, query), 400, 'invalid-request')
    await expectRefusal(inProcess('POST', '/v1/assets', { key: shop(), body: jpeg }), 400, 'invalid-request')
    const nowhere = inProcess('POST', '/v1/assets?collection=nothing', { key: shop(), body: jpeg })
    await expectRefusal(nowhere, 404, 'not-found')
    await expectRefusal(
      inProcess('POST', '/v1/assets?collection=avatar', { key: shop(), body: jpeg }),
      403,
      'forbidden',
    )
    await expectRefusal(upload(inProcess, new Uint8Array(0)), 409, 'upload-incomplete')
  })
})

test('a file name is a label, never a path', async () => {
  const names: Record<string, string> = {
    '../../etc/passwd': 'passwd',
    'C:\\photos\\a.jpg': 'a.jpg',
    'a\r\nSet-Cookie: x=1.jpg': 'aSet-Cookie: x=1.jpg',
    'a\u0000b.jpg': 'ab.jpg',
    'Grüße 🌸.jpg': 'Grüße 🌸.jpg',
    'photo\u202egpj.exe': 'photogpj.exe',
    '\u061ca\u200eb\u200fc\u202ad\u202be\u202cf\u202dg\u2066h\u2067i\u2068j\u2069.jpg': 'abcdefghij.jpg',
    'עברית.jpg': 'עברית.jpg',
  }
  for (const [given, kept] of Object.entries(names)) {
    const { asset } = await expectJson(upload(inProcess, fresh(), {}, `&filename=${encodeURIComponent(given)}`), 201)
    const version = await expectJson(inProcess('GET', `/v1/assets/${asset}/versions/1`, { key: shop() }), 200)
    expect(version.filename).toBe(kept)
  }
  const { asset } = await expectJson(upload(inProcess, fresh(), {}, '&filename=%2F'), 201)
  expect(
    (await expectJson(inProcess('GET', `/v1/assets/${asset}/versions/1`, { key: shop() }), 200)).filename,
  ).toBeUndefined()
})

test('an administrator uploads in the name of the owner', async () => {
  const { asset } = await expectJson(
    inProcess('POST', '/v1/assets?collection=avatar', { key: ADMIN_KEY, body: fresh() }),
    201,
  )
  expect(await expectJson(inProcess('GET', `/v1/assets/${asset}`, { key: ADMIN_KEY }), 200)).toMatchObject({
    owner: 'mobile',
  })
})
