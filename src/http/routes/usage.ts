/** What a product has used of what it may, for itself and for administrators. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findUsage } from '../../manifest/usage.ts'
import { refuse } from '../../model/errors.ts'
import { budgetsOf, startOfDay } from '../../policy/budget.ts'
import type { Env } from '../context.ts'
import { authenticated } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { Name } from '../validation.ts'

const limit = z.number().optional().openapi({ description: 'Where there is a budget' })
const UsageSchema = z
  .object({
    product: z.string(),
    day: z.iso.date().openapi({ description: 'Of the CPU, UTC' }),
    cpu: z.object({
      seconds: z.number().openapi({ description: 'Measured, of derivatives made in its name, whoever shares them' }),
      derivatives: z.number().int(),
      limit,
    }),
    stored: z.object({
      bytes: z.number().int().openapi({ description: 'Of originals that it brought first' }),
      originals: z.number().int(),
      limit,
    }),
    tenant: z
      .object({ bytes: z.number().int(), originals: z.number().int(), limit })
      .optional()
      .openapi({ description: 'Of all its products together; for administrators' }),
    variants: z.object({ limit: z.number().int() }).openapi({ description: 'Derivatives of one version of an asset' }),
  })
  .openapi('Usage')

const limitOf = (value: number | undefined) => (value === undefined ? {} : { limit: value })

export const usageRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, clock, budget, config } = gateway

  app.openapi(
    createRoute({
      tags: ['Matrix'],
      security,
      middleware: [authenticated(gateway.findPrincipal)],
      method: 'get',
      path: '/v1/products/{product}/usage',
      summary: 'What a product has used of its budgets',
      request: { params: z.object({ product: Name }) },
      responses: { 200: json(UsageSchema, 'As of now'), ...refusals('unauthenticated', 'not-found') },
    }),
    async c => {
      const { tenant, product: own, scopes } = c.get('principal')
      const { product } = c.req.valid('param')
      const isAdmin = scopes.includes('matrix:admin')
      const since = startOfDay(clock.now())
      const usage = isAdmin || own === product ? await findUsage(database, { tenant, product, since }) : undefined
      if (!usage) throw refuse('not-found', 'There is no such product.')
      const budgets = budgetsOf(usage.limits, budget.defaults)
      const shown = {
        product,
        day: since.toISOString().slice(0, 10),
        cpu: {
          seconds: Math.round(usage.cpuMs) / 1000,
          derivatives: usage.nodes,
          ...limitOf(budgets.cpu_seconds_per_day),
        },
        stored: { bytes: usage.bytes, originals: usage.originals, ...limitOf(budgets.stored_bytes) },
        ...(isAdmin && {
          tenant: {
            bytes: usage.tenantBytes,
            originals: usage.tenantOriginals,
            ...limitOf(budgets.tenant_stored_bytes),
          },
        }),
        variants: { limit: config.maxVariants },
      }
      return c.json(shown, 200, { 'Cache-Control': 'no-store' })
    },
  )
}
