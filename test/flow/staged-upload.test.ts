/** Uploads that are put straight into the store, in one piece and in parts: what is signed, what is verified, what is left. */
import { createHash, randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stagingKey } from '../../src/objects/keys.ts'
import { type Sweep, startSweep } from '../../src/reconcile/sweep.ts'
import { uploadDirect } from '../../src/sdk/index.ts'
import { query } from '../faults/intact.ts'
import {
  expectJson,
  expectRefusal,
  leavesNothing,
  openClient,
  openSocketClient,
  type Send,
  settled,
  traces,
} from '../support/http.ts'
import { photo } from '../support/images.ts'
import { openHttp } from '../support/sources.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const MIB = 1024 * 1024
let system: System
let send: Send
let sweep: Sweep
let jpeg: Buffer

beforeAll(async () => {
  system = await startSystem({ env: { STAGED_PART_BYTES: String(5 * MIB), MAX_STAGED_BYTES: String(30 * MIB) } })
  send = await openClient(system)
  sweep = startSweep(system.core)
  await sweep.stop()
  jpeg = Buffer.from(await photo({ width: 320, height: 200 }))
})
afterAll(() => system.close())

interface Upload {
  readonly upload_id: string
  readonly state: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly part_bytes?: number
  readonly parts?: { number: number; bytes: number; received: boolean; url: string; headers: Record<string, string> }[]
  readonly received?: boolean
  readonly deduplicated?: boolean
  readonly expires_at: string
  readonly version?: object
  readonly problem?: object
}
interface Version {
  readonly asset: string
  readonly version: number
  readonly digest: string
}

const shop = (): string => system.keys['shop-web']
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const fresh = (): Buffer => Buffer.concat([jpeg, randomBytes(16)])
const reserve = (bytes: Uint8Array, more: object = {}, key = shop()): Promise<Response> =>
  send('POST', '/v1/uploads', {
    key,
    body: {
      collection: 'product-photo',
      bytes: bytes.length,
      media_type: 'image/jpeg',
      sha256: digest(bytes),
      ...more,
    },
  })
const reserved = (bytes: Uint8Array, more: object = {}, key = shop()): Promise<Upload> =>
  expectJson<Upload>(reserve(bytes, more, key), 201)
const put = async ({ url, headers }: Pick<Upload, 'url' | 'headers'>, bytes: Uint8Array): Promise<number> => {
  const response = await fetch(url, { method: 'PUT', headers, body: new Uint8Array(bytes) })
  await response.text()
  return response.status
}
const complete = (id: string, body?: object, key = shop(), headers = {}): Promise<Response> =>
  send('POST', `/v1/uploads/${id}/complete`, { key, headers, ...(body && { body }) })
const read = (id: string, key = shop()): Promise<Upload> =>
  expectJson<Upload>(send('GET', `/v1/uploads/${id}`, { key }), 200)
