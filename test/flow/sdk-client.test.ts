/** The client of the SDK against a gateway, through a network that loses requests, answers and time. */
import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { type Client, createClient, isProblem, MatrixProblem } from '../../src/sdk/index.ts'
import { openSocketClient } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { openHttp } from '../support/sources.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

type Fate = (go: () => Promise<Response>) => Promise<Response>
const lostRequest: Fate = () => Promise.reject(new TypeError('fetch failed'))
const lostAnswer: Fate = async go => {
  await (await go()).arrayBuffer()
  throw new TypeError('fetch failed')
}
const answers =
  (status: number, headers: Record<string, string> = {}): Fate =>
  async () =>
    new Response(JSON.stringify({ code: 'overloaded', status, title: 'Busy' }), { status, headers })

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let client: Client
let fates: Fate[]
let asked: { readonly method: string; readonly key: string | null }[]

beforeAll(async () => {
  system = await startSystem()
  socket = await openSocketClient(system)
  const faulty: typeof fetch = (input, init) => {
    asked.push({ method: init?.method ?? 'GET', key: new Headers(init?.headers).get('idempotency-key') })
    const go = () => fetch(input, init)
    return (fates.shift() ?? (it => it()))(go)
  }
  const { 'shop-web': key } = system.keys
  client = createClient({ baseUrl: socket.address, key, product: 'shop-web', fetch: faulty })
})
beforeEach(() => {
  fates = []
  asked = []
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const count = async (): Promise<number> => {
  let assets = 0
  for await (const _ of client.search()) assets++
  return assets
}
const card = async () => new Blob([new Uint8Array(await photo({ width: 640, height: 480 }))], { type: 'image/jpeg' })
const problem = (promise: Promise<unknown>): Promise<MatrixProblem> =>
  promise.then(
    () => expect.unreachable('it was not refused'),
    error => {
      expect(error).toBeInstanceOf(MatrixProblem)
      return error
    },
  )

describe('a day of a product', () => {
  test('is one word for each thing', async () => {
    const made = await client.upload(await card(), { collection: 'product-photo', alias: 'erp-1', labels: ['summer'] })
    expect(made).toMatchObject({ version: 1, collection: 'product-photo', deduplicated: false })
    const found = await client.resolve(made.asset, 'card', { wait: 10 })
    expect(found).toMatchObject({ state: 'ready', product: 'shop-web', media_type: 'image/jpeg' })
    const bytes = await client.open(made.asset, 'card', { wait: 10 })
    expect((await bytes.arrayBuffer()).byteLength).toBe('bytes' in found ? found.bytes : undefined)

    const items = await client.resolveBatch([
      { asset: made.asset, rendition: 'card' },
      { asset: made.asset, rendition: 'nothing' },
    ])
    expect(items.map(({ status }) => status)).toEqual([200, 404])
    expect(await client.picture(made.asset, ['card'], { wait: '10' })).toMatchObject({ state: 'ready' })

    const asset = await client.asset(made.asset)
    expect(asset).toMatchObject({ id: made.asset, labels: ['summer'], status: 'ACTIVE' })
    const changed = await client.change(made.asset, { labels: ['winter'] }, { ifMatch: asset.etag })
    expect(changed.labels).toEqual(['winter'])
    const stale = client.change(made.asset, { labels: ['autumn'] }, { ifMatch: asset.etag })
    expect(await problem(stale)).toMatchObject({ code: 'precondition-failed', status: 412 })

    const next = await client.uploadVersion(made.asset, await card(), { publish: 'manual' })
    expect(next.version).toBe(2)
    expect((await client.versions(made.asset)).items).toHaveLength(2)
    const found2 = []
    for await (const one of client.search({ labels: 'winter' })) found2.push(one.id)
    expect(found2).toEqual([made.asset])
    const published = await client.publish(made.asset, 1, { ifMatch: '*' })
    expect(published).toMatchObject({ asset: made.asset, version: 1 })
  })

  test('goes straight into the store with large files, and streams from anywhere', async () => {
    const direct = await client.uploadDirect(await card(), { collection: 'product-photo' })
    expect(direct).toMatchObject({ version: 1 })
    const source = await card()
    const streamed = await client.upload(() => source.stream(), {
      collection: 'product-photo',
      mediaType: 'image/jpeg',
    })
    expect(streamed.bytes).toBe(source.size)
  })

  test('hears of itself in pages and as a stream, from where it was', async () => {
    const { asset } = await client.upload(await card(), { collection: 'product-photo' })
    await sequenceEvents(system.core.database)
    const heard: string[] = []
    let known = 0
    for await (const page of client.pages({ subject: `assets/${asset}` })) {
      heard.push(...page.items.map(({ type }) => type))
      known = page.next_after
    }
    expect(heard.slice(0, 2)).toEqual(['io.matrix.asset.created.v1', 'io.matrix.asset.version_created.v1'])

    const stop = new AbortController()
    // Broken off before the first event: it begins anew, and nothing is missed.
    fates = [lostRequest]
    const stream = client.stream({ after: known, types: ['asset.metadata_changed'], signal: stop.signal })
    const first = stream.next()
    await client.change(asset, { labels: ['told'] }, { ifMatch: '*' })
    await sequenceEvents(system.core.database)
    expect((await first).value).toMatchObject({ type: 'io.matrix.asset.metadata_changed.v1', data: { asset } })
    stop.abort(new Error('enough'))
    await expect(stream.next()).rejects.toThrow('enough')
  })

  test('manages its webhooks', async () => {
    const made = await client.subscriptions
      .create({ url: 'https://shop.example/hook', types: ['asset.published'] })
      .catch(error => error)
    // The name leads nowhere here, and an address that cannot be checked is none.
    expect(isProblem(made, 'url-forbidden')).toBe(true)
    expect((await client.subscriptions.list()).items).toEqual([])
  })
})

describe('what goes wrong', () => {
  test('an answer that is lost makes nothing twice: the key is the same with each try', async () => {
    const before = await count()
    fates = [lostAnswer, lostAnswer]
    asked = []
    const made = await client.upload(await card(), { collection: 'product-photo' })
    expect(asked.map(({ method }) => method)).toEqual(['POST', 'POST', 'POST'])
    expect(new Set(asked.map(({ key }) => key)).size).toBe(1)
    expect(made.version).toBe(1)
    expect(await count()).toBe(before + 1)
  })

  test('what is not safe to ask twice is asked once', async () => {
    const { asset } = await client.upload(await card(), { collection: 'product-photo' })
    asked = []
    fates = [lostAnswer]
    expect(await problem(client.publish(asset, 1, { ifMatch: '*' }))).toMatchObject({ code: 'unreachable', status: 0 })
    expect(asked).toHaveLength(1)
    const stream = (await card()).stream()
    asked = []
    fates = [lostRequest]
    expect(await problem(client.upload(stream, { collection: 'product-photo' }))).toMatchObject({ code: 'unreachable' })
    expect(asked).toHaveLength(1)
  })

  test('a stream of node that has been read is not sent again; one that a function opens is, from its beginning', async () => {
    const received: number[] = []
    const busy = await openHttp((request, response) => {
      let bytes = 0
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      request.on('end', () => {
        received.push(bytes)
        response.writeHead(503).end()
      })
    })
    const open = () => Readable.from([Buffer.alloc(70_000), Buffer.alloc(30_000)])
    const one = createClient({ baseUrl: `http://127.0.0.1:${busy.port}`, key: 'k', retries: 1 })
    expect(await problem(one.upload(open(), { collection: 'product-photo' }))).toMatchObject({ status: 503 })
    expect(received).toEqual([100_000])
    expect(await problem(one.upload(open, { collection: 'product-photo' }))).toMatchObject({ status: 503 })
    expect(received).toEqual([100_000, 100_000, 100_000])
    await busy.close()
  })

  test('a refusal is not asked again, and has its code, its document and its places', async () => {
    const unknown = await problem(client.asset(crypto.randomUUID()))
    expect(unknown).toMatchObject({ code: 'not-found', status: 404, document: { code: 'not-found' } })
    expect(asked).toHaveLength(1)
    const bad = await problem(client.request('POST /v1/uploads', { body: { collection: 'product-photo', bytes: 0 } }))
    expect(bad.code).toBe('contract-violation')
    expect(bad.document?.errors?.[0]?.pointer).toBe('/bytes')
    const stranger = createClient({ baseUrl: socket.address, key: 'mtx_live_nobody' })
    expect(await problem(stranger.asset(crypto.randomUUID()))).toMatchObject({ code: 'unauthenticated' })
  })

  test('one that is busy is asked when it says; one that says too late for the deadline, not at all', async () => {
    fates = [answers(503, { 'Retry-After': '1' })]
    const began = performance.now()
    await client.request('GET /v1/products/{product}/usage', { path: { product: 'shop-web' } })
    expect(performance.now() - began).toBeGreaterThanOrEqual(1_000)
    expect(asked).toHaveLength(2)
    asked = []
    fates = [answers(429, { 'Retry-After': '60' })]
    const busy = client.versions(crypto.randomUUID(), { timeoutMs: 5_000 })
    expect(await problem(busy)).toMatchObject({ status: 429, retryAfterMs: 60_000 })
    expect(asked).toHaveLength(1)
  })

  test('it gives up after so many tries, at its deadline, and when its caller does', async () => {
    fates = Array.from({ length: 9 }, () => lostRequest)
    expect(await problem(client.asset(crypto.randomUUID()))).toMatchObject({ code: 'unreachable' })
    expect(asked).toHaveLength(5)
    const hangs: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.throwIfAborted()
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      })
    const patient = createClient({ baseUrl: socket.address, key: system.keys.mobile, fetch: hangs, timeoutMs: 50 })
    expect(await problem(patient.asset(crypto.randomUUID()))).toMatchObject({ code: 'deadline-exceeded' })
    const leaving = new AbortController()
    const left = patient.asset(crypto.randomUUID(), { signal: leaving.signal, timeoutMs: 60_000 })
    leaving.abort(new Error('the user has left'))
    await expect(left).rejects.toThrow('the user has left')
  })

  test('a client that cannot work is not made', () => {
    expect(() => createClient({ baseUrl: 'assets', key: 'k' })).toThrow(TypeError)
    expect(() => createClient({ baseUrl: socket.address })).toThrow('either a key or a token')
  })

  test('a token is asked for before each try', async () => {
    let issued = 0
    const token = (): string => `${issued++ === 0 ? 'mtx_live_old' : system.keys['shop-web']}`
    const bearer = createClient({ baseUrl: socket.address, token, product: 'shop-web' })
    expect(await problem(bearer.subscriptions.list())).toMatchObject({ code: 'unauthenticated' })
    expect((await bearer.subscriptions.list()).items).toEqual([])
  })

  test('a token that is over while a stream goes on is followed by a fresh one, and one that is refused ends it', async () => {
    const { asset } = await client.upload(await card(), { collection: 'product-photo' })
    const make = async () => {
      const made = await system.call('POST', '/v1/products/shop-web/keys', { key: ADMIN_KEY, body: {} })
      return (await made.json()) as { readonly id: string; readonly secret: string }
    }
    const revoke = (id: string) =>
      system.call('DELETE', `/v1/keys/${id}`, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })
    const tell = async (label: string): Promise<void> => {
      await client.change(asset, { labels: [label] }, { ifMatch: '*' })
      await sequenceEvents(system.core.database)
    }
    const tokens = [await make(), await make()]
    let issued = 0
    const token = (): string => tokens[Math.min(issued++, tokens.length - 1)]?.secret ?? ''
    const { head = 0 } = (await client.pages().next()).value ?? {}
    const stop = new AbortController()
    const bearer = createClient({ baseUrl: socket.address, token, product: 'shop-web' })
    const only = { subject: `assets/${asset}`, types: ['asset.metadata_changed'] } as const
    const stream = bearer.stream({ ...only, after: head, signal: stop.signal })
    await tell('one')
    expect((await stream.next()).value).toMatchObject({ data: { asset } })
    await revoke(tokens[0]?.id ?? '')
    const second = stream.next()
    await tell('two')
    expect((await second).value).toMatchObject({ data: { asset } })
    expect(issued).toBe(2)
    await revoke(tokens[1]?.id ?? '')
    const third = stream.next()
    await tell('three')
    expect(await problem(third)).toMatchObject({ code: 'unauthenticated', status: 401, document: expect.anything() })
    expect(issued).toBe(3)
    stop.abort()
  })
})
