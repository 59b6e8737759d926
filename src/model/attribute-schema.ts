/**
 * What a collection says that attributes are: a subset of JSON Schema 2020-12, as it is written, shown and stored. It is interpreted
 * (attribute-check.ts) and never made into code. A tree without references, so that looking at a value costs each schema once at most.
 */
export const SCHEMA_TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const
export type SchemaType = (typeof SCHEMA_TYPES)[number]
/** Asserted, which 2020-12 leaves to each implementation. */
export const SCHEMA_FORMATS = ['date', 'date-time', 'uri', 'uuid'] as const
export type SchemaFormat = (typeof SCHEMA_FORMATS)[number]

export interface SchemaObject {
  readonly type?: SchemaType | readonly SchemaType[] | undefined
  readonly enum?: readonly unknown[] | undefined
  readonly const?: unknown
  readonly minimum?: number | undefined
  readonly maximum?: number | undefined
  readonly exclusiveMinimum?: number | undefined
  readonly exclusiveMaximum?: number | undefined
  readonly multipleOf?: number | undefined
  readonly minLength?: number | undefined
  readonly maxLength?: number | undefined
  readonly pattern?: string | undefined
  readonly format?: SchemaFormat | undefined
  readonly items?: AttributeSchema | undefined
  readonly contains?: AttributeSchema | undefined
  readonly minItems?: number | undefined
  readonly maxItems?: number | undefined
  readonly uniqueItems?: boolean | undefined
  readonly properties?: { readonly [name: string]: AttributeSchema } | undefined
  readonly additionalProperties?: AttributeSchema | undefined
  readonly required?: readonly string[] | undefined
  readonly dependentRequired?: { readonly [name: string]: readonly string[] } | undefined
  readonly minProperties?: number | undefined
  readonly maxProperties?: number | undefined
  readonly allOf?: readonly AttributeSchema[] | undefined
  readonly anyOf?: readonly AttributeSchema[] | undefined
  readonly oneOf?: readonly AttributeSchema[] | undefined
  readonly not?: AttributeSchema | undefined
  readonly if?: AttributeSchema | undefined
  readonly then?: AttributeSchema | undefined
  readonly else?: AttributeSchema | undefined
  /** For people. */
  readonly $schema?: string | undefined
  readonly $comment?: string | undefined
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly examples?: readonly unknown[] | undefined
}

export type AttributeSchema = boolean | SchemaObject

/** A page of 500 collections is then 8 MB at the very most. */
export const MAX_SCHEMA_BYTES = 16 * 1024
/** Schemas in it, itself among them. */
export const MAX_SCHEMAS = 256
/** Levels of JSON: four of attributes take nine, and who is asked for one thing or another a few more. */
export const MAX_SCHEMA_DEPTH = 24

const isObject = (schema: AttributeSchema | undefined): schema is SchemaObject => typeof schema === 'object'

const below = (schema: SchemaObject): readonly AttributeSchema[] => [
  ...Object.values(schema.properties ?? {}),
  ...[schema.allOf, schema.anyOf, schema.oneOf].flatMap(list => list ?? []),
  ...[
    schema.items,
    schema.contains,
    schema.additionalProperties,
    schema.not,
    schema.if,
    schema.then,
    schema.else,
  ].filter(one => one !== undefined),
]

/** A schema and all within it. */
export const schemasWithin = (schema: AttributeSchema): readonly SchemaObject[] =>
  isObject(schema) ? [schema, ...below(schema).flatMap(schemasWithin)] : []
