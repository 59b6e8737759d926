/** What becomes the child of what, and what spans are called. */
import { SpanKind } from '@opentelemetry/api'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { processSpan, statementSpan } from '../../src/telemetry/span-names.ts'
import { traceparentNow, traceparentOf, tracingOver } from '../../src/telemetry/tracing.ts'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
provider.register()
const tracing = tracingOver(provider.getTracer('test'))
beforeEach(() => exporter.reset())
afterAll(() => provider.shutdown())

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const OTHER = 'a'.repeat(32)
const SPAN = '00f067aa0ba902b7'
const from = (trace: string, secondsAgo = 0, span = SPAN) => ({
  traceparent: `00-${trace}-${span}-01`,
  at: new Date(Date.now() - secondsAgo * 1000),
})
const work = processSpan('nodes', {})
const nothing = async (): Promise<void> => undefined

test('what comes soon belongs to the trace that asked for it', async () => {
  await tracing.after([from(TRACE), from(TRACE, 20, SPAN.replace('b7', 'b8'))], work, nothing)
  const [span] = exporter.getFinishedSpans()
  expect(span?.spanContext().traceId).toBe(TRACE)
  expect(span?.parentSpanContext?.spanId).toBe(SPAN)
  expect(span?.links).toEqual([])
})

test.each([
  ['comes late', [from(TRACE, 31)]],
  ['is for several', [from(TRACE), from(OTHER)]],
  ['is partly for nobody', [from(TRACE), { traceparent: undefined, at: new Date() }]],
])('what %s is a trace of its own that is linked', async (_, origins) => {
  await tracing.after(origins, work, nothing)
  const [span] = exporter.getFinishedSpans()
  expect(span?.parentSpanContext).toBeUndefined()
  expect(span?.links.map(link => link.context.traceId)[0]).toBe(TRACE)
})

test('what many asked for has at most 128 links, each once', async () => {
  const many = Array.from({ length: 300 }, (_, n) => from(TRACE, 60, n.toString(16).padStart(16, '1')))
  await tracing.after([...many, ...many], work, nothing)
  const links = exporter.getFinishedSpans()[0]?.links ?? []
  expect(links).toHaveLength(128)
  expect(new Set(links.map(({ context }) => context.spanId)).size).toBe(128)
})

test('what is done within it is its child, and what fails says with which code and not with which words', async () => {
  const failure = Object.assign(new Error('secret in here'), { code: '23505' })
  await tracing
    .after([], work, async span => {
      expect(traceparentNow()).toBe(traceparentOf(span))
      await tracing.within(statementSpan({ text: 'select 1 from asset' }), () => Promise.reject(failure))
    })
    .catch(() => undefined)
  const [inner, outer] = exporter.getFinishedSpans()
  expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId)
  expect(inner?.attributes['error.type']).toBe('23505')
  expect(JSON.stringify([inner?.events, inner?.status])).not.toContain('secret')
})

test('looks for work, that nobody asked for, leave no span', async () => {
  await tracing.within(statementSpan({ text: 'select 1' }), nothing)
  expect(exporter.getFinishedSpans()).toEqual([])
})

test.each([
  ['select a from asset where b = $1', 'SQL select asset'],
  ['with due as (select x from event), n as (update event_head set seq = 1) select 1', 'SQL update event_head'],
  ['insert into delivery (a) select b from event', 'SQL insert delivery'],
  ['delete from "leaf" where a in (select b from node)', 'SQL delete leaf'],
  ['with busy as (select 1 from node) update node n set state = 1', 'SQL update node'],
  ['select 1 from node where a for update of node skip locked', 'SQL select node'],
  ['select pg_advisory_xact_lock(1)', 'SQL select'],
  ['begin', 'SQL begin'],
])('%s', (text, name) => {
  expect(statementSpan({ text })).toMatchObject({ name, kind: SpanKind.CLIENT })
})