const staged = async (): Promise<string[]> => (await traces(system)).staging
const original = async (bytes: Uint8Array): Promise<Buffer | undefined> => {
  for await (const { key } of system.core.originals.list('')) {
    if (!key.endsWith(digest(bytes))) continue
    const chunks = []
    for await (const chunk of await system.core.originals.get({ key })) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  return undefined
}

describe('an upload in one piece', () => {
  test('is reserved, put, completed; nothing of it stays in staging', async () => {
    const bytes = fresh()
    const upload = await reserved(bytes, {
      filename: 'a/b/holiday.jpg',
      labels: ['beach'],
      alias: `sku:${digest(bytes)}`,
    })
    expect(upload).toMatchObject({ state: 'OPEN', method: 'PUT', received: false, collection: 'product-photo' })
    expect(Date.parse(upload.expires_at) - Date.now()).toBeLessThanOrEqual(900_000)
    await expectRefusal(complete(upload.upload_id), 409, 'upload-incomplete')
    expect(await put(upload, bytes)).toBe(200)
    expect(await read(upload.upload_id)).toMatchObject({ state: 'OPEN', received: true })
    const version = await expectJson<Version>(complete(upload.upload_id), 201)
    expect(version).toMatchObject({
      version: 1,
      digest: `sha256:${digest(bytes)}`,
      media_type: 'image/jpeg',
      width: 320,
    })
    expect((await original(bytes))?.equals(bytes)).toBe(true)
    expect(await staged()).toEqual([])
    const asset = await expectJson(send('GET', `/v1/assets/${version.asset}`, { key: shop() }), 200)
    expect(asset).toMatchObject({ labels: ['beach'], alias: `sku:${digest(bytes)}` })
    const stored = await expectJson(send('GET', `/v1/assets/${version.asset}/versions/1`, { key: shop() }), 200)
    expect(stored).toMatchObject({ filename: 'holiday.jpg', source: { entrance: 'staged', ref: upload.upload_id } })
    expect(await read(upload.upload_id)).toMatchObject({ state: 'COMPLETED', version })
    expect((await read(upload.upload_id)).url).toBeUndefined()
  })

  test('without digest and type is what its bytes are', async () => {
    const bytes = fresh()
    const upload = await reserved(bytes, { sha256: undefined, media_type: undefined })
    expect(Object.keys(upload.headers)).toEqual(['content-length'])
    expect(await put(upload, bytes)).toBe(200)
    expect(await expectJson(complete(upload.upload_id), 201)).toMatchObject({ digest: `sha256:${digest(bytes)}` })
  })

  test('is the next version of an asset, completed by any of the three requests', async () => {
    const first = await system.upload(fresh())
    const [second, third] = [fresh(), fresh()]
    const of = { collection: undefined, asset: first.asset }
    const a = await reserved(second, of)
    await put(a, second)
    const versions = `/v1/assets/${first.asset}/versions`
    const byId = (path: string, id: string) => send('POST', path, { key: shop(), body: { upload_id: id } })
    await expectRefusal(byId('/v1/assets', a.upload_id), 409, 'conflict')
    const other = await system.upload(fresh())
    await expectRefusal(byId(`/v1/assets/${other.asset}/versions`, a.upload_id), 409, 'conflict')
    expect(await expectJson(byId(versions, a.upload_id), 201)).toMatchObject({ asset: first.asset, version: 2 })
    const b = await reserved(third, of)
    await put(b, third)
    expect(await expectJson(complete(b.upload_id, {}), 201)).toMatchObject({ asset: first.asset, version: 3 })
    const bytes = fresh()
    const c = await reserved(bytes)
    await put(c, bytes)
    await expectRefusal(byId(versions, c.upload_id), 409, 'conflict')
    expect(await expectJson(byId('/v1/assets', c.upload_id), 201)).toMatchObject({ version: 1 })
  })

  test('is completed once, however often it is asked for', async () => {
    const bytes = fresh()
    const upload = await reserved(bytes)
    await put(upload, bytes)
    const headers = { 'Idempotency-Key': crypto.randomUUID() }
    const answers = await Promise.all(
      Array.from({ length: 4 }, (_, n) => complete(upload.upload_id, undefined, shop(), n === 0 ? headers : {})),
    )
    const done = answers.filter(({ status }) => status === 201)
    expect(done.length).toBeGreaterThan(0)
    for (const answer of answers) if (answer.status !== 201) await expectRefusal(answer, 409, 'upload-incomplete')
    const version = await expectJson<Version>(complete(upload.upload_id, undefined, shop(), headers), 201)
    const again = await complete(upload.upload_id)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await expectJson(again, 201)).toEqual(version)
    for (const answer of done) expect(await answer.json()).toEqual(version)
    const made = await query(system.core, `select 1 from asset_version where sha256 = decode($1, 'hex')`, [
      digest(bytes),
    ])
    expect(made).toHaveLength(1)
  })

  test('is completed although whoever asked has left, and told to whoever asks again', async () => {
    const socket = await openSocketClient(system)
    const bytes = Buffer.concat([fresh(), randomBytes(20 * MIB)])
    const { upload_id, parts = [], part_bytes = 0 } = await reserved(bytes)
    for (const part of parts) {
      const from = (part.number - 1) * part_bytes
      expect(await put(part, bytes.subarray(from, from + part.bytes))).toBe(200)
    }
    const leaving = new AbortController()
    const path = `/v1/uploads/${upload_id}/complete`
    const asked = fetch(new URL(path, socket.address), {
      method: 'POST',
      headers: { Authorization: `Bearer ${shop()}`, 'Idempotency-Key': 'left' },
      signal: leaving.signal,
    }).catch(({ name }) => name)
    await until('it is begun', async () => (await read(upload_id)).state === 'COMPLETING')
    leaving.abort()
    expect(await asked).toBe('AbortError')
    await until('it is done', async () => (await read(upload_id)).state === 'COMPLETED', { withinMs: 30_000 })
    const told = await expectJson<Version>(complete(upload_id, undefined, shop(), { 'Idempotency-Key': 'left' }), 201)
    expect(told).toMatchObject({ version: 1, digest: `sha256:${digest(bytes)}` })
    expect((await read(upload_id)).version).toMatchObject({ asset: told.asset })
    await socket.close()
  })

  test('by the client of the SDK is waited for, through a proxy that has less patience', async () => {
    const socket = await openSocketClient(system)
    let completions = 0
    const proxy = await openHttp(async (request, response) => {
      const path = request.url ?? ''
      const { authorization = '', 'idempotency-key': key = '', 'content-type': type = '' } = request.headers
      const passed = fetch(new URL(path, socket.address), {
        method: 'POST',
        headers: { Authorization: authorization, 'Idempotency-Key': String(key), 'Content-Type': type },
        body: await text(request),
      })
      if (path.endsWith('/complete') && ++completions === 1) return void response.writeHead(504).end('no patience')
      const answer = await passed
      const retryAfter = answer.headers.get('retry-after')
      response.writeHead(answer.status, retryAfter === null ? {} : { 'Retry-After': retryAfter })
      response.end(await answer.text())
    })
    const bytes = Buffer.concat([fresh(), randomBytes(20 * MIB)])
    const made = await uploadDirect({
      url: `http://127.0.0.1:${proxy.port}`,
      key: shop(),
      wish: { collection: 'product-photo' },
      content: new Blob([bytes]),
    })
    expect(made).toMatchObject({ version: 1, digest: `sha256:${digest(bytes)}` })
    expect(completions).toBeGreaterThan(1)
    await proxy.close()
    await socket.close()
  })

  test('put again after its completion changes nothing, and is removed', async () => {
    const bytes = fresh()
    const upload = await reserved(bytes)
    await put(upload, bytes)
    const version = await expectJson<Version>(complete(upload.upload_id), 201)
    expect(await put(upload, bytes)).toBe(200)
    expect(await expectJson(complete(upload.upload_id), 201)).toEqual(version)
    expect(await staged()).toHaveLength(1)
    await sweep.once()
    expect(await staged()).toEqual([])
  })

  test('is reserved once under a key, and read afresh when it is asked for again', async () => {
    const bytes = fresh()
    const request = {
      key: shop(),
      body: { collection: 'product-photo', bytes: bytes.length },
      headers: { 'Idempotency-Key': crypto.randomUUID() },
    }
    const first = await expectJson<Upload>(send('POST', '/v1/uploads', request), 201)
    const replayed = await send('POST', '/v1/uploads', request)
    expect(replayed.headers.get('idempotent-replayed')).toBe('true')
    const again = await expectJson<Upload>(replayed, 201)
    expect(again.upload_id).toBe(first.upload_id)
    expect(await put(again, bytes)).toBe(200)
    await expectRefusal(
      send('POST', '/v1/uploads', { ...request, body: { ...request.body, bytes: 1 } }),
      422,
      'idempotency-key-reused',
    )
    await expectJson(complete(first.upload_id), 201)
    expect(await expectJson(send('POST', '/v1/uploads', request), 201)).toMatchObject({ state: 'COMPLETED' })
    const [kept] = await query<{ body: string }>(system.core, 'select body from idempotency where key = $1', [
      request.headers['Idempotency-Key'],
    ])
    expect(kept?.body).not.toContain('X-Amz')
  })
})

