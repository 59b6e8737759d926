/** The grammar of signed URLs: what is published stays true, and nothing but what was signed is taken for it. */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { writeDeliveryPath } from '../../src/model/delivery-path.ts'
import { FORMATS } from '../../src/model/recipe.ts'
import { canonicalQuery } from '../../src/policy/sign-url.ts'
import { hasSignature, readSigned, type Signed, signatureOf, signingText } from '../../src/policy/signature.ts'
import { type SignOptions, signUrl } from '../../src/sdk/index.ts'

interface Published {
  readonly kid: string
  readonly secret: string
  readonly now: number
  readonly vectors: readonly { about: string; options: Partial<SignOptions>; text: string; sig: string; url: string }[]
}
const { kid, secret, now, vectors }: Published = JSON.parse(
  readFileSync(new URL('../vectors/signed-urls.json', import.meta.url), 'utf8'),
)
const PATH = '/i/shop-web/01936f3e-8c1a-7c4e-9b0d-3f1f5a0b6c11/v7/card.avif'
const sign = (options: Partial<SignOptions> = {}): string => signUrl({ path: PATH, kid, secret, now, ...options })
/** As the gateway sees it. */
const isGood = (target: string): boolean => {
  const signed = readSigned(target)
  return signed !== undefined && signed !== 'malformed' && hasSignature(secret, signed)
}
const read = (target: string): Signed => {
  const signed = readSigned(target)
  if (signed === undefined || signed === 'malformed') throw new Error(`Expected a signed URL but received ${target}`)
  return signed
}

describe('published vectors', () => {
  test.each(vectors)('$about', ({ options, text, sig, url }) => {
    expect(createHmac('sha256', secret).update(text, 'utf8').digest('base64url')).toBe(sig)
    expect(sign(options)).toBe(url)
    const signed = read(url.replace(/^https:\/\/[^/]+/, ''))
    expect(signingText(signed)).toBe(text)
    expect(signed.sig).toBe(sig)
    expect(hasSignature(secret, signed)).toBe(true)
  })

  test('say both places', () => {
    expect(new Set(vectors.map(({ url }) => url.includes('/s/'))).size).toBe(2)
  })
})

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/)
const path = fc
  .record({
    product: name,
    asset: fc.uuid({ version: 7 }),
    version: fc.integer({ min: 1, max: 9_999 }),
    rendition: fc.oneof(name, fc.constant('x/c_cover,h_300,w_400')),
    format: fc.constantFrom('auto' as const, ...FORMATS),
    seoName: fc.option(fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}$/), { nil: undefined }),
  })
  .map(asked => writeDeliveryPath(asked))
const parameters = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 6 }).filter(name => !/^(exp|kid|sig|__proto__)$/.test(name)),
  fc.string({ unit: 'binary', maxLength: 8 }),
  { maxKeys: 4 },
)
const url = fc
  .record({ path, parameters, inPath: fc.boolean(), lifetimeSeconds: fc.integer({ min: 1, max: 604_800 }) })
  .map(options => sign(options))

test.each([
  ['/card@1x.jpeg', '/card.jpg'],
  ['/x/w_400,h_300.webp', '/x/h_300,w_400.webp'],
])('%s is told its one spelling and not signed', (sent, canonical) => {
  const place = PATH.slice(0, PATH.lastIndexOf('/'))
  expect(() => sign({ path: `${place}${sent}` })).toThrow(
    new TypeError(`Expected path to be canonical, which is ${place}${canonical}`),
  )
})

