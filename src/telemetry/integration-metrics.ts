/** What products and their operators ask of the integration as a whole, by the names that monitors know. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { SERVICE_LEVELS } from './service-levels.ts'

const SHORT = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30]

export const integrationMetrics = (registers: Registry[]) => {
  const goals = new Gauge({
    name: 'matrix_service_level_goal_seconds',
    help: 'What is promised of the 95th percentile, by class.',
    labelNames: ['class'] as const,
    registers,
  })
  for (const [name, { goalSeconds }] of Object.entries(SERVICE_LEVELS))
    if (goalSeconds !== undefined) goals.set({ class: name }, goalSeconds)
  return {
    levels: new Gauge({
      name: 'matrix_service_level_seconds',
      help: 'Percentiles of the last five minutes by class, as GET /v1/sla has them: requests of this process; renditions and events of the whole log.',
      labelNames: ['class', 'quantile'] as const,
      registers,
    }),
    eventSeconds: new Histogram({
      name: 'event_processing_duration_seconds',
      help: 'Time that a step with events took: number (a round of the sequencer that numbered any), webhook (a try, with the answer of the receiver).',
      labelNames: ['stage'] as const,
      buckets: SHORT,
      registers,
    }),
    queueDepth: new Gauge({
      name: 'event_queue_depth',
      help: 'What waits, as of the scrape: events (without a number, counted to 20000), deliveries (not told), nodes (not made), purges (not told).',
      labelNames: ['queue'] as const,
      registers,
    }),
    eventLag: new Gauge({
      name: 'matrix_event_lag_seconds',
      help: 'How long the oldest committed fact waits for its number; above one, no sweep runs.',
      registers,
    }),
    completeness: new Gauge({
      name: 'matrix_completeness_seconds',
      help: 'From the bytes of a version to the last derivative that it waits for: percentiles of the last five minutes.',
      labelNames: ['quantile'] as const,
      registers,
    }),
    executions: new Counter({
      name: 'matrix_node_executions_total',
      help: 'Nodes that were made, by how many products had asked for them when they were: 1, 2, 3, 4, 5+; 0: nobody any more.',
      labelNames: ['product_count'] as const,
      registers,
    }),
    planNodes: new Histogram({
      name: 'matrix_plan_nodes',
      help: 'Nodes that the plan of a version names, made before or not.',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024],
      registers,
    }),
    storageEfficiency: new Gauge({
      name: 'matrix_storage_efficiency',
      help: 'Bytes that somebody needs, each counted once, over bytes that are stored; measured every quarter of an hour.',
      labelNames: ['tenant'] as const,
      registers,
    }),
    dedupRatio: new Gauge({
      name: 'matrix_dedup_ratio',
      help: 'Share of wishes that a node made for another wish satisfies; measured every quarter of an hour.',
      labelNames: ['tenant'] as const,
      registers,
    }),
    deprecatedRenditions: new Gauge({
      name: 'matrix_deprecated_renditions',
      help: 'Renditions that are to go, as of the scrape: ahead (of their sunset), over (answered still after it).',
      labelNames: ['state'] as const,
      registers,
    }),
    driftRatio: new Gauge({
      name: 'matrix_drift_ratio',
      help: 'Originals found to have other bytes than their digest says, of all; measured every quarter of an hour.',
      labelNames: ['tenant'] as const,
      registers,
    }),
  }
}
