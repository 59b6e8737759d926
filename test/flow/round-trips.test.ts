/** What a warm answer asks of whom, counted where it leaves the gateway: one statement of Postgres, nothing of S3, nothing of Redis. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { type Core, openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { serve } from '../../src/http/serve.ts'
import { openWarmLane } from '../../src/http/warm-lane.ts'
import { ANONYMOUS } from '../../src/policy/credentials.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { type ByteCount, startByteCount } from '../support/byte-count.ts'
import { expectJson, looked, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { type PgWire, startPgWire } from '../support/pg-wire.ts'
import { findRedis, startRedis, type TestRedis } from '../support/redis.ts'
import { type FaultProxy, startFaultProxy } from '../support/s3-fault-proxy.ts'
import { ADMIN_KEY, requestOf, type System, startSystem } from '../support/system.ts'

const binary = await findRedis()
/** Of the process and not of a request: when keys were used, what products may, the journal and its transactions. */
const OF_NO_REQUEST = /^(key_use|product_limits|audit_|begin|commit)/

let system: System
let wire: PgWire
let s3: FaultProxy
let redis: TestRedis | undefined
let commands: ByteCount | undefined
let core: Core
let gateway: ReturnType<typeof openGateway>
let server: Awaited<ReturnType<typeof serve>>
let asset: string
let assets: string[]
let signing: { kid: string; secret: string }
let token: string

beforeAll(async () => {
  system = await startSystem()
  const edge = { role: 'editor', delivery: 'stream', visibility: 'public', original_access: true }
  const grants = '/v1/collections/product-photo/grants/mobile'
  await expectJson(system.call('PUT', grants, { key: ADMIN_KEY, body: edge }), 200)
  signing = await expectJson(
    system.call('POST', '/v1/products/shop-web/signing-keys', { key: ADMIN_KEY, body: {} }),
    201,
  )
  assets = []
  for (let i = 0; i < 5; i++) assets.push((await system.upload(await photo({ width: 64 + i, height: 48 }))).asset)
  await settled(system)
  for (const id of assets) await looked(system, id)
  asset = assets[0] ?? ''
  const share = system.call('POST', `/v1/assets/${asset}/shares`, { key: system.keys['shop-web'], body: {} })
  token = (await expectJson<{ token: string }>(share, 201)).token

  wire = await startPgWire(system.engines.database as { host: string; port: number })
  s3 = await startFaultProxy(system.s3.endpoint)
  const database = { ...system.engines.database, host: wire.host, port: wire.port }
  if (!('missing' in binary)) {
    redis = await startRedis(binary)
    commands = await startByteCount(Number(new URL(redis.url).port))
  }
  const queue =
    commands === undefined
      ? { kind: 'postgres' as const, connection: database }
      : { kind: 'redis' as const, url: `redis://127.0.0.1:${commands.port}` }
  // Limits are put together in the background, whoever asks; here nobody does.
  const env = { ROLE: 'gateway', RATE_RESOLVE: '0', ASSET_MATRIX_DATA: system.folder, LOG_LEVEL: 'silent' }
  const config = readConfig(env, { cores: 2, terminal: false })
  core = await openCore({
    config,
    engines: { database, queue, s3: { ...system.engines.s3, endpoint: s3.endpoint } },
    name: 'counted',
  })
  gateway = openGateway(core)
  server = await serve(createApp(gateway).fetch, {
    host: '127.0.0.1',
    port: 0,
    drainMs: 0,
    lane: openWarmLane(gateway),
  })
  gateway.listeningOn(server.address)
})
afterAll(async () => {
  await server?.drain()
  await core?.close()
  await commands?.close()
  await redis?.remove()
  await s3?.close()
  await wire?.close()
  await system?.close()
})

const shop = (accept?: string) => ({ key: system.keys['shop-web'], ...(accept && { headers: { Accept: accept } }) })
const ask = async (
  path: string,
  { method = 'GET', ...options }: Parameters<typeof requestOf>[1] & { method?: string } = {},
) => {
  const response = await fetch(`${server.address}${path}`, requestOf(method, options))
  await response.arrayBuffer()
  return response
}

/** Of one request, when the same has been answered before. */
const counted = async (work: () => Promise<unknown>) => {
  await work()
  await work()
  s3.fail('NONE', 'silent', 0)
  wire.taken()
  const before = commands?.sent()
  await work()
  const { statements, roundTrips } = wire.taken()
  const ours = statements.filter(name => !OF_NO_REQUEST.test(name))
  return {
    statements: ours,
    roundTrips: roundTrips - (statements.length - ours.length),
    s3: s3.seen(),
    redis: (commands?.sent() ?? 0) - (before ?? 0),
  }
}

