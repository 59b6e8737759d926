import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRange } from '../../src/deliver/range.ts'
import { assetTag, expectedPublication, noneMatch } from '../../src/http/preconditions.ts'

import { isMatrixError } from '../../src/model/errors.ts'

test.each([
  [undefined, undefined],
  ['', undefined],
  ['bytes=0-0', { first: 0, last: 0 }],
  ['bytes=0-', { first: 0, last: 99 }],
  ['bytes=-1', { first: 99, last: 99 }],
  ['bytes=-100', { first: 0, last: 99 }],
  ['bytes=-1000', { first: 0, last: 99 }],
  ['bytes=98-1000', { first: 98, last: 99 }],
  [' bytes=1-2 ', { first: 1, last: 2 }],
  ['bytes=99-99', { first: 99, last: 99 }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=100-200', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=2-1', undefined],
  ['bytes=200-100', undefined],
  ['bytes=-', undefined],
  ['bytes=0-0,2-3', undefined],
  ['bytes=0x1-2', undefined],
  ['bytes=1 - 2', undefined],
  ['items=0-1', undefined],
])('the range %j of 100 bytes', (header, expected) => {
  expect(parseRange(header, 100)).toEqual(expected)
})

test('a range that is given lies within the bytes', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 30n }),
      fc.bigInt({ min: 0n, max: 10n ** 30n }),
      fc.integer({ min: 1, max: 2 ** 40 }),
      (from, to, bytes) => {
        for (const header of [`bytes=${from}-${to}`, `bytes=${from}-`, `bytes=-${to}`]) {
          const range = parseRange(header, bytes)
          if (typeof range !== 'object') continue
          expect(range.first).toBeGreaterThanOrEqual(0)
          expect(range.last).toBeGreaterThanOrEqual(range.first)
          expect(range.last).toBeLessThan(bytes)
        }
      },
    ),
  )
})

test('thousands of ranges cost nothing', () => {
  const header = `bytes=${Array.from({ length: 200_000 }, (_, i) => `${i}-`).join(',')}`
  const startedAt = performance.now()
  expect(parseRange(header, 100)).toBeUndefined()
  expect(performance.now() - startedAt).toBeLessThan(200)
})

test.each([
  [undefined, true],
  ['"p1"', false],
  ['W/"p1"', false],
  ['"p0" , "p1"', false],
  ['*', false],
  [' * ', false],
  ['"p2"', true],
  ['p1', true],
  ['"P1"', true],
  ['', true],
])('If-None-Match: %j', (header, isNews) => {
  expect(noneMatch(header, '"p1"')).toBe(isNews)
})

test('If-Match names a publication, any of them, or is refused', () => {
  expect(expectedPublication(assetTag({ publication: 7, metadata: 0 }))).toBe(7)
  expect(expectedPublication(assetTag({ publication: 7, metadata: 3 }))).toBe(7)
  expect(expectedPublication(' * ')).toBeUndefined()
  const codeOf = (header: string | undefined): string => {
    try {
      return String(expectedPublication(header))
    } catch (error) {
      return isMatrixError(error) ? error.code : String(error)
    }
  }
  expect(codeOf(undefined)).toBe('precondition-required')
  for (const header of ['', 'p7', '"7"', '"p"', '"p-1"', 'W/"p7"', '"p1", "p2"', '"p9999999999999999"'])
    expect(codeOf(header)).toBe('precondition-failed')
})
