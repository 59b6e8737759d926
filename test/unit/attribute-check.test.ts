/** Attributes against schemas: each word on both sides of its limit, and a second opinion about all of them together. */
import { Validator } from '@cfworker/json-schema'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SchemaBody } from '../../src/http/attribute-schema.ts'
import { attributeCheck, newlyBroken } from '../../src/model/attribute-check.ts'
import type { SchemaObject } from '../../src/model/attribute-schema.ts'
import type { Attributes } from '../../src/model/attributes.ts'

const broken = (schema: SchemaObject, attributes: Attributes): string[] =>
  attributeCheck(schema)(attributes).map(({ pointer, rule }) => `${rule} ${pointer.replace('/attributes', '')}`)
const ofA = (a: SchemaObject, value: unknown) => broken({ properties: { a } }, { a: value } as Attributes)

describe('each word', () => {
  test.each<[SchemaObject, unknown, unknown]>([
    [{ type: 'string' }, 'x', 1],
    [{ type: ['string', 'null'] }, null, false],
    [{ type: 'integer' }, 3, 3.5],
    [{ type: 'object' }, {}, []],
    [{ enum: ['a', { b: [1] }] }, { b: [1] }, { b: [2] }],
    [{ const: 0 }, 0, false],
    [{ minimum: 2 }, 2, 1.99],
    [{ maximum: 2 }, 2, 2.01],
    [{ exclusiveMinimum: 2 }, 2.01, 2],
    [{ exclusiveMaximum: 2 }, 1.99, 2],
    [{ multipleOf: 0.1 }, 0.3, 0.35],
    [{ multipleOf: 7 }, 1_000_000_000_000_001, 1_000_000_000_000_000],
    [{ minLength: 2 }, '👟👟', '👟'],
    [{ maxLength: 1 }, '👟', 'ab'],
    [{ pattern: '^[A-Z]{2}-\\d+$' }, 'AB-1', 'ab-1'],
    [{ pattern: 'b' }, 'abc', 'ac'],
    [{ format: 'date' }, '2024-02-29', '2023-02-29'],
    [{ format: 'date-time' }, '2024-02-29T10:00:00+01:00', '2024-02-29 10:00'],
    [{ format: 'uri' }, 'https://example.com/a', 'no address'],
    [{ format: 'uuid' }, '01977d0c-0000-7000-8000-000000000000', '01977d0c'],
    [{ items: { type: 'string' } }, ['a', 'b'], ['a', 1]],
    [{ contains: { const: 'b' } }, ['a', 'b'], ['a']],
    [{ minItems: 1 }, [1], []],
    [{ maxItems: 1 }, [1], [1, 2]],
    [{ uniqueItems: true }, [1, '1'], [{ b: 1 }, { b: 1 }]],
    [{ required: ['b'] }, { b: null }, {}],
    [{ dependentRequired: { b: ['c'] } }, { c: 1 }, { b: 1 }],
    [{ minProperties: 1 }, { b: 1 }, {}],
    [{ maxProperties: 1 }, { b: 1 }, { b: 1, c: 1 }],
    [{ additionalProperties: false, properties: { b: true } }, { b: 1 }, { c: 1 }],
    [{ additionalProperties: { type: 'number' } }, { c: 1 }, { c: '1' }],
    [{ properties: { b: false } }, { c: 1 }, { b: 1 }],
    [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, 2, 3],
    [{ anyOf: [{ const: 1 }, { const: 2 }] }, 2, 3],
    [{ oneOf: [{ minimum: 1 }, { minimum: 2 }] }, 1, 2],
    [{ not: { type: 'string' } }, 1, 'x'],
    // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
    [{ if: { type: 'string' }, then: { minLength: 1 }, else: { minimum: 1 } }, 1, ''],
  ])('%j: %j and not %j', (schema, fit, unfit) => {
    expect(ofA(schema, fit)).toEqual([])
    expect(ofA(schema, unfit)).not.toEqual([])
  })

  test('of other types than its own it says nothing', () => {
    for (const schema of [{ minimum: 5 }, { minLength: 5 }, { minItems: 5 }, { required: ['b'] }, { pattern: 'x' }])
      expect(ofA(schema as SchemaObject, true)).toEqual([])
  })

  test('all that is broken is told, where it is', () => {
    const schema = {
      required: ['caption'],
      properties: {
        seo: { required: ['title'], properties: { title: { maxLength: 3 } } },
        tags: { items: { type: 'string' } },
      },
    } as const
    expect(broken(schema, { seo: { title: 'long' }, tags: ['a', 1] })).toEqual([
      'required /caption',
      'maxLength /seo/title',
      'type /tags/1',
    ])
  })

  test('names of an object that every object has are names like others', () => {
    expect(broken({ required: ['constructor'] }, {})).toEqual(['required /constructor'])
    expect(broken({ additionalProperties: false, properties: {} }, { constructor: 1 })).toHaveLength(1)
  })
})

