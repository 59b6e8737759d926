/** What monitors ask of any process of ours; no credential, no body. Gateways answer it on their port, workers on OPS_PORT. */
import type { OpenAPIHono, RouteConfig } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import { singleFlight } from '../../lib/single-flight.ts'
import { chainedRows, unchained } from '../../manifest/audit-chain.ts'
import { countStates } from '../../manifest/carrying.ts'
import type { Database } from '../../manifest/database.ts'
import { countDeadNodes } from '../../manifest/dead-letters.ts'
import { countDeliveries } from '../../manifest/deliveries.ts'
import { erasureBacklog } from '../../manifest/erasures.ts'
import { countHeld } from '../../manifest/holds.ts'
import { countOpenNodes } from '../../manifest/nodes.ts'
import { countOperations } from '../../manifest/operations.ts'
import { countPurges } from '../../manifest/purges.ts'
import { countSagas } from '../../manifest/sagas.ts'
import { scheduleBacklog } from '../../manifest/schedules.ts'
import { countUploads } from '../../manifest/uploads.ts'
import { usageOfAll } from '../../manifest/usage.ts'
import { SAGA_STATES } from '../../model/saga.ts'
import { startOfDay } from '../../policy/budget.ts'
import type { Readiness } from '../../reconcile/readiness.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Env } from '../context.ts'
import { gaugeIntegration } from '../gauges.ts'
import { json } from '../openapi.ts'

export interface HealthSource {
  readonly database: Database
  readonly metrics: Metrics
  readonly readiness: () => Promise<Readiness>
}

const ReadinessSchema = z
  .object({
    status: z.enum(['ready', 'not-ready']),
    checks: z.record(z.string(), z.enum(['ok', 'down'])),
    dependencies: z
      .record(
        z.string(),
        z.object({ breaker: z.enum(['closed', 'half-open', 'open']), degraded: z.string().optional() }),
      )
      .openapi({
        description: 'What this process asks, with its circuit breaker, and what goes on while it is left alone',
      }),
  })
  .openapi('Readiness')

const documented: readonly Pick<RouteConfig, 'path' | 'summary' | 'responses'>[] = [
  { path: '/healthz', summary: 'Alive', responses: { 200: json(z.object({ status: z.literal('ok') }), 'Alive') } },
  {
    path: '/readyz',
    summary: 'Able to answer',
    responses: { 200: json(ReadinessSchema, 'Ready'), 503: json(ReadinessSchema, 'Not ready, and why') },
  },
  {
    path: '/metrics',
    summary: 'For Prometheus',
    responses: { 200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } } },
  },
]

/** Gauges of what Postgres knows. Metrics are wanted most while the database is away: then these keep their last values. */
const gauge = async ({ database, metrics }: HealthSource): Promise<void> => {
  try {
    const [
      open,
      dead,
      operations,
      sagas,
      purges,
      erasures,
      usage,
      chained,
      waiting,
      scheduled,
      uploads,
      held,
      subscriptions,
      deliveries,
    ] = await Promise.all([
      countOpenNodes(database),
      countDeadNodes(database),
      countOperations(database),
      countSagas(database),
      countPurges(database),
      erasureBacklog(database),
      usageOfAll(database, startOfDay(Date.now())),
      chainedRows(database),
      unchained(database),
      scheduleBacklog(database),
      countUploads(database),
      countHeld(database),
      countStates(database),
      countDeliveries(database),
    ])
    for (const [state, count] of Object.entries(open)) metrics.openNodes.set({ state }, count)
    for (const [state, count] of Object.entries(operations)) metrics.operations.set({ kind: 'backfill', state }, count)
    for (const state of SAGA_STATES) {
      const count = sagas.find(one => one.kind === 'import' && one.state === state)?.count ?? 0
      metrics.operations.set({ kind: 'import', state }, count)
    }
    metrics.subscriptions.reset()
    for (const { state, count } of subscriptions) metrics.subscriptions.set({ state }, count)
    for (const { state, count } of deliveries) metrics.deliveries.set({ state }, count)
    metrics.openErasures.set(erasures.open)
    metrics.heldAssets.set(held)
    metrics.schedules.set({ state: 'ahead' }, scheduled.ahead)
    metrics.schedules.set({ state: 'waiting' }, scheduled.waiting)
    for (const state of ['PENDING', 'DEAD'] as const)
      metrics.purges.set({ state }, purges.find(one => one.state === state)?.count ?? 0)
    metrics.openUploads.set(uploads.count)
    metrics.openUploadBytes.set(uploads.bytes)
    metrics.auditRows.set(chained)
    metrics.auditUnchained.set(waiting.rows)
    metrics.auditUnchainedSeconds.set(waiting.seconds)
    for (const { tenant, product, cpuMs, bytes } of usage) {
      metrics.productCpuToday.set({ tenant, product }, Math.round(cpuMs) / 1000)
      metrics.productStoredBytes.set({ tenant, product }, bytes)
    }
    await gaugeIntegration({ database, metrics }, { deliveries, nodes: open, purges })
    metrics.deadNodes.reset() // a class whose last node was redriven has no row
    for (const { code, count } of dead) metrics.deadNodes.set({ class: code }, count)
  } catch {
    // Whoever is to know that the database is away asks /readyz.
  }
}

export const healthRoutes = (app: OpenAPIHono<Env>, source: HealthSource): void => {
  const { metrics } = source
  // Many who ask at once are told the same: a dozen statements each would take all the connections there are.
  const gauged = singleFlight<void>()
  const looked = singleFlight<Readiness>()
  app.get('/healthz', c => c.json({ status: 'ok' }, 200, { 'Cache-Control': 'no-store' }))

  app.get('/readyz', async c => {
    const { ready, ...told } = await looked('', source.readiness)
    return c.json({ status: ready ? 'ready' : 'not-ready', ...told }, ready ? 200 : 503, {
      'Cache-Control': 'no-store',
    })
  })

  app.get('/metrics', async c => {
    await gauged('', () => gauge(source))
    return c.body(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType })
  })

  for (const route of documented) app.openAPIRegistry.registerPath({ tags: ['Operate'], method: 'get', ...route })
}
