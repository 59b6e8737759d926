import { trace } from '@opentelemetry/api'
import pino from 'pino'

export type Log = pino.Logger

/** Structured logs on standard output. Credentials and signatures never get in: these paths are removed, and URLs are not logged with their query. */
export const openLog = ({ level, name }: { level: string; name: string }): Log =>
  pino({
    level,
    base: { name, pid: process.pid },
    mixin: traceNow,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['authorization', '*.authorization', 'secret', '*.secret', 'connection.password'], remove: true },
    serializers: { err: describeError, error: describeError },
  })

/** A line that is written within a span names its trace. */
const traceNow = (): object => {
  const now = trace.getActiveSpan()?.spanContext()
  return now === undefined ? {} : { trace_id: now.traceId, span_id: now.spanId }
}

/** Codes and messages of the whole chain of causes; the properties of driver errors (which carry values) stay out. */
const describeError = (error: unknown): unknown => {
  if (!(error instanceof Error)) return { message: String(error) }
  const code = 'code' in error ? error.code : undefined
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}
