/** Of events that are told by webhook. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export const webhookMetrics = (registers: Registry[]) => ({
  webhookTries: new Counter({
    name: 'matrix_webhook_tries_total',
    help: 'Events told by webhook, by result: taken, the class of the refusal, dead (given up), or withheld (its product may not hear of it any more).',
    labelNames: ['result'] as const,
    registers,
  }),
  webhookLag: new Histogram({
    name: 'matrix_webhook_lag_seconds',
    help: 'From the number of an event to the answer of the receiver that took it with the first try.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120],
    registers,
  }),
  subscriptions: new Gauge({
    name: 'matrix_subscriptions',
    help: 'Subscriptions by state, as of the scrape: ACTIVE, FAILING (active, and the last try was not taken), PAUSED, DISABLED.',
    labelNames: ['state'] as const,
    registers,
  }),
  deliveries: new Gauge({
    name: 'matrix_deliveries',
    help: 'Events on their way to webhooks, as of the scrape: PENDING, WAITING for one of the same asset, or DEAD (given up).',
    labelNames: ['state'] as const,
    registers,
  }),
})