describe('content that is not what was announced', () => {
  const refusedForGood = async (upload: Upload, code: string, status = 422): Promise<void> => {
    const problem = await expectRefusal(complete(upload.upload_id), status, code)
    const again = await expectRefusal(complete(upload.upload_id), status, code)
    expect(again.errors).toEqual(problem.errors)
    expect(await read(upload.upload_id)).toMatchObject({ state: 'REJECTED', problem: { code } })
    expect(await staged()).toEqual([])
  }
  /** What a store that enforces nothing would let through. */
  const plant = (upload: Upload, bytes: Uint8Array) =>
    system.core.staging.put({
      key: stagingKey('demo', upload.upload_id),
      body: bytes,
      bytes: bytes.length,
      sha256: digest(bytes),
      mediaType: 'image/jpeg',
    })

  test('in its digest, length or type is refused for good, and removed', async () => {
    const others = fresh()
    const [byDigest, byLength] = [await reserved(fresh()), await reserved(fresh())]
    await plant(byDigest, others)
    await refusedForGood(byDigest, 'content-mismatch')
    await plant(byLength, Buffer.concat([others, Buffer.from('more')]))
    await refusedForGood(byLength, 'content-mismatch')
    const text = Buffer.from(`no picture ${'x'.repeat(500)}`)
    const byType = await reserved(text)
    expect(await put(byType, text)).toBe(200)
    await refusedForGood(byType, 'content-mismatch')
    const broken = jpeg.subarray(0, 200)
    const corrupt = await reserved(broken)
    expect(await put(corrupt, broken)).toBe(200)
    await refusedForGood(corrupt, 'corrupt-media')
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')
    const active = await reserved(svg, { media_type: undefined })
    expect(await put(active, svg)).toBe(200)
    await refusedForGood(active, 'unsupported-media', 415)
  })

  test('cannot be put in the first place', async () => {
    const [bytes, others] = [fresh(), fresh()]
    const upload = await reserved(bytes)
    expect(await put(upload, others)).toBe(400)
    expect(await put({ ...upload, headers: { ...upload.headers, 'content-type': 'text/html' } }, bytes)).toBe(403)
    const elsewhere = upload.url.replace(upload.upload_id, crypto.randomUUID())
    expect(await put({ ...upload, url: elsewhere }, bytes)).toBe(403)
    expect(await staged()).toEqual([])
    await expectRefusal(complete(upload.upload_id), 409, 'upload-incomplete')
    expect(await put(upload, bytes)).toBe(200)
    await expectJson(complete(upload.upload_id), 201)
  })
})

