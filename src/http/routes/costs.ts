/** What steps were measured to cost on the machines of this system, for administrators. Estimates rest on it, and nothing else. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { costFactors } from '../../graph/cost.ts'
import { ENGINE_LINE } from '../../graph/key.ts'
import { listFactors, requestFactors } from '../../manifest/costs.ts'
import { HERE } from '../../transform/calibration.ts'
import { auditChange } from '../audit.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, refusals, security } from '../openapi.ts'

const CostsSchema = z
  .object({
    machines: z.array(
      z.object({
        machine: z.string(),
        measured_at: z.string().optional(),
        pending: z.boolean().openapi({ description: 'Asked for and not measured yet' }),
        factors: z
          .record(z.string(), z.number())
          .openapi({ description: 'Milliseconds of CPU per megapixel, by step' }),
      }),
    ),
  })
  .openapi('Costs')

export const costRoutes = (app: OpenAPIHono<Env>, { database, findPrincipal, config }: Gateway): void => {
  const admin = [authenticated(findPrincipal), requires('matrix:admin')]
  const common = { tags: ['Operate'], security }
  const shown = async () => ({
    machines: (await listFactors(database, ENGINE_LINE)).map(({ machine, factors, measuredAt, pending }) => ({
      machine,
      ...(measuredAt && { measured_at: measuredAt.toISOString() }),
      pending,
      factors: factors ? costFactors(factors) : {},
    })),
  })

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/costs',
      middleware: admin,
      summary: 'What the steps of the graph cost, by class of machine; empty: not measured, defaults are used',
      responses: { 200: json(CostsSchema, 'As measured'), ...refusals('unauthenticated', 'forbidden') },
    }),
    async c => c.json(await shown(), 200, { 'Cache-Control': 'no-store' }),
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/costs/measure',
      middleware: [...admin, jsonOnly(config)],
      summary: 'Have workers measure again: one of each class of machine, at low priority',
      responses: { 202: json(CostsSchema, 'Asked for'), ...refusals(...JSON_ROUTE) },
    }),
    async c => {
      await database.transaction(async tx => {
        await requestFactors(tx, HERE)
        await auditChange(c, tx, { resource: 'costs' })
      })
      return c.json(await shown(), 202)
    },
  )
}
