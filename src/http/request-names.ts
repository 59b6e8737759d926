/** Names, times and counts requests: the same for those that pass through Hono and for those that do not. */
import { type Span, SpanStatusCode } from '@opentelemetry/api'
import { newId } from '../model/ids.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { requestEnd, requestSpan } from '../telemetry/span-names.ts'
import { type Tracing, traceparentOf } from '../telemetry/tracing.ts'
import { openTraceContext } from './trace-context.ts'

export interface Named {
  readonly requestId: string
  readonly correlationId: string
  readonly traceparent: string
  readonly startedAt: number
  /** Where traces are wanted. */
  readonly span: Span | undefined
}

export interface Answered {
  readonly route: string
  readonly method: string
  readonly path: string
  readonly status: number
  /** In whose name it was asked, where that is proven. */
  readonly product: string | undefined
  /** The caller has said that it may take longer. */
  readonly waits?: boolean
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

interface Telemetry {
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

export const openRequestNames = ({ log, metrics, tracing }: Telemetry) => {
  // A random id for the process and a number for the request: as unique as one id each, and 2 us cheaper.
  const prefix = `req_${newId().replaceAll('-', '')}`
  let count = 0
  const traceContext = openTraceContext()

  return {
    /** A correlation id of the caller is kept when it is harmless, and so is a trace; the request id is always ours. */
    begin(correlationId: string | undefined, traceparent: string | undefined): Named {
      const requestId = `${prefix}${(count++).toString(36)}`
      const isKept = correlationId !== undefined && SAFE_ID.test(correlationId)
      const span = tracing?.begin(requestSpan(), traceparent)
      return {
        requestId,
        correlationId: isKept ? correlationId : requestId,
        traceparent: span === undefined ? traceContext(traceparent) : traceparentOf(span),
        startedAt: performance.now(),
        span,
      }
    },

    /** Counts and logs what was answered (never the query, which may be signed), and gives the headers that say it. */
    end(
      { requestId, correlationId, traceparent, startedAt, span }: Named,
      { route, method, path, status, product, waits = false, spans = '' }: Answered,
    ) {
      const ms = performance.now() - startedAt
      metrics.requestTimes.observe({ route, method, status, product, waits }, ms)
      const isError = status >= 500
      if (span !== undefined) {
        const shown = { method, route, path: withoutSecrets(path), status, requestId, correlationId, product }
        const { name, attributes } = requestEnd(shown)
        span.updateName(name).setAttributes(attributes)
        if (isError) span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      }
      if (isError || log.isLevelEnabled('debug')) {
        const line = {
          requestId,
          correlationId,
          trace_id: traceparent.slice(3, 35),
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
