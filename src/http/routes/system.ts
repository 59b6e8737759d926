/** What machines and people ask about the system itself. */
import { createRoute, type OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { once } from '../../lib/once.ts'
import { reportEfficiency } from '../../manifest/efficiency.ts'
import { ERROR_CATALOGUE, type ErrorCode, refuse } from '../../model/errors.ts'
import { examine } from '../../reconcile/doctor.ts'
import type { Env } from '../context.ts'
import { renderPage, renderReference } from '../docs.ts'
import { describeLimits } from '../limited-openapi.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'

const EfficiencySchema = z
  .object({
    asks: z.number().int(),
    nodes: z.number().int(),
    executions: z.number().int(),
    bytes: z.object({ originals: z.number(), derivatives: z.number(), siloed: z.number() }),
    cpu_ms: z.object({ spent: z.number(), siloed: z.number() }),
    storage_efficiency: z.number(),
    siloed_storage_efficiency: z.number(),
    compute_ratio: z.number(),
    saved: z
      .object({ cpu_ms: z.number(), bytes: z.number() })
      .openapi({ description: 'Against siloed copies; less than nothing where nobody shares and work was repeated' }),
    products: z
      .array(
        z.object({
          product: z.string(),
          asks: z.number().int(),
          nodes: z.number().int(),
          shared: z.number().int().openapi({ description: 'Nodes that other products have too' }),
          cpu_ms: z.object({ spent: z.number(), siloed: z.number() }),
          bytes: z.object({ derivatives: z.number(), siloed: z.number() }),
        }),
      )
      .openapi({ description: 'What is shared is split evenly between the products that share it' }),
  })
  .openapi('Efficiency')

const DiagnosisSchema = z
  .object({ healthy: z.boolean(), checks: z.array(z.object({ check: z.string(), ok: z.boolean(), detail: z.any() })) })
  .openapi('Diagnosis')

const HTML = {
  'Content-Type': 'text/html; charset=utf-8',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
}

const page = { 'text/html': { schema: z.string() } }

/** Routes that need no credential and take no body. */
const documentSystem = (app: OpenAPIHono<Env>): void => {
  const open = { tags: ['Operate'], method: 'get' as const }
  const documented: readonly Pick<RouteConfig, 'path' | 'summary' | 'request' | 'responses'>[] = [
    {
      path: '/problems/{code}',
      summary: 'What a problem type means',
      request: { params: z.object({ code: z.string() }) },
      responses: { 200: { description: 'The page', content: page }, ...refusals('not-found') },
    },
    { path: '/openapi.json', summary: 'This document', responses: { 200: json(z.looseObject({}), 'OpenAPI 3.1') } },
    { path: '/docs', summary: 'This document as a page', responses: { 200: { description: 'A page', content: page } } },
  ]
  for (const route of documented) app.openAPIRegistry.registerPath({ ...open, ...route })
}

export const systemRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  app.get('/problems/:code', c => {
    const code = c.req.param('code') as ErrorCode
    const entry = Object.hasOwn(ERROR_CATALOGUE, code) ? ERROR_CATALOGUE[code] : undefined
    if (!entry) throw refuse('not-found', 'There is no such problem type.')
    const body = `<h1>${code}</h1><p>${entry.title}.</p><p>HTTP ${entry.status}; ${entry.retryable ? 'the same request may succeed later' : 'the same request will fail again'}.</p>`
    return c.html(renderPage(code, body), 200, HTML)
  })

  documentSystem(app)

  const info = {
    openapi: '3.1.0',
    info: {
      title: 'Asset Matrix',
      version: '1',
      description: 'One upload; every product’s derivative, resolved by URL.',
    },
  }
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, `mtx_live_…`, or a JWT of an issuer that the tenant has named',
  })
  // Anybody may ask, and each takes a fifth of a second in which nobody else is answered: once is enough.
  const document = once(() =>
    JSON.stringify(describeLimits(app.getOpenAPI31Document({ ...info, servers: [{ url: gateway.publicBase() }] }))),
  )
  const reference = once(() => renderReference(describeLimits(app.getOpenAPI31Document(info))))
  app.get('/openapi.json', c => c.body(document(), 200, { 'Content-Type': 'application/json' }))
  app.get('/docs', c => c.html(reference(), 200, HTML))

  app.openapi(
    createRoute({
      tags: ['Operate'],
      security,
      method: 'get',
      path: '/v1/report/efficiency',
      middleware: [authenticated(gateway.findPrincipal), requires('matrix:admin')],
      summary: 'What sharing saved, against siloed copies of the same wishes',
      responses: { 200: json(EfficiencySchema, 'The report'), ...refusals('unauthenticated', 'forbidden') },
    }),
    async c => c.json(await reportEfficiency(gateway.database, c.get('principal').tenant), 200),
  )

  app.openapi(
    createRoute({
      tags: ['Operate'],
      security,
      method: 'get',
      path: '/v1/doctor',
      middleware: [authenticated(gateway.findPrincipal), requires('matrix:admin')],
      summary: 'Examine engines, store guarantees, clocks and invariants',
      responses: { 200: json(DiagnosisSchema, 'What was found'), ...refusals('unauthenticated', 'forbidden') },
    }),
    async c => c.json(await examine(gateway), 200),
  )
}
