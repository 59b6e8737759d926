/**
 * The types of `src/sdk/api.ts`: the schemas of the OpenAPI document by their names, what each route takes and answers, and what
 * each event says.
 */
import { z } from 'zod'
import { EVENTS } from '../../src/model/event-catalogue.ts'
import { dataOf, deprecationOf, EVENT_NAMES, readName } from '../../src/model/event-majors.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly description?: string
  readonly format?: string
  readonly 'x-extensible'?: boolean
}
interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: Schema
}
type Content = Readonly<Record<string, { readonly schema?: Schema }>>
interface Operation {
  readonly summary?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete']
const literal = (value: unknown): string =>
  typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : String(value)
const nameOf = (key: string): string => (/^[A-Za-z_]\w*$/.test(key) ? key : literal(key))
const commentOf = (text: string | undefined, indent = ''): string =>
  text ? `/** ${text.replaceAll('*/', '*\\/')} */\n${indent}` : ''
const unionOf = (types: readonly string[]): string => [...new Set(types)].join(' | ')
const bracketed = (type: string): string => (/^\w+$/.test(type) ? type : `(${type})`)

const objectOf = ({ properties = {}, required = [], additionalProperties }: Schema, inLines: boolean): string => {
  const members = Object.entries(properties).map(([key, schema]) => {
    const mark = required.includes(key) ? '' : '?'
    return `readonly ${nameOf(key)}${mark}: ${typeOf(schema)}`
  })
  if (typeof additionalProperties === 'object' && Object.keys(additionalProperties).length > 0)
    members.push(`readonly [key: string]: ${members.length > 0 ? 'unknown' : typeOf(additionalProperties)}`)
  if (members.length === 0) return 'Readonly<Record<string, unknown>>'
  return inLines ? `{\n${members.map(line => `  ${line}`).join('\n')}\n}` : `{ ${members.join('; ')} }`
}

const plainOf = (type: string | undefined, schema: Schema): string => {
  if (type === 'integer') return 'number'
  if (type === 'array') return `readonly ${bracketed(typeOf(schema.items ?? {}))}[]`
  if (type === 'object' || schema.properties) return objectOf(schema, false)
  if (type === 'string' && schema.format === 'binary') return 'Bytes'
  return type ?? 'unknown'
}

const typeOf = (schema: Schema): string => {
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? 'unknown'
  if (schema.enum) {
    const known = unionOf(schema.enum.map(literal))
    return schema['x-extensible'] ? `${known} | (string & {})` : known
  }
  if (schema.const !== undefined) return literal(schema.const)
  const some = schema.anyOf ?? schema.oneOf
  if (some) return unionOf(some.map(typeOf))
  if (schema.allOf) return schema.allOf.map(one => bracketed(typeOf(one))).join(' & ')
  const types = Array.isArray(schema.type) ? (schema.type as readonly string[]) : [schema.type as string | undefined]
  return unionOf(types.map(type => plainOf(type, schema)))
}

/** What is coerced from text says that it takes null, too, which nobody can write into a query. */
const parameterType = (schema: Schema): string => typeOf(schema).replace(/ \| null$/, '')
const parametersOf = (operation: Operation, place: string): string | undefined => {
  const own = (operation.parameters ?? []).filter(one => one.in === place)
  if (own.length === 0) return undefined
  const isNeeded = own.some(({ required }) => required)
  const members = own.map(({ name, required, schema }) => {
    const type = place === 'path' ? 'string | number' : parameterType(schema)
    return `readonly ${nameOf(name)}${required ? '' : '?'}: ${type}`
  })
  return `readonly ${place}${isNeeded ? '' : '?'}: { ${members.join('; ')} }`
}

const bodyOf = ({ requestBody }: Operation): string | undefined => {
  if (!requestBody) return undefined
  const types = Object.entries(requestBody.content).map(([media, { schema }]) =>
    /json$/.test(media) && media !== 'application/x-ndjson' ? typeOf(schema ?? {}) : 'Bytes',
  )
  return `readonly body${requestBody.required ? '' : '?'}: ${unionOf(types)}`
}

/** JSON comes parsed; of everything else the answer itself is given, so that it can be read as it comes. */
const answerOf = ({ responses }: Operation): string => {
  const types = Object.entries(responses)
    .filter(([status]) => /^2/.test(status))
    .flatMap(([, { content }]) => {
      const schema = content?.['application/json']?.schema
      if (schema) return [typeOf(schema)]
      return content && Object.keys(content).length > 0 ? ['Response'] : []
    })
  return types.length > 0 ? unionOf(types) : 'undefined'
}

const takesKey = ({ parameters = [] }: Operation): boolean =>
  parameters.some(one => one.in === 'header' && one.name.toLowerCase() === 'idempotency-key')

export const printApi = ({ paths, components }: Document): string => {
  const schemas = Object.entries(components.schemas).map(([name, schema]) =>
    schema.properties && !schema.allOf
      ? `${commentOf(schema.description)}export interface ${name} ${objectOf(schema, true)}`
      : `${commentOf(schema.description)}export type ${name} = ${typeOf(schema)}`,
  )
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap(method => {
      const operation = item[method]
      return operation ? [{ route: `${method.toUpperCase()} ${path}`, operation }] : []
    }),
  )
  const routes = operations.map(({ route, operation }) => {
    const parts = [parametersOf(operation, 'path'), parametersOf(operation, 'query'), bodyOf(operation)]
    const members = [...parts.filter(part => part !== undefined), `readonly answer: ${answerOf(operation)}`]
    return `  ${commentOf(operation.summary, '  ')}'${route}': { ${members.join('; ')} }`
  })
  const keyed = operations.filter(({ operation }) => takesKey(operation)).map(({ route }) => `  '${route}',`)
  const events = EVENT_NAMES.map(name => {
    const { type, major } = readName(name)
    const schema = z.toJSONSchema(dataOf(type, major), { io: 'output' }) as Schema
    const sunset = deprecationOf(type, major)?.sunset.toISOString().slice(0, 10)
    const comment = sunset === undefined ? EVENTS[type].about : `${EVENTS[type].about} @deprecated until ${sunset}`
    return `  ${commentOf(comment, '  ')}'${name}': ${objectOf(schema, false)}`
  })
  return [
    '/** Printed by `npm run docs` from docs/openapi.json; a test fails when it is stale. */',
    "export type Bytes = NonNullable<RequestInit['body']>",
    ...schemas,
    `/** What each route takes and answers. */\nexport interface Routes {\n${routes.join('\n')}\n}`,
    `/** What each type of event says in its \`data\`: in its first major, and under a name of its own in each later one. */\nexport interface Events {\n${events.join('\n')}\n}`,
    `/** Routes that do a thing once for a key, however often they are asked. */\nexport const KEYED: ReadonlySet<keyof Routes> = new Set<keyof Routes>([\n${keyed.join('\n')}\n])`,
    '',
  ].join('\n\n')
}
