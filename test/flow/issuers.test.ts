/** Issuers are configured in a sane way, or not at all. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureTenant, putAdminKey } from '../../src/manifest/products.ts'
import { hashSecret } from '../../src/model/ids.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Issuer {
  readonly name: string
  readonly claim: string
  readonly subjects: readonly { readonly value: string; readonly scopes: readonly string[] }[]
}

let system: System
let send: Send
beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
})
afterAll(() => system.close())

const ANY = { 'If-Match': '*' }
const admin = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
const issuer = (change: object = {}) => ({
  iss: 'https://login.example/',
  audience: 'matrix',
  jwks_uri: 'https://login.example/keys',
  algorithms: ['ES256'],
  subjects: [{ value: 'robot', product: 'mobile' }],
  ...change,
})
const list = async (): Promise<readonly Issuer[]> =>
  (await expectJson<{ items: Issuer[] }>(admin('GET', '/v1/issuers'), 200)).items

test('what is put is what is read, in one order', async () => {
  const subjects = [
    { value: 'zoë', product: 'mobile', scopes: ['resolve'] },
    { value: '"quoted" \\ {a,b}', product: 'shop-web' },
    { value: 'root', scopes: ['matrix:admin'] },
  ]
  const made = await expectJson<Issuer>(admin('PUT', '/v1/issuers/idp', issuer({ subjects })), 201)
  expect(made.claim).toBe('sub')
  expect(made.subjects.map(({ value }) => value)).toEqual(['"quoted" \\ {a,b}', 'root', 'zoë'])
  expect(made.subjects[0]?.scopes).toEqual([
    'resolve',
    'assets:read',
    'assets:write',
    'publish',
    'share',
    'events:read',
  ])
  expect(await expectJson(admin('GET', '/v1/issuers/idp'), 200)).toEqual(made)
  expect(await list()).toEqual([made])
  const again = await admin('PUT', '/v1/issuers/idp', issuer({ subjects: subjects.reverse() }))
  expect(await expectJson(again, 200)).toEqual(made)
})

test.each([
  ['keys by http', { jwks_uri: 'http://login.example/keys' }],
  ['keys by http on this machine, which is not allowed here', { jwks_uri: 'http://127.0.0.1:1/keys' }],
  ['keys in a file', { jwks_uri: 'file:///etc/passwd' }],
  ['a secret algorithm', { algorithms: ['HS256'] }],
  ['no algorithm', { algorithms: [] }],
  ['an algorithm twice', { algorithms: ['ES256', 'ES256'] }],
  ['alg none', { algorithms: ['none'] }],
  ['no iss', { iss: '' }],
  ['an iss with a space', { iss: 'a b' }],
  ['an audience with a NUL', { audience: 'a\u0000' }],
  [
    'a subject twice',
    {
      subjects: [
        { value: 'a', product: 'mobile' },
        { value: 'a', product: 'shop-web' },
      ],
    },
  ],
  ['a subject without a product', { subjects: [{ value: 'a' }] }],
  ['an administrator of a product', { subjects: [{ value: 'a', product: 'mobile', scopes: ['matrix:admin'] }] }],
  ['a subject without scopes', { subjects: [{ value: 'a', product: 'mobile', scopes: [] }] }],
  ['a product that is not there', { subjects: [{ value: 'a', product: 'nobody' }] }],
  ['half a character', { subjects: [{ value: 'a\ud800', product: 'mobile' }] }],
  ['a NUL', { subjects: [{ value: 'a\u0000', product: 'mobile' }] }],
  ['too many', { subjects: Array.from({ length: 501 }, (_, n) => ({ value: `${n}`, product: 'mobile' })) }],
  ['what it does not know', { secret: 'x' }],
])('refused: %s', async (_what, change) => {
  await leavesNothing(system, async () => {
    await expectRefusal(admin('PUT', '/v1/issuers/refused', issuer(change)), 422, 'contract-violation')
  })
})

describe('a pair of iss and audience', () => {
  test('is of one issuer, whichever tenant has it', async () => {
    await ensureTenant(system.core.database, 'elsewhere')
    const key = 'admin-key-of-elsewhere'
    await putAdminKey(system.core.database, 'elsewhere', hashSecret(key))
    await leavesNothing(system, async () => {
      await expectRefusal(admin('PUT', '/v1/issuers/again', issuer()), 409, 'conflict')
      const body = issuer({ subjects: [] })
      await expectRefusal(send('PUT', '/v1/issuers/idp', { key, body }), 409, 'conflict')
    })
    const body = issuer({ audience: 'matrix-of-elsewhere', subjects: [] })
    await expectJson(send('PUT', '/v1/issuers/idp', { key, body }), 201)
    await expectJson(send('GET', '/v1/issuers/idp', { key }), 200)
    expect((await send('DELETE', '/v1/issuers/idp', { key, headers: ANY })).status).toBe(204)
    expect(await list()).toHaveLength(1)
  })

  test('is given to one of those who ask for it at once', async () => {
    const ask = async (name: string) =>
      (await admin('PUT', `/v1/issuers/${name}`, issuer({ audience: 'contended' }))).status
    const statuses = await Promise.all(['a', 'b', 'c', 'd'].map(ask))
    expect(statuses.sort()).toEqual([201, 409, 409, 409])
  })
})

test('a tenant has at most twenty', async () => {
  const there = (await list()).length
  const names = Array.from({ length: 20 - there }, (_, n) => `filler-${n}`)
  for (const name of names) await expectJson(admin('PUT', `/v1/issuers/${name}`, issuer({ audience: name })), 201)
  await expectRefusal(admin('PUT', '/v1/issuers/one-more', issuer({ audience: 'more' })), 409, 'conflict')
  await expectJson(admin('PUT', `/v1/issuers/${names[0]}`, issuer({ audience: 'changed' })), 200)
  for (const name of names) expect((await admin('DELETE', `/v1/issuers/${name}`, undefined, ANY)).status).toBe(204)
})
