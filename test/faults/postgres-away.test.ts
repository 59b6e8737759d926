/**
 * While Postgres is away, or hangs, pictures under signed and public paths of a version go on being shown, and everybody else
 * hears at once that it is away. When it is back, what it says counts again: what was taken back meanwhile is refused.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedDemo } from '../../src/cli/demo-set.ts'
import { readConfig } from '../../src/config.ts'
import { type EmbeddedPostgres, startPostgres } from '../../src/embedded/postgres.ts'
import { type Core, openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { serve } from '../../src/http/serve.ts'
import { openWarmLane } from '../../src/http/warm-lane.ts'
import { prepare } from '../../src/prepare.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { openWorker } from '../../src/worker.ts'
import { expectJson } from '../support/http.ts'
import { startEmbeddedS3 } from '../support/s3-server.ts'
import { ADMIN_KEY, type CallOptions, requestOf } from '../support/system.ts'
import { until } from '../support/until.ts'
import { query } from './intact.ts'
import { photo } from './photo.ts'
import { childrenOf } from './processes.ts'

const STALE = 'asset-matrix; hit; detail=stale'
let folder: string
let postgres: EmbeddedPostgres
let s3: Awaited<ReturnType<typeof startEmbeddedS3>>
/** Of the gateways, ahead of the machine's. */
let aheadMs = 0
const clock = { now: () => Date.now() + aheadMs }
const ends: (() => Promise<unknown>)[] = []

interface Gateway {
  readonly core: Core
  ask(path: string, options?: CallOptions & { method?: string }): Promise<Response>
}
let first: Gateway
let second: Gateway
/** Does not go by what was said before. */
let strict: Gateway
let keys: Record<string, string>
let asset: string
let signing: { kid: string; secret: string }
let token: string

const openHere = async (env: Record<string, string> = {}): Promise<Gateway> => {
  const config = readConfig(
    { ASSET_MATRIX_DATA: folder, LOG_LEVEL: 'silent', POLL_MS: '100', WORKERS: '1', ...env },
    { cores: 2, terminal: false },
  )
  const database = { ...postgres.connection }
  const engines = {
    database,
    queue: { kind: 'postgres' as const, connection: database },
    s3: { ...s3, forcePathStyle: true },
  }
  const core = await openCore({ config, engines, name: 'side', clock })
  const gateway = openGateway(core)
  const server = await serve(createApp(gateway).fetch, {
    host: '127.0.0.1',
    port: 0,
    drainMs: 0,
    lane: openWarmLane(gateway),
  })
  ends.unshift(
    () => server.drain(),
    () => core.close(),
  )
  return {
    core,
    ask: (path, { method = 'GET', ...options } = {}) => fetch(`${server.address}${path}`, requestOf(method, options)),
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-away-'))
  s3 = await startEmbeddedS3()
  postgres = await startPostgres({ folder: join(folder, 'postgres') })
  first = await openHere()
  await prepare(first.core, ADMIN_KEY)
  second = await openHere()
  strict = await openHere({ STALE_IF_AWAY_SECONDS: '0' })
  const admin = async (method: string, path: string, body?: object) => {
    const response = await first.ask(path, { method, key: ADMIN_KEY, ...(body && { body }) })
    return (await response.json()) as Record<string, string>
  }
  keys = await seedDemo(admin)
  const edge = { role: 'editor', delivery: 'stream', visibility: 'public', original_access: true }
  await admin('PUT', '/v1/collections/product-photo/grants/mobile', edge)
  const made = await admin('POST', '/v1/products/shop-web/signing-keys', {})
  signing = { kid: made.kid ?? '', secret: made.secret ?? '' }
  const worker = await openWorker(first.core)
  const body = new Uint8Array(await photo(1))
  asset = (
    await expectJson<{ asset: string }>(
      first.ask('/v1/assets?collection=product-photo', { method: 'POST', key: keys['shop-web'], body }),
      201,
    )
  ).asset
  token = (await admin('POST', `/v1/assets/${asset}/shares`, {})).token ?? ''
  await until(
    'everything is derived',
    async () => {
      const open = `select 1 from node where state not in ('DONE', 'DEAD') union all select 1 from original_look where made_at is null limit 1`
      return (await query(first.core, open)).length === 0
    },
    { withinMs: 30_000 },
  )
  await worker.drain()
})
afterAll(async () => {
  for (const end of ends) await end()
  await postgres.stop()
  await s3.close()
  await rm(folder, { recursive: true, force: true })
})

const card = (): string => `/i/shop-web/${asset}/v1/card.jpg`
const sign = (path: string, inPath = false): string =>
  signUrl({ path, ...signing, inPath, now: clock.now(), lifetimeSeconds: 3_600 })
/** Answered whatever becomes of Postgres, once they have been. */
const lasting = (): string[] => [
  sign(card()),
  sign(card(), true),
  `/i/mobile/${asset}/v1/tile.jpg`,
  `/i/mobile/${asset}/v1/hero.auto`,
]
const asked = async (): Promise<void> => {
  for (const gateway of [first, second, strict]) {
    for (const path of lasting()) expect([200, 302], path).toContain((await gateway.ask(path)).status)
  }
}
/** Of these somebody has to be asked. */
const others = (): [string, CallOptions][] => [
  [card(), { key: keys['shop-web'] ?? '' }],
  [`/v1/products/shop-web/assets/${asset}/renditions/card`, { key: keys['shop-web'] ?? '' }],
  [`/i/mobile/${asset}/current/tile.jpg`, {}],
  [`/i/mobile/${asset}/v1/tile.webp`, {}],
  [`/i/mobile/${asset}/v1/tile.jpg`, { headers: { 'Matrix-Min-Publication': '1' } }],
  [sign(`/i/shop-web/${asset}/v1/original`), {}],
  [sign(`/i/shop-web/${asset}/v1/hero.webp`), {}],
  [`/share/${token}/i/shop-web/${asset}/v1/card.jpg`, {}],
  [`/v1/assets/${asset}`, { key: keys['shop-web'] ?? '' }],
]

