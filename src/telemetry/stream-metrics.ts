/** Of events that are carried into streams. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export const streamMetrics = (registers: Registry[]) => ({
  streamEntries: new Counter({
    name: 'matrix_stream_entries_total',
    help: 'Events that this process carried into streams, by result: added, or found there already.',
    labelNames: ['result'] as const,
    registers,
  }),
  streamLag: new Histogram({
    name: 'matrix_stream_lag_seconds',
    help: 'From the number of an event to its entry in a stream, of those that were not carried there again.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120],
    registers,
  }),
  streamBehind: new Gauge({
    name: 'matrix_stream_behind_events',
    help: 'Events that have a number and are not in their stream yet, as this process saw it last.',
    registers,
  }),
  streamLength: new Gauge({
    name: 'matrix_stream_length',
    help: 'Entries of a stream, as this process saw them last.',
    labelNames: ['stream'] as const,
    registers,
  }),
  streamRebuilds: new Counter({
    name: 'matrix_stream_rebuilds_total',
    help: 'How often this process has begun to carry the log into streams anew, by reason: empty, lost (entries were gone), or other (they had other events).',
    labelNames: ['reason'] as const,
    registers,
  }),
})