test('is refused before anything is made', async () => {
  const bytes = fresh()
  await leavesNothing(system, async () => {
    await expectRefusal(reserve(bytes, { collection: 'nothing' }), 404, 'not-found')
    await expectRefusal(reserve(bytes, { bytes: 30 * MIB + 1 }), 413, 'payload-too-large')
    for (const media_type of ['image/svg+xml', 'jpeg'])
      await expectRefusal(reserve(bytes, { media_type }), 415, 'unsupported-media')
    const bad = [
      { bytes: 0 },
      { bytes: 1.5 },
      { sha256: 'abc' },
      { collection: undefined },
      { colour: 'red' },
      { asset: crypto.randomUUID(), alias: 'x' },
      { alias: 'a b' },
    ]
    for (const body of bad) await expectRefusal(reserve(bytes, body), 422, 'contract-violation')
    const nowhere = { collection: undefined, asset: crypto.randomUUID() }
    await expectRefusal(reserve(bytes, nowhere), 404, 'not-found')
    await expectRefusal(
      send('POST', '/v1/uploads', {
        key: shop(),
        body: { collection: 'product-photo', bytes: 1 },
        headers: { 'Idempotency-Key': '' },
      }),
      400,
      'invalid-request',
    )
  })
})

test('is nobody else’s', async () => {
  const bytes = fresh()
  const upload = await reserved(bytes)
  await put(upload, bytes)
  await leavesNothing(system, async () => {
    const other = system.keys.mobile
    for (const id of [upload.upload_id, crypto.randomUUID(), 'nothing']) {
      await expectRefusal(send('GET', `/v1/uploads/${id}`, { key: other }), 404, 'not-found')
      await expectRefusal(complete(id, undefined, other), 404, 'not-found')
      await expectRefusal(send('DELETE', `/v1/uploads/${id}`, { key: other }), 404, 'not-found')
    }
    const body = { upload_id: upload.upload_id }
    await expectRefusal(send('POST', '/v1/assets', { key: other, body }), 404, 'not-found')
  })
  expect(await read(upload.upload_id, ADMIN_KEY)).toMatchObject({ state: 'OPEN' })
  expect((await send('DELETE', `/v1/uploads/${upload.upload_id}`, { key: shop() })).status).toBe(204)
  expect(await staged()).toEqual([])
  await expectRefusal(complete(upload.upload_id), 404, 'not-found')
})

