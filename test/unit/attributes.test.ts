import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalText } from '../../src/lib/canonical.ts'
import { mergePatch } from '../../src/lib/merge-patch.ts'
import { type Attributes, attributeViolations, changedPaths } from '../../src/model/attributes.ts'
import { ATTRIBUTE_PATTERN, forbiddenAttributes } from '../../src/policy/attributes.ts'

/** The examples of RFC 7396, appendix A. */
test.each([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('%j merged with %j is %j', (target, patch, result) => {
  expect(mergePatch(target, patch)).toEqual(result)
})

test('a patch reaches nothing but the document', () => {
  const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true},"constructor":{"x":1}}'))
  expect(Object.hasOwn(merged as object, '__proto__')).toBe(true)
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

const name = fc.constantFrom('a', 'b', 'c', 'seo')
const { attributes } = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.integer(),
    fc.string(),
    fc.array(fc.integer(), { maxLength: 2 }),
    tie('attributes'),
  ),
  attributes: fc.dictionary(name, tie('value'), { maxKeys: 4 }),
}))
const pair = fc.tuple(attributes, attributes) as fc.Arbitrary<[Attributes, Attributes]>
const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((found, step) => (found as Record<string, unknown> | undefined)?.[step], value)

describe('changed paths', () => {
  test('are none exactly when nothing changes', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        const changed = changedPaths({ labels: [], attributes: before }, { labels: [], attributes: after })
        const isSame = canonicalText(before) === canonicalText(after)
        expect(changed.length === 0).toBe(isSame)
        for (const path of changed) expect(at(before, path)).not.toEqual(at(after, path))
      }),
    )
  })

  test.each<[Attributes, Attributes, readonly string[]]>([
    [{}, { caption: 'x' }, ['caption']],
    [{ seo: { title: 'a', text: 'b' } }, {}, ['seo.text', 'seo.title']],
    [{ seo: { title: 'a' } }, { seo: {} }, ['seo.title']],
    [{ seo: { title: 'a' } }, { seo: 'none' }, ['seo', 'seo.title']],
    [{ seo: {} }, {}, ['seo']],
    [{ tags: [1, 2] }, { tags: [2, 1] }, ['tags']],
    [{ crop: [{ long: 1, x: 2 }] }, { crop: [{ x: 2, long: 1 }] }, []],
  ])('%j to %j: %j', (before, after, paths) => {
    expect(changedPaths({ labels: ['a'], attributes: before }, { labels: ['a'], attributes: after })).toEqual(paths)
  })

  test('labels are a path beside them', () => {
    expect(changedPaths({ labels: ['a'], attributes: {} }, { labels: ['b'], attributes: { x: 1 } })).toEqual([
      'labels',
      'x',
    ])
  })
})

const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) })

describe('bounds', () => {
  test.each<[string, unknown]>([
    [
      'a plain document',
      { caption: 'Ein Schuh', seo: { title: 'x', keywords: ['a', null] }, 'de-CH': true, price: -1.5 },
    ],
    ['four levels', nested(4)],
    ['a patch that takes away', { seo: null }],
    ['as many values as may be', Object.fromEntries(Array.from({ length: 255 }, (_, i) => [`a${i}`, i]))],
  ])('%s fits', (_, value) => {
    expect(attributeViolations(value)).toEqual([])
  })

  test.each<[string, unknown, string]>([
    ['five levels', nested(5), 'too_deep'],
    ['a thousand levels', nested(1000), 'too_deep'],
    ['arrays as levels', { a: [[[[1]]]] }, 'too_deep'],
    ['a name with a dot', { 'seo.title': 1 }, 'name'],
    ['a name for the labels', { labels: ['x'] }, 'name'],
    ['an empty name', { '': 1 }, 'name'],
    ['the name of the prototype', JSON.parse('{"__proto__":{"x":1}}'), 'name'],
    ['a name within an array', { a: [{ 'b c': 1 }] }, 'name'],
    ['NUL', { a: 'x\0' }, 'text'],
    ['half a surrogate pair', { a: '\ud83d' }, 'text'],
    ['a number that Postgres would write out', { a: 1e-300 }, 'number'],
    ['no number at all', { a: Number.POSITIVE_INFINITY }, 'number'],
    ['a long text', { a: 'x'.repeat(8193) }, 'too_long'],
    ['many texts', { a: ['x'.repeat(8000), 'x'.repeat(8000), 'x'.repeat(8000)] }, 'too_big'],
    ['many values', { a: Array.from({ length: 300 }, () => 1) }, 'too_many'],
  ])('%s does not', (_, value, rule) => {
    expect(attributeViolations(value).map(violation => violation.rule)).toContain(rule)
  })

  test('name ten places at most', () => {
    expect(attributeViolations(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${i} `, 1])))).toHaveLength(10)
  })
})

describe('who may write what', () => {
  const product = { scopes: ['assets:write'] as const }
  const editor = (attributePaths: readonly string[] | undefined) => ({ role: 'editor' as const, attributePaths })
  const paths = ['caption', 'labels', 'seo', 'seo.title', 'seo.social.card', 'seotitle']

  test.each<[string, Parameters<typeof forbiddenAttributes>[1], readonly string[]]>([
    ['an owner: all', { role: 'owner', attributePaths: undefined }, []],
    ['an editor: all', editor(undefined), []],
    ['an editor without any', editor([]), paths],
    ['an editor of everything', editor(['*']), []],
    ['an editor of captions', editor(['caption']), paths.filter(path => path !== 'caption')],
    ['an editor of what is in seo', editor(['seo.*']), ['caption', 'labels', 'seo', 'seotitle']],
    ['an editor of seo', editor(['seo']), ['caption', 'labels', 'seotitle']],
    ['a reader: nothing', { role: 'reader', attributePaths: ['*'] }, paths],
    ['nobody: nothing', undefined, paths],
  ])('%s', (_, edge, forbidden) => {
    expect(forbiddenAttributes(product, edge, paths)).toEqual(forbidden)
  })

  test('an administrator: all', () => {
    expect(forbiddenAttributes({ scopes: ['matrix:admin'] }, undefined, paths)).toEqual([])
  })

  test.each(['*', 'caption', 'labels', 'seo.*', 'seo.social.card', 'a.b.c.*'])('%s is a pattern', pattern => {
    expect(pattern).toMatch(ATTRIBUTE_PATTERN)
  })
  test.each(['', '.', 'seo.', '.seo', '**', 'se*', 'seo.*.title', 'a.b.c.d.e', 'seo title', '__proto__'])(
    '%j is none',
    pattern => {
      expect(pattern).not.toMatch(ATTRIBUTE_PATTERN)
    },
  )
})
