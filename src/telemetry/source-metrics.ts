/** Of originals that are elsewhere: by URL, and from other systems. */
import { Counter, type Registry } from 'prom-client'

export const openSourceMetrics = (registers: Registry[]) => ({
  fetches: new Counter({
    name: 'matrix_fetches_total',
    help: 'Originals fetched by URL, by result: fetched or the code of the refusal; url-forbidden is worth a look.',
    labelNames: ['result'] as const,
    registers,
  }),
  sourceEvents: new Counter({
    name: 'matrix_source_events_total',
    help: 'Payloads of sources by result: accepted, duplicate or the code of the refusal.',
    labelNames: ['result'] as const,
    registers,
  }),
  sourceItems: new Counter({
    name: 'matrix_source_items_total',
    help: 'What was made of payloads: done, retried or the code that it died of.',
    labelNames: ['source', 'result'] as const,
    registers,
  }),
})
