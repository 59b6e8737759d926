/**
 * What goes on while something is away, and that all of it is back by itself when that is: the table of docs/resilience.md, row by row,
 * with engines that are gone and engines that hang. What the table says is what is expected here.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTelling } from '../../src/events/start-telling.ts'
import { type Core, openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { serve } from '../../src/http/serve.ts'
import { openWarmLane } from '../../src/http/warm-lane.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { openWorker } from '../../src/worker.ts'
import { expectJson } from '../support/http.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { openReceiver, type Receiver, TAKES } from '../support/receiver.ts'
import { findRedis, startRedis, type TestRedis } from '../support/redis.ts'
import { ADMIN_KEY, type CallOptions, requestOf, type System, startSystem } from '../support/system.ts'
import { startTroubled, type Trouble, type Troubled } from '../support/trouble.ts'
import { until } from '../support/until.ts'
import { photo } from './photo.ts'

const PAGE = join(import.meta.dirname, '../../docs/resilience.md')
const rowsOf = (page: string, heading: string): string[][] =>
  (page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    )
const [[, ...ways] = [], , ...rows] = rowsOf(readFileSync(PAGE, 'utf8'), 'What goes on')
const TABLE = new Map(
  rows.map(([name = '', ...cells]) => [name, Object.fromEntries(ways.map((way, i) => [way, cells[i]]))]),
)

const binary = await findRedis()
const hasRedis = 'command' in binary

let system: System
let core: Core
let address: string
let redis: TestRedis | undefined
let issuer: Issuer
let receiver: Receiver
let other: Receiver
const engines: Record<string, Troubled> = {}
const ends: (() => Promise<unknown>)[] = []
let seed = 70_000
let asset: string
let signing: { kid: string; secret: string }
let toggled: string
let version = 2

const ask = (path: string, { method = 'GET', ...options }: CallOptions & { method?: string } = {}): Promise<Response> =>
  fetch(`${address}${path}`, requestOf(method, options))
const admin = async (method: string, path: string, body?: object): Promise<Record<string, string>> => {
  const response = await system.call(method, path, { key: ADMIN_KEY, ...(body && { body }) })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Record<string, string>
}
const key = (): string => system.keys['shop-web']

/** Of the gateway that everything here is asked of: each engine behind a proxy. */
const openTroubled = async (): Promise<void> => {
  const { host, port } = system.engines.database as { host: string; port: number }
  const s3 = new URL(system.s3.endpoint)
  engines.Postgres = await startTroubled(() =>
    host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host),
  )
  engines['the object store'] = await startTroubled(() => connect(Number(s3.port), s3.hostname))
  const database = { ...system.engines.database, host: '127.0.0.1', port: engines.Postgres.port }
  if (hasRedis) {
    redis = await startRedis(binary)
    const { port: redisPort } = new URL(redis.url)
    engines.Redis = await startTroubled(() => connect(Number(redisPort), '127.0.0.1'))
  }
  core = await openCore({
    config: system.config,
    engines: {
      database,
      queue: engines.Redis
        ? { kind: 'redis', url: `redis://127.0.0.1:${engines.Redis.port}` }
        : { kind: 'postgres', connection: database },
      s3: { ...system.engines.s3, endpoint: `http://127.0.0.1:${engines['the object store'].port}` },
    },
    name: 'degrade',
  })
  const gateway = openGateway(core)
  const options = { host: '127.0.0.1', port: 0, drainMs: 0, lane: openWarmLane(gateway) }
  const server = await serve(createApp(gateway).fetch, options)
  address = server.address
  const [worker, sweep, telling] = [await openWorker(core), startSweep(core), startTelling(gateway)]
  ends.push(
    () => server.drain(),
    () => telling.stop(),
    () => sweep.stop(),
    () => worker.drain(),
    () => core.close(),
    ...Object.values(engines).map(engine => () => engine.close()),
  )
}