describe('bytes that are known', () => {
  test('need not be sent by who may have them, and are news to whoever may not', async () => {
    const bytes = fresh()
    await system.upload(bytes)
    await settled(system)
    const upload = await expectJson<Upload>(reserve(bytes), 200)
    expect(upload).toMatchObject({ deduplicated: true, sha256: `sha256:${digest(bytes)}`, state: 'OPEN' })
    const before = (await traces(system)).originals
    expect(await expectJson(complete(upload.upload_id), 201)).toMatchObject({ deduplicated: true, version: 1 })
    expect((await traces(system)).originals).toEqual(before)

    const admin = (method: string, path: string, body: object) => send(method, path, { key: ADMIN_KEY, body })
    await expectJson(admin('PUT', '/v1/products/curious', { display_name: 'Curious' }), 201)
    const key = (await expectJson<{ secret: string }>(admin('POST', '/v1/products/curious/keys', {}), 201)).secret
    await expectJson(admin('PUT', '/v1/collections/guesses', { owner: 'curious' }), 201)
    const guess = { collection: 'guesses' }
    const guessed = await reserved(bytes, guess, key)
    const unknown = await reserved(fresh(), guess, key)
    expect(Object.keys(guessed)).toEqual(Object.keys(unknown))
    await expectRefusal(complete(guessed.upload_id, undefined, key), 409, 'upload-incomplete')
    // To see it is not to have it.
    await expectJson(admin('PUT', '/v1/collections/product-photo/grants/curious', { role: 'reader' }), 201)
    await expectJson(reserve(bytes, guess, key), 201)
    const grant = { role: 'reader', original_access: true }
    await expectJson(admin('PUT', '/v1/collections/product-photo/grants/curious', grant), 200)
    const granted = await expectJson<Upload>(reserve(bytes, guess, key), 200)
    await send('DELETE', '/v1/collections/product-photo/grants/curious', {
      key: ADMIN_KEY,
      headers: { 'If-Match': '*' },
    })
    await expectRefusal(complete(granted.upload_id, undefined, key), 409, 'upload-incomplete')
  })
})

