import { beforeEach, describe, expect, test } from 'vitest'
import { type Breaker, openBreaker, type Report } from '../../src/lib/breaker.ts'

let now = 0
let breaker: Breaker
let states: string[] = []
beforeEach(() => {
  now = 1_000_000
  states = []
  breaker = openBreaker({
    threshold: 3,
    windowMs: 1_000,
    openMs: 500,
    halfOpenMax: 2,
    now: () => now,
    onChange: state => states.push(state),
  })
})

const admitted = (): Report => {
  const report = breaker.admit()
  if (!report) throw new Error('Expected to be admitted')
  return report
}
const fail = (times: number): void => {
  for (let i = 0; i < times; i++) admitted()('failed')
}
const succeed = (times: number): void => {
  for (let i = 0; i < times; i++) admitted()('succeeded')
}

describe('closed', () => {
  test('opens at the threshold, and refuses from then on', () => {
    fail(2)
    expect(breaker.state()).toBe('closed')
    fail(1)
    expect(breaker.state()).toBe('open')
    expect(breaker.admit()).toBeUndefined()
    expect(breaker.waitMs()).toBe(500)
  })

  test('failures that are less than half of the calls do not open it', () => {
    succeed(10)
    fail(9)
    expect(breaker.state()).toBe('closed')
    fail(1)
    expect(breaker.state()).toBe('open')
  })

  test('failures are forgotten with the window', () => {
    for (let i = 0; i < 20; i++) {
      fail(1)
      now += 600
    }
    expect(breaker.state()).toBe('closed')
  })

  test('success does not take failures back', () => {
    fail(2)
    succeed(1)
    fail(1)
    expect(breaker.state()).toBe('open')
  })

  test('a call that is never reported is none', () => {
    for (let i = 0; i < 100; i++) admitted()
    fail(3)
    expect(breaker.state()).toBe('open')
  })

  test('a call is reported once', () => {
    const report = admitted()
    for (let i = 0; i < 10; i++) report('failed')
    expect(breaker.state()).toBe('closed')
  })
})

describe('half-open', () => {
  beforeEach(() => {
    fail(3)
    now += 500
  })

  test('admits as many probes as are allowed, and closes when all have succeeded', () => {
    const [one, two] = [admitted(), admitted()]
    expect(breaker.state()).toBe('half-open')
    expect(breaker.admit()).toBeUndefined()
    one('succeeded')
    expect(breaker.state()).toBe('half-open')
    expect(breaker.admit()).toBeUndefined()
    two('succeeded')
    expect(breaker.state()).toBe('closed')
    expect(states).toEqual(['open', 'half-open', 'closed'])
  })

  test('one that fails opens it for as long again', () => {
    const [one, two] = [admitted(), admitted()]
    one('succeeded')
    two('failed')
    expect(breaker.state()).toBe('open')
    expect(breaker.waitMs()).toBe(500)
    now += 499
    expect(breaker.admit()).toBeUndefined()
    now += 1
    succeed(2)
    expect(breaker.state()).toBe('closed')
  })

  test('is said of one that has been open long enough, whether or not somebody asks', () => {
    expect(breaker.state()).toBe('half-open')
    expect(states).toEqual(['open'])
  })

  test('a probe that its caller has left gives its place back', () => {
    admitted()('left')
    admitted()('left')
    expect(breaker.state()).toBe('half-open')
    succeed(2)
    expect(breaker.state()).toBe('closed')
  })

  test('the window begins anew', () => {
    succeed(2)
    fail(2)
    expect(breaker.state()).toBe('closed')
  })
})

test('is half-open before its time where somebody has heard of it', () => {
  breaker.rouse()
  expect(breaker.state()).toBe('closed')
  fail(3)
  breaker.rouse()
  expect(states).toEqual(['open', 'half-open'])
  succeed(2)
  expect(breaker.state()).toBe('closed')
})

test('calls that their callers have left open nothing', () => {
  for (let i = 0; i < 10; i++) admitted()('left')
  fail(2)
  expect(breaker.state()).toBe('closed')
})

test('what was asked before a change of state says nothing afterwards', () => {
  const slow = Array.from({ length: 5 }, admitted)
  fail(3)
  now += 500
  const [one, two] = [admitted(), admitted()]
  for (const report of slow) report('failed')
  expect(breaker.state()).toBe('half-open')
  one('succeeded')
  two('succeeded')
  expect(breaker.state()).toBe('closed')
})

test('traffic does not make it grow', () => {
  for (let i = 0; i < 100_000; i++) {
    admitted()(i % 3 === 0 ? 'failed' : 'succeeded')
    now += 1
  }
  expect(breaker.state()).toBe('closed')
})
