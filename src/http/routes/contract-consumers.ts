/** Who relies on a contract: what products say that they read of it, and whom a change would break. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { kindOf, MODE_OF, MODES } from '../../contracts/contract.ts'
import { type Consumer, consumerBreaks, judge } from '../../contracts/judge.ts'
import { BREAK_RULES } from '../../contracts/readable.ts'
import type { Gateway } from '../../gateway.ts'
import {
  type ConsumerContract,
  consumerContractsOf,
  consumersOf,
  deleteConsumerContract,
  findConsumerContract,
  putConsumerContract,
  subscribersOf,
} from '../../manifest/consumer-contracts.ts'
import { lockTenant, productExists } from '../../manifest/products.ts'
import { refuse } from '../../model/errors.ts'
import { auditChange } from '../audit.ts'
import { isSeen, requireIfMatch, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import { tellRegistered } from '../configuration-events.ts'
import type { Env, MatrixContext } from '../context.ts'
import { ContractSchemaBody } from '../contract-schema.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Name, WriteQuery } from '../validation.ts'
import { noSuchContract, Subject } from './contracts.ts'

const RegisteredSchema = z
  .object({
    product: z.string(),
    subject: z.string(),
    schema: z.looseObject({}),
    registered_by: z.string(),
    registered_at: z.string(),
  })
  .openapi('ConsumerContract')
const ConsumerSchema = z
  .object({
    product: z.string().optional().openapi({ description: 'Absent: a subscription of the whole tenant' }),
    subscription: z.string().optional(),
    major: z.int().openapi({ description: 'Which it reads' }),
    reads: z.enum(['all', 'registered']).openapi({ description: 'Whatever there is, or what it has registered' }),
  })
  .openapi('Consumer')
const VerdictSchema = z
  .object({
    compatible: z.boolean(),
    mode: z.enum(MODES),
    breaks: z.array(
      z.object({
        pointer: z.string().openapi({ description: '`*`: each item, or each property that is not named' }),
        rule: z.enum(BREAK_RULES),
        message: z.string(),
        versions: z.array(z.string()).openapi({ description: 'That it does not go together with' }),
        consumers: z.array(z.string()).openapi({
          description: 'Products, and subscriptions of the whole tenant; a product is told whether it is one',
        }),
      }),
    ),
  })
  .openapi('ContractVerdict')

const present = ({ product, subject, schema, registeredBy, registeredAt }: ConsumerContract) => ({
  product,
  subject,
  schema: schema as Record<string, unknown>,
  registered_by: registeredBy,
  registered_at: registeredAt.toISOString(),
})
const tagOf = (one: ConsumerContract | undefined) => one && stateTag(one.schema)
const audited = ({ schema }: ConsumerContract) => ({ schema: stateTag(schema) })

const path = '/v1/products/{product}/contracts/{subject}'
const params = z.object({ product: Name, subject: Subject })
const shared = refusals(...JSON_ROUTE)

export const contractConsumerRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { contracts, database, config } = gateway
  const authenticate = authenticated(gateway.findPrincipal)
  const middleware = [authenticate, requires('events:read'), jsonOnly(config)]
  const common = { tags: ['Contracts'], security, middleware }
  const administrators = { ...common, middleware: [authenticate, requires('matrix:admin'), jsonOnly(config)] }

  /** Of the product itself, and of administrators. */
  const permitted = async (c: MatrixContext, product: string) => {
    const { tenant, id, scopes, ...principal } = c.get('principal')
    const isOwn = principal.product === product
    if (!isOwn && !(scopes.includes('matrix:admin') && (await productExists(database, tenant, product))))
      throw refuse('not-found', 'There is no such product.')
    return { tenant, product, by: id }
  }
  const newest = (name: string) => {
    const found = contracts.named(name).at(-1)
    if (found === undefined) throw noSuchContract()
    return found
  }
  /** By these names of one subject: what products have said, and who is told besides. */
  const whoRelies = async (tenant: string, subject: string, names: readonly string[]) => {
    const [registered, told] = await Promise.all([
      consumersOf(database, tenant, names),
      kindOf(subject) === 'event' ? subscribersOf(database, tenant, names) : [],
    ])
    const said = new Set(registered.map(one => `${one.product} ${one.subject}`))
    const subscribers = told.flatMap(({ id, product, types }) => {
      const name = types === null ? subject : types.find(type => names.includes(type))
      const hasSaid = said.has(`${product} ${name}`)
      return name !== undefined && names.includes(name) ? [{ id, product, name, hasSaid }] : []
    })
    return { registered, subscribers }
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path,
      summary: 'Say what the product reads of it, or sends: the part that it needs',
      description:
        'A JSON Schema of the fields that it needs and what it takes in them; what it does not name it leaves alone. Of a later major by its name: `asset.version_failed.v2`. Refused where what is written now does not fit. From then on a change is checked against this, and not against all of the contract.',
      request: { params, query: WriteQuery, ...jsonBody(z.strictObject({ schema: ContractSchemaBody })) },
      responses: {
        200: json(RegisteredSchema, 'Said'),
        ...shared,
        ...refusals('invalid-request', 'upload-incomplete', 'contract-incompatible', 'precondition-failed'),
      },
    }),
    async c => {
      const { subject } = c.req.valid('param')
      const { tenant, product, by } = await permitted(c, c.req.valid('param').product)
      const { schema } = c.req.valid('json')
      const { version, ...ours } = newest(subject)
      const breaks = consumerBreaks(ours.subject, ours.schema, schema as Record<string, unknown>)
      if (breaks.length > 0)
        throw refuse('contract-incompatible', `This does not go together with ${ours.subject} ${version}.`, {
          violations: breaks.slice(0, 100),
        })
      const key = { tenant, product, subject }
      const tries = c.req.valid('query').validate_only === 'true'
      const shown = await writeConfiguration(database, { tries }, async tx => {
        await lockTenant(tx, tenant)
        const before = await findConsumerContract(tx, key)
        requireState(c, tagOf(before))
        const after = await putConsumerContract(tx, key, { schema, registeredBy: by })
        await auditChange(c, tx, {
          resource: `products/${product}/contracts/${subject}`,
          before: before && audited(before),
          after: audited(after),
        })
        if (tagOf(before) !== tagOf(after)) await tellRegistered(c, tx, { product, subject, version })
        return after
      })
      if (!tries) c.header('ETag', tagOf(shown))
      return c.json(present(shown), 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path,
      summary: 'What the product has said that it reads of it',
      request: { params },
      responses: { 200: json(RegisteredSchema, 'What it said'), 304: { description: 'Unchanged' }, ...shared },
    }),
    async c => {
      const { subject } = c.req.valid('param')
      const key = { ...(await permitted(c, c.req.valid('param').product)), subject }
      const found = await findConsumerContract(database, key)
      if (found === undefined) throw noSuchContract()
      if (isSeen(c, tagOf(found) ?? '')) return c.body(null, 304)
      return c.json(present(found), 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/products/{product}/contracts',
      summary: 'All that the product has said that it reads',
      request: { params: params.pick({ product: true }) },
      responses: { 200: json(z.object({ items: z.array(RegisteredSchema) }), 'By subject'), ...shared },
    }),
    async c => {
      const { tenant, product } = await permitted(c, c.req.valid('param').product)
      const items = (await consumerContractsOf(database, tenant, product)).map(present)
      return c.json({ items }, 200, { 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path,
      summary: 'Say no more what the product reads of it',
      request: { params, query: WriteQuery },
      responses: {
        204: { description: 'Gone' },
        ...shared,
        ...refusals('invalid-request', 'precondition-failed', 'precondition-required'),
      },
    }),
    async c => {
      const { subject } = c.req.valid('param')
      const { tenant, product } = await permitted(c, c.req.valid('param').product)
      requireIfMatch(c)
      const key = { tenant, product, subject }
      await writeConfiguration(database, { tries: c.req.valid('query').validate_only === 'true' }, async tx => {
        await lockTenant(tx, tenant)
        const before = await findConsumerContract(tx, key)
        if (before === undefined) throw noSuchContract()
        requireState(c, tagOf(before))
        await deleteConsumerContract(tx, key)
        await auditChange(c, tx, {
          resource: `products/${product}/contracts/${subject}`,
          before: audited(before),
        })
      })
      return c.body(null, 204)
    },
  )

  app.openapi(
    createRoute({
      ...administrators,
      method: 'get',
      path: '/v1/contracts/{subject}/consumers',
      summary: 'Who relies on it: subscriptions that ask for the type, and products that have said what they read',
      description:
        'Of all majors, or of a later one by its name (`asset.version_failed.v2`). Readers of the log, of streams in Redis and of answers are not known, unless they have said so.',
      request: { params: z.object({ subject: Subject }) },
      responses: { 200: json(z.object({ items: z.array(ConsumerSchema) }), 'All'), ...shared },
    }),
    async c => {
      const name = c.req.valid('param').subject
      const { subject } = newest(name)
      const names = name === subject ? contracts.namesOf(subject) : [name]
      const { registered, subscribers } = await whoRelies(c.get('principal').tenant, subject, names)
      const majorOf = (name: string): number => newest(name).major
      const items = [
        ...registered.map(one => ({ product: one.product, major: majorOf(one.subject), reads: 'registered' as const })),
        ...subscribers.map(({ id, product, name, hasSaid }) => ({
          ...{ product: product ?? undefined, subscription: id, major: majorOf(name) },
          reads: hasSaid ? ('registered' as const) : ('all' as const),
        })),
      ]
      return c.json({ items }, 200, { 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/contracts/check',
      summary: 'Whether a contract could become this, and who would be broken. Nothing is changed',
      request: { ...jsonBody(z.strictObject({ subject: Subject, schema: ContractSchemaBody })) },
      responses: { 200: json(VerdictSchema, 'The verdict'), ...shared },
    }),
    async c => {
      const { tenant, product: own, scopes } = c.get('principal')
      const { subject: name, schema } = c.req.valid('json')
      const { subject } = newest(name)
      const { registered, subscribers } = await whoRelies(tenant, subject, [name])
      const consumers: Consumer[] = [
        ...registered.map(one => ({ name: one.product, reads: one.schema as Record<string, unknown> })),
        ...subscribers.flatMap(({ id, product, hasSaid }) => (hasSaid ? [] : [{ name: product ?? id }])),
      ]
      const mine = scopes.includes('matrix:admin') ? consumers : consumers.filter(({ name }) => name === own)
      const found = await judge({ subject, schema: schema as Record<string, unknown> }, contracts.named(name), mine)
      const breaks = found.map(one => ({ ...one, versions: [...one.versions], consumers: [...one.consumers] }))
      return c.json({ compatible: breaks.length === 0, mode: MODE_OF[kindOf(subject)], breaks }, 200, {
        'Cache-Control': 'no-store',
      })
    },
  )
}
