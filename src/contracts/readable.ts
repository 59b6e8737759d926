/**
 * May whoever expects one schema read all that is written by another? Decided by looking at both, keyword by keyword, and never
 * by trying values: no pattern of anybody's is run.
 *
 * Sound and not complete: what it calls readable is. What it cannot decide it calls unreadable, by the rule `unsupported`: two
 * patterns that differ, say, although one may be the wider. Nor does it go on for long: what has too many alternatives is not decided.
 */
import { pointerOf } from '../lib/json-pointer.ts'
import { type Branch, branchesOf, takes, valuesOf } from './branches.ts'
import { type Effort, openEffort } from './effort.ts'
import { ANNOTATIONS, among, isSame, type JsonSchema, mapBelow, type SchemaObject, typesOf } from './json-schema.ts'

export const BREAK_RULES = [
  'type',
  'enum',
  'required',
  'unknown-property',
  'range',
  'length',
  'pattern',
  'format',
  'alternative',
  'refused',
  'unsupported',
  'removed',
] as const

export interface Break {
  /** JSON Pointer into what is written. `*`: each item, or each property that is not named. */
  readonly pointer: string
  readonly rule: (typeof BREAK_RULES)[number]
  readonly message: string
}

interface Place {
  readonly pointer: string
  readonly effort: Effort
}
interface Pair extends Place {
  readonly writer: Branch
  readonly reader: SchemaObject
}
type Finding = Break | undefined

/** `low`: no less than the reader wants; else no more. What is left open reaches to the end. */
const within =
  (rule: Break['rule'], keyword: string, isLow: boolean, least?: number) =>
  ({ writer, reader, pointer }: Pair): Finding => {
    const asked = reader[keyword] as number | undefined
    const given = (writer[keyword] as number | undefined) ?? least
    if (asked === undefined || (given !== undefined && (isLow ? given >= asked : given <= asked))) return undefined
    return { pointer, rule, message: `${keyword} is ${given ?? 'open'} where ${asked} is expected` }
  }

/** An exclusive bound of whole numbers is the next number; of others, its own where both have one. */
const bounded = (schema: SchemaObject): SchemaObject => {
  const { exclusiveMinimum, exclusiveMaximum } = schema as { exclusiveMinimum?: number; exclusiveMaximum?: number }
  const step = schema.type === 'integer' ? 1 : 0
  const low = exclusiveMinimum === undefined ? undefined : exclusiveMinimum + step
  const high = exclusiveMaximum === undefined ? undefined : exclusiveMaximum - step
  const bound = (name: string, value: number | undefined, pick: typeof Math.max) =>
    value === undefined ? {} : { [name]: pick(value, (schema[name] as number | undefined) ?? value) }
  return { ...schema, ...bound('minimum', low, Math.max), ...bound('maximum', high, Math.min) }
}

const exclusive =
  (keyword: string, isLow: boolean) =>
  ({ writer, reader, pointer }: Pair): Finding => {
    const [asked, given] = [reader[keyword], writer[keyword]] as (number | undefined)[]
    const inclusive = writer[isLow ? 'minimum' : 'maximum'] as number | undefined
    if (asked === undefined || writer.type === 'integer') return undefined
    const holds = (one: number | undefined, orEqual: boolean): boolean =>
      one !== undefined && ((orEqual && one === asked) || (isLow ? one > asked : one < asked))
    if (holds(given, true) || holds(inclusive, false)) return undefined
    return { pointer, rule: 'range', message: `${keyword} is ${given ?? 'open'} where ${asked} is expected` }
  }

const same =
  (rule: Break['rule'], keyword: string) =>
  ({ writer, reader, pointer }: Pair): Finding =>
    reader[keyword] === undefined || isSame(reader[keyword], writer[keyword])
      ? undefined
      : { pointer, rule, message: `${keyword} is ${writer[keyword] ?? 'open'} where ${reader[keyword]} is expected` }

