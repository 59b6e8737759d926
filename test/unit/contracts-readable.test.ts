/**
 * What goes together and what does not. The cases are those by which Confluent's registry tells changes of JSON Schemas apart
 * (`SchemaDiff` and its tests): with BACKWARD, the newer schema reads what the older one wrote.
 */
import { Validator } from '@cfworker/json-schema'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { breaksOf, type Mode } from '../../src/contracts/contract.ts'
import { type JsonSchema, open, plain, type SchemaObject, sealed } from '../../src/contracts/json-schema.ts'
import { countSchemas, readable } from '../../src/contracts/readable.ts'

const text = { type: 'string' }
const number = { type: 'number' }
const object = (properties: Record<string, JsonSchema>, more: SchemaObject = {}): SchemaObject => ({
  type: 'object',
  properties,
  ...more,
})
const closed = { additionalProperties: false }

/** Name, older, newer, and the rule by which the newer does not read the older, with its pointer. */
type Case = readonly [name: string, older: JsonSchema, newer: JsonSchema, broken?: string]
const CASES: readonly Case[] = [
  ['nothing changes', object({ a: text }), object({ a: text })],
  ['a property is added to an open model', object({}), object({ a: text }), 'type /a'],
  ['an optional property is added to a closed model', object({}, closed), object({ a: text }, closed)],
  [
    'a required property is added to a closed model',
    object({}, closed),
    object({ a: text }, { required: ['a'], ...closed }),
    'required /a',
  ],
  ['a property is removed from an open model', object({ a: text }), object({})],
  ['a property is removed from a closed model', object({ a: text }, closed), object({}, closed), 'unknown-property /a'],
  [
    'one is removed that a partly open model covers',
    object({ a: text }, closed),
    object({}, { additionalProperties: text }),
  ],
  [
    'one is removed that a partly open model does not cover',
    object({ a: number }, closed),
    object({}, { additionalProperties: text }),
    'type /a',
  ],
  ['a closed model is opened', object({ a: text }, closed), object({ a: text })],
  ['an open model is closed', object({ a: text }), object({ a: text }, closed), 'refused /*'],
  ['required is taken back', object({ a: text }, { required: ['a'] }), object({ a: text })],
  ['required is added', object({ a: text }), object({ a: text }, { required: ['a'] }), 'required /a'],
  [
    'required is added with a default, which nobody fills in',
    object({ a: text }),
    object({ a: { ...text, default: '' } }, { required: ['a'] }),
    'required /a',
  ],
  ['a type is extended', object({ a: { type: 'integer' } }), object({ a: number })],
  ['a type is narrowed', object({ a: number }), object({ a: { type: 'integer' } }), 'type /a'],
  ['a type is another', text, number, 'type '],
  ['null is taken too', text, { type: ['string', 'null'] }],
  ['null is taken no more', { type: ['string', 'null'] }, text, 'type '],
  ['an enum is extended', { enum: ['a'] }, { enum: ['a', 'b'] }],
  ['an enum is narrowed', { enum: ['a', 'b'] }, { enum: ['a'] }, 'enum '],
  ['an enum is narrowed that is read as open', { enum: ['a', 'b'] }, { enum: ['a'], 'x-extensible': true }],
  ['an enum becomes a text', { enum: ['a', 'b'] }, text],
  ['a text becomes an enum', text, { enum: ['a', 'b'] }, 'enum '],
  ['maxLength is added', text, { ...text, maxLength: 5 }, 'length '],
  ['maxLength is larger', { ...text, maxLength: 5 }, { ...text, maxLength: 6 }],
  ['maxLength is smaller', { ...text, maxLength: 5 }, { ...text, maxLength: 4 }, 'length '],
  ['minLength is larger', { ...text, minLength: 1 }, { ...text, minLength: 2 }, 'length '],
  ['minLength is taken back', { ...text, minLength: 1 }, text],
  ['the values of an enum are short enough', { enum: ['a', 'bb'] }, { ...text, maxLength: 2 }],
  ['a pattern is taken back', { ...text, pattern: '^a' }, text],
  ['a pattern is added', text, { ...text, pattern: '^a' }, 'pattern '],
  ['a pattern is another', { ...text, pattern: '^a' }, { ...text, pattern: '^b' }, 'pattern '],
  ['a format is added', text, { ...text, format: 'uuid' }, 'format '],
  ['maximum is smaller', { ...number, maximum: 5 }, { ...number, maximum: 4 }, 'range '],
  ['minimum is smaller', { ...number, minimum: 5 }, { ...number, minimum: 4 }],
  ['a whole number above 0 is at least 1', { type: 'integer', exclusiveMinimum: 0 }, { type: 'integer', minimum: 1 }],
  ['a number above 0 is not at least 1', { ...number, exclusiveMinimum: 0 }, { ...number, minimum: 1 }, 'range '],
  ['multipleOf is a factor of it', { ...number, multipleOf: 6 }, { ...number, multipleOf: 3 }],
  ['multipleOf is none of its factors', { ...number, multipleOf: 6 }, { ...number, multipleOf: 4 }, 'range '],
  ['items are extended', { type: 'array', items: { type: 'integer' } }, { type: 'array', items: number }],
  ['items are narrowed', { type: 'array', items: number }, { type: 'array', items: text }, 'type /*'],
  ['maxItems is added', { type: 'array' }, { type: 'array', maxItems: 3 }, 'length '],
  ['uniqueItems is added', { type: 'array' }, { type: 'array', uniqueItems: true }, 'unsupported '],
  ['one more of anyOf', { anyOf: [text] }, { anyOf: [text, number] }],
  ['one less of anyOf', { anyOf: [text, number] }, { anyOf: [text] }, 'alternative '],
  ['one becomes one of several', object({ a: text }, closed), { oneOf: [object({ a: text }, closed), number] }],
  ['one more of allOf', { allOf: [text] }, { allOf: [text, { maxLength: 3 }] }, 'length '],
  ['one less of allOf', { allOf: [text, { maxLength: 3 }] }, { allOf: [text] }],
  ['not is added', text, { ...text, not: { enum: ['a'] } }, 'unsupported '],
  ['everything becomes something', true, text, 'type '],
  ['something becomes everything', text, true],
  ['something becomes nothing', text, false, 'refused '],
]

