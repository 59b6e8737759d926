/** Webhooks, managed. */
import type { Routes } from './api.ts'
import type { Ask } from './routes.ts'
import type { CallOptions } from './transport.ts'

export const subscriptionsOf = (ask: Ask) => {
  const at = (subscription: string) => ({ path: { subscription } })
  return {
    /** Its secret is in the answer, this once. */
    create: (body: Routes['POST /v1/subscriptions']['body'], options?: CallOptions) =>
      ask('POST /v1/subscriptions', { body }, options),
    list: (options?: CallOptions) => ask('GET /v1/subscriptions', {}, options),
    get: (id: string, options?: CallOptions) => ask('GET /v1/subscriptions/{subscription}', at(id), options),
    /** `headers: { 'If-Match': etag }`, of the subscription or `*`, as with `remove` and `rotateSecret`. */
    change: (id: string, body: Routes['PATCH /v1/subscriptions/{subscription}']['body'], options?: CallOptions) =>
      ask('PATCH /v1/subscriptions/{subscription}', { ...at(id), body }, options),
    remove: (id: string, options?: CallOptions) => ask('DELETE /v1/subscriptions/{subscription}', at(id), options),
    rotateSecret: (id: string, overlap: string, options?: CallOptions) =>
      ask('POST /v1/subscriptions/{subscription}/rotate-secret', { ...at(id), body: { overlap } }, options),
    deliveries: (id: string, query: Routes['GET /v1/subscriptions/{subscription}/deliveries']['query'] = {}) =>
      ask('GET /v1/subscriptions/{subscription}/deliveries', { ...at(id), query }),
    redrive: (id: string, body: Routes['POST /v1/subscriptions/{subscription}/redrive']['body']) =>
      ask('POST /v1/subscriptions/{subscription}/redrive', { ...at(id), body }),
    replay: (id: string, body: Routes['POST /v1/subscriptions/{subscription}/replay']['body'], options?: CallOptions) =>
      ask('POST /v1/subscriptions/{subscription}/replay', { ...at(id), body }, options),
    test: (id: string) => ask('POST /v1/subscriptions/{subscription}/test', at(id)),
  }
}

export type Subscriptions = ReturnType<typeof subscriptionsOf>
