/** Work behind a breaker, and what finds out that it may go on. */
import { expect, test } from 'vitest'
import { breakerRow, RESILIENCE } from '../../src/config/resilience.ts'
import { SCAN } from '../../src/config/scan.ts'
import { type Breaker, openBreaker } from '../../src/lib/breaker.ts'
import { openGuard, openKnocking } from '../../src/lib/guard.ts'
import { until } from '../support/until.ts'

const ROW = { threshold: 2, windowMs: 1_000, openMs: 60_000, halfOpenMax: 2 }
const open = (onChange?: (state: string) => void): Breaker =>
  openBreaker({ ...ROW, now: Date.now, ...(onChange && { onChange }) })
const guardOf = (breaker: Breaker) =>
  openGuard({ breaker, refusal: waitMs => new Error(waitMs > 0 ? 'left alone' : 'asked') })
const fails = (message: string) => async (): Promise<never> => {
  throw new Error(message)
}

test('whoever comes while it is open is told so, and nothing is asked', async () => {
  const guard = guardOf(open())
  let asked = 0
  const work = async (): Promise<never> => {
    asked++
    throw new Error('away')
  }
  for (let i = 0; i < 2; i++) await expect(guard(work)).rejects.toThrow('away')
  for (let i = 0; i < 5; i++) await expect(guard(work)).rejects.toThrow('left alone')
  expect(asked).toBe(2)
})

test('a failure is what its judge calls one', async () => {
  const breaker = open()
  const guard = guardOf(breaker)
  for (let i = 0; i < 10; i++) {
    await expect(guard(fails('a refusal'), () => 'succeeded')).rejects.toThrow('a refusal')
    await expect(guard(fails('left'), () => 'left')).rejects.toThrow('left')
  }
  expect(breaker.state()).toBe('closed')
})

test('it is knocked at until somebody opens, and no call is the one that tries', async () => {
  let isAway = true
  let knocks = 0
  const knock = async (): Promise<void> => {
    knocks++
    if (isAway) throw new Error('away')
  }
  const knocking = openKnocking(() => breaker, { knock, everyMs: 5 })
  const states: string[] = []
  const breaker: Breaker = open(state => {
    states.push(state)
    knocking.heard(state as 'open')
  })
  const guard = guardOf(breaker)
  for (let i = 0; i < 2; i++) await guard(fails('away')).catch(() => undefined)
  await until('it has been knocked at', () => knocks >= 3)
  expect(breaker.state()).toBe('open')
  isAway = false
  await until('it is closed', () => breaker.state() === 'closed')
  expect(states).toEqual(['open', 'half-open', 'closed'])

  // One that goes away again while it is being tried stays open.
  for (let i = 0; i < 2; i++) await guard(fails('away')).catch(() => undefined)
  isAway = true
  const before = knocks
  await until('it is knocked at again', () => knocks > before + 1)
  expect(breaker.state()).toBe('open')
  knocking.close()
})

test('however long it is away, knocking alone ends that; where nobody knocks any more, calls try again', async () => {
  let now = 0
  let knocks = 0
  let goesOn = true
  const knock = async (): Promise<void> => {
    if (!goesOn) return new Promise(() => undefined)
    knocks++
    now += ROW.openMs - 1
    throw new Error('away')
  }
  const knocking = openKnocking(() => breaker, { knock, everyMs: 1 })
  const breaker = openBreaker({ ...ROW, now: () => now, onChange: knocking.heard })
  const guard = guardOf(breaker)
  for (let i = 0; i < 2; i++) await guard(fails('away')).catch(() => undefined)
  await until('it has been knocked at', async () => {
    await expect(guard(fails('away'))).rejects.toThrow('left alone')
    return knocks >= 5
  })
  goesOn = false
  now += ROW.openMs
  await expect(guard(fails('tried'))).rejects.toThrow('tried')
  knocking.close()
})

test('two scans at once that hang open the breaker of their scanner', () => {
  let now = 0
  const row = breakerRow(RESILIENCE.breakerScan.fallback ?? '')
  const breaker = openBreaker({ ...row, now: () => now })
  const states = Array.from({ length: 3 }, () => {
    const lanes = [breaker.admit(), breaker.admit()]
    now += Number(SCAN.scanTimeoutMs.fallback)
    for (const report of lanes) report?.('failed')
    return breaker.state()
  })
  expect(states[1]).toBe('open')
})

test('rows of the configuration', () => {
  expect(breakerRow('3/30s/2m/2')).toEqual({ threshold: 3, windowMs: 30_000, openMs: 120_000, halfOpenMax: 2 })
  expect(breakerRow('1/500ms/1s/1')).toEqual({ threshold: 1, windowMs: 500, openMs: 1_000, halfOpenMax: 1 })
  for (const bad of ['', '3', '0/1s/1s/1', '3/30/60/2', '3/30s/60s/0', '3/30s/60s', '-1/1s/1s/1', '3/1h/1s/1'])
    expect(() => breakerRow(bad), bad).toThrow('expected failures')
  for (const { fallback } of Object.values(RESILIENCE)) breakerRow(fallback ?? '')
})