const told = (older: JsonSchema, newer: JsonSchema) => readable(older, newer).map(one => `${one.rule} ${one.pointer}`)

test.each(CASES.map(([name, older, newer, broken]) => ({ name, older, newer, broken })))(
  '$name',
  ({ older, newer, broken }) => {
    expect(told(older, newer)[0]).toBe(broken)
  },
)

test('what is deep in it is named, with names that a pointer has to spell', () => {
  const before = object({ 'a/b': { type: 'array', items: object({ 'c~d': text }, { required: ['c~d'] }) } })
  const after = object({ 'a/b': { type: 'array', items: object({ 'c~d': number }, { required: ['c~d', 'e'] }) } })
  expect(told(before, after)).toEqual(['required /a~1b/*/e', 'type /a~1b/*/c~0d'])
})

describe('modes', () => {
  const versions = (...schemas: SchemaObject[]) => schemas.map((schema, minor) => ({ version: `1.${minor}.0`, schema }))
  const one = object({ a: text }, { required: ['a'] })
  const optional = object({ a: text, b: text }, { required: ['a'] })
  const required = object({ a: text, b: text }, { required: ['a', 'b'] })
  const without = object({ b: text })

  test.each<readonly [Mode, string, SchemaObject, SchemaObject[], string[]]>([
    ['BACKWARD', 'an optional property comes', optional, [one], []],
    ['BACKWARD', 'a required property comes', required, [one], ['required /b']],
    ['BACKWARD', 'a required property goes', without, [optional], []],
    ['FORWARD', 'a required property comes', required, [one], []],
    ['FORWARD', 'a required property goes', without, [optional], ['required /a']],
    ['FULL', 'an optional property comes', optional, [one], []],
    ['FULL', 'a required property comes', required, [one], ['required /b']],
    ['FULL', 'a required property goes', without, [optional], ['required /a']],
    // Each step is right, and both together are not.
    ['BACKWARD', 'in two steps', object({ a: number }), [object({ a: text }), object({})], []],
    ['BACKWARD_TRANSITIVE', 'in two steps', object({ a: number }), [object({ a: text }), object({})], ['type /a']],
    ['FORWARD_TRANSITIVE', 'in two steps', object({ a: number }), [object({ a: text }), object({})], ['type /a']],
    [
      'FULL_TRANSITIVE',
      'in two steps',
      object({ a: number }),
      [object({ a: text }), object({})],
      ['type /a', 'type /a'],
    ],
  ])('%s: %s', (mode, _name, candidate, before, expected) => {
    const found = breaksOf(mode, candidate, versions(...before))
    expect(found.map(({ rule, pointer }) => `${rule} ${pointer}`)).toEqual(expected)
    expect(found.every(({ version }) => version === '1.0.0')).toBe(true)
  })
})

test('what is said in several pieces is one tree', () => {
  const defs: Record<string, JsonSchema> = {
    '#/base': object({ a: { ...text, description: 'A' } }, { required: ['a'] }),
  }
  const schema = { allOf: [{ $ref: '#/base' }, object({ b: { const: 1 }, a: { maxLength: 3 } }, { required: ['b'] })] }
  expect(plain(schema, reference => defs[reference])).toEqual(
    object({ a: { ...text, maxLength: 3 }, b: { enum: [1] } }, { required: ['a', 'b'] }),
  )
  expect(() => plain({ $ref: '#/none' }, () => undefined)).toThrow('#/none')
  defs['#/self'] = { type: 'array', items: { $ref: '#/self' } }
  expect(() => plain({ $ref: '#/self' }, reference => defs[reference])).toThrow('#/self')
  expect(open(sealed(object({ a: object({}) })))).toEqual(object({ a: object({}) }))
})

const nest = (depth: number, around: (inner: JsonSchema) => JsonSchema): JsonSchema =>
  Array.from({ length: depth }).reduce<JsonSchema>(inner => around(inner), {})