const multiple = ({ writer, reader, pointer }: Pair): Finding => {
  const [asked, given] = [reader.multipleOf, writer.multipleOf] as (number | undefined)[]
  const isMultiple = given !== undefined && asked !== undefined && given % asked === 0
  if (asked === undefined || isMultiple || (asked === 1 && writer.type === 'integer')) return undefined
  return { pointer, rule: 'range', message: `multipleOf is ${given ?? 'open'} where ${asked} is expected` }
}

const NUMBER = [
  (pair: Pair) => within('range', 'minimum', true)({ ...pair, ...sides(pair, bounded) }),
  (pair: Pair) => within('range', 'maximum', false)({ ...pair, ...sides(pair, bounded) }),
  exclusive('exclusiveMinimum', true),
  exclusive('exclusiveMaximum', false),
  multiple,
]
const sides = ({ writer, reader }: Pair, change: (schema: SchemaObject) => SchemaObject) => ({
  writer: { ...change(writer), type: writer.type },
  reader: change({ ...reader, type: writer.type }),
})

/** What is asked of values of a type by one keyword each. */
const ASKED: Readonly<Record<string, readonly ((pair: Pair) => Finding)[]>> = {
  string: [
    within('length', 'minLength', true, 0),
    within('length', 'maxLength', false),
    same('pattern', 'pattern'),
    same('format', 'format'),
  ],
  number: NUMBER,
  integer: NUMBER,
  array: [
    within('length', 'minItems', true, 0),
    within('length', 'maxItems', false),
    same('unsupported', 'uniqueItems'),
  ],
  object: [within('length', 'minProperties', true, 0), within('length', 'maxProperties', false)],
}

/** A few values have the length and the range that they have. */
const withBounds = (writer: Branch): Branch => {
  const values = writer.enum
  if (values === undefined || values.length === 0) return writer
  const sizes = writer.type === 'string' ? values.map(value => [...(value as string)].length) : (values as number[])
  if (writer.type === 'string') return { ...writer, minLength: Math.min(...sizes), maxLength: Math.max(...sizes) }
  const isNumber = writer.type === 'integer' || writer.type === 'number'
  return isNumber ? { ...writer, minimum: Math.min(...sizes), maximum: Math.max(...sizes) } : writer
}

const inArray = ({ writer, reader, pointer, effort }: Pair): readonly Break[] => {
  const [first = [], wanted = []] = [writer.prefixItems, reader.prefixItems]
  const places = Array.from({ length: Math.max(first.length, wanted.length) }, (_, place) =>
    between(first[place] ?? writer.items ?? true, wanted[place] ?? reader.items ?? true, {
      pointer: `${pointer}/${place}`,
      effort,
    }),
  )
  const items = between(writer.items ?? true, reader.items ?? true, { pointer: `${pointer}/*`, effort })
  return [...places.flat(), ...items]
}

const inObject = ({ writer, reader, pointer, effort }: Pair): readonly Break[] => {
  const [written = {}, read = {}] = [writer.properties, reader.properties]
  const rest = writer.patternProperties === undefined ? (writer.additionalProperties ?? true) : true
  const taken = reader.additionalProperties ?? true
  const at = (name: string): string => pointer + pointerOf([name])
  const always = new Set(writer.required)
  const missing = (reader.required ?? [])
    .filter(name => !always.has(name))
    .map((name): Break => {
      const message = Object.hasOwn(written, name) ? 'may be left out' : 'is not written'
      return { pointer: at(name), rule: 'required', message }
    })
  const known = Object.entries(written).flatMap(([name, schema]): readonly Break[] => {
    const wanted = Object.hasOwn(read, name) ? read[name] : taken
    if (wanted === false && schema !== false && !Object.hasOwn(read, name))
      return [{ pointer: at(name), rule: 'unknown-property', message: 'is not taken' }]
    return between(schema, wanted ?? true, { pointer: at(name), effort })
  })
  const others = Object.keys(read).filter(name => !Object.hasOwn(written, name))
  const unnamed = others.flatMap(name => between(rest, read[name] ?? true, { pointer: at(name), effort }))
  return [...missing, ...known, ...unnamed, ...between(rest, taken, { pointer: `${pointer}/*`, effort })]
}