describe('an upload in parts', () => {
  const big = (): Buffer => Buffer.concat([jpeg, randomBytes(11 * MIB)])
  const putPart = (upload: Upload, bytes: Buffer, number: number): Promise<number> => {
    const part = upload.parts?.[number - 1]
    const start = (number - 1) * (upload.part_bytes ?? 0)
    if (!part) throw new Error(`There is no part ${number}`)
    return put(part, bytes.subarray(start, start + part.bytes))
  }

  test('is sent, resumed and made one', async () => {
    const bytes = big()
    const upload = await reserved(bytes, { sha256: undefined })
    expect(upload.part_bytes).toBe(5 * MIB)
    expect(upload.parts?.map(part => part.bytes)).toEqual([5 * MIB, 5 * MIB, bytes.length - 10 * MIB])
    expect(await putPart(upload, bytes, 3)).toBe(200)
    expect(await putPart(upload, bytes, 1)).toBe(200)
    const resumed = await read(upload.upload_id)
    expect(resumed.parts?.map(part => part.received)).toEqual([true, false, true])
    expect(resumed.parts?.[0]?.url).toBeUndefined()
    expect(await expectRefusal(complete(upload.upload_id), 409, 'upload-incomplete')).toMatchObject({ missing: [2] })
    expect(await putPart(resumed, bytes, 2)).toBe(200)
    expect(await read(upload.upload_id)).toMatchObject({ received: true })
    expect(await expectJson(complete(upload.upload_id), 201)).toMatchObject({
      digest: `sha256:${digest(bytes)}`,
      bytes: bytes.length,
    })
    expect((await original(bytes))?.equals(bytes)).toBe(true)
    expect(await staged()).toEqual([])
    expect(await sessions()).toEqual([])
  })

  test('may name its parts, which have to be those that came', async () => {
    const bytes = big()
    const upload = await reserved(bytes)
    const parts = []
    for (const { number, url, headers, bytes: length } of upload.parts ?? []) {
      const start = (number - 1) * 5 * MIB
      const body = new Uint8Array(bytes.subarray(start, start + length))
      const response = await fetch(url, { method: 'PUT', headers, body })
      parts.push({ number, etag: response.headers.get('etag') ?? '' })
    }
    const wrong = parts.map(part => ({ ...part, etag: '"00000000000000000000000000000000"' }))
    await expectRefusal(complete(upload.upload_id, { parts: wrong }), 409, 'upload-incomplete')
    await expectJson(complete(upload.upload_id, { parts }), 201)
  })

  test('that is given up or expires leaves nothing', async () => {
    const bytes = big()
    const [givenUp, expired] = [await reserved(bytes), await reserved(bytes)]
    for (const upload of [givenUp, expired]) expect(await putPart(upload, bytes, 1)).toBe(200)
    const small = await reserved(jpeg)
    await put(small, jpeg)
    expect((await send('DELETE', `/v1/uploads/${givenUp.upload_id}`, { key: shop() })).status).toBe(204)
    expect(await sessions()).toHaveLength(1)
    await sweep.once()
    expect([await sessions(), await staged()]).toMatchObject([{ length: 1 }, { length: 1 }])
    await query(system.core, `update upload set expires_at = now() where state = 'OPEN'`)
    await sweep.once()
    expect([await sessions(), await staged()]).toEqual([[], []])
    for (const { upload_id } of [expired, small]) {
      await expectRefusal(complete(upload_id), 409, 'conflict')
      expect(await read(upload_id)).toMatchObject({ state: 'EXPIRED' })
    }
  })
})

test('sessions and objects without a row are removed, keys of others are not', async () => {
  const { staging } = system.core
  const old = '00000000-0000-7000-8000-000000000000'
  const object = (key: string) => ({
    key,
    body: jpeg,
    bytes: jpeg.length,
    sha256: digest(jpeg),
    mediaType: 'image/jpeg',
  })
  await staging.put(object(stagingKey('demo', old)))
  await staging.put(object('t/demo/r/of-others'))
  await staging.beginParts({ key: stagingKey('demo', old), mediaType: undefined })
  const others = await staging.beginParts({ key: 't/demo/r/of-others', mediaType: undefined })
  await sweep.once()
  expect(await staged()).toEqual(['t/demo/r/of-others'])
  expect(await sessions()).toEqual(['t/demo/r/of-others'])
  await staging.delete('t/demo/r/of-others')
  await staging.dropParts(others)
})

