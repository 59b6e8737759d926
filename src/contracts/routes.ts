/** The contracts of routes, from the document that the code prints of itself: what a request may say, and what an answer says by its status. */
import type { Contract } from './contract.ts'
import { type JsonSchema, open, plain, type SchemaObject } from './json-schema.ts'

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>>
}
interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema?: JsonSchema
}
interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Content & { readonly required?: boolean }
  readonly responses?: Readonly<Record<string, Content>>
}
export interface OpenApiDocument {
  readonly paths?: Readonly<Record<string, object>>
  readonly components?: { readonly schemas?: Readonly<Record<string, JsonSchema>> }
}

const METHODS = ['get', 'head', 'options', 'put', 'post', 'patch', 'delete'] as const
const REFUSAL = 'application/problem+json'

/** `post /v1/products/{product}/keys` is `post-v1-products-product-keys`. */
export const operationName = (method: string, path: string): string =>
  `${method}-${path}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '')

const jsonOf = ({ content = {} }: Content): JsonSchema | undefined =>
  Object.entries(content).find(([type]) => type !== REFUSAL && /[/+]json$/.test(type))?.[1].schema

const objectOf = (entries: readonly (readonly [string, JsonSchema])[], required: readonly string[]): SchemaObject => ({
  type: 'object',
  properties: Object.fromEntries(entries),
  ...(required.length > 0 && { required: [...required].sort() }),
})

const parametersOf = (operation: Operation, place: string): SchemaObject | undefined => {
  const found = (operation.parameters ?? []).filter(one => one.in === place)
  if (found.length === 0) return undefined
  const required = found.filter(one => one.required).map(({ name }) => name)
  return objectOf(
    found.map(({ name, schema = true }) => [name, schema]),
    required,
  )
}

/** Always there, so that every route has a contract, and one that is gone is missed. */
const requestOf = (operation: Operation): SchemaObject => {
  const [path, query, headers] = ['path', 'query', 'header'].map(place => parametersOf(operation, place))
  const body = operation.requestBody && jsonOf(operation.requestBody)
  const parts = Object.entries({
    // Never left out, for it is what leads here: nobody has to say that he sends it.
    path: path && objectOf(Object.entries(path.properties ?? {}), []),
    // Names that a route does not know are refused in a query, and nobody minds them among headers.
    query: query && { ...query, additionalProperties: false },
    headers,
    body,
  }).flatMap(([name, schema]) => (schema === undefined ? [] : [[name, schema] as const]))
  const isRequired: Readonly<Record<string, unknown>> = {
    query: query?.required,
    headers: headers?.required,
    body: operation.requestBody?.required,
  }
  const required = parts.map(([name]) => name).filter(name => isRequired[name])
  return objectOf(parts, required)
}

/** Refusals have one form for all, the component `Problem`. What has no JSON is told by its status alone, where the route does not refuse. */
const responseOf = ({ responses = {} }: Operation): SchemaObject => {
  const answers = Object.entries(responses).flatMap(([status, response]) => {
    const schema = jsonOf(response)
    if (schema === undefined && !status.startsWith('2')) return []
    return [[status, schema ?? true] as const]
  })
  return objectOf(answers, [])
}

export const routeContracts = ({ paths = {}, components }: OpenApiDocument): Contract[] => {
  const find = (reference: string) => components?.schemas?.[reference.replace('#/components/schemas/', '')]
  const contracts: Contract[] = []
  const add = (subject: string, schema: JsonSchema | undefined, isOpen: boolean): void => {
    if (schema === undefined) return
    const tree = plain(schema, find)
    contracts.push({ subject, major: 1, schema: isOpen ? open(tree) : tree })
  }
  for (const [path, item] of Object.entries(paths)) {
    for (const method of METHODS) {
      const operation = (item as Record<string, Operation | undefined>)[method]
      if (operation === undefined) continue
      add(`${operationName(method, path)}.request`, requestOf(operation), false)
      add(`${operationName(method, path)}.response`, responseOf(operation), true)
    }
  }
  add('problem.response', components?.schemas?.Problem, true)
  return contracts
}