const KNOWN = new Set([
  ...['type', 'enum', 'const', 'properties', 'required', 'additionalProperties', 'items', 'prefixItems'],
  ...['anyOf', 'oneOf', 'allOf', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['minLength', 'maxLength', 'pattern', 'format', 'minItems', 'maxItems', 'uniqueItems'],
  ...['minProperties', 'maxProperties'],
])

const ownBreaks = (pair: Pair): readonly Break[] => {
  const { writer, reader, pointer } = pair
  const types = typesOf(reader.type)
  if (types !== undefined && !takes(types, writer.type))
    return [{ pointer, rule: 'type', message: `may be ${writer.type} where ${types.join(' or ')} is expected` }]
  const values = reader['x-extensible'] === true ? undefined : valuesOf(reader)
  if (values !== undefined) {
    const isKnown = among(values)
    const more = writer.enum?.filter(value => !isKnown(value))
    const message = more ? `may be ${more.map(one => JSON.stringify(one)).join(', ')}` : 'may be anything'
    if (more === undefined || more.length > 0) return [{ pointer, rule: 'enum', message }]
  }
  const strange = Object.keys(reader).filter(
    name => !KNOWN.has(name) && !ANNOTATIONS.has(name) && !name.startsWith('x-') && !isSame(reader[name], writer[name]),
  )
  const bound = { ...pair, writer: withBounds(writer) }
  return [
    ...strange.map((name): Break => ({ pointer, rule: 'unsupported', message: `${name} is not compared` })),
    ...(ASKED[writer.type] ?? []).flatMap(rule => rule(bound) ?? []),
    ...(writer.type === 'array' ? inArray(pair) : writer.type === 'object' ? inObject(pair) : []),
  ]
}

/** Of several ways to read it, the one that is meant: the only one of its type. */
const closest = (tried: readonly (readonly Break[])[], pointer: string): readonly Break[] => {
  if (tried.some(breaks => breaks.length === 0)) return []
  const meant = tried.filter(breaks => !breaks.some(one => one.rule === 'type' && one.pointer === pointer))
  const [only] = meant
  return meant.length === 1 && only
    ? only
    : [{ pointer, rule: 'alternative', message: 'fits none of the alternatives' }]
}

const branchBreaks = (writer: Branch, reader: JsonSchema, place: Place): readonly Break[] => {
  if (reader === true || !place.effort.spend(writer, reader)) return []
  if (reader === false) return [{ pointer: place.pointer, rule: 'refused', message: 'nothing is expected here' }]
  const against = (schema: JsonSchema): readonly Break[] => branchBreaks(writer, schema, place)
  const alternatives = [reader.anyOf, reader.oneOf].filter(list => list !== undefined)
  return [
    ...ownBreaks({ writer, reader, ...place }),
    ...(reader.allOf ?? []).flatMap(against),
    ...alternatives.flatMap(list => closest(list.map(against), place.pointer)),
  ]
}

const between = (writer: JsonSchema, reader: JsonSchema, place: Place): readonly Break[] => {
  if (reader === true) return []
  const found = branchesOf(writer, place.effort).flatMap(branch => branchBreaks(branch, reader, place))
  const seen = new Set<string>()
  return found.filter(({ pointer, rule }) => {
    const key = `${rule} ${pointer}`
    return !seen.has(key) && seen.add(key)
  })
}

/** Nothing: all that the writer may write, the reader can read. */
export const readable = (writer: JsonSchema, reader: JsonSchema): readonly Break[] => {
  const effort = openEffort()
  const found = between(writer, reader, { pointer: '', effort })
  // What was found until then may be of an alternative that another makes up for.
  return effort.isSpent()
    ? [{ pointer: '', rule: 'unsupported', message: 'has too many alternatives to be compared' }]
    : found
}

/** How many schemas are in it. */
export const countSchemas = (schema: JsonSchema): number => {
  let count = 1
  if (typeof schema !== 'boolean')
    mapBelow(schema, below => {
      count += countSchemas(below)
      return below
    })
  return count
}
