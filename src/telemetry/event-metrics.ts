/** Of the log of events and those who hear it. */
import { Counter, Gauge, type Registry } from 'prom-client'
import { streamMetrics } from './stream-metrics.ts'
import { webhookMetrics } from './webhook-metrics.ts'

export const eventMetrics = (registers: Registry[]) => ({
  ...webhookMetrics(registers),
  ...streamMetrics(registers),
  eventsTold: new Counter({
    name: 'matrix_events_told_total',
    help: 'Events that were handed out, by the way: page, stream, webhook, redis. One that two have heard counts twice.',
    labelNames: ['way'] as const,
    registers,
  }),
  eventStreams: new Gauge({
    name: 'matrix_event_streams',
    help: 'Streams of events that are open at this gateway.',
    registers,
  }),
})
