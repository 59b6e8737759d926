import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalText, sha256Hex } from '../../src/lib/canonical.ts'

describe('canonical text', () => {
  // RFC 8785 section 3.2.3 (sorting by UTF-16 units) and 3.2.2.3 (numbers as ECMAScript prints them).
  it.each([
    [{ b: 1, a: [true, null, 'x'] }, '{"a":[true,null,"x"],"b":1}'],
    [
      { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 },
      '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}',
    ],
    [[Number('333333333.33333329'), 1e30, 4.5, 2e-3, 1e-27, -0], '[333333333.3333333,1e+30,4.5,0.002,1e-27,0]'],
  ])('of %j follows RFC 8785', (value, text) => {
    expect(canonicalText(value)).toBe(text)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, undefined])('of %s does not exist', value => {
    expect(() => canonicalText(value)).toThrow()
  })

  it('does not depend on the order in which keys were written, and reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const text = canonicalText(value)
        expect(canonicalText(JSON.parse(text))).toBe(text)
        expect(canonicalText(reversed(value))).toBe(text)
      }),
    )
  })
})

const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, reversed(inner)]),
  )
}

describe('sha256Hex', () => {
  it('agrees with FIPS 180-4', () => {
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(sha256Hex(Buffer.from('abc'))).toBe(sha256Hex('abc'))
  })
})
