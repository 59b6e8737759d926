/** Tokens as attackers write them: each is refused in the words used for an unknown key, wherever it is presented. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { base64url, exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureTenant, putAdminKey } from '../../src/manifest/products.ts'
import { hashSecret } from '../../src/model/ids.ts'
import { expectJson, leavesNothing, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { type Issuer, startIssuer } from '../support/issuer.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
/** Believed: `ours` by its EdDSA and RS256 keys, `theirs` by another tenant, `twin` has the same iss as `ours` and another audience. */
let ours: Issuer
let theirs: Issuer
let stranger: Issuer
/** Nobody may be led here. */
let trap: { readonly url: string; readonly asked: () => number; close(): void }

const openTrap = async () => {
  let asked = 0
  const { publicKey } = await generateKeyPair('EdDSA')
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'EdDSA' }]
  const server = createServer((_request, response) => {
    asked++
    response.end(JSON.stringify({ keys }))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  return { url, asked: () => asked, close: () => void server.close().closeAllConnections() }
}

beforeAll(async () => {
  system = await startSystem({ env: { JWKS_LOOPBACK: '1' } })
  send = await openClient(system)
  socket = await openSocketClient(system)
  trap = await openTrap()
  ours = await startIssuer({ audience: 'matrix' })
  await ours.addKey('k1', 'EdDSA')
  await ours.addKey('rsa', 'RS256')
  await ours.addKey('ec', 'ES256')
  theirs = await startIssuer({ audience: 'matrix-of-elsewhere' })
  await theirs.addKey('k1', 'EdDSA')
  stranger = await startIssuer({ audience: 'matrix' })
  await stranger.addKey('k1', 'EdDSA')
  asset = (await system.upload(await photo({ width: 300, height: 200 }))).asset
  await settled(system)
  const { database } = system.core
  await ensureTenant(database, 'elsewhere')
  await putAdminKey(database, 'elsewhere', hashSecret('admin-key-of-elsewhere'))
  const believe = async (key: string, name: string, { iss, jwksUri: jwks_uri }: Issuer, audience: string) => {
    const subjects = [
      { value: 'robot', ...(key === ADMIN_KEY ? { product: 'shop-web' } : { scopes: ['matrix:admin'] }) },
    ]
    // ES256 is not among them, though the issuer has such a key.
    const body = { iss, audience, jwks_uri, algorithms: ['EdDSA', 'RS256'], subjects }
    await expectJson(send('PUT', `/v1/issuers/${name}`, { key, body }), 201)
  }
  await believe(ADMIN_KEY, 'idp', ours, 'matrix')
  await believe('admin-key-of-elsewhere', 'idp', theirs, 'matrix-of-elsewhere')
  await believe('admin-key-of-elsewhere', 'twin', ours, 'matrix-of-the-twin')
})
afterAll(async () => {
  await socket.close()
  await system.close()
  trap.close()
  await Promise.all([ours.close(), theirs.close(), stranger.close()])
})

const second = (): number => Math.floor(Date.now() / 1000)
const claims = (more: object = {}): JWTPayload => ({
  iss: ours.iss,
  aud: 'matrix',
  sub: 'robot',
  iat: second(),
  exp: second() + 300,
  ...more,
})
const part = (value: unknown): string => base64url.encode(JSON.stringify(value))
const unsigned = (header: object, signature = ''): string => `${part(header)}.${part(claims())}.${signature}`
/** Signed by the key of an attacker, whatever the header says of it. */
const forged = (header: object, more: object = {}) => stranger.sign(claims(more), { kid: 'k1', header: { ...header } })
const bySecret = (secret: string, header: object = {}) =>
  new SignJWT(claims())
    .setProtectedHeader({ alg: 'HS256', kid: 'rsa', ...header })
    .sign(new TextEncoder().encode(secret))
const tampered = async (change: object): Promise<string> => {
  const [head, , signature] = (await ours.sign()).split('.')
  return `${head}.${part(claims(change))}.${signature}`
}

const ATTACKS: readonly (readonly [string, () => string | Promise<string>])[] = [
  ['alg none', () => unsigned({ alg: 'none', typ: 'JWT' })],
  ['alg none in other letters', () => unsigned({ alg: 'nOnE' }, 'AAAA')],
  ['alg none, with a kid and a signature', () => unsigned({ alg: 'none', kid: 'k1' }, 'AAAA')],
  ['no alg', () => unsigned({ kid: 'k1' }, 'AAAA')],
  ['a signature of nothing', () => unsigned({ alg: 'EdDSA', kid: 'k1' })],
  ['a signature of zeroes', () => unsigned({ alg: 'EdDSA', kid: 'k1' }, base64url.encode(new Uint8Array(64)))],
  ['HS256 with the RSA public key as the secret', async () => bySecret(await exportSPKI(ours.publicKey('rsa')))],
  ['the same without its last line end', async () => bySecret((await exportSPKI(ours.publicKey('rsa'))).trim())],
  ['the same with the JWK', async () => bySecret(JSON.stringify(await exportJWK(ours.publicKey('rsa'))))],
  [
    'HS256 that calls itself RS256',
    async () => (await bySecret('secret')).replace(/^[^.]+/, part({ alg: 'RS256', kid: 'rsa' })),
  ],
  ['an algorithm that is not pinned, with a key of the set', () => ours.sign({}, { kid: 'ec' })],
  ['PS256 with the RSA key', () => unsigned({ alg: 'PS256', kid: 'rsa' }, 'AAAA')],
  ['jku', () => forged({ jku: trap.url })],
  ['x5u', () => forged({ x5u: trap.url })],
  ['a key in the header', async () => forged({ jwk: await exportJWK(stranger.publicKey('k1')) })],
  ['jku with another kid', () => forged({ jku: trap.url, kid: 'mine' })],
  ['kid that climbs', () => forged({ kid: '../../../../../../dev/null' })],
  ['kid that climbs, encoded', () => forged({ kid: '..%2f..%2fkeys%00' })],
  ['kid of SQL', () => forged({ kid: `k1' union select 'AAAA' --` })],
  ['kid of a command', () => forged({ kid: '|/bin/id' })],
  ['kid that is no text', () => unsigned({ alg: 'EdDSA', kid: { toString: 1 } }, 'AAAA')],
  ['kid of a prototype', () => forged({ kid: '__proto__' })],
  ['a long kid', () => forged({ kid: 'k'.repeat(4_000) })],
  ['no kid, by a stranger', () => forged({ kid: undefined })],
  ['an extension that must be understood', () => unsigned({ alg: 'EdDSA', kid: 'k1', crit: ['x'], x: 1 }, 'AAAA')],
  ['no exp', () => ours.sign({}, { without: ['exp'] })],
  ['an exp in words', () => ours.sign({ exp: String(second() + 300) as never })],
  ['no aud', () => ours.sign({}, { without: ['aud'] })],
  ['no iss', () => ours.sign({}, { without: ['iss'] })],
  ['no sub', () => ours.sign({}, { without: ['sub'] })],
  ['a sub that nobody is', () => ours.sign({ sub: 'somebody' })],
  ['a sub that is a list', () => ours.sign({ sub: ['robot'] as never })],
  ['the audience of another tenant, by our issuer', () => ours.sign({ aud: 'matrix-of-elsewhere' })],
  ['the audience of another tenant, by its issuer, as ours', () => theirs.sign({ iss: ours.iss })],
  ['our audience, by the issuer of another tenant', () => theirs.sign({ aud: 'matrix' })],
  ['the audiences of two tenants', () => ours.sign({ aud: ['matrix', 'matrix-of-the-twin'] })],
  ['an audience that begins like ours', () => ours.sign({ aud: 'matrix2' })],
  ['an audience in other letters', () => ours.sign({ aud: 'Matrix' })],
  ['many audiences', () => ours.sign({ aud: Array.from({ length: 500 }, (_, n) => `a${n}`) })],
  ['an audience with a NUL', () => ours.sign({ aud: ['matrix', 'a\u0000'] })],
  ['an issuer that is not believed', () => stranger.sign()],
  ['our issuer, by the key of another', () => stranger.sign({ iss: ours.iss })],
  ['our issuer with another ending', () => ours.sign({ iss: ours.iss.slice(0, -1) })],
  ['an issuer of SQL', () => stranger.sign({ iss: `'||(select/**/1)||'` })],
  ['a list of issuers', () => ours.sign({ iss: [ours.iss] as never })],
  ['expired beyond the leeway', () => ours.sign({ exp: second() - 31 })],
  ['expired since 1970', () => ours.sign({ exp: 0 })],
  ['not yet valid', () => ours.sign({ nbf: second() + 45 })],
  ['made in the future', () => ours.sign({ iat: second() + 45 })],
  ['a moment in words', () => ours.sign({ nbf: 'now' as never })],
  ['another subject under an old signature', () => tampered({ sub: 'root' })],
  ['a longer life under an old signature', () => tampered({ exp: second() + 10_000 })],
  ['a huge token', () => ours.sign({ filler: 'x'.repeat(7_000) })],
  ['a signature cut short', async () => (await ours.sign()).slice(0, -2)],
  ['a signature made longer', async () => `${await ours.sign()}AAAA`],
  ['four parts', async () => `${await ours.sign()}.AAAA`],
  ['five parts', () => `${part({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`],
  ['two parts', () => `${part({ alg: 'EdDSA' })}.${part({})}`],
  ['a body that is no JSON', () => `${part({ alg: 'EdDSA' })}.${base64url.encode('{"iss":')}.AAAA`],
  ['a body that nests', () => `${part({ alg: 'EdDSA' })}.${base64url.encode('['.repeat(5_000))}.AAAA`],
]

/** Of one answer and not of the other: names and times of the request. */
const told = async (answer: Promise<Response>) => {
  const response = await answer
  const headers = [...response.headers]
    .filter(([name]) => !/^(x-request-id|x-correlation-id|traceparent|server-timing|date|content-length)$/.test(name))
    .sort()
  return { status: response.status, headers, body: (await response.text()).replace(/req_[\w-]+/, '') }
}

const PLACES = [
  ['GET', () => '/v1/assets?collection=product-photo'],
  ['GET', () => `/v1/products/shop-web/assets/${asset}/renditions/card`],
  ['GET', () => `/i/shop-web/${asset}/current/card.jpg`],
  ['PUT', () => '/v1/issuers/mine'],
] as const

describe('refused, each like the next', () => {
  test('the issuer is believed, and its tokens are', async () => {
    for (const kid of ['k1', 'rsa']) {
      const response = await send('GET', '/v1/assets?collection=product-photo', { key: await ours.sign({}, { kid }) })
      expect(response.status).toBe(200)
    }
    expect((await send('GET', '/v1/products', { key: await theirs.sign() })).status).toBe(200)
  })

  test.each(ATTACKS)('%s', async (_what, write) => {
    const token = await write()
    await leavesNothing(system, async () => {
      for (const [method, path] of PLACES) {
        for (const ask of [send, socket.send]) {
          const expected = await told(ask(method, path(), { key: 'an-unknown-key' }))
          expect(expected.status).toBe(401)
          expect(await told(ask(method, path(), { key: token }))).toEqual(expected)
        }
      }
    })
  })

  test('nobody was led to a key of theirs', () => {
    expect(trap.asked()).toBe(0)
    expect(stranger.asked()).toBe(0)
  })

  test('a token that is longer than any is not read', async () => {
    const token = await ours.sign({ filler: 'x'.repeat(9_000) })
    const expected = await told(send('GET', '/v1/assets', { key: 'an-unknown-key' }))
    expect(await told(send('GET', '/v1/assets', { key: token }))).toEqual(expected)
    // Through a socket node itself refuses headers beyond 16 KiB.
    const longest = await ours.sign({ filler: 'x'.repeat(30_000) })
    const response = await fetch(`${socket.address}/v1/assets`, { headers: { Authorization: `Bearer ${longest}` } })
    expect(response.status).toBe(431)
  })

  test('a signed token of another tenant finds nothing of ours', async () => {
    const token = await theirs.sign()
    for (const path of [`/v1/assets/${asset}`, `/v1/products/shop-web/assets/${asset}/renditions/card`])
      expect((await send('GET', path, { key: token })).status).toBe(404)
    const twin = await ours.sign({ aud: 'matrix-of-the-twin' })
    expect((await send('GET', `/v1/assets/${asset}`, { key: twin })).status).toBe(404)
  })
})
