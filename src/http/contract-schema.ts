/** A JSON Schema that somebody sends to be compared: read once, here. It is never run, so a pattern in it is a text like any other. */
import { z } from '@hono/zod-openapi'
import { type JsonSchema, plain } from '../contracts/json-schema.ts'
import { countSchemas } from '../contracts/readable.ts'
import { isDeeper } from './attribute-schema.ts'
import { violationsOf } from './validation.ts'

/** Twice the largest of ours. What comparing it costs depends on its alternatives: `contracts/effort.ts` bounds that. */
const MAX_BYTES = 16 * 1024
const MAX_DEPTH = 40
const MAX_SCHEMAS = 512

const Schema: z.ZodType = z.lazy(() => z.union([z.boolean(), Keywords]))
const Schemas = z.array(Schema).min(1).optional()
const Named = z.record(z.string(), Schema).optional()
const Count = z.int().min(0).optional()
const Bound = z.number().optional()

const Keywords = z.looseObject({
  $ref: z.never({ error: 'Expected a schema without references' }).optional(),
  type: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
  enum: z.array(z.any()).min(1).optional(),
  required: z.array(z.string()).optional(),
  properties: Named,
  patternProperties: Named,
  $defs: Named,
  items: Schema.optional(),
  additionalProperties: Schema.optional(),
  not: Schema.optional(),
  if: Schema.optional(),
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema, awaited by nobody
  then: Schema.optional(),
  else: Schema.optional(),
  contains: Schema.optional(),
  propertyNames: Schema.optional(),
  anyOf: Schemas,
  oneOf: Schemas,
  allOf: Schemas,
  prefixItems: Schemas,
  minLength: Count,
  maxLength: Count,
  minItems: Count,
  maxItems: Count,
  minProperties: Count,
  maxProperties: Count,
  minimum: Bound,
  maximum: Bound,
  exclusiveMinimum: Bound,
  exclusiveMaximum: Bound,
  multipleOf: z.number().positive().optional(),
  pattern: z.string().optional(),
  format: z.string().optional(),
})

/** Depth is looked at first, for everything else follows it down. */
const faultsOf = (given: unknown): readonly { path: (string | number)[]; message: string }[] => {
  const whole = (message: string) => [{ path: [], message }]
  if (isDeeper(given, MAX_DEPTH)) return whole(`Expected at most ${MAX_DEPTH} levels`)
  const text = JSON.stringify(given) ?? ''
  if (Buffer.byteLength(text) > MAX_BYTES) return whole(`Expected at most ${MAX_BYTES} bytes of JSON`)
  // Postgres holds none.
  if (text.includes('\\u0000')) return whole('Expected no NUL')
  const parsed = Keywords.safeParse(given)
  if (!parsed.success)
    return violationsOf(parsed.error)
      .slice(0, 20)
      .map(({ pointer, message }) => ({ path: pointer.split('/').slice(1), message }))
  return countSchemas(given as JsonSchema) > MAX_SCHEMAS ? whole(`Expected at most ${MAX_SCHEMAS} schemas`) : []
}

export const ContractSchemaBody = z
  .any()
  .superRefine((given, context) => {
    for (const fault of faultsOf(given)) context.addIssue({ code: 'custom', ...fault })
  })
  // Numbers that are none to JSON come in as such: 1e999.
  .transform(given => plain(JSON.parse(JSON.stringify(given)) as JsonSchema, () => undefined) as object)
  .openapi({
    type: 'object',
    description: 'JSON Schema 2020-12 without references',
    example: { type: 'object', properties: { publication: { type: 'integer' } }, required: ['publication'] },
  })
