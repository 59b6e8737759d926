/**
 * Spans, where traces are wanted; `undefined` in place of a `Tracing` is how they are not, and then nothing here is called.
 *
 * What is done within half a minute of what asked for it belongs to the same trace; what is done later is a trace of its own
 * that is linked to it, or a trace would stretch over the hours that a receiver is away.
 */
import {
  context,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { SpanName } from './span-names.ts'

export interface Origin {
  /** Of what asked for it, as W3C Trace Context writes it. */
  readonly traceparent: string | undefined
  readonly at: Date
}

export interface Tracing {
  /** A span within what is being done; `undefined` outside of any, so that looks for work leave no traces. */
  within<T>(named: SpanName, work: () => Promise<T>): Promise<T>
  /** What goes back to others: their span is its parent, or is linked. */
  after<T>(origins: readonly Origin[], named: SpanName, work: (span: Span) => Promise<T>): Promise<T>
  /** A span of a request that came with this `traceparent`, to be ended by whoever began it. */
  begin(named: SpanName, traceparent: string | undefined): Span
  /** Work of a span that was begun. */
  inside<T>(span: Span, work: () => T): T
  /** Sends what is left. */
  close(): Promise<void>
}

const PARENT_MS = 30_000
/** Of a span of the SDK. */
const MAX_LINKS = 128

const VALID = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/

const contextOf = (traceparent: string | undefined): SpanContext | undefined => {
  const [, traceId, spanId, flags] = VALID.exec(traceparent ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true }
}

export const traceparentOf = (span: Span): string => {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

/** Of the span that is being worked on, if there is one. */
export const traceparentNow = (): string | undefined => {
  const span = trace.getActiveSpan()
  return span && traceparentOf(span)
}

const linksTo = (origins: readonly Origin[]): Link[] => {
  const bySpan = new Map<string, Link>()
  for (const { traceparent } of origins) {
    const linked = contextOf(traceparent)
    if (linked) bySpan.set(`${linked.traceId}${linked.spanId}`, { context: linked })
  }
  return [...bySpan.values()].slice(0, MAX_LINKS)
}

/** All of them belong to one trace, and it is not long ago. */
const parentOf = (origins: readonly Origin[], now: number): SpanContext | undefined => {
  const parent = contextOf(origins[0]?.traceparent)
  const isOne = origins.every(({ traceparent }) => contextOf(traceparent)?.traceId === parent?.traceId)
  const isRecent = origins.every(({ at }) => now - at.getTime() <= PARENT_MS)
  return isOne && isRecent ? parent : undefined
}

const fail = (span: Span, error: unknown): void => {
  // Codes and kinds alone: messages of drivers carry values.
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  span.setAttribute('error.type', code ?? (error instanceof Error ? error.name : 'unknown'))
  span.setStatus({ code: SpanStatusCode.ERROR })
}

const ended = async <T>(span: Span, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    fail(span, error)
    throw error
  } finally {
    span.end()
  }
}

/** Over whatever provider: the one that `open-tracing` sets up, or one of a test. Its context manager is that of the process. */
export const tracingOver = (
  tracer: Tracer,
  { close = async () => {} }: { close?: () => Promise<void> } = {},
): Tracing => {
  const run = <T>(name: string, options: SpanOptions, from: typeof ROOT_CONTEXT, work: (span: Span) => Promise<T>) => {
    const span = tracer.startSpan(name, options, from)
    return ended(span, () => context.with(trace.setSpan(from, span), () => work(span)))
  }
  return {
    within: ({ name, ...options }, work) =>
      trace.getActiveSpan() === undefined ? work() : run(name, options, context.active(), work),
    after(origins, { name, ...options }, work) {
      const parent = parentOf(origins, Date.now())
      const from = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT
      return run(name, parent ? options : { ...options, links: linksTo(origins) }, from, work)
    },
    begin({ name, ...options }, traceparent) {
      const parent = contextOf(traceparent)
      return tracer.startSpan(name, options, parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT)
    },
    inside: (span, work) => context.with(trace.setSpan(context.active(), span), work),
    close,
  }
}
