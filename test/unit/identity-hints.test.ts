/** What may be said of a thing beside its bytes, and under which keys. */
import { describe, expect, test } from 'vitest'
import { IdentityHintsBody, IdentityHintsText } from '../../src/http/identity-hints.ts'

describe('a key is the name of a kind', () => {
  test.each([
    ['legacy_id', true],
    ['photographer', true],
    ['ada@example.org', false],
    ['+49301234567', false],
    ['49301234567', false],
    ['id4711', false],
    ['Legacy', false],
    ['', false],
    ['x'.repeat(41), false],
  ])('%j: %s', (key, fits) => {
    expect(IdentityHintsBody.safeParse({ [key]: 'x' }).success).toBe(fits)
  })
})

test.each([
  ['', false],
  ['x'.repeat(500), true],
  ['x'.repeat(501), false],
  ['a\nb', false],
  ['Ünal, ada@example.org', true],
])('what it says is to be seen and short: %j', (text, fits) => {
  expect(IdentityHintsBody.safeParse({ photographer: text }).success).toBe(fits)
})

test('twenty are enough', () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${'x'.repeat(n)}`, 'v']))
  expect(IdentityHintsBody.safeParse(many(20)).success).toBe(true)
  expect(IdentityHintsBody.safeParse(many(21)).success).toBe(false)
})

test.each(['', '{', '[]', 'null', '"x"', '{"a":1}'])('as text it is the JSON of an object: %j is none', text => {
  expect(IdentityHintsText.safeParse(text).success).toBe(false)
})