test('what was broken before may stay so', () => {
  const schema = { properties: { a: { type: 'string' }, b: { type: 'string' } } } as const
  expect(newlyBroken(schema, { a: 1 }, { a: 1, b: 'x' })).toEqual([])
  expect(newlyBroken(schema, { a: 1 }, { a: 1, b: 2 }).map(({ pointer }) => pointer)).toEqual(['/attributes/b'])
  expect(newlyBroken(undefined, {}, { a: 1 })).toEqual([])
})

const nest = (levels: number): object => (levels === 0 ? {} : { not: nest(levels - 1) })

describe('a schema is taken in', () => {
  test.each<[string, unknown]>([
    ['no object', true],
    ['a reference', { $ref: '#/$defs/a' }],
    ['a word that is not of the subset', { unevaluatedProperties: false }],
    ['a type that there is not', { type: 'float' }],
    ['a name that no attribute has', { properties: { 'a.b': {} } }],
    ['a name that no attribute has, required', { required: ['ä'] }],
    ['a look ahead', { properties: { a: { pattern: '(?=a)b' } } }],
    ['a reference back', { properties: { a: { pattern: '(a)\\1' } } }],
    ['no pattern at all', { properties: { a: { pattern: '(' } } }],
    ['a pattern that is large when it is written out', { properties: { a: { pattern: '((a|b){100}){100}' } } }],
    ['many levels', nest(30)],
    ['very many levels', nest(4_000)],
    ['many schemas', { anyOf: Array.from({ length: 256 }, () => ({})) }],
    ['much text', { description: 'x'.repeat(4_000), $comment: 'x'.repeat(4_000), examples: ['x'.repeat(9_000)] }],
    ['another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }],
    ['multiples of nothing', { multipleOf: 0 }],
  ])('not with %s', (_, schema) => {
    expect(SchemaBody.safeParse(schema).success).toBe(false)
  })

  test('what is wrong deep inside is told where it is', () => {
    const { error } = SchemaBody.safeParse({ properties: { a: { items: { minLength: -1 } } } })
    expect(error?.issues.map(({ path }) => path.join('/'))).toEqual(['properties/a/items/minLength'])
  })

  test('and a pattern that goes back and forth elsewhere takes no time here', () => {
    const schema = { properties: { a: { pattern: '^(a+)+$' } } }
    expect(SchemaBody.safeParse(schema).success).toBe(true)
    // Twice as much work for each letter, where one goes back: at 8,192 the test would not end.
    expect(ofA(schema.properties.a, `${'a'.repeat(8_191)}!`)).toEqual(['pattern /a'])
  })
})

const value = fc.letrec(tie => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, 1, 2, 2.5, -3, '', 'a', 'ab', 'abc'),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { maxKeys: 3 }),
  ),
}))
const count = fc.integer({ min: 0, max: 3 })
const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 2 })
const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: 1, maxLength: 3 })
const type = fc.constantFrom('object', 'array', 'string', 'number', 'integer', 'boolean', 'null')
const schema = fc.letrec<{ any: unknown; object: object }>(tie => ({
  any: fc.oneof({ maxDepth: 3, withCrossShrink: true }, fc.boolean(), fc.constant({}), tie('object')),
  object: fc
    .record(
      {
        type: fc.oneof(type, fc.uniqueArray(type, { minLength: 1, maxLength: 3 })),
        enum: some(value.any),
        const: value.any,
        minimum: count,
        maximum: count,
        exclusiveMinimum: count,
        exclusiveMaximum: count,
        multipleOf: fc.constantFrom(0.5, 1, 2),
        minLength: count,
        maxLength: count,
        pattern: fc.constantFrom('^a', 'b$', '^[ab]+$', 'c'),
        items: tie('any'),
        contains: tie('any'),
        minItems: count,
        maxItems: count,
        uniqueItems: fc.boolean(),
        properties: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { maxKeys: 3 }),
        additionalProperties: tie('any'),
        required: names,
        dependentRequired: fc.dictionary(fc.constantFrom('a', 'b', 'c'), names, { maxKeys: 2 }),
        minProperties: count,
        maxProperties: count,
        allOf: some(tie('any')),
        anyOf: some(tie('any')),
        oneOf: some(tie('any')),
        not: tie('any'),
        if: tie('any'),
        // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
        then: tie('any'),
        else: tie('any'),
      },
      { requiredKeys: [] },
    )
    // A tenth of the words at a time says more than all of them, which nothing fits.
    .chain(all => fc.subarray(Object.entries(all), { maxLength: 3 }).map(entries => Object.fromEntries(entries))),
}))

test('another interpreter is of the same opinion', () => {
  const said = { fit: 0, unfit: 0 }
  fc.assert(
    fc.property(schema.object, fc.dictionary(fc.constantFrom('a', 'b', 'c'), value.any), (one, attributes) => {
      fc.pre(SchemaBody.safeParse(one).success)
      const isFit = attributeCheck(one as SchemaObject)(attributes as Attributes).length === 0
      said[isFit ? 'fit' : 'unfit']++
      expect(isFit).toBe(new Validator(one, '2020-12').validate(attributes).valid)
    }),
    { numRuns: 500 },
  )
  expect(Math.min(said.fit, said.unfit)).toBeGreaterThan(30)
})
