/** Tokens of a customer's issuer: they work wherever a key works, and end the moment that they should. */
import { generateKeyPairSync } from 'node:crypto'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { ADMIN_KEY, requestOf, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Ahead of the machine's clock by what a test has advanced. */
let aheadMs = 0
const now = (): number => Date.now() + aheadMs
const lines: string[] = []
let system: System
let issuer: Issuer
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
beforeAll(async () => {
  const log = pino({ level: 'trace' }, { write: line => void lines.push(line) })
  system = await startSystem({
    clock: { now },
    env: { JWKS_LOOPBACK: '1' },
    alter: core => ({ ...core, log }),
  })
  send = await openClient(system)
  socket = await openSocketClient(system)
  asset = (await system.upload(await photo({ width: 500, height: 300 }))).asset
  await settled(system)
  await system.worker?.drain() // what is asked for from now on stays pending
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

beforeEach(async () => {
  aheadMs = 0
  issuer = await startIssuer({ audience: `matrix-${crypto.randomUUID()}`, now })
  await issuer.addKey('k1', 'ES256')
  await believe()
  return () => issuer.close()
})

const admin = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
const ISSUER = '/v1/issuers/idp'
/** The issuer of the test, as `idp`, in the place of the one before. */
const believe = async (change: object = {}): Promise<void> => {
  const { iss, audience, jwksUri: jwks_uri } = issuer
  const subjects = [{ value: 'robot', product: 'shop-web' }]
  const body = { iss, audience, jwks_uri, algorithms: ['ES256', 'EdDSA', 'RS256'], subjects, ...change }
  expect((await admin('PUT', ISSUER, body)).ok).toBe(true)
}
const forget = async (): Promise<void> => {
  expect((await admin('DELETE', ISSUER, undefined, { 'If-Match': '*' })).status).toBe(204)
}

const list = (key: string, ask = send) => ask('GET', '/v1/assets?collection=product-photo', { key })
const resolvePath = (product = 'shop-web', rendition = 'card', id = asset) =>
  `/v1/products/${product}/assets/${id}/renditions/${rendition}`
const resolve = (key: string, ask = socket.send) => ask('GET', resolvePath(), { key })
const deliver = (key: string, ask = socket.send) => ask('GET', `/i/shop-web/${asset}/current/card.jpg`, { key })

const count = async (metric: string, result: string): Promise<number> => {
  const metrics = await (await system.call('GET', '/metrics')).text()
  return Number(new RegExp(`^${metric}\\{result="${result}"\\} (\\d+)`, 'm').exec(metrics)?.[1] ?? 0)
}
const verified = () => count('matrix_tokens_total', 'verified')

/** Another gateway over the same engines: it remembers nothing of the first. */
const anotherGateway = () => {
  const app = createApp(openGateway(system.core))
  return (key: string) => Promise.resolve(app.request('/v1/assets?collection=product-photo', requestOf('GET', { key })))
}

describe('a token', () => {
  test.each(['EdDSA', 'ES256', 'RS256'] as const)('by %s works wherever a key works', async alg => {
    await issuer.addKey('mine', alg)
    issuer.removeKey('k1')
    const token = await issuer.sign()
    expect((await list(token)).status).toBe(200)
    for (const ask of [send, socket.send, socket.send]) {
      expect((await resolve(token, ask)).status).toBe(302)
      expect((await deliver(token, ask)).status).toBe(302)
    }
  })

  test('is named in what it made', async () => {
    const token = await issuer.sign()
    const bytes = new TextEncoder().encode(crypto.randomUUID())
    const upload = send('POST', '/v1/assets?collection=product-photo', { key: token, body: bytes })
    const { asset: made } = await expectJson<{ asset: string }>(upload, 201)
    const events = await query<{ actor: string }>(system.core, 'select actor from event where asset_id = $1', [made])
    expect(new Set(events.map(({ actor }) => actor))).toEqual(new Set(['token_idp_robot']))
    const acts = `select actor, actor_kind from audit where action = 'asset.create' order by insert_no desc limit 1`
    expect(await query(system.core, acts)).toEqual([{ actor: 'token_idp_robot', actor_kind: 'token' }])
  })

  test('of one product gets 404 under the names of another', async () => {
    const token = await issuer.sign()
    for (const ask of [send, socket.send]) {
      for (const rendition of ['tile', 'hero', 'original'])
        await expectRefusal(ask('GET', resolvePath('mobile', rendition), { key: token }), 404, 'not-found')
      await expectRefusal(ask('GET', `/i/mobile/${asset}/current/tile.jpg`, { key: token }), 404, 'not-found')
    }
    await expectRefusal(admin('GET', '/v1/issuers/other'), 404, 'not-found')
    await expectRefusal(send('GET', '/v1/products', { key: token }), 403, 'forbidden')
  })

  test('is an administrator where its row says so, and only there', async () => {
    await believe({
      subjects: [
        { value: 'root', scopes: ['matrix:admin'] },
        { value: 'robot', product: 'shop-web', scopes: ['resolve'] },
      ],
    })
    const wish = { scope: 'matrix:admin', scopes: ['matrix:admin'], roles: ['admin'] }
    expect((await send('GET', '/v1/products', { key: await issuer.sign({ sub: 'root' }) })).status).toBe(200)
    await expectRefusal(send('GET', '/v1/products', { key: await issuer.sign(wish) }), 403, 'forbidden')
    await expectRefusal(list(await issuer.sign(wish)), 403, 'forbidden')
  })

  test('stands for whom the claim of the issuer names', async () => {
    const subjects = [{ value: 'mobile-app', product: 'mobile' }]
    await believe({ claim: 'https://issuer.example/client', subjects })
    const token = await issuer.sign({ 'https://issuer.example/client': 'mobile-app' })
    expect((await send('GET', resolvePath('mobile', 'tile'), { key: token })).status).toBe(302)
    await expectRefusal(list(await issuer.sign({ client: 'mobile-app' })), 401, 'unauthenticated')
  })

  test('may be meant for others too', async () => {
    expect((await list(await issuer.sign({ aud: ['https://elsewhere.example/', issuer.audience] }))).status).toBe(200)
  })

  test('has a leeway of half a minute', async () => {
    const second = Math.floor(Date.now() / 1000)
    for (const claims of [{ exp: second - 20 }, { nbf: second + 20 }, { iat: second + 20 }])
      expect((await list(await issuer.sign(claims))).status, JSON.stringify(claims)).toBe(200)
  })

  test('ends when it is over, remembered or not, and its URLs with it', async () => {
    const token = await issuer.sign({ exp: Math.floor(Date.now() / 1000) + 40 })
    const document = send('GET', `${resolvePath()}?delivery=json`, { key: token })
    const { delivery } = await expectJson<{ delivery: { expires_at: string } }>(document, 200)
    expect(Date.parse(delivery.expires_at)).toBeLessThanOrEqual(Date.now() + 70_000)
    expect((await resolve(token)).status).toBe(302)
    aheadMs = 71_000
    for (const ask of [send, socket.send]) await expectRefusal(resolve(token, ask), 401, 'unauthenticated')
    await expectRefusal(list(token), 401, 'unauthenticated')
  })
})

describe('a proof is remembered', () => {
  test('for a minute, and through changes of the matrix that are not its issuer', async () => {
    const token = await issuer.sign()
    const before = await verified()
    for (const ask of [send, socket.send, socket.send]) expect((await resolve(token, ask)).status).toBe(302)
    expect((await list(token)).status).toBe(200)
    expect(await verified()).toBe(before + 1)
    const grant = { role: 'editor', delivery: 'redirect' }
    expect((await admin('PUT', '/v1/collections/avatar/grants/partner-api', grant)).ok).toBe(true)
    for (const ask of [socket.send, socket.send, send]) expect((await resolve(token, ask)).status).toBe(302)
    expect(await verified()).toBe(before + 1)
    aheadMs = 61_000
    expect((await list(token)).status).toBe(200)
    expect(await verified()).toBe(before + 2)
    expect(issuer.asked()).toBe(1)
  })

  test('and answered by the warm lane, which asks nobody', async () => {
    const token = await issuer.sign()
    expect((await resolve(token)).status).toBe(302)
    const remembered = await count('matrix_tokens_total', 'remembered')
    for (let round = 0; round < 5; round++) expect((await resolve(token)).status).toBe(302)
    // The routes would have counted.
    expect(await count('matrix_tokens_total', 'remembered')).toBe(remembered)
  })

  test('but not beyond a change of what it says', async () => {
    const token = await issuer.sign()
    const elsewhere = anotherGateway()
    expect((await resolve(token)).status).toBe(302)
    expect((await resolve(token)).status).toBe(302)
    expect((await elsewhere(token)).status).toBe(200)
    await believe({ subjects: [{ value: 'robot', product: 'mobile', scopes: ['resolve'] }] })
    await expectRefusal(resolve(token), 404, 'not-found')
    await expectRefusal(list(token), 403, 'forbidden')
    expect((await elsewhere(token)).status).toBe(403)
    expect((await socket.send('GET', resolvePath('mobile', 'tile'), { key: token })).status).toBe(302)
    await believe({ audience: 'somebody-else' })
    for (const ask of [send, socket.send]) await expectRefusal(resolve(token, ask), 401, 'unauthenticated')
    expect((await elsewhere(token)).status).toBe(401)
  })
})

describe('an issuer that is revoked', () => {
  test('under load is believed by no request that begins afterwards, on no gateway', async () => {
    const token = await issuer.sign()
    const elsewhere = anotherGateway()
    const asks = [
      () => resolve(token),
      () => resolve(token),
      () => deliver(token),
      () => list(token),
      () => elsewhere(token),
    ]
    const told: { beganAt: number; status: number }[] = []
    let isOver = false
    const caller = async (ask: () => Promise<Response>): Promise<void> => {
      while (!isOver) {
        const beganAt = performance.now()
        told.push({ beganAt, status: (await ask()).status })
      }
    }
    const callers = asks.map(caller)
    await until('load', () => told.length > 200)
    await forget()
    const revokedAt = performance.now()
    await until('refusals', () => told.filter(({ beganAt }) => beganAt > revokedAt).length > 200)
    isOver = true
    await Promise.all(callers)
    const after = told.filter(({ beganAt }) => beganAt > revokedAt).map(({ status }) => status)
    expect(new Set(after)).toEqual(new Set([401]))
    const before = told.filter(({ beganAt }) => beganAt < revokedAt - 100).map(({ status }) => status)
    expect(before.filter(status => status === 200 || status === 302).length).toBeGreaterThan(100)
  })

  test('ends the wait of who was waiting', async () => {
    const path = '/v1/collections/product-photo/products/shop-web/renditions/late'
    const body = { recipe: { resize: { width: 33 }, formats: ['png'] }, lane: 'lazy' }
    expect((await admin('PUT', path, body)).ok).toBe(true)
    const token = await issuer.sign()
    const waiting = send('GET', `${resolvePath('shop-web', 'late')}?wait=2`, { key: token })
    const queued = `select 1 from node where state = 'QUEUED'`
    await until('a wish', async () => (await query(system.core, queued)).length > 0)
    await forget()
    await expectRefusal(waiting, 401, 'unauthenticated')
  })
})

describe('keys of the issuer', () => {
  test('change over without a refused request', async () => {
    let kid = 'k1'
    const statuses: number[] = []
    let isOver = false
    const caller = async (ask: (token: string) => Promise<Response>): Promise<void> => {
      while (!isOver) statuses.push((await ask(await issuer.sign({ jti: crypto.randomUUID() }, { kid }))).status)
    }
    const callers = [resolve, list, resolve].map(ask => caller(token => ask(token)))
    await until('load', () => statuses.length > 30)
    for (const next of ['k2', 'k3', 'k4']) {
      await issuer.addKey(next, 'ES256')
      kid = next // in the same moment: nobody has seen the key yet
      const enough = statuses.length + 30
      await until('more', () => statuses.length > enough)
    }
    isOver = true
    await Promise.all(callers)
    expect(new Set(statuses)).toEqual(new Set([200, 302]))
    expect(issuer.asked()).toBeLessThanOrEqual(5)
  })

  test('that are new are asked for once, by however many at once', async () => {
    const askTogether = async (kid: string): Promise<number[]> => {
      const tokens = await Promise.all(Array.from({ length: 20 }, (_, n) => issuer.sign({ n }, { kid })))
      return Promise.all(tokens.map(async token => (await list(token)).status))
    }
    for (const kid of ['k1', 'k2', 'k3', 'k4', 'k5']) {
      await issuer.addKey(kid, 'ES256')
      expect(new Set(await askTogether(kid))).toEqual(new Set([200]))
    }
    expect(issuer.asked()).toBe(5)
  })

  test('are believed no more once they are withdrawn and the set is read again', async () => {
    await issuer.addKey('k2', 'ES256')
    const old = (): Promise<string> => issuer.sign({ jti: crypto.randomUUID() }, { kid: 'k1' })
    const first = await old()
    expect((await list(first)).status).toBe(200)
    const late = await old()
    issuer.removeKey('k1')
    aheadMs = 5 * MINUTE + 1_000
    const fresh = await issuer.sign({}, { kid: 'k2' })
    expect((await list(fresh)).status).toBe(200)
    await until('another read', () => issuer.asked() === 2)
    aheadMs = 4 * MINUTE // so that the old token itself is not over
    await until('refused', async () => (await list(late)).status === 401)
  })

  test('are believed no more after a pause, from the first token on', async () => {
    await issuer.addKey('k2', 'ES256')
    expect((await list(await issuer.sign({}, { kid: 'k1' }))).status).toBe(200)
    aheadMs = HOUR
    const late = await issuer.sign({ jti: 'late' }, { kid: 'k1' })
    issuer.removeKey('k1')
    await expectRefusal(list(late), 401, 'unauthenticated')
  })

  test('that nobody has are asked for seldom, however many name one', async () => {
    const stranger = await startIssuer({ audience: issuer.audience, now })
    await stranger.addKey('k9', 'ES256')
    expect((await list(await issuer.sign())).status).toBe(200)
    const before = issuer.asked()
    for (let n = 0; n < 40; n++) {
      const token = await stranger.sign({ iss: issuer.iss, n }, { header: { kid: `k-${n}` } })
      expect((await list(token)).status).toBe(401)
    }
    expect(issuer.asked() - before).toBeLessThanOrEqual(5)
    expect((await list(await issuer.sign({ n: 'valid' }))).status).toBe(200)
    await stranger.close()
  })

  test('are told apart by the kid, which a token may leave out where there is one', async () => {
    const bare = () => issuer.sign({ jti: crypto.randomUUID() }, { kid: 'k1', header: { kid: undefined } })
    expect((await list(await bare())).status).toBe(200)
    await issuer.addKey('k2', 'ES256')
    expect((await list(await issuer.sign({}, { kid: 'k2' }))).status).toBe(200)
    await expectRefusal(list(await bare()), 401, 'unauthenticated')
  })

  test.each([
    ['that is no point of its curve', { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43), alg: 'ES256' }],
    ['that is cut', { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', alg: 'ES256' }],
    [
      'that is short',
      { ...generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }), alg: 'RS256' },
    ],
    ['that is private', { ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), alg: 'EdDSA' }],
    ['that is shared', { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }],
  ])('%s prove nothing, and the log says why', async (_what, jwk) => {
    const { alg } = jwk
    await issuer.addKey('mine', alg === 'HS256' ? 'ES256' : (alg as 'ES256'))
    const keys = [{ ...jwk, kid: 'mine' }]
    issuer.answers(response => void response.end(JSON.stringify({ keys })))
    await expectRefusal(list(await issuer.sign({}, { kid: 'mine' })), 401, 'unauthenticated')
    const refused = /"reason":"(unusable-key|unknown-key|invalid)"/
    expect(lines.slice(-5).some(line => refused.test(line))).toBe(true)
  })

  test('go on while the issuer is away', async () => {
    expect((await list(await issuer.sign())).status).toBe(200)
    issuer.goAway()
    for (const later of [0, 6 * MINUTE, HOUR, 5 * HOUR]) {
      aheadMs = later
      const token = await issuer.sign({ later })
      expect((await list(token)).status).toBe(200)
      expect((await resolve(token)).status).toBe(302)
    }
    aheadMs = 7 * HOUR
    const unknown = await system.call('GET', '/v1/products', { key: await issuer.sign({ later: 7 }) })
    await expectRefusal(unknown, 503, 'dependency-unavailable')
    expect((await list(system.keys['shop-web'])).status).toBe(200)
    issuer.answers()
    aheadMs += 3_000
    expect((await list(await issuer.sign({ later: 8 }))).status).toBe(200)
  })

  test.each([
    ['is away', () => issuer.goAway()],
    ['fails', () => issuer.answers(response => void response.writeHead(500).end())],
    ['has no keys but a page', () => issuer.answers(response => void response.writeHead(200).end('<html>'))],
    ['has another document', () => issuer.answers(response => void response.writeHead(200).end('{"keys":1}'))],
    [
      'sends elsewhere',
      () => issuer.answers(response => void response.writeHead(302, { Location: '/elsewhere' }).end()),
    ],
    [
      'never ends',
      () =>
        issuer.answers(response => {
          const more = (): void => {
            while (response.write('x'.repeat(65_536)));
          }
          response.on('drain', more)
          more()
        }),
    ],
  ])('that were never seen, of an issuer that %s: 503 for all, and no allow', async (_what, how) => {
    how()
    const token = await issuer.sign()
    const unavailable = await count('matrix_tokens_total', 'unavailable')
    for (const [method, path] of [
      ['GET', '/v1/assets?collection=product-photo'],
      ['GET', resolvePath()],
      ['GET', `/i/shop-web/${asset}/current/card.jpg`],
    ] as const) {
      const response = await system.call(method, path, { key: token })
      expect(response.headers.get('retry-after')).toBe('2')
      await expectRefusal(response, 503, 'dependency-unavailable')
    }
    expect(issuer.asked()).toBe(1)
    expect(await count('matrix_tokens_total', 'unavailable')).toBe(unavailable + 3)
    issuer.answers()
    aheadMs = 3_000
    expect((await list(token)).status).toBe(200)
  })
})

test('no log line has any part of a token', async () => {
  const token = await issuer.sign()
  await resolve(token)
  await list(`${token.slice(0, -4)}AAAA`)
  await forget()
  await list(token)
  expect(lines.some(line => line.includes('token refused'))).toBe(true)
  expect(lines.some(line => line.includes('key set not read'))).toBe(true)
  const parts = /ey[\w-]{20,}\.|robot"|"exp"|Bearer/
  expect(lines.filter(line => parts.test(line))).toEqual([])
})
