/**
 * Attributes against the schema of their collection. Patterns run on RE2, in time that follows the length of the text: one that would
 * go back and forth for ever cannot be written. What looking at a value may cost is bounded where the schema is taken in:
 * 256 schemas, each seen once for each of the 256 values, and 16 KiB of text through at most a thousand instructions (0.2 s at worst).
 */
import { RE2JS, RE2JSException } from 're2js'
import { canonicalText } from '../lib/canonical.ts'
import { isPlainObject } from '../lib/merge-patch.ts'
import {
  type AttributeSchema,
  type SchemaFormat,
  type SchemaObject,
  type SchemaType,
  schemasWithin,
} from './attribute-schema.ts'
import type { Attributes, AttributeValue } from './attributes.ts'
import type { Violation } from './errors.ts'
import { UUID_PATTERN } from './ids.ts'

export const MAX_PATTERN_SIZE = 1_000
/** More than anybody is told, so that what was broken before can be told from what is new. */
const MOST_FOUND = 1_000
export const MOST_TOLD = 20

type Found = (at: string, rule: string, message: string) => void
type Patterns = ReadonlyMap<string, RE2JS>
type Plain = { readonly [name: string]: AttributeValue }

/** Throws `RE2JSException`. */
const patternsOf = (schema: AttributeSchema): Patterns =>
  new Map(
    schemasWithin(schema).flatMap(({ pattern }) => (pattern === undefined ? [] : [[pattern, RE2JS.compile(pattern)]])),
  )

/** What is wrong with the patterns of a schema, if anything. */
export const patternFault = (schema: AttributeSchema): string | undefined => {
  try {
    const sizes = [...patternsOf(schema).values()].map(pattern => pattern.programSize())
    return sizes.reduce((sum, size) => sum + size, 0) > MAX_PATTERN_SIZE
      ? `Patterns come to more than ${MAX_PATTERN_SIZE} instructions.`
      : undefined
  } catch (error) {
    if (error instanceof RE2JSException) return `A pattern is not one of RE2: ${error.message}`
    throw error
  }
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/** A day that there is. */
const isDate = (text: string): boolean =>
  DATE.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text)

const FORMAT = {
  date: isDate,
  'date-time': text => isDate(DATE_TIME.exec(text)?.[1] ?? ''),
  uri: text => URL.canParse(text),
  uuid: text => UUID_PATTERN.test(text.toLowerCase()),
} satisfies Record<SchemaFormat, (text: string) => boolean>

const IS_TYPE = {
  object: isPlainObject,
  array: Array.isArray,
  string: value => typeof value === 'string',
  number: value => typeof value === 'number',
  integer: Number.isInteger,
  boolean: value => typeof value === 'boolean',
  null: value => value === null,
} satisfies Record<SchemaType, (value: unknown) => boolean>

const equals = (one: unknown, other: unknown): boolean => canonicalText(one) === canonicalText(other)

/** As they are written: 0.3 is a multiple of 0.1, which it is not in binary. */
const isMultiple = (value: number, of: number): boolean => {
  const [places, ofPlaces] = [value, of].map(one => (String(one).split('.')[1] ?? '').length) as [number, number]
  const whole = (one: number) => BigInt(one.toFixed(Math.max(places, ofPlaces)).replace('.', ''))
  return whole(value) % whole(of) === 0n
}

const ofNumber = (schema: SchemaObject, value: number, found: (rule: string, message: string) => void): void => {
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below, multipleOf } = schema
  if (minimum !== undefined && value < minimum) found('minimum', `Expected at least ${minimum}.`)
  if (maximum !== undefined && value > maximum) found('maximum', `Expected at most ${maximum}.`)
  if (above !== undefined && value <= above) found('exclusiveMinimum', `Expected more than ${above}.`)
  if (below !== undefined && value >= below) found('exclusiveMaximum', `Expected less than ${below}.`)
  if (multipleOf !== undefined && !isMultiple(value, multipleOf))
    found('multipleOf', `Expected a multiple of ${multipleOf}.`)
}

const ofString = (
  { minLength, maxLength, pattern, format }: SchemaObject,
  value: string,
  { patterns, found }: { patterns: Patterns; found: (rule: string, message: string) => void },
): void => {
  const length = minLength === undefined && maxLength === undefined ? 0 : [...value].length
  if (minLength !== undefined && length < minLength) found('minLength', `Expected at least ${minLength} characters.`)
  if (maxLength !== undefined && length > maxLength) found('maxLength', `Expected at most ${maxLength} characters.`)
  if (pattern !== undefined && patterns.get(pattern)?.test(value) === false)
    found('pattern', `Expected what fits ${pattern}`)
  if (format !== undefined && !FORMAT[format](value)) found('format', `Expected a ${format}.`)
}

