/** Which requests are limited, and as what. */
import type { RateClass } from '../model/quota.ts'

const INGEST = /^\/v1\/(?:assets(?:\/import|\/[^/]+\/versions)?|tus|uploads|ingest\/[^/]+)\/?$/
/** Asks, though it has a body. */
const READS = /^\/v1\/(?:products\/[^/]+\/(?:resolve\/|manifest\/compare$)|assets\/batchGet$)/

/** Monitors, and pages that are the same for everybody. */
const OPEN = /^\/(?:healthz|readyz|metrics|openapi\.json|asyncapi\.json|docs|problems\/[^/]*)$/

/** `undefined`: for monitors and readers of pages. `cold` is not of a request, but of what it makes necessary. */
export const rateClassOf = (method: string, path: string): Exclude<RateClass, 'cold'> | undefined => {
  if (OPEN.test(path)) return undefined
  if (method === 'GET' || method === 'HEAD' || READS.test(path)) return 'resolve'
  return method === 'POST' && INGEST.test(path) ? 'ingest' : 'write'
}
