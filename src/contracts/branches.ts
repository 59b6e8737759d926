/** A schema taken apart: by alternatives, and by types. */
import type { Effort } from './effort.ts'
import { flat, type JsonSchema, type SchemaObject, typesOf } from './json-schema.ts'

const TYPES = ['object', 'array', 'string', 'number', 'boolean', 'null'] as const
const typeOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}
export const takes = (types: readonly string[], type: string): boolean =>
  types.includes(type) || (type === 'integer' && types.includes('number'))

export const valuesOf = (schema: SchemaObject): readonly unknown[] | undefined =>
  'const' in schema ? [schema.const] : schema.enum

export type Branch = SchemaObject & { readonly type: string }

/** What may be written, each of one type, and each without alternatives. */
export const branchesOf = (writer: JsonSchema, effort: Effort): readonly Branch[] => {
  if (writer === false || !effort.spend(writer)) return []
  const { anyOf, oneOf, ...rest } = flat(writer === true ? {} : writer)
  if (anyOf !== undefined || oneOf !== undefined) {
    const others = oneOf !== undefined && anyOf !== undefined ? { ...rest, oneOf } : rest
    return (anyOf ?? oneOf ?? []).flatMap(one => branchesOf({ allOf: [others, one] }, effort))
  }
  const values = valuesOf(rest)
  const types = typesOf(rest.type) ?? (values && [...new Set(values.map(typeOf))]) ?? TYPES
  return types.flatMap(type => {
    if (!effort.spend(rest)) return []
    const said = type === 'null' ? [null] : type === 'boolean' ? (values ?? [true, false]) : values
    const { const: _, enum: __, ...others } = rest
    return { ...others, type, ...(said && { enum: said.filter(value => takes([type], typeOf(value))) }) }
  })
}
