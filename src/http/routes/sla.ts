/** Whether what is promised is kept now, and what has been given up: for administrators, in one look. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { readLevels } from '../../reconcile/service-levels.ts'
import { WINDOW_SECONDS } from '../../telemetry/rolling.ts'
import type { ServiceClass } from '../../telemetry/service-levels.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'

const seconds = z.number().nullable().openapi({ description: 'Seconds; null without a sample' })
const SlaSchema = z
  .object({
    at: z.iso.datetime(),
    window_seconds: z.number().int(),
    met: z.boolean().openapi({ description: 'Nothing that is promised is missed' }),
    levels: z.array(
      z.object({
        class: z.string().openapi({ description: 'resolve, metadata, control, upload, rendition, event' }),
        about: z.string(),
        scope: z.enum(['gateway', 'tenant']).openapi({
          description: 'What is counted: requests of the gateway that answers, or the log of the tenant',
        }),
        goal: seconds.openapi({ description: 'Of the 95th percentile; null: nothing is promised' }),
        count: z.number().int(),
        p50: seconds,
        p95: seconds,
        p99: seconds,
        errors: z.number().int().openapi({ description: 'Requests that failed for a fault of ours' }),
        met: z.boolean().nullable().openapi({ description: 'null: no sample, or no goal' }),
      }),
    ),
    given_up: z.object({
      nodes: z.number().int().openapi({ description: 'In quarantine: GET /v1/dead-letters' }),
      deliveries: z.number().int().openapi({ description: 'Events that a receiver never took' }),
      purges: z.number().int(),
    }),
    waiting: z.object({
      nodes: z.number().int(),
      deliveries: z.number().int(),
      events: z.number().int().openapi({ description: 'Facts without a number, of all tenants' }),
    }),
  })
  .openapi('Sla')

export const slaRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { clock, findPrincipal } = gateway
  app.openapi(
    createRoute({
      tags: ['Operate'],
      security,
      middleware: [authenticated(findPrincipal), requires('matrix:admin')],
      method: 'get',
      path: '/v1/sla',
      summary: 'What is promised, what was kept of it in the last minutes, and what has been given up',
      responses: { 200: json(SlaSchema, 'As of now'), ...refusals('unauthenticated', 'forbidden') },
    }),
    async c => {
      const { levels, givenUp, waiting } = await readLevels(gateway, c.get('principal').tenant)
      const document = {
        at: new Date(clock.now()).toISOString(),
        window_seconds: WINDOW_SECONDS,
        met: levels.every(({ met }) => met !== false),
        levels: levels.map(({ name, ...level }) => ({ class: name as ServiceClass, ...level })),
        given_up: givenUp,
        waiting,
      }
      return c.json(document, 200, { 'Cache-Control': 'no-store' })
    },
  )
}