const some = (count: number, one: (place: number) => JsonSchema = () => ({})): JsonSchema[] =>
  Array.from({ length: count }, (_, place) => one(place))
const variant = (place: number) => object({ [`p${place}`]: text }, { required: [`p${place}`] })

/** Each within the bytes, the depth and the number of schemas that a request may have; each would take seconds to hours. */
test.each<[string, JsonSchema, JsonSchema?]>([
  ['anyOf times oneOf, level by level', nest(18, inner => ({ anyOf: some(3), oneOf: [inner] }))],
  ['both in both', nest(6, inner => ({ anyOf: [inner, inner], oneOf: some(2) }))],
  [
    'alternatives of all of many',
    { allOf: some(12, place => ({ anyOf: some(20, inner => ({ maxLength: place + inner })) })) },
  ],
  ['many alternatives times many, with much to write in each', { anyOf: some(150), oneOf: some(150, variant) }],
  [
    'many types of many alternatives',
    { anyOf: some(60), oneOf: some(60), type: Array.from({ length: 1_500 }, String) },
  ],
  [
    'many alternatives against many',
    { anyOf: some(240, variant) },
    { anyOf: some(240, place => variant(place + 240)) },
  ],
  [
    'items of two kinds against items of two kinds, level by level',
    nest(12, inner => ({ anyOf: [{ items: inner }, { minItems: 1 }] })),
    nest(12, inner => ({ anyOf: [{ items: inner, maxItems: 1 }, { items: { type: 'null' } }] })),
  ],
])('%s is given up, and called unreadable', (_name, writer, reader = object({ a: text })) => {
  const [mine, theirs] = [writer, reader].map(one => plain(one, () => undefined)) as [JsonSchema, JsonSchema]
  for (const one of [mine, theirs]) expect(countSchemas(one)).toBeLessThanOrEqual(512)
  expect(readable(sealed(mine), theirs)).toEqual([
    { pointer: '', rule: 'unsupported', message: 'has too many alternatives to be compared' },
  ])
})

test('long lists are compared, in one look each', () => {
  const values = Array.from({ length: 5_000 }, (_, place) => place)
  const more = values.map(value => value + 1)
  expect(told({ enum: values }, { enum: [...values, -1] })).toEqual([])
  expect(told({ enum: values }, { enum: more })).toEqual(['enum '])
  expect(plain({ allOf: [{ enum: values }, { enum: more }] }, () => undefined)).toEqual({ enum: values.slice(1) })
})

/** Small schemas over small values, so that they often meet. */
const leaf = fc.oneof(
  fc.constant<JsonSchema>(true),
  fc.constantFrom<JsonSchema>(text, number, { type: 'integer' }, { type: ['string', 'null'] }, { type: 'boolean' }),
  fc.subarray(['a', 'bb', 1, 2, null], { minLength: 1 }).map((values): JsonSchema => ({ enum: values })),
  fc
    .record({ minLength: fc.nat(2), maxLength: fc.integer({ min: 1, max: 3 }) }, { requiredKeys: [] })
    .map((more): JsonSchema => ({ ...text, ...more })),
  fc
    .record(
      {
        minimum: fc.nat(2),
        maximum: fc.integer({ min: 1, max: 3 }),
        exclusiveMinimum: fc.nat(2),
        multipleOf: fc.constantFrom(1, 2),
      },
      { requiredKeys: [] },
    )
    .map((more): JsonSchema => ({ ...number, ...more })),
)
const { schema: schemas } = fc.letrec<{ schema: JsonSchema }>(tie => ({
  schema: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    leaf,
    fc
      .record(
        {
          properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('schema'), { maxKeys: 2 }),
          required: fc.subarray(['a', 'b']),
          additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
        },
        { requiredKeys: ['properties'] },
      )
      .map((more): JsonSchema => ({ type: 'object', ...more })),
    fc
      .record(
        { items: tie('schema'), minItems: fc.nat(1), maxItems: fc.integer({ min: 1, max: 2 }) },
        { requiredKeys: [] },
      )
      .map((more): JsonSchema => ({ type: 'array', ...more })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 2 }).map((anyOf): JsonSchema => ({ anyOf })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 2 }).map((allOf): JsonSchema => ({ allOf })),
  ),
}))
const { value: values } = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom<unknown>('', 'a', 'bb', 'ccc', 0, 1, 1.5, 2, 4, null, true),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}))

test('what is called readable is read: no value that the writer may write is refused by the reader', () => {
  let readables = 0
  fc.assert(
    fc.property(schemas, schemas, fc.array(values, { minLength: 20, maxLength: 40 }), (writer, reader, samples) => {
      if (readable(writer, reader).length > 0) return
      const [may, reads] = [writer, reader].map(one => new Validator(one as never, '2020-12'))
      for (const sample of samples) {
        if (!may?.validate(sample).valid) continue
        readables++
        expect(reads?.validate(sample).valid, JSON.stringify({ writer, reader, sample })).toBe(true)
      }
    }),
    { numRuns: 1_500 },
  )
  expect(readables).toBeGreaterThan(500)
})
