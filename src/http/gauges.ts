/** What the metrics of the integration show, read from Postgres and from this process when it is scraped. */

import type { Database } from '../manifest/database.ts'
import type { countDeliveries } from '../manifest/deliveries.ts'
import { readMeasurements } from '../manifest/measurements.ts'
import type { countOpenNodes } from '../manifest/nodes.ts'
import type { countPurges } from '../manifest/purges.ts'
import { countSunsets } from '../manifest/rendition-life.ts'
import { unnumberedEvents } from '../manifest/service-levels.ts'
import { type Level, loggedLevels, requestLevels } from '../reconcile/service-levels.ts'
import type { Metrics } from '../telemetry/metrics.ts'

const QUANTILES = [
  ['0.5', 'p50'],
  ['0.95', 'p95'],
  ['0.99', 'p99'],
] as const

/** Of a few samples a percentile says nothing, and an alert would be about one request. */
const ENOUGH = 20

const showLevels = ({ levels, completeness }: Metrics, all: readonly Level[]): void => {
  levels.reset()
  completeness.reset()
  for (const level of all) {
    for (const [quantile, name] of QUANTILES) {
      const seconds = level[name]
      if (seconds === null) continue
      if (level.count >= ENOUGH) levels.set({ class: level.name, quantile }, seconds)
      if (level.name === 'rendition') completeness.set({ quantile }, seconds)
    }
  }
}

const RATIOS = {
  storage_efficiency: 'storageEfficiency',
  dedup_ratio: 'dedupRatio',
  drift_ratio: 'driftRatio',
} as const

/** What the other gauges have counted already. */
interface Counted {
  readonly deliveries: Awaited<ReturnType<typeof countDeliveries>>
  readonly nodes: Awaited<ReturnType<typeof countOpenNodes>>
  readonly purges: Awaited<ReturnType<typeof countPurges>>
}

/** Rejects where Postgres is away. */
export const gaugeIntegration = async (
  { database, metrics }: { readonly database: Database; readonly metrics: Metrics },
  { deliveries, nodes, purges }: Counted,
): Promise<void> => {
  const [logged, events, measured, sunsets] = await Promise.all([
    loggedLevels(database, undefined),
    unnumberedEvents(database),
    readMeasurements(database),
    countSunsets(database),
  ])
  for (const state of ['ahead', 'over'] as const) metrics.deprecatedRenditions.set({ state }, sunsets[state])
  showLevels(metrics, [...requestLevels(metrics.requestTimes), ...logged])
  metrics.eventLag.set(events.seconds)
  const told = deliveries.filter(({ state }) => state === 'PENDING' || state === 'WAITING')
  const depth = {
    events: events.rows,
    deliveries: told.reduce((sum, { count }) => sum + count, 0),
    nodes: nodes.QUEUED + nodes.RETRY,
    purges: purges.find(({ state }) => state === 'PENDING')?.count ?? 0,
  }
  for (const [queue, count] of Object.entries(depth)) metrics.queueDepth.set({ queue }, count)
  for (const { tenant, name, value } of measured) metrics[RATIOS[name]].set({ tenant }, value)
}
