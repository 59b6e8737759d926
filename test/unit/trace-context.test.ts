import { expect, test } from 'vitest'
import { openTraceContext } from '../../src/http/trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const traceparent = openTraceContext()
const FORM = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]$/

test.each([
  [`00-${TRACE}-${SPAN}-01`, '01'],
  [`00-${TRACE}-${SPAN}-00`, '00'],
  [`00-${TRACE}-${SPAN}-03`, '01'],
  [`cc-${TRACE}-${SPAN}-01-what-the-future-brings`, '01'],
])('the trace of %s is kept, in a span of ours', (header, flags) => {
  const answered = traceparent(header)
  expect(answered).toMatch(FORM)
  const [, trace, span, said] = answered.split('-')
  expect(trace).toBe(TRACE)
  expect(span).not.toBe(SPAN)
  expect(said).toBe(flags)
})

test.each([
  undefined,
  '',
  'x',
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-1`,
  `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
])('%s begins a trace of ours', header => {
  const answered = traceparent(header)
  expect(answered).toMatch(FORM)
  expect(answered).not.toContain(TRACE)
})

test('spans and traces are never the same twice', () => {
  const answers = Array.from({ length: 5_000 }, () => traceparent(undefined).split('-'))
  expect(new Set(answers.map(([, trace]) => trace)).size).toBe(5_000)
  expect(new Set(answers.map(([, , span]) => span)).size).toBe(5_000)
})
