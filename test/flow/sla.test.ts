/** What is promised, as a gateway tells it, and the metrics of the integration beside it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { measureNext } from '../../src/manifest/measurements.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
let sweep: ReturnType<typeof startSweep>
beforeAll(async () => {
  system = await startSystem()
  sweep = startSweep(system.core)
})
afterAll(async () => {
  await sweep.stop()
  await system.close()
})

interface Level {
  readonly class: string
  readonly scope: string
  readonly goal: number | null
  readonly count: number
  readonly p50: number | null
  readonly p95: number | null
  readonly errors: number
  readonly met: boolean | null
}
interface Sla {
  readonly met: boolean
  readonly levels: readonly Level[]
  readonly given_up: Readonly<Record<string, number>>
}

const look = async () => {
  const sla = (await (await system.call('GET', '/v1/sla', { key: ADMIN_KEY })).json()) as Sla
  return { ...sla, of: (name: string) => sla.levels.find(level => level.class === name) as Level }
}
const scrape = async (): Promise<string[]> => (await (await system.call('GET', '/metrics')).text()).split('\n')
const resolve = (asset: string, headers: Record<string, string> = {}) =>
  system.call('GET', `/v1/products/shop-web/assets/${asset}/renditions/card`, { key: system.keys['shop-web'], headers })

test('each class has its goal, and what was answered counts where it belongs', async () => {
  const { asset } = await system.upload(await photo({ width: 800, height: 600 }))
  await until('the version is shown', async () => (await resolve(asset)).status === 302, { withinMs: 60_000 })
  const before = (await look()).of('resolve').count
  for (let n = 0; n < 25; n++) expect((await resolve(asset)).status).toBe(302)
  // He said that he waits: an answer that takes longer breaks no promise.
  expect((await resolve(asset, { Prefer: 'wait=5' })).status).toBe(302)
  await until('the events have their numbers', async () => (await look()).of('rendition').count > 0, {
    withinMs: 60_000,
  })
  const { of, met, levels } = await look()
  expect(levels.map(level => [level.class, level.scope, level.goal])).toEqual([
    ['resolve', 'gateway', 0.02],
    ['metadata', 'gateway', 0.05],
    ['control', 'gateway', 0.1],
    ['upload', 'gateway', null],
    ['rendition', 'tenant', 5],
    ['event', 'tenant', 1],
  ])
  expect(of('resolve').count).toBe(before + 25)
  expect(of('upload')).toMatchObject({ count: 1, met: null })
  expect(of('rendition')).toMatchObject({ count: 1 })
  expect(of('event').count).toBeGreaterThan(3)
  for (const level of levels) {
    if (level.goal !== null && level.p95 !== null) expect(level.met).toBe(level.p95 <= level.goal)
    if (level.p50 !== null) expect(level.p50).toBeLessThanOrEqual(level.p95 ?? 0)
  }
  expect(met).toBe(levels.every(level => level.met !== false))
})

test('what was given up is counted there', async () => {
  const { database, config } = system.core
  expect((await look()).given_up).toEqual({ nodes: 0, deliveries: 0, purges: 0 })
  await database.session(client =>
    client.query(
      `insert into node (tenant_id, node_id, original, chain, format, state, failure, finished_at)
       select tenant_id, decode(repeat('ab', 32), 'hex'), original, chain, format, 'DEAD', '{"code":"corrupt-media"}', now()
       from node where tenant_id = $1 limit 1`,
      [config.tenant],
    ),
  )
  expect((await look()).given_up.nodes).toBe(1)
  expect(await scrape()).toContain('matrix_nodes{state="DEAD"} 1')
})

test('the metrics that monitors look for are there, with their labels', async () => {
  const { tenant } = system.core.config
  expect(await measureNext(system.core.database)).toBe(tenant)
  // Within the quarter of an hour nobody looks again.
  expect(await measureNext(system.core.database)).toBeUndefined()
  const lines = await scrape()
  const has = (pattern: RegExp) =>
    expect(
      lines.some(line => pattern.test(line)),
      String(pattern),
    ).toBe(true)
  const route =
    'route="/v1/products/:product/assets/:asset/renditions/:rendition",method="GET",status="302",product="shop-web"'
  has(new RegExp(`^integration_request_duration_seconds_bucket\\{${route},le="0\\.02"\\} \\d`))
  has(new RegExp(`^integration_request_total\\{${route}\\} (2[6-9]|[3-9]\\d)$`))
  has(/^# TYPE integration_errors_total counter$/)
  has(/^event_processing_duration_seconds_count\{stage="number"\} [1-9]/)
  for (const queue of ['events', 'deliveries', 'nodes', 'purges'])
    has(new RegExp(`^event_queue_depth\\{queue="${queue}"\\} \\d`))
  has(/^matrix_service_level_seconds\{class="resolve",quantile="0\.95"\} 0\.\d/)
  has(/^matrix_service_level_goal_seconds\{class="resolve"\} 0\.02$/)
  has(/^matrix_event_lag_seconds \d/)
  has(/^matrix_completeness_seconds\{quantile="0\.95"\} \d/)
  has(/^matrix_plan_nodes_count 1$/)
  // The demo has a recipe that two products share.
  has(/^matrix_node_executions_total\{product_count="2"\} [1-9]/)
  has(new RegExp(`^matrix_dedup_ratio\\{tenant="${tenant}"\\} 0\\.\\d`))
  has(new RegExp(`^matrix_storage_efficiency\\{tenant="${tenant}"\\} [01]`))
  has(new RegExp(`^matrix_drift_ratio\\{tenant="${tenant}"\\} 0$`))
})

test('whom a stranger asks about is no label', async () => {
  const made = `p${crypto.randomUUID().slice(0, 8)}`
  await system.call('GET', `/v1/products/${made}/assets/${crypto.randomUUID()}/renditions/card`, {
    key: system.keys['shop-web'],
  })
  expect((await scrape()).some(line => line.includes(made))).toBe(false)
})