const expectLasting = async (tile: Buffer): Promise<void> => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => lasting())
      .flat()
      .map(path => first.ask(path)),
  )
  expect([...new Set(answers.map(({ status }) => status))].sort()).toEqual([200, 302])
  for (const { headers } of answers) {
    expect(headers.get('cache-status')).toBe(STALE)
    // Beyond, a cache may go on while nobody answers it, and no longer than a URL of then would have lived.
    expect(headers.get('cache-control')).toMatch(/^(public|private), max-age=[0-5](, stale-\w+-\w+=\d{1,3}){0,2}$/)
    expect(headers.get('cdn-cache-control')).toBeNull()
  }
  const target = answers[0]?.headers.get('location') ?? ''
  expect((await fetch(target)).status).toBe(200)
  expect(Buffer.from(await (answers[2] as Response).arrayBuffer()).equals(tile)).toBe(true)
  const known = answers[2]?.headers.get('etag') ?? ''
  const again = await first.ask(lasting()[2] ?? '', { headers: { 'If-None-Match': known } })
  expect([again.status, again.headers.get('cache-status')]).toEqual([304, STALE])
}

const expectOthersRefused = async (): Promise<void> => {
  for (const [path, options] of others()) {
    const response = await first.ask(path, options)
    expect(response.status, path).toBe(503)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('retry-after')).toBe('1')
  }
  for (const path of lasting()) expect((await strict.ask(path)).status).toBe(503)
  expect((await first.ask('/readyz')).status).toBe(503)
}

test('versions are shown while it is away, and what was taken back is refused when it is there again', async () => {
  await asked()
  const tile = Buffer.from(await (await first.ask(lasting()[2] ?? '')).arrayBuffer())
  process.kill(postgres.pid, 'SIGQUIT')
  await until('it is away', async () => (await first.ask(lasting()[0] ?? '')).headers.get('cache-status') === STALE)
  await expectLasting(tile)
  await expectOthersRefused()
  // A signature is checked as ever, and so is its end.
  expect((await first.ask(`${sign(card())}x`)).status).toBe(403)
  expect(
    (await first.ask(signUrl({ path: card(), ...signing, now: clock.now() - 7_200_000, lifetimeSeconds: 60 }))).status,
  ).toBe(403)

  aheadMs += 200_000
  expect((await first.ask(lasting()[0] ?? '')).status).toBe(302)
  aheadMs += 101_000
  for (const path of lasting()) expect((await first.ask(path)).status).toBe(503)
  aheadMs -= 301_000

  postgres = await startPostgres({ folder: join(folder, 'postgres') })
  const revoke = () =>
    second.ask(`/v1/signing-keys/${signing.kid}`, { method: 'DELETE', key: ADMIN_KEY, headers: { 'If-Match': '*' } })
  await until('the key is revoked', async () => [200, 204].includes((await revoke()).status))
  const link = sign(card())
  const statuses: number[] = []
  await until('nothing is stale any more', async () => {
    const { status, headers } = await first.ask(link)
    if (headers.get('cache-status') === STALE) return false
    statuses.push(status)
    return true
  })
  expect(statuses).toEqual([403])
  for (let i = 0; i < 5; i++) expect((await first.ask(link)).status).toBe(403)
  const picture = await first.ask(`/i/mobile/${asset}/v1/tile.jpg`)
  expect(picture.status).toBe(200)
  expect(picture.headers.get('cache-status')).not.toBe(STALE)
  expect(picture.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
}, 60_000)

test('while it hangs nobody waits for it, but who comes first for as long as it takes to find out', async () => {
  const made = await first.ask('/v1/products/shop-web/signing-keys', { method: 'POST', key: ADMIN_KEY, body: {} })
  signing = await expectJson(made, 201)
  await asked()
  const tile = Buffer.from(await (await first.ask(lasting()[2] ?? '')).arrayBuffer())
  const stopped = [postgres.pid, ...childrenOf(postgres.pid)]
  for (const pid of stopped) process.kill(pid, 'SIGSTOP')
  try {
    const startedAt = performance.now()
    await Promise.all([first.ask(lasting()[0] ?? ''), strict.ask(lasting()[0] ?? '')])
    const foundOutMs = performance.now() - startedAt
    await expectLasting(tile)
    await expectOthersRefused()
    const tookMs = performance.now() - startedAt - foundOutMs
    console.log(
      `a Postgres that hangs: found out in ${Math.round(foundOutMs)} ms, then ${others().length + 85} answers in ${Math.round(tookMs)} ms`,
    )
    // A statement is given up after 6 s by itself; each of these would have waited for one.
    expect(foundOutMs).toBeLessThan(5_000)
    expect(tookMs).toBeLessThan(5_000)
  } finally {
    for (const pid of stopped) process.kill(pid, 'SIGCONT')
  }
  await until(
    'it is asked again',
    async () => (await first.ask(lasting()[0] ?? '')).headers.get('cache-status') !== STALE,
  )
  expect((await first.ask(card(), { key: keys['shop-web'] ?? '' })).status).toBe(302)
}, 60_000)