const path = (rendition = 'card') => `/v1/products/shop-web/assets/${asset}/renditions/${rendition}`
const signed = (inPath: boolean): string => signUrl({ path: `/i/shop-web/${asset}/v1/card.jpg`, ...signing, inPath })

const without = 'missing' in binary ? ` (without a Redis: ${binary.missing})` : ''

describe(`a warm answer asks Postgres once, and nobody else${without}`, () => {
  test.each<[string, number, string, () => Promise<Response>]>([
    ['a redirect', 302, 'resolve_stamp_plain', () => ask(path(), shop())],
    ['a document', 200, 'resolve_stamp', () => ask(path(), shop('application/json'))],
    [
      'a redirect of a product by its delivery path',
      302,
      'resolve_stamp',
      () => ask(`/i/shop-web/${asset}/v1/card.jpg`, shop()),
    ],
    ['what is current', 200, 'resolve_stamp_plain', () => ask(`/i/mobile/${asset}/current/tile.jpg`)],
    ['bytes that were streamed before', 200, 'resolve_stamp', () => ask(`/i/mobile/${asset}/v1/tile.jpg`)],
    ['a head', 200, 'resolve_stamp', () => ask(`/i/mobile/${asset}/v1/tile.jpg`, { method: 'HEAD' })],
    [
      'what the client has',
      304,
      'resolve_stamp',
      () => ask(`/i/mobile/${asset}/v1/tile.jpg`, { headers: { 'If-None-Match': '*' } }),
    ],
    ['a signed path', 302, 'resolve_stamp', () => ask(signed(true))],
    ['a signed query', 302, 'resolve_stamp', () => ask(signed(false))],
    ['a share link', 302, 'resolve_stamp', () => ask(`/share/${token}/i/shop-web/${asset}/v1/card.jpg`)],
  ])('%s', async (_what, status, statement, work) => {
    expect((await work()).status).toBe(status)
    expect(await counted(work)).toEqual({ statements: [statement], roundTrips: 1, s3: [], redis: 0 })
  })

  test('whoever asks in the same moment shares it', async () => {
    const questions = assets.flatMap(id =>
      ['card', 'hero'].map(rendition => ({
        ...ANONYMOUS,
        product: 'mobile',
        asset: id,
        version: undefined,
        rendition: rendition === 'card' ? 'tile' : 'hero',
        format: 'auto' as const,
        accept: 'image/jpeg',
        waitMs: 0,
        countSharers: false,
        address: undefined,
        signal: undefined,
      })),
    )
    const all = () =>
      Promise.all(
        Array.from({ length: 20 }, () => questions)
          .flat()
          .map(gateway.peek),
      )
    expect((await all()).every(ready => ready?.kind === 'ready')).toBe(true)
    expect(await counted(all)).toEqual({ statements: ['resolve_stamp_plain'], roundTrips: 1, s3: [], redis: 0 })
  })
})

test.each<[string, number, () => Promise<Response>]>([
  ['a signature that is not ours', 403, () => ask(`${signed(false).slice(0, -4)}AAAA`)],
  ['nobody in particular', 404, () => ask(`/i/shop-web/${asset}/v1/card.jpg`)],
])(
  '%s is refused by what is kept: asked about by the lane, and once more by the route that words it',
  async (_who, status, work) => {
    expect((await work()).status).toBe(status)
    expect(await counted(work)).toEqual({
      statements: ['resolve_stamp', 'resolve_stamp'],
      roundTrips: 2,
      s3: [],
      redis: 0,
    })
  },
)

test('many questions in one request are three statements at most, one of them for its key', async () => {
  const items = Array.from({ length: 200 }, (_, i) => ({
    asset: assets[i % assets.length],
    rendition: i % 2 ? 'card' : 'hero',
    ...(i % 3 === 0 && { version: 1 }),
  }))
  const work = async () => {
    const response = await ask('/v1/products/shop-web/resolve/batch', { method: 'POST', ...shop(), body: { items } })
    expect(response.status).toBe(200)
  }
  const { statements, roundTrips, s3: calls, redis: bytes } = await counted(work)
  expect(statements.length).toBeLessThanOrEqual(3)
  expect(roundTrips).toBe(statements.length)
  expect([calls, bytes]).toEqual([[], 0])
})

test('what has not been asked here before is read whole, in one statement', async () => {
  await ask(path('hero'), shop())
  await system.call('PATCH', `/v1/assets/${asset}`, {
    key: system.keys['shop-web'],
    body: { labels: ['changed'] },
    headers: { 'If-Match': '*' },
  })
  wire.taken()
  expect((await ask(path('hero'), shop())).status).toBe(302)
  const { statements } = wire.taken()
  // It was kept, does not hold any more, and is read.
  expect(statements.filter(name => !OF_NO_REQUEST.test(name))).toEqual(['resolve_stamp_plain', 'resolve'])
})