test('names that people gave are kept while it is open, no longer', async () => {
  const bytes = fresh()
  const upload = await reserved(bytes, { filename: 'me.jpg', alias: 'me' })
  await put(upload, bytes)
  await expectJson(complete(upload.upload_id), 201)
  const [row] = await query<{ wish: object }>(system.core, 'select wish from upload where upload_id = $1', [
    upload.upload_id,
  ])
  expect(row?.wish).toEqual({ collection: 'product-photo', publish: 'when-ready', mediaType: 'image/jpeg' })
})

test('open uploads are capped, and their bytes count to the budget', async () => {
  const admin = (method: string, path: string, body: object) => send(method, path, { key: ADMIN_KEY, body })
  await expectJson(admin('PUT', '/v1/products/frugal', { display_name: 'F', limits: { stored_bytes: 1000 } }), 201)
  const key = (await expectJson<{ secret: string }>(admin('POST', '/v1/products/frugal/keys', {}), 201)).secret
  await expectJson(admin('PUT', '/v1/collections/frugal', { owner: 'frugal' }), 201)
  const wish = (bytes: number) => ({ collection: 'frugal', bytes })
  const first = await expectJson<Upload>(send('POST', '/v1/uploads', { key, body: wish(600) }), 201)
  await leavesNothing(system, () =>
    expectRefusal(send('POST', '/v1/uploads', { key, body: wish(401) }), 403, 'over-budget'),
  )
  await send('DELETE', `/v1/uploads/${first.upload_id}`, { key })
  await expectJson(send('POST', '/v1/uploads', { key, body: wish(401) }), 201)
  const many = `insert into upload (tenant_id, upload_id, product_id, wish, byte_length, created_by, expires_at)
    select 'demo', gen_random_uuid(), 'frugal', '{"publish": "now", "collection": "frugal"}', 1, 'test', now() + interval '1 h'
    from generate_series(2, $1)`
  await query(system.core, many, [system.config.maxOpenUploads])
  const capped = () => expectRefusal(send('POST', '/v1/uploads', { key, body: wish(1) }), 429, 'rate-limited')
  expect(await leavesNothing(system, capped)).toMatchObject({ retry_after: 60 })
})

test('what the collection does not take is refused when it is reserved, or for good when it has come', async () => {
  const owner = { owner: 'shop-web', rules: { max_bytes: 50_000, min_width: 1000 } }
  await expectJson(send('PUT', '/v1/collections/strict', { key: ADMIN_KEY, body: owner }), 201)
  const bytes = fresh()
  const strict = { collection: 'strict' }
  await leavesNothing(system, () =>
    expectRefusal(reserve(bytes, { ...strict, bytes: 50_001 }), 413, 'payload-too-large'),
  )
  const upload = await reserved(bytes, strict)
  expect(await put(upload, bytes)).toBe(200)
  for (let n = 0; n < 2; n++) await expectRefusal(complete(upload.upload_id), 422, 'contract-violation')
  expect(await staged()).toEqual([])
})

test('a page of any origin may put', async () => {
  const bytes = fresh()
  const upload = await reserved(bytes)
  const origin = 'https://shop.example'
  const preflight = await fetch(upload.url, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'content-type,x-amz-checksum-sha256,x-amz-content-sha256',
    },
  })
  expect(preflight.status).toBe(200)
  expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT')
  expect(preflight.headers.get('access-control-allow-headers')).toContain('x-amz-content-sha256')
  const answer = await fetch(upload.url, {
    method: 'PUT',
    headers: { ...upload.headers, Origin: origin },
    body: new Uint8Array(bytes),
  })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  expect(answer.headers.get('access-control-expose-headers')).toContain('ETag')
})

const sessions = async (): Promise<string[]> => {
  const found = []
  for await (const { key } of system.core.staging.sessions()) found.push(key)
  return found
}
