/**
 * JSON Schema 2020-12 as contracts use it: trees without references, and without what is for people alone, so that two that
 * mean the same are written the same.
 */
import { canonicalText } from '../lib/canonical.ts'

export interface SchemaObject {
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema
  readonly items?: JsonSchema
  readonly prefixItems?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
  readonly [keyword: string]: unknown
}
export type JsonSchema = boolean | SchemaObject

export const isSame = (left: unknown, right: unknown): boolean =>
  left === right || (left !== undefined && right !== undefined && canonicalText(left) === canonicalText(right))

/** Whether a value is one of these: in one look each, for there may be thousands. */
export const among = (values: readonly unknown[]): ((value: unknown) => boolean) => {
  const texts = new Set(values.map(canonicalText))
  return value => texts.has(canonicalText(value))
}

export const typesOf = (type: SchemaObject['type']): readonly string[] | undefined =>
  typeof type === 'string' ? [type] : type

/** Each with what is left of it when both hold. `undefined`: they have to stand beside each other. */
const TOGETHER: Readonly<Record<string, (left: never, right: never) => unknown>> = {
  properties: (left: Record<string, JsonSchema>, right: Record<string, JsonSchema>) => {
    const both = Object.entries(right).map(([name, schema]) => [
      name,
      Object.hasOwn(left, name) ? flat({ allOf: [left[name] as JsonSchema, schema] }) : schema,
    ])
    return { ...left, ...Object.fromEntries(both) }
  },
  required: (left: string[], right: string[]) => [...new Set([...left, ...right])],
  enum: (left: unknown[], right: unknown[]) => left.filter(among(right)),
  type: (left: SchemaObject['type'], right: SchemaObject['type']) => {
    const [these = [], those = []] = [typesOf(left), typesOf(right)]
    const common = these.flatMap(one => {
      if (those.includes(one)) return [one]
      if (one === 'number' && those.includes('integer')) return ['integer']
      return one === 'integer' && those.includes('number') ? [one] : []
    })
    return common.length === 1 ? common[0] : common
  },
}
const LARGER = /^(minimum|exclusiveMinimum|minLength|minItems|minProperties)$/
const SMALLER = /^(maximum|exclusiveMaximum|maxLength|maxItems|maxProperties)$/

const together = (keyword: string, left: unknown, right: unknown): unknown => {
  if (left === undefined || isSame(left, right)) return right
  if (LARGER.test(keyword)) return Math.max(left as number, right as number)
  if (SMALLER.test(keyword)) return Math.min(left as number, right as number)
  return TOGETHER[keyword]?.(left as never, right as never)
}

/** What holds all of it, in one where that can be said in one; the rest stays behind in `allOf`. */
export const flat = (schema: SchemaObject): SchemaObject => {
  const { allOf = [], ...own } = schema
  let merged: Record<string, unknown> = own
  const left: JsonSchema[] = []
  for (const member of allOf.map(one => (typeof one === 'boolean' ? one : flat(one)))) {
    if (member === true) continue
    if (member === false) return { not: {} }
    const entries = Object.entries(member).map(([name, value]) => [name, together(name, merged[name], value)] as const)
    if (entries.some(([, value]) => value === undefined)) left.push(member)
    else merged = { ...merged, ...Object.fromEntries(entries) }
  }
  return left.length > 0 ? { ...merged, allOf: left } : merged
}

const ONE = ['items', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains', 'propertyNames'] as const
const MANY = ['anyOf', 'oneOf', 'allOf', 'prefixItems'] as const
const NAMED = ['properties', 'patternProperties', '$defs'] as const

/** The same with each schema right below it changed. */
export const mapBelow = (schema: SchemaObject, change: (below: JsonSchema) => JsonSchema): SchemaObject => {
  const changed: Record<string, unknown> = { ...schema }
  for (const name of ONE) if (schema[name] !== undefined) changed[name] = change(schema[name] as JsonSchema)
  for (const name of MANY) if (schema[name] !== undefined) changed[name] = (schema[name] as JsonSchema[]).map(change)
  for (const name of NAMED) {
    if (schema[name] === undefined) continue
    const entries = Object.entries(schema[name] as Record<string, JsonSchema>)
    changed[name] = Object.fromEntries(entries.map(([key, below]) => [key, change(below)]))
  }
  return changed
}

/** Said of a schema, and asserting nothing. What is ours begins with `x-` and says how to read. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...['title', 'description', 'default', 'example', 'examples', 'deprecated', 'readOnly', 'writeOnly'],
  ...['$schema', '$id', '$comment', '$defs', 'discriminator', 'contentMediaType', 'contentEncoding'],
])

const HAS_ONE = /^(items|additionalProperties)$/

/** Without references and annotations. Throws where a reference leads nowhere or back to itself. */
export const plain = (
  schema: JsonSchema,
  find: (reference: string) => JsonSchema | undefined,
  within: readonly string[] = [],
): JsonSchema => {
  if (typeof schema === 'boolean') return schema
  const reference = schema.$ref as string | undefined
  if (reference !== undefined) {
    const found = find(reference)
    if (found === undefined || within.includes(reference)) throw new Error(`Expected a tree but found ${reference}`)
    const { $ref: _, ...own } = schema
    return plain({ allOf: [found], ...own }, find, [...within, reference])
  }
  const kept = Object.entries(schema).filter(([name]) => !ANNOTATIONS.has(name))
  const below = flat(mapBelow(Object.fromEntries(kept), one => plain(one, find, within)))
  const said = Object.entries(below).flatMap(([name, value]): [string, unknown][] => {
    // Whatever comes is what is meant by saying nothing, and a name is always a string.
    if (name === 'propertyNames' && isSame(value, { type: 'string' })) return []
    if (HAS_ONE.test(name) && isSame(value, {})) return [[name, true]]
    return [name === 'const' ? ['enum', [value]] : [name, value]]
  })
  return Object.fromEntries(said)
}

const withRest = (schema: JsonSchema, change: (schema: SchemaObject) => SchemaObject): JsonSchema =>
  typeof schema === 'boolean' ? schema : mapBelow(change(schema), below => withRest(below, change))

/** As it is read: what is not named may come too, and is left alone. */
export const open = (schema: JsonSchema): JsonSchema =>
  withRest(schema, ({ additionalProperties, ...rest }) =>
    additionalProperties === undefined || additionalProperties === false ? rest : { ...rest, additionalProperties },
  )

/** As it is written: nothing but what is named, unless it says so. */
export const sealed = (schema: JsonSchema): JsonSchema =>
  withRest(schema, one => (one.properties === undefined ? one : { additionalProperties: false, ...one }))
