import { expect, test } from 'vitest'
import { notModified, weigh } from '../../src/deliver/conditions.ts'
import { IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGES, statusOf } from '../support/conditions.ts'

const ETAG = '"9c1e"'
const STATUS = { failed: 412, unchanged: 304, unsatisfiable: 416 } as const

test('every combination of method, conditions and range', () => {
  let combinations = 0
  for (const method of ['GET', 'HEAD'])
    for (const [ifMatch, match] of IF_MATCH)
      for (const [ifNoneMatch, noneMatch] of IF_NONE_MATCH)
        for (const [range, bytes] of RANGES)
          for (const [ifRange, sameAs] of IF_RANGE) {
            const choice = { method, ifMatch, ifNoneMatch, range, ifRange }
            const verdict = weigh(
              {
                method,
                ifMatch: match(ETAG),
                ifNoneMatch: noneMatch(ETAG),
                range: bytes(ETAG),
                ifRange: sameAs(ETAG),
              },
              { etag: ETAG, bytes: 100 },
            )
            const status = typeof verdict === 'string' ? STATUS[verdict] : verdict === undefined ? 200 : 206
            expect(status, JSON.stringify(choice)).toBe(statusOf(choice))
            combinations++
          }
  expect(combinations).toBe(2 * 6 * 6 * 8 * 5)
})

const NONE = { method: 'GET', ifMatch: undefined, ifNoneMatch: undefined, ifRange: undefined, range: undefined }

test.each([
  ['*', 'unchanged'],
  [' * ', 'unchanged'],
  ['"9c1e"', 'unchanged'],
  ['"a","9c1e"', 'unchanged'],
  ['W/"9c1e"', 'unchanged'],
  ['w/"9c1e"', undefined],
  ['"9C1E"', undefined],
  ['9c1e', undefined],
  ['"a", *', undefined],
  ['', undefined],
  [','.repeat(10_000), undefined],
])('If-None-Match: %.40j', (ifNoneMatch, verdict) => {
  expect(weigh({ ...NONE, ifNoneMatch }, { etag: ETAG, bytes: 100 })).toBe(verdict)
})

test('what is empty has no range', () => {
  for (const range of ['bytes=0-', 'bytes=-1', 'bytes=0-0'])
    expect(weigh({ ...NONE, range }, { etag: ETAG, bytes: 0 })).toBe('unsatisfiable')
})

test('a 304 keeps what is for caches and for whoever may read it, and nothing of the content', () => {
  const caching = { ETag: ETAG, 'Cache-Control': 'public', Vary: 'Accept', 'Cache-Tag': 'a', 'Surrogate-Key': 'a' }
  const content = { 'Content-Type': 'image/avif', 'Content-Length': '1', 'Repr-Digest': 'x', 'Accept-Ranges': 'bytes' }
  expect(notModified({ ...content, ...caching, 'Content-Disposition': 'inline' })).toEqual(caching)
})
