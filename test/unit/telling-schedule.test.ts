/** When an event that was not taken is told again. */
import { describe, expect, test } from 'vitest'
import {
  afterRefusal,
  hastenedBelow,
  MAX_RETRY_AFTER_MS,
  type Refusal,
  SCHEDULE_MS,
} from '../../src/events/telling-schedule.ts'
import { retryAfterMs } from '../../src/lib/retry-after.ts'

const refusal = (status: number | undefined, more: Partial<Refusal> = {}): Refusal => ({
  class: 'failed',
  status,
  retryAfterMs: undefined,
  ...more,
})
const latest = () => 1
const soonest = () => 0

test('ten tries in the times that Standard Webhooks suggests, and then no more', () => {
  const waits: number[] = []
  let failures = 0
  let state = 'PENDING'
  for (let tries = 1; state === 'PENDING'; tries++) {
    const verdict = afterRefusal(failures, refusal(500), latest)
    failures = verdict.failures
    state = verdict.state
    expect(failures).toBe(tries)
    if (state === 'PENDING') waits.push(verdict.afterMs)
  }
  expect(failures).toBe(10)
  expect([0, ...waits]).toEqual(SCHEDULE_MS)
  expect(waits.map(ms => ms / 60_000)).toEqual([5 / 60, 5, 30, 120, 300, 600, 840, 1_200, 1_440])
})

test('many that failed together do not come again together', () => {
  expect(afterRefusal(3, refusal(500), soonest).afterMs).toBe(0)
  const times = new Set(Array.from({ length: 100 }, () => afterRefusal(3, refusal(500)).afterMs))
  expect(times.size).toBeGreaterThan(90)
})

describe('who has too much to do', () => {
  test('is left alone as a whole, and for as long as he says', () => {
    const verdict = afterRefusal(0, refusal(503, { retryAfterMs: 60_000 }), soonest)
    expect(verdict).toMatchObject({ holdMs: 60_000, afterMs: 60_000, failures: 1 })
    const forEver = afterRefusal(0, refusal(503, { retryAfterMs: 10 * MAX_RETRY_AFTER_MS }), soonest)
    expect(forEver.holdMs).toBe(MAX_RETRY_AFTER_MS)
  })

  test.each([429, 502, 504])('%i without a time is some seconds', status => {
    const { holdMs } = afterRefusal(0, refusal(status, { class: 'throttled' }), latest)
    expect(holdMs).toBe(30_000)
  })

  test('nothing is given up for 429', () => {
    let failures = 9
    for (let n = 0; n < 100; n++) {
      const verdict = afterRefusal(failures, refusal(429, { class: 'throttled' }))
      expect(verdict.state).toBe('PENDING')
      failures = verdict.failures
    }
    expect(failures).toBe(9)
  })

  test('and who fails is told one a second at most', () => {
    expect(afterRefusal(0, refusal(undefined, { class: 'timeout' }), soonest).holdMs).toBe(1_000)
  })
})

test('who wants nothing more is disabled, and the event that said so is not lost for it', () => {
  const gone = refusal(410, { class: 'gone' })
  expect(afterRefusal(9, gone)).toMatchObject({ disables: true, state: 'PENDING', failures: 9 })
  expect(afterRefusal(0, refusal(404, { class: 'refused' })).disables).toBe(false)
})

test.each([
  { failures: 1, failingMs: 1_000, below: 0 },
  { failures: 2, failingMs: 1_000, below: 5 },
  { failures: 30, failingMs: 59_000, below: 5 },
  { failures: 30, failingMs: 60_000, below: 10 },
  { failures: 1, failingMs: 600_000, below: 0 },
])(
  'after $failures failures in $failingMs ms what has failed less than $below times comes early',
  ({ below, ...standing }) => {
    expect(hastenedBelow(standing)).toBe(below)
  },
)

const NOW = Date.parse('2026-11-21T00:00:00Z')
test.each([
  ['120', 120_000],
  ['Sat, 21 Nov 2026 00:01:00 GMT', 60_000],
  ['Fri, 20 Nov 2026 00:01:00 GMT', undefined],
  ['0', undefined],
  ['soon', undefined],
  ['-1', undefined],
  ['9'.repeat(40), undefined],
  [undefined, undefined],
])('Retry-After: %s is %s ms', (header, ms) => {
  expect(retryAfterMs(header, NOW)).toBe(ms)
})