/** Built once for a schema, asked any number of times. The schema is one that was taken in. */
export const attributeCheck = (root: SchemaObject): ((attributes: Attributes) => readonly Violation[]) => {
  const patterns = patternsOf(root)

  const fits = (schema: AttributeSchema, value: AttributeValue): boolean => {
    let isFit = true
    check(schema, value, '', () => {
      isFit = false
    })
    return isFit
  }

  const ofArray = (schema: SchemaObject, value: readonly AttributeValue[], at: string, found: Found): void => {
    const { items, contains, minItems, maxItems, uniqueItems } = schema
    if (minItems !== undefined && value.length < minItems) found(at, 'minItems', `Expected at least ${minItems} items.`)
    if (maxItems !== undefined && value.length > maxItems) found(at, 'maxItems', `Expected at most ${maxItems} items.`)
    if (uniqueItems && new Set(value.map(canonicalText)).size < value.length)
      found(at, 'uniqueItems', 'Expected no item twice.')
    if (contains !== undefined && !value.some(item => fits(contains, item)))
      found(at, 'contains', 'Expected an item as the schema says.')
    if (items !== undefined) for (const [index, item] of value.entries()) check(items, item, `${at}/${index}`, found)
  }

  const ofObject = (schema: SchemaObject, value: Plain, at: string, found: Found): void => {
    const { properties = {}, additionalProperties, required = [], dependentRequired = {} } = schema
    const names = Object.keys(value)
    const { minProperties = 0, maxProperties = names.length } = schema
    if (names.length < minProperties) found(at, 'minProperties', `Expected at least ${minProperties} names.`)
    if (names.length > maxProperties) found(at, 'maxProperties', `Expected at most ${maxProperties} names.`)
    for (const name of required) if (!Object.hasOwn(value, name)) found(`${at}/${name}`, 'required', 'It is required.')
    for (const [name, others] of Object.entries(dependentRequired))
      for (const other of others)
        if (Object.hasOwn(value, name) && !Object.hasOwn(value, other))
          found(`${at}/${other}`, 'dependentRequired', `It is required beside ${name}.`)
    for (const [name, item] of Object.entries(value)) {
      if (Object.hasOwn(properties, name)) check(properties[name] ?? true, item, `${at}/${name}`, found)
      else if (additionalProperties === false)
        found(`${at}/${name}`, 'additionalProperties', 'The schema knows no such name.')
      else if (additionalProperties !== undefined) check(additionalProperties, item, `${at}/${name}`, found)
    }
  }

  const ofOthers = (schema: SchemaObject, value: AttributeValue, at: string, found: Found): void => {
    const { allOf = [], anyOf, oneOf, not } = schema
    for (const one of allOf) check(one, value, at, found)
    if (anyOf && !anyOf.some(one => fits(one, value))) found(at, 'anyOf', 'Expected what fits one of several schemas.')
    if (oneOf && oneOf.filter(one => fits(one, value)).length !== 1)
      found(at, 'oneOf', 'Expected what fits exactly one of several schemas.')
    if (not !== undefined && fits(not, value)) found(at, 'not', 'It is what the schema rules out.')
    if (schema.if === undefined) return
    const follows = fits(schema.if, value) ? schema.then : schema.else
    if (follows !== undefined) check(follows, value, at, found)
  }

  const check = (schema: AttributeSchema, value: AttributeValue, at: string, found: Found): void => {
    if (typeof schema === 'boolean') {
      if (!schema) found(at, 'false', 'The schema allows no value here.')
      return
    }
    const { type, enum: allowed } = schema
    const types = type === undefined ? undefined : [type].flat()
    if (types && !types.some(one => IS_TYPE[one as SchemaType](value)))
      found(at, 'type', `Expected ${types.join(' or ')}.`)
    if (allowed && !allowed.some(one => equals(one, value)))
      found(
        at,
        'enum',
        `Expected one of ${allowed
          .map(one => JSON.stringify(one))
          .join(', ')
          .slice(0, 500)}.`,
      )
    if (Object.hasOwn(schema, 'const') && !equals(schema.const, value))
      found(at, 'const', `Expected ${JSON.stringify(schema.const).slice(0, 500)}.`)
    const here = (rule: string, message: string) => found(at, rule, message)
    if (typeof value === 'number') ofNumber(schema, value, here)
    else if (typeof value === 'string') ofString(schema, value, { patterns, found: here })
    else if (Array.isArray(value)) ofArray(schema, value, at, found)
    else if (isPlainObject(value)) ofObject(schema, value as Plain, at, found)
    ofOthers(schema, value, at, found)
  }

  return attributes => {
    const violations: Violation[] = []
    check(root, attributes, '/attributes', (pointer, rule, message) => {
      if (violations.length < MOST_FOUND) violations.push({ pointer, rule, message })
    })
    return violations
  }
}

/** What a change would break that was not broken before: what a schema came too late for may be mended piece by piece. */
export const newlyBroken = (
  schema: SchemaObject | undefined,
  before: Attributes,
  after: Attributes,
): readonly Violation[] => {
  if (schema === undefined) return []
  const check = attributeCheck(schema)
  const broken = check(after)
  if (broken.length === 0) return broken
  const nameOf = ({ pointer, rule }: Violation) => `${rule} ${pointer}`
  const known = new Set(check(before).map(nameOf))
  return broken.filter(one => !known.has(nameOf(one))).slice(0, MOST_TOLD)
}