describe('what was signed', () => {
  test('is taken', () => {
    fc.assert(fc.property(url, target => isGood(target)))
  })

  test('is taken in no other spelling: a byte changed, added or removed anywhere', () => {
    const edit = fc.record({
      at: fc.nat(),
      kind: fc.constantFrom('change', 'add', 'remove'),
      to: fc.integer({ min: 0x21, max: 0x7e }),
    })
    fc.assert(
      fc.property(url, edit, (target, { at, kind, to }) => {
        const i = at % target.length
        const byte = String.fromCharCode(to)
        const other = {
          change: target.slice(0, i) + byte + target.slice(i + 1),
          add: target.slice(0, i) + byte + target.slice(i),
          remove: target.slice(0, i) + target.slice(i + 1),
        }[kind]
        fc.pre(other !== target)
        return !isGood(other ?? '')
      }),
      { numRuns: 3_000 },
    )
  })

  test('is not taken shorter or longer', () => {
    const target = sign()
    for (let length = 0; length < target.length; length++) expect(isGood(target.slice(0, length))).toBe(false)
    for (const more of ['A', '=', '==', '%3D', '&', '&a=b', '#', '%00', '&sig=', `&exp=9999999999`])
      expect(isGood(target + more), more).toBe(false)
  })

  test('has no second spelling in the bits that base64url drops', () => {
    const { sig, ...unsigned } = read(sign())
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const same = [...alphabet].filter(last =>
      Buffer.from(sig.slice(0, -1) + last, 'base64url').equals(Buffer.from(sig, 'base64url')),
    )
    expect(same).toHaveLength(4)
    expect(same.filter(last => hasSignature(secret, { ...unsigned, sig: sig.slice(0, -1) + last }))).toEqual([
      sig.at(-1),
    ])
  })

  test('is taken with its parameters in their order, each once', () => {
    const target = sign({ parameters: { a: '1', b: '2' } })
    const [front = '', query = ''] = target.split('?')
    const parts = query.split('&')
    expect(parts).toHaveLength(5)
    for (const [i, part] of parts.entries()) {
      expect(isGood(`${front}?${[...parts, part].join('&')}`), `twice ${part}`).toBe(false)
      expect(isGood(`${front}?${[part, ...parts].join('&')}`), `twice ${part}`).toBe(false)
      expect(isGood(`${front}?${parts.toSpliced(i, 1).join('&')}`), `without ${part}`).toBe(false)
      for (const j of parts.keys()) {
        const swapped = parts.with(i, parts[j] ?? '').with(j, part)
        expect(isGood(`${front}?${swapped.join('&')}`), `${i} and ${j} swapped`).toBe(i === j)
      }
    }
  })

  test('is not taken when it is signed twice', () => {
    const once = sign()
    const query = once.slice(once.indexOf('?') + 1)
    const twice = signatureOf(secret, { path: PATH, query, exp: 1_795_219_200, kid })
    expect(readSigned(`${once}&exp=1795219200&kid=${kid}&sig=${twice}`)).toBe('malformed')
    const within = sign({ inPath: true })
    expect(readSigned(`${within}?${query}`)).toBe('malformed')
  })

  test.each(['exp', 'kid', 'sig'])('a URL that has %s claims a signature', name => {
    for (const query of [`${name}=1`, name, `${name}=`, `a=1&${name}=2`, `${name}=1&b=2`])
      expect(readSigned(`${PATH}?${query}`), query).toBe('malformed')
    expect(readSigned(`${PATH}?x${name}=1`)).toBeUndefined()
    expect(readSigned(PATH)).toBeUndefined()
  })
})

describe('the text', () => {
  test('is another one for every other request', () => {
    const request = fc.record({
      path,
      query: parameters.map(canonicalQuery),
      exp: fc.integer({ min: 1, max: 99_999_999_999 }),
      kid: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,63}$/),
    })
    fc.assert(
      fc.property(
        request,
        request,
        (a, b) => (signingText(a) === signingText(b)) === (JSON.stringify(a) === JSON.stringify(b)),
      ),
    )
    // Lines cannot be moved from one part into another, for no part can hold their end.
    fc.assert(fc.property(request, a => signingText(a).split('\n').length === 5))
  })

  test('of parameters is one for each set of them', () => {
    fc.assert(
      fc.property(parameters, given => {
        const text = canonicalQuery(given)
        expect(text).toMatch(/^[A-Za-z0-9._~%&=-]*$/)
        const shuffled = Object.fromEntries(Object.entries(given).reverse())
        expect(canonicalQuery(shuffled)).toBe(text)
        expect({ ...Object.fromEntries(new URLSearchParams(text)) }).toEqual({ ...given })
      }),
    )
  })
})

describe('a signer', () => {
  const at = (seconds: number): string => sign({ now: seconds * 1000 })

  test('gives everybody in a window the same URL, which lives as long as was asked and at most a window longer', () => {
    const start = 1_795_215_600
    expect(start % 300).toBe(0)
    expect(new Set([0, 1, 150, 299.999].map(s => at(start + s))).size).toBe(1)
    expect(at(start + 300)).not.toBe(at(start))
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 604_800 }),
        fc.integer({ min: 1, max: 3_600 }),
        fc.integer({ min: 1_000_000_000, max: 4_000_000_000 }),
        (lifetimeSeconds, windowSeconds, seconds) => {
          const { exp } = read(sign({ lifetimeSeconds, windowSeconds, now: seconds * 1000 + 17 }))
          const life = exp - seconds
          expect(life).toBeGreaterThanOrEqual(lifetimeSeconds)
          expect(life).toBeLessThanOrEqual(lifetimeSeconds + windowSeconds)
        },
      ),
    )
  })

  test.each<[string, Partial<SignOptions>]>([
    ['a path that is no delivery path', { path: '/v1/assets' }],
    ['a path with a query', { path: `${PATH}?dl=x` }],
    ['a path that a parser would shorten', { path: '/i/a/../b/c' }],
    ['a path that a parser would encode', { path: '/i/a/"/b' }],
    ['a line feed in the path', { path: '/i/a\nb' }],
    ['a name of the signature itself', { parameters: { sig: 'x' } }],
    ['half of a character', { parameters: { dl: '\ud800' } }],
    ['no secret', { secret: '' }],
    ['a kid that is none', { kid: 'a.b' }],
    ['no lifetime', { lifetimeSeconds: 0 }],
    ['half a second', { lifetimeSeconds: 0.5 }],
    ['a window of hours', { windowSeconds: 7_200 }],
  ])('refuses %s', (_what, options) => {
    expect(() => sign(options)).toThrow()
  })
})