const text = (): Uint8Array => new TextEncoder().encode(crypto.randomUUID())
/** Through a gateway that has no trouble: a fact that others have to hear of. */
const publishElsewhere = async (): Promise<number> => {
  version = 3 - version
  const made = { key: key(), body: { version }, headers: { 'If-Match': '*' } }
  const { publication } = await expectJson<{ publication: number }>(
    system.call('POST', `/v1/assets/${toggled}/publish`, made),
    200,
  )
  return publication
}

const said = ({ status }: Response, good: number): string =>
  status === good ? 'yes' : status === 503 || status === 504 ? '503' : `${status}`
/** `later`, where it is not so by then. */
const inTime = (what: string, check: () => Promise<boolean> | boolean): Promise<string> =>
  until(what, check, { withinMs: 3_000 }).then(
    () => 'yes',
    () => 'later',
  )
const isHeard = ({ heard }: Receiver, publication: number) =>
  heard.some(({ event }) => event.data.publication === publication && event.data.asset === toggled)

/** Of a picture that another gateway has just taken in; the workers are those that have the trouble. */
const derived = async (): Promise<string> => {
  const made = await system.upload(await photo(++seed), 'collection=product-photo&publish=now')
  const path = `/i/shop-web/${made.asset}/v1/card.jpg`
  const answer = await ask(path, { key: key() })
  if (answer.status !== 202) return said(answer, 302)
  return inTime('it is derived', async () => (await ask(path, { key: key() })).status === 302)
}

/** From the stream, which is opened for it, and from a page. */
const told = async (after: number, publication: number): Promise<string> => {
  const page = await ask(`/v1/events?after=${after}&limit=1`, { key: key() })
  if (page.status !== 200) return said(page, 200)
  const stream = await ask(`/v1/events/stream?after=${after}&seconds=5`, { key: key() })
  if (stream.status !== 200 || stream.body === null) return said(stream, 200)
  let all = ''
  for await (const chunk of stream.body) {
    all += Buffer.from(chunk).toString()
    if (all.includes(`"publication":${publication},`) && all.includes(toggled)) return 'yes'
  }
  return 'later'
}

/** How each way stands, asked at the same time. */
const stands = async (): Promise<[string, string][]> => {
  const { head } = await expectJson<{ head: number }>(system.call('GET', '/v1/events?limit=1', { key: key() }), 200)
  const publication = await publishElsewhere()
  const photoKey = { key: system.keys.mobile }
  const signed = signUrl({
    path: `/i/shop-web/${asset}/v1/card.jpg`,
    ...signing,
    now: Date.now(),
    lifetimeSeconds: 3_600,
  })
  const card = `/v1/products/shop-web/assets/${asset}/renditions/card`
  const checks: Record<string, () => Promise<string>> = {
    'a version, signed or public': async () => {
      const [one, two] = [await ask(signed), await ask(`/i/mobile/${asset}/v1/tile.jpg`)]
      return said(one, 302) === 'yes' ? said(two, 200) : said(one, 302)
    },
    'resolve, by key': async () => said(await ask(card, { key: key() }), 302),
    'resolve, by token': async () => said(await ask(card, { key: await issuer.sign() }), 302),
    'what is not derived yet': derived,
    'bytes through the gateway': async () => {
      const answer = await ask(`/i/mobile/${asset}/v1/original`, photoKey)
      await answer.arrayBuffer()
      return said(answer, 200)
    },
    upload: async () =>
      said(
        await ask('/v1/assets?collection=product-photo', { method: 'POST', key: key(), body: new Uint8Array(text()) }),
        201,
      ),
    publish: async () => {
      const made = { method: 'POST', key: key(), body: { version: 1 }, headers: { 'If-Match': '*' } }
      return said(await ask(`/v1/assets/${asset}/publish`, made), 200)
    },
    'events, pages and stream': () => told(head, publication),
    webhooks: async () => {
      const others = await inTime('the other hears it', () => isHeard(other, publication))
      if (others !== 'yes') return others
      return (await inTime('it hears it', () => isHeard(receiver, publication))) === 'yes' ? 'yes' : 'to others'
    },
  }
  return Promise.all(
    Object.entries(checks).map(async ([way, check]): Promise<[string, string]> => [way, await check()]),
  )
}

