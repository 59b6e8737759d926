/** The schema of a collection's attributes as it is written: read once, here, and refused with every place that is not of the subset. */
import { z } from '@hono/zod-openapi'
import { canonicalText } from '../lib/canonical.ts'
import { patternFault } from '../model/attribute-check.ts'
import {
  MAX_SCHEMA_BYTES,
  MAX_SCHEMA_DEPTH,
  MAX_SCHEMAS,
  SCHEMA_FORMATS,
  SCHEMA_TYPES,
  type SchemaObject,
  schemasWithin,
} from '../model/attribute-schema.ts'
import { ATTRIBUTE_NAME } from '../model/attributes.ts'
import { violationsOf } from './validation.ts'

const Type = z.enum(SCHEMA_TYPES)
const Count = z.int().min(0)
const Bound = z.number().min(-1e15).max(1e15)
const Name = z.string().regex(ATTRIBUTE_NAME)
const Text = z.string().max(4_096)

const Schema: z.ZodType = z.lazy(() => z.union([z.boolean(), Keywords]))
const Schemas = z.array(Schema).min(1)

const Keywords = z.strictObject({
  type: z.union([Type, z.array(Type).min(1)]).optional(),
  enum: z.array(z.any()).min(1).optional(),
  const: z.any().optional(),
  minimum: Bound.optional(),
  maximum: Bound.optional(),
  exclusiveMinimum: Bound.optional(),
  exclusiveMaximum: Bound.optional(),
  multipleOf: z.number().min(1e-6).max(1e15).optional(),
  minLength: Count.optional(),
  maxLength: Count.optional(),
  pattern: z.string().max(500).optional(),
  format: z.enum(SCHEMA_FORMATS).optional(),
  items: Schema.optional(),
  contains: Schema.optional(),
  minItems: Count.optional(),
  maxItems: Count.optional(),
  uniqueItems: z.boolean().optional(),
  properties: z.record(Name, Schema).optional(),
  additionalProperties: Schema.optional(),
  required: z.array(Name).optional(),
  dependentRequired: z.record(Name, z.array(Name)).optional(),
  minProperties: Count.optional(),
  maxProperties: Count.optional(),
  allOf: Schemas.optional(),
  anyOf: Schemas.optional(),
  oneOf: Schemas.optional(),
  not: Schema.optional(),
  if: Schema.optional(),
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema, awaited by nobody
  then: Schema.optional(),
  else: Schema.optional(),
  $schema: z.literal('https://json-schema.org/draft/2020-12/schema').optional(),
  $comment: Text.optional(),
  title: Text.optional(),
  description: Text.optional(),
  examples: z.array(z.any()).optional(),
})

export const isDeeper = (value: unknown, than: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (than === 0 || Object.values(value).some(one => isDeeper(one, than - 1)))

/** What is wrong with it, where anything is. Depth is looked at first, for everything else follows it down. */
const faultsOf = (given: unknown): readonly { path: (string | number)[]; message: string }[] => {
  const whole = (message: string) => [{ path: [], message }]
  if (isDeeper(given, MAX_SCHEMA_DEPTH)) return whole(`Expected at most ${MAX_SCHEMA_DEPTH} levels`)
  if (Buffer.byteLength(JSON.stringify(given)) > MAX_SCHEMA_BYTES)
    return whole(`Expected at most ${MAX_SCHEMA_BYTES} bytes of JSON`)
  const parsed = Keywords.safeParse(given)
  if (!parsed.success)
    return violationsOf(parsed.error)
      .slice(0, 20)
      .map(({ pointer, message }) => ({ path: pointer.split('/').slice(1), message }))
  const schema = parsed.data as SchemaObject
  if (schemasWithin(schema).length > MAX_SCHEMAS) return whole(`Expected at most ${MAX_SCHEMAS} schemas`)
  const fault = patternFault(schema)
  return fault === undefined ? [] : whole(fault)
}

/** In one order, whatever kept it: equal schemas have one ETag. */
export const presentSchema = (schema: SchemaObject): SchemaObject => JSON.parse(canonicalText(schema))

export const SchemaBody = z
  .any()
  .superRefine((given, context) => {
    for (const fault of faultsOf(given)) context.addIssue({ code: 'custom', ...fault })
  })
  .transform(given => given as SchemaObject)
  .openapi('AttributeSchema', {
    type: 'object',
    description: 'What attributes are: a subset of JSON Schema 2020-12 (docs/attributes.md); absent: anything',
    example: { properties: { caption: { type: 'string', maxLength: 200 } }, required: ['caption'] },
  })
