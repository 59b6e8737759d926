/** What a token says before anything is proven of it, and the names of those it stands for. */
import { describe, expect, test } from 'vitest'
import { isTokenLike } from '../../src/model/ids.ts'
import { type IssuerEdition, jwksUriFault } from '../../src/model/issuer.ts'
import { principalOf, readToken } from '../../src/policy/token.ts'

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const token = (payload: unknown, header: unknown = { alg: 'EdDSA' }, signature = 'c2ln'): string =>
  `${part(header)}.${part(payload)}.${signature}`
const GOOD = { iss: 'https://a.example/', aud: 'here', exp: 2_000_000_000 }

describe('claims', () => {
  test('are read from what could be a token', () => {
    expect(readToken(token(GOOD))).toEqual({ iss: GOOD.iss, audiences: ['here'], exp: GOOD.exp })
    expect(readToken(token({ ...GOOD, aud: ['a', 'b', 'a'] }))?.audiences).toEqual(['a', 'b'])
  })

  test.each([
    ['no signature', token(GOOD, { alg: 'EdDSA' }, '')],
    ['alg none', token(GOOD, { alg: 'none' })],
    ['a shared secret', token(GOOD, { alg: 'HS256' })],
    ['an algorithm in other letters', token(GOOD, { alg: 'eddsa' })],
    ['algorithms', token(GOOD, { alg: ['EdDSA'] })],
    ['no algorithm', token(GOOD, {})],
    ['a header that is none', token(GOOD, 'x')],
    ['a header that is a list', token(GOOD, ['alg'])],
    ['a body that is none', token('x')],
    ['a body that is null', token('null')],
    ['no iss', token({ ...GOOD, iss: undefined })],
    ['an iss that is a list', token({ ...GOOD, iss: [GOOD.iss] })],
    ['an iss with a NUL', token({ ...GOOD, iss: 'a\u0000' })],
    ['a long iss', token({ ...GOOD, iss: 'a'.repeat(256) })],
    ['no aud', token({ ...GOOD, aud: undefined })],
    ['an empty aud', token({ ...GOOD, aud: '' })],
    ['a number as aud', token({ ...GOOD, aud: 1 })],
    ['a number among audiences', token({ ...GOOD, aud: ['a', 1] })],
    ['nine audiences', token({ ...GOOD, aud: [...'abcdefghi'] })],
    ['no exp', token({ ...GOOD, exp: undefined })],
    ['an exp in words', token({ ...GOOD, exp: '2000000000' })],
    ['an endless exp', token(`{"iss":"a","aud":"b","exp":1e999}`)],
  ])('are not read where there is %s', (_what, text) => {
    expect(readToken(text)).toBeUndefined()
  })

  test('an empty list of audiences names no issuer', () => {
    expect(readToken(token({ ...GOOD, aud: [] }))?.audiences).toEqual([])
  })
})

test('a key is never taken for a token, nor a token for a key', () => {
  for (const key of ['mtx_live_abc', 'a.b.c', 'eyJ.b', 'eyJ.b.c.d', 'ey', 'admin.key.two', 'eyJ.b/.c'])
    expect(isTokenLike(key), key).toBe(false)
  for (const text of [token(GOOD), token(GOOD, { alg: 'none' }, ''), token(GOOD, '{ "alg": "none" }')])
    expect(isTokenLike(text), text).toBe(true)
})

describe('a principal', () => {
  const issuer = (claim: string, values: readonly string[]): IssuerEdition => ({
    tenant: 'demo',
    name: 'idp',
    iss: GOOD.iss,
    audience: 'here',
    jwksUri: 'https://a.example/keys',
    algorithms: ['EdDSA'],
    claim,
    edition: 1,
    subjects: values.map(value => ({ value, product: 'shop', scopes: ['resolve'] })),
  })
  const idOf = (value: string, claim = 'sub', claims: object = {}): string | undefined =>
    principalOf(issuer(claim, [value]), { [claim]: value, ...claims })?.id

  test('is who the table says, and nobody else', () => {
    const found = principalOf(issuer('sub', ['a', 'b']), { sub: 'b' })
    expect(found).toEqual({ tenant: 'demo', kind: 'token', id: 'token_idp_b', product: 'shop', scopes: ['resolve'] })
    for (const sub of ['c', 'B', '', ['b'], { b: 1 }, 1, null, undefined])
      expect(principalOf(issuer('sub', ['a', 'b', '1']), { sub }), String(sub)).toBeUndefined()
    for (const claim of ['__proto__', 'constructor', 'toString'])
      expect(principalOf(issuer(claim, ['a']), {})).toBeUndefined()
  })

  test('has a name that is safe, bounded, and of nobody else', () => {
    const values = [
      'plain',
      'auth0|123',
      'a@clients',
      'with space',
      'with\nline',
      'a:b',
      'a'.repeat(64),
      'a'.repeat(65),
      'a'.repeat(255),
      'ä',
      '~',
      '<script>',
      '🙂',
    ]
    const ids = values.map(value => idOf(value) as string)
    expect(new Set(ids).size).toBe(values.length)
    for (const id of ids) expect(id).toMatch(/^token_idp_[\w.@|~-]{1,64}$/)
    expect(ids.slice(0, 3)).toEqual(['token_idp_plain', 'token_idp_auth0|123', 'token_idp_a@clients'])
  })

  test('of another claim is told apart by its subject', () => {
    expect(idOf('shop', 'client_id')).toBe('token_idp_shop')
    expect(idOf('shop', 'client_id', { sub: 'alice' })).toBe('token_idp_shop:alice')
    expect(idOf('a:b', 'client_id', { sub: 'c' })).not.toBe(idOf('a', 'client_id', { sub: 'b:c' }))
  })
})

test('keys come by https, or from this machine where that is allowed', () => {
  const strict = (uri: string) => jwksUriFault(uri, { loopbackHttp: false })
  const local = (uri: string) => jwksUriFault(uri, { loopbackHttp: true })
  expect(strict('https://a.example/keys?tenant=1')).toBeUndefined()
  for (const uri of ['http://localhost:1/k', 'http://127.0.0.1/k', 'http://127.8.9.10/k', 'http://[::1]:2/k']) {
    expect(local(uri)).toBeUndefined()
    expect(strict(uri)).toBe('Expected an https: URL')
  }
  for (const uri of [
    'http://a.example/k',
    'http://localhost.example/k',
    'http://127.0.0.1.example/k',
    'http://10.0.0.1/k',
    'ftp://a.example/k',
    'file:///etc/passwd',
    'data:application/json,{}',
    'https://user@a.example/k',
    'https://:pass@a.example/k',
    'https://a.example/k#x',
    'https://a b/',
    'keys',
    '',
    `https://a.example/${'k'.repeat(500)}`,
  ])
    expect(local(uri), uri).toMatch(/^Expected /)
})
