import { createMiddleware } from 'hono/factory'
import { newId } from '../../model/ids.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { Env } from '../context.ts'

const SAFE_ID = /^[\w.:-]{1,128}$/

/**
 * Names every request, and says so in its answer, its log line and its events. A correlation id of the caller is kept when it
 * is harmless; the request id is always ours. Logged: method, route, status, duration; never the query, which may be signed.
 */
export const request = ({ log, metrics }: { log: Log; metrics: Metrics }) =>
  createMiddleware<Env>(async (c, next) => {
    const started = performance.now()
    const requestId = `req_${newId()}`
    const given = c.req.header('x-correlation-id')
    const correlationId = given !== undefined && SAFE_ID.test(given) ? given : requestId
    c.set('requestId', requestId)
    c.set('correlationId', correlationId)
    await next()
    const ms = performance.now() - started
    const { headers } = c.res
    headers.set('X-Request-Id', requestId)
    headers.set('X-Correlation-Id', correlationId)
    headers.set('Server-Timing', `app;dur=${ms.toFixed(1)}`)
    const { status } = c.res
    metrics.httpSeconds.observe({ route: c.req.routePath, method: c.req.method, status }, ms / 1000)
    const line = {
      requestId,
      correlationId,
      method: c.req.method,
      path: c.req.path,
      status,
      ms: Math.round(ms * 10) / 10,
    }
    if (status >= 500) log.error(line, 'request')
    else log.debug(line, 'request')
  })
