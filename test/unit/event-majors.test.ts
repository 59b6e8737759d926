/** What is said in one major is said in every other, whatever it is. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkedData, type LoggedEvent, toldIn } from '../../src/model/event.ts'
import { EVENT_TYPES, type EventName, wireType } from '../../src/model/event-catalogue.ts'
import {
  castData,
  dataOf,
  EVENT_NAMES,
  haveOneMajor,
  majorsOf,
  readName,
  wantedTypes,
} from '../../src/model/event-majors.ts'

const digest = fc.stringMatching(/^sha256:[0-9a-f]{64}$/)
const text = fc.string()
const nullable = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null })
const rendition = {
  ...{ product: text, rendition: text, format: text, state: text },
  ...{ node: nullable(digest), code: nullable(text) },
}
const signature = nullable(text)
const failedOf = <T>(failed: fc.Arbitrary<T>) =>
  fc.record({ asset: fc.uuid({ version: 7 }), version: fc.integer({ min: 1 }), failed: fc.array(failed) })

/** All that may be said in each major of what has more than one. */
const SAID: Readonly<Record<string, readonly fc.Arbitrary<object>[]>> = {
  'asset.version_failed': [
    failedOf(fc.oneof(fc.record(rendition), fc.record({ code: fc.constant('infected'), signature }))),
    failedOf(
      fc.record(
        { cause: fc.constantFrom('rendition-failed', 'infected'), ...rendition, signature },
        { requiredKeys: ['cause'] },
      ),
    ),
  ],
}

const several = EVENT_TYPES.filter(type => majorsOf(type).length > 1)
const pairs = several.flatMap(type =>
  majorsOf(type).flatMap(from => majorsOf(type).map(to => [type, from, to] as const)),
)

test('of each type with more than one major there is here what may be said in each', () => {
  expect(Object.entries(SAID).map(([type, said]) => [type, said.length])).toEqual(
    several.map(type => [type, majorsOf(type).length]),
  )
})

test.each(pairs)('%s in major %i is told in major %i', (type, from, to) => {
  const said = SAID[type]?.[from - 1] as fc.Arbitrary<object>
  fc.assert(
    fc.property(said, data => {
      expect(dataOf(type, from).safeParse(data).error).toBeUndefined()
      const cast = castData(type, data, { from, to })
      expect(dataOf(type, to).safeParse(cast).error).toBeUndefined()
      if (from <= to) expect(castData(type, cast, { from: to, to: from })).toEqual(data)
    }),
  )
})

test('a name is a type in its first major, or a later major of it', () => {
  expect(EVENT_NAMES).toContain('asset.version_failed.v2')
  expect(EVENT_NAMES.filter(name => /\.v1$/.test(name))).toEqual([])
  expect(readName('asset.version_failed')).toEqual({ type: 'asset.version_failed', major: 1 })
  expect(readName('asset.version_failed.v2')).toEqual({ type: 'asset.version_failed', major: 2 })
  expect(wireType('asset.published')).toBe('io.matrix.asset.published.v1')
  expect(wireType('asset.version_failed.v2')).toBe('io.matrix.asset.version_failed.v2')
  expect([...wantedTypes(['asset.published', 'asset.version_failed.v2'])]).toEqual([
    ['asset.published', 1],
    ['asset.version_failed', 2],
  ])
  expect(haveOneMajor(['asset.published', 'asset.published'])).toBe(true)
  expect(haveOneMajor(['asset.version_failed', 'asset.version_failed.v2'])).toBe(false)
})

const infected = {
  asset: '01936f3e-8c1a-7c4e-9b0d-3f1f5a0b6c11',
  version: 1,
  failed: [{ code: 'infected', signature: 'Eicar' }],
}
const named = { ...infected, failed: [{ cause: 'infected', signature: 'Eicar' }] }
const logged = (over: object): LoggedEvent => ({ type: 'asset.version_failed', ...over }) as LoggedEvent
const told = (over: object, major: number) => {
  const { major: in_, data } = toldIn(major, logged(over))
  return { major: in_, data }
}

test('a fact is logged in its newest major, and in the first for those who know no other', () => {
  expect(checkedData({ type: 'asset.version_failed', data: named as never })).toEqual({
    data: infected,
    major: 2,
    newest: named,
  })
  expect(() => checkedData({ type: 'asset.version_failed', data: infected as never })).toThrow()
})

test('who asks is told what was logged: by this release, by the one before, or by one that is newer', () => {
  const now = { data: infected, newestMajor: 2, newest: named }
  const before = { data: infected, newestMajor: 1, newest: null }
  const newer = { data: infected, newestMajor: 3, newest: { strange: true } }
  for (const written of [now, before, newer]) {
    expect(told(written, 1)).toEqual({ major: 1, data: infected })
    expect(told(written, 2)).toEqual({ major: 2, data: named })
    // Asked for by what a newer release has put into a queue.
    expect(told(written, 3)).toEqual({ major: 2, data: named })
  }
  const strange = logged({ type: 'asset.invented' as EventName, data: { a: 1 }, newestMajor: 2, newest: { b: 2 } })
  expect(toldIn(1, strange)).toMatchObject({ major: 1, data: { a: 1 } })
})
