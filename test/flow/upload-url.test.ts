/** Originals by URL, from sources that mean no harm. Attacks are in test/faults/fetch-attacks.test.ts. */
import { createHash, randomUUID } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, leavesNothing, openClient, openSocketClient, type Send } from '../support/http.ts'
import { gradient, photo } from '../support/images.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { type System, startSystem } from '../support/system.ts'

let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let jpeg: Buffer<ArrayBuffer>
let source: Place
/** What the source heard, and what it answers by path. */
const heard: { url: string; headers: Record<string, unknown> }[] = []
const answers = new Map<string, RequestListener>()

beforeAll(async () => {
  system = await startSystem({ env: { FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any', MAX_FETCH_BYTES: '2000000' } })
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  jpeg = Buffer.from(await photo({ width: 320, height: 200 }))
  source = await openHttp((request, response) => {
    heard.push({ url: request.url ?? '', headers: request.headers })
    const answer = answers.get((request.url ?? '').split('?')[0] ?? '')
    if (answer) answer(request, response)
    else response.writeHead(404).end()
  })
})
afterAll(async () => {
  await source.close()
  await socket.close()
  await system.close()
})

const shop = (): string => system.keys['shop-web']
const fresh = (): Buffer<ArrayBuffer> => Buffer.concat([jpeg, Buffer.from(randomUUID())])
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const at = (path: string): string => `http://127.0.0.1:${source.port}${path}`
/** The bytes under a path of their own. */
const serves = (bytes: Uint8Array, { type = 'image/jpeg', name = `${randomUUID()}.jpg` } = {}): string => {
  answers.set(`/${name}`, (_request, response) => response.writeHead(200, { 'Content-Type': type }).end(bytes))
  return at(`/${name}`)
}
const create = (send: Send, body: object, headers: Record<string, string> = {}) =>
  send('POST', '/v1/assets', { key: shop(), body: { collection: 'product-photo', ...body }, headers })
const versionOf = (asset: unknown, version = 1) =>
  expectJson(inProcess('GET', `/v1/assets/${asset}/versions/${version}`, { key: shop() }), 200)
const rowOf = async (asset: unknown) => {
  const text = 'select entrance, source_ref, publish_policy from asset_version where asset_id = $1'
  const [row] = await system.core.database.rows({ name: '', text }, [asset])
  return row
}

describe.each(['in process', 'through a socket'] as const)('an upload by URL %s', transport => {
  const send: Send = (...request) => (transport === 'in process' ? inProcess : socket.send)(...request)

  test('is the upload of the bytes that are there', async () => {
    const bytes = fresh()
    const stored = await expectJson(create(send, { source_url: serves(bytes) }), 201)
    expect(stored).toMatchObject({
      digest: `sha256:${digest(bytes)}`,
      media_type: 'image/jpeg',
      width: 320,
      version: 1,
    })
    const original = await send('GET', `/i/shop-web/${stored.asset}/v1/original`, { key: shop() })
    expect([200, 302]).toContain(original.status)
  })

  test('gives a next version, of the same bytes by whichever entrance one original', async () => {
    const { asset, digest: first } = await expectJson(create(send, { source_url: serves(fresh()) }), 201)
    const bytes = fresh()
    const path = `/v1/assets/${asset}/versions`
    await expectJson(send('POST', path, { key: shop(), body: bytes }), 201)
    const next = await expectJson(send('POST', path, { key: shop(), body: { source_url: serves(bytes) } }), 201)
    expect(next).toMatchObject({ version: 3, deduplicated: true, digest: `sha256:${digest(bytes)}` })
    expect(next.digest).not.toBe(first)
  })
})

test('the wishes are in the body', async () => {
  const bytes = fresh()
  const alias = `a-${randomUUID()}`
  const wish = { alias, labels: ['b', 'a', 'b'], publish: 'manual', filename: 'a/b/red.jpg', sha256: digest(bytes) }
  const { asset } = await expectJson(create(inProcess, { source_url: serves(bytes), ...wish }), 201)
  expect(await versionOf(asset)).toMatchObject({ filename: 'red.jpg' })
  expect(await rowOf(asset)).toMatchObject({ publish_policy: 'manual' })
  expect(await expectJson(inProcess('GET', `/v1/assets/${asset}`, { key: shop() }), 200)).toMatchObject({
    alias,
    labels: ['a', 'b'],
  })
  await expectRefusal(create(inProcess, { source_url: serves(fresh()), alias }), 409, 'alias-conflict')
})

test('a version is called what its path is called, and remembers where it came from, without its query', async () => {
  answers.set('/media/rote%20schuhe.jpg', (_, response) => response.end(fresh()))
  const url = `${at('/media/rote%20schuhe.jpg')}?X-Amz-Signature=secret#top`
  const { asset } = await expectJson(create(inProcess, { source_url: url }), 201)
  expect(await versionOf(asset)).toMatchObject({ filename: 'rote schuhe.jpg' })
  expect(await rowOf(asset)).toMatchObject({ entrance: 'url', source_ref: at('/media/rote%20schuhe.jpg') })
  expect(heard.at(-1)?.url).toBe('/media/rote%20schuhe.jpg?X-Amz-Signature=secret')
})

test('nothing of ours goes to the source', async () => {
  await expectJson(create(inProcess, { source_url: serves(fresh()) }, { Cookie: 'a=b', 'X-Secret': 'mine' }), 201)
  const headers = heard.at(-1)?.headers ?? {}
  expect(Object.keys(headers).sort()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
  expect(headers['accept-encoding']).toBe('identity')
})

test('the content decides what it is, and its source only where nobody else can', async () => {
  const png = await gradient({ width: 30, height: 20 }).png().toBuffer()
  const said = async (bytes: Uint8Array, type: string) =>
    (await expectJson(create(inProcess, { source_url: serves(bytes, { type }) }), 201)).media_type
  expect(await said(png, 'image/jpeg')).toBe('image/png')
  expect(await said(Buffer.from(`a,b\n${randomUUID()}`), 'text/csv')).toBe('text/csv')
  expect(await said(Buffer.from(`nobody knows ${randomUUID()}`), 'image/png')).toBe('application/octet-stream')
  expect(await said(Buffer.from(`nobody knows ${randomUUID()}`), 'not a type')).toBe('application/octet-stream')
  await leavesNothing(system, async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')
    await expectRefusal(create(inProcess, { source_url: serves(svg) }), 415, 'unsupported-media')
  })
})

test('redirects are followed, up to five', async () => {
  const bytes = fresh()
  answers.set('/end.jpg', (_, response) => response.end(bytes))
  const statuses = [301, 302, 303, 307, 308]
  for (const [index, status] of statuses.entries())
    answers.set(`/hop${index}`, (_, response) =>
      response.writeHead(status, { Location: index === 4 ? '/end.jpg' : `hop${index + 1}` }).end(),
    )
  answers.set('/six', (_, response) => response.writeHead(302, { Location: at('/hop0') }).end())
  const { asset } = await expectJson(create(inProcess, { source_url: at('/hop0') }), 201)
  expect(await versionOf(asset)).toMatchObject({ digest: `sha256:${digest(bytes)}`, filename: 'hop0' })
  await leavesNothing(system, async () => {
    await expectRefusal(create(inProcess, { source_url: at('/six') }), 424, 'source-unavailable')
  })
})

test('what the source refuses is told, with its status', async () => {
  await leavesNothing(system, async () => {
    for (const status of [404, 403, 500, 206, 204, 304]) {
      answers.set(`/status${status}`, (_, response) => response.writeHead(status).end())
      const problem = await expectJson(create(inProcess, { source_url: at(`/status${status}`) }), 424)
      expect(problem).toMatchObject({ code: 'source-unavailable', source_status: status, retryable: true })
    }
  })
})

test('what is not what was announced is refused, and what is too large before it is read', async () => {
  answers.set('/large', (_, response) => response.writeHead(200, { 'Content-Length': '2000001' }).flushHeaders())
  await leavesNothing(system, async () => {
    const other = { source_url: serves(fresh()), sha256: digest(jpeg) }
    await expectRefusal(create(inProcess, other), 422, 'content-mismatch')
    await expectRefusal(create(inProcess, { source_url: at('/large') }), 413, 'payload-too-large')
    await expectRefusal(create(inProcess, { source_url: serves(Buffer.alloc(0)) }), 409, 'upload-incomplete')
  })
})

test('a key that is used again is answered again, and nothing is fetched again', async () => {
  const headers = { 'Idempotency-Key': randomUUID() }
  const source_url = serves(fresh())
  const first = await expectJson(create(inProcess, { source_url }, headers), 201)
  const before = heard.length
  expect(await expectJson(create(inProcess, { source_url }, headers), 201)).toEqual(first)
  expect(heard.length).toBe(before)
  await expectRefusal(create(inProcess, { source_url: serves(fresh()) }, headers), 422, 'idempotency-key-reused')
  await expectRefusal(create(inProcess, { source_url, filename: 'x' }, headers), 422, 'idempotency-key-reused')
})

test('a key of a refusal may be used again', async () => {
  const headers = { 'Idempotency-Key': randomUUID() }
  const source_url = at('/later.jpg')
  await expectRefusal(create(inProcess, { source_url }, headers), 424, 'source-unavailable')
  answers.set('/later.jpg', (_, response) => response.end(fresh()))
  await expectJson(create(inProcess, { source_url }, headers), 201)
})

test('nothing is fetched for who may not upload, and for what does not fit', async () => {
  const source_url = serves(fresh())
  const before = heard.length
  const post = (path: string, body: object, key: string | undefined = shop()) => inProcess('POST', path, { key, body })
  await expectRefusal(
    inProcess('POST', '/v1/assets', { body: { collection: 'product-photo', source_url } }),
    401,
    'unauthenticated',
  )
  await expectRefusal(post('/v1/assets', { collection: 'nowhere', source_url }), 404, 'not-found')
  await expectRefusal(post(`/v1/assets/${randomUUID()}/versions`, { source_url }), 404, 'not-found')
  for (const body of [
    { source_url },
    { collection: 'product-photo', source_url: 'photo.jpg' },
    { collection: 'product-photo', source_url: 7 },
    { collection: 'product-photo', source_url, colour: 'red' },
    { collection: 'product-photo', source_url, sha256: 'abc' },
    { collection: 'product-photo' },
  ])
    await expectRefusal(post('/v1/assets', body), 422, 'contract-violation')
  for (const body of ['{"source', '7', 'null', `["${source_url}"]`])
    await expectRefusal(
      inProcess('POST', '/v1/assets', { key: shop(), body, headers: { 'Content-Type': 'application/json' } }),
      422,
      'contract-violation',
    )
  await expectRefusal(
    post('/v1/assets?publish=now', { collection: 'product-photo', source_url }),
    400,
    'invalid-request',
  )
  expect(heard.length).toBe(before)
})

test('what is fetched is counted', async () => {
  await expectJson(create(inProcess, { source_url: serves(fresh()) }), 201)
  await expectRefusal(create(inProcess, { source_url: 'file:///etc/passwd' }), 422, 'url-forbidden')
  const metrics = await (await inProcess('GET', '/metrics')).text()
  expect(metrics).toMatch(/matrix_fetches_total\{result="fetched"\} [1-9]/)
  expect(metrics).toMatch(/matrix_fetches_total\{result="url-forbidden"\} [1-9]/)
})
