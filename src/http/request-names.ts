/** Names, times and counts requests: the same for those that pass through Hono and for those that do not. */
import { newId } from '../model/ids.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { openTraceContext } from './trace-context.ts'

export interface Named {
  readonly requestId: string
  readonly correlationId: string
  readonly traceparent: string
  readonly startedAt: number
}

export interface Answered {
  readonly route: string
  readonly method: string
  readonly path: string
  readonly status: number
  /** What was measured on the way, as `Server-Timing` has it, ending in a comma; absent for nothing. */
  readonly spans?: string
}

/** A path that admits by itself is told without what admits, and what somebody takes for an id elsewhere not at all. */
const withoutSecrets = (path: string): string =>
  path
    .replace(/\?.*$/, '')
    .replace(/^(\/s\/|\/share\/)[^/]*/, (_, front: string) => `${front}***`)
    .replace(/^(\/v1\/aliases\/[^/]*\/).+/, (_, front: string) => `${front}***`)

/** One measured part, to stand before others. 0.1 us. */
export const span = (name: 'resolve' | 's3', ms: number): string => `${name};dur=${ms.toFixed(1)}, `

const SAFE_ID = /^[\w.:-]{1,128}$/

export const openRequestNames = ({ log, metrics }: { log: Log; metrics: Metrics }) => {
  // A random id for the process and a number for the request: as unique as one id each, and 2 us cheaper.
  const prefix = `req_${newId().replaceAll('-', '')}`
  let count = 0
  const traceContext = openTraceContext()

  return {
    /** A correlation id of the caller is kept when it is harmless, and so is a trace; the request id is always ours. */
    begin(correlationId: string | undefined, traceparent: string | undefined): Named {
      const requestId = `${prefix}${(count++).toString(36)}`
      const isKept = correlationId !== undefined && SAFE_ID.test(correlationId)
      return {
        requestId,
        correlationId: isKept ? correlationId : requestId,
        traceparent: traceContext(traceparent),
        startedAt: performance.now(),
      }
    },

    /** Counts and logs what was answered (never the query, which may be signed), and gives the headers that say it. */
    end(
      { requestId, correlationId, traceparent, startedAt }: Named,
      { route, method, path, status, spans = '' }: Answered,
    ) {
      const ms = performance.now() - startedAt
      metrics.httpSeconds.observe({ route, method, status }, ms / 1000)
      const isError = status >= 500
      if (isError || log.isLevelEnabled('debug')) {
        const line = {
          requestId,
          correlationId,
          traceparent,
          method,
          path: withoutSecrets(path),
          status,
          ms: Math.round(ms * 10) / 10,
        }
        if (isError) log.error(line, 'request')
        else log.debug(line, 'request')
      }
      return {
        'X-Request-Id': requestId,
        'X-Correlation-Id': correlationId,
        traceparent,
        'Server-Timing': `${spans}app;dur=${ms.toFixed(1)}`,
      }
    },
  }
}
