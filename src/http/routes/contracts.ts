/** What is promised of events, requests and answers, for whoever asks: it is the same for everybody, as the description of the routes is. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { asyncApiDocument } from '../../contracts/asyncapi.ts'
import { CONTRACT_KINDS, kindOf, MODE_OF, MODES, SUBJECT } from '../../contracts/contract.ts'
import { contractDocument } from '../../contracts/history.ts'
import type { JsonSchema } from '../../contracts/json-schema.ts'
import { newestEvents } from '../../contracts/registry.ts'
import type { Gateway } from '../../gateway.ts'
import { once } from '../../lib/once.ts'
import { refuse } from '../../model/errors.ts'
import type { EventType } from '../../model/event-catalogue.ts'
import { deprecationsOf } from '../../model/event-majors.ts'
import type { Env } from '../context.ts'
import { json, refusals } from '../openapi.ts'

export const Subject = z.string().regex(SUBJECT).openapi({ example: 'asset.published' })

const ContractSchema = z
  .object({
    subject: z.string(),
    kind: z.enum(CONTRACT_KINDS),
    mode: z.enum(MODES).openapi({ description: 'What each version owes to those before it' }),
    versions: z.array(z.string()).openapi({ description: 'Oldest first', example: ['1.0.0', '1.1.0'] }),
    deprecated: z
      .array(z.object({ major: z.int(), since: z.string(), sunset: z.string() }))
      .optional()
      .openapi({ description: 'Majors that are to go: read a later one from their sunset on' }),
  })
  .openapi('Contract')

/** The program brings them along: what is shown changes with a release. */
const AN_HOUR = 'public, max-age=3600'
const FOR_GOOD = 'public, max-age=31536000, immutable'

export const noSuchContract = () => refuse('not-found', 'There is no such contract.')

export const contractRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { contracts } = gateway
  const common = { tags: ['Contracts'], method: 'get' as const }

  const present = (subject: string) => {
    const kind = kindOf(subject)
    const versions = contracts.versionsOf(subject).map(({ version }) => version)
    const deprecated = deprecationsOf(subject as EventType).map(({ major, at, sunset }) => ({
      ...{ major, since: at.toISOString(), sunset: sunset.toISOString() },
    }))
    return { subject, kind, mode: MODE_OF[kind], versions, ...(deprecated.length > 0 && { deprecated }) }
  }

  app.openAPIRegistry.registerPath({
    ...common,
    path: '/asyncapi.json',
    summary: 'What is told, and how: AsyncAPI 3',
    responses: { 200: json(z.looseObject({}), 'AsyncAPI 3.1') },
  })
  const asyncApi = once(() => {
    const { components } = app.getOpenAPI31Document({ openapi: '3.1.0', info: { title: '', version: '' } })
    const envelope = components?.schemas?.Event as JsonSchema
    return asyncApiDocument({ events: newestEvents(contracts), envelope, base: gateway.publicBase() })
  })
  app.get('/asyncapi.json', c => c.json(asyncApi()))

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/contracts',
      summary: 'Subjects, with the versions that there are of each',
      request: { query: z.strictObject({ kind: z.enum(CONTRACT_KINDS).optional() }) },
      responses: { 200: json(z.object({ items: z.array(ContractSchema) }), 'All'), ...refusals('invalid-request') },
    }),
    c => {
      const { kind } = c.req.valid('query')
      const items = contracts.subjects().map(present)
      c.header('Cache-Control', AN_HOUR)
      return c.json({ items: items.filter(one => kind === undefined || one.kind === kind) }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/contracts/{subject}',
      summary: 'A subject',
      request: { params: z.object({ subject: Subject }) },
      responses: { 200: json(ContractSchema, 'The subject'), ...refusals('not-found') },
    }),
    c => {
      const { subject } = c.req.valid('param')
      if (contracts.versionsOf(subject).length === 0) throw noSuchContract()
      c.header('Cache-Control', AN_HOUR)
      return c.json(present(subject), 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/contracts/{subject}/{version}',
      summary:
        'A version as JSON Schema: of an event its `data`; of a request its `query`, `headers` and `body`; of an answer its body by status',
      request: { params: z.object({ subject: Subject, version: z.string().regex(/^\d{1,9}\.\d{1,9}\.\d{1,9}$/) }) },
      responses: {
        200: {
          description: 'JSON Schema 2020-12, which never changes',
          content: { 'application/schema+json': { schema: z.looseObject({}) } },
        },
        ...refusals('not-found'),
      },
    }),
    c => {
      const { subject, version } = c.req.valid('param')
      const found = contracts.versionsOf(subject).find(one => one.version === version)
      if (found === undefined) throw noSuchContract()
      return c.body(JSON.stringify(contractDocument(found)), 200, {
        'Content-Type': 'application/schema+json',
        'Cache-Control': FOR_GOOD,
      }) as never
    },
  )
}