beforeAll(async () => {
  system = await startSystem({
    worker: false,
    env: {
      JWKS_LOOPBACK: '1',
      WEBHOOK_ALLOW: '127.0.0.1',
      WEBHOOK_TIMEOUT_MS: '1000',
      WORKERS: '1',
      MAX_WAIT_MS: '5000',
    },
  })
  await openTroubled()
  const edge = { role: 'editor', delivery: 'stream', visibility: 'public', original_access: true }
  await admin('PUT', '/v1/collections/product-photo/grants/mobile', edge)
  signing = (await admin('POST', '/v1/products/shop-web/signing-keys', {})) as typeof signing
  issuer = await startIssuer({ audience: 'degrade' })
  await issuer.addKey('known', 'ES256')
  const { iss, audience, jwksUri: jwks_uri } = issuer
  const subjects = [{ value: 'robot', product: 'shop-web' }]
  await admin('PUT', '/v1/issuers/idp', { iss, audience, jwks_uri, algorithms: ['ES256'], subjects })
  ;[receiver, other] = [await openReceiver(), await openReceiver()]
  for (const { url } of [receiver, other]) {
    const body = { url, types: ['asset.published'] }
    await expectJson(system.call('POST', '/v1/subscriptions', { key: key(), body }), 201)
  }
  ;({ asset } = await system.upload(await photo(++seed)))
  const first = await system.upload(text())
  toggled = first.asset
  await expectJson(system.call('POST', `/v1/assets/${toggled}/versions`, { key: key(), body: text() }), 201)
  await until('all goes on', async () => (await stands()).every(([, stood]) => stood === 'yes'), {
    withinMs: 40_000,
    everyMs: 500,
  })
}, 120_000)
afterAll(async () => {
  for (const end of ends) await end()
  await Promise.all([receiver.close(), other.close(), issuer.close()])
  await redis?.remove()
  await system.close()
})

const troubles: Record<string, (trouble: Trouble) => void> = {
  ...(hasRedis && { Redis: trouble => engines.Redis?.become(trouble) }),
  'the object store': trouble => engines['the object store']?.become(trouble),
  Postgres: trouble => engines.Postgres?.become(trouble),
  'a receiver of webhooks': trouble =>
    receiver.behave(
      { none: TAKES, gone: (response: { destroy(): void }) => response.destroy(), hangs: () => undefined }[trouble],
    ),
  'an issuer': trouble => {
    if (trouble === 'none') issuer.answers()
    else if (trouble === 'gone') issuer.goAway()
    else issuer.answers(() => undefined)
  },
}

test('the page knows every trouble and every way', () => {
  expect([...TABLE.keys()].filter(name => name !== 'Redis')).toEqual(
    Object.keys(troubles).filter(name => name !== 'Redis'),
  )
  expect(ways).toHaveLength(9)
})

describe.each(Object.entries(troubles))('without %s', (name, become) => {
  test.each(['gone', 'hangs'] as const)(
    'which is %s',
    async trouble => {
      const expected = TABLE.get(name)
      const seen = new Set<string>()
      const look = async () => {
        const stood = await stands()
        for (const [, how] of stood) seen.add(how)
        return Object.fromEntries(stood)
      }
      const startedAt = performance.now()
      become(trouble)
      try {
        let stood = await look()
        // What comes first finds out, and may wait for it.
        for (let round = 0; round < 3 && JSON.stringify(stood) !== JSON.stringify(expected); round++)
          stood = await look()
        expect(stood).toEqual(expected)
        expect([...seen].filter(how => !['yes', '503', 'later', 'to others'].includes(how))).toEqual([])
      } finally {
        become('none')
      }
      become('none')
      const backAt = performance.now()
      const isBack = async () => Object.values(await look()).every(how => how === 'yes')
      await until('everything is back', isBack, { withinMs: 30_000 })
      const ms = (from: number, to: number): number => Math.round(to - from)
      console.log(
        `${name} ${trouble}: as tabled after ${ms(startedAt, backAt)} ms, back after ${ms(backAt, performance.now())} ms`,
      )
    },
    120_000,
  )
})
