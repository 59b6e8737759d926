import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { openRequestTimes } from '../../src/telemetry/request-times.ts'
import { openRolling } from '../../src/telemetry/rolling.ts'
import { requestClass } from '../../src/telemetry/service-levels.ts'

const RESOLVE = '/v1/products/:product/assets/:asset/renditions/:rendition'
const ok = { route: RESOLVE, method: 'GET', status: 200, product: 'shop' }

const opened = () => {
  let at = 1_000_000
  const registry = new Registry()
  const times = openRequestTimes(registry, () => at)
  const pass = (ms: number): void => {
    at += ms
  }
  return { registry, times, pass }
}

test('one request is in the three metrics, by the labels that monitors know', async () => {
  const { registry, times } = opened()
  times.observe(ok, 4)
  times.observe({ ...ok, status: 503 }, 30)
  const text = await registry.metrics()
  const labels = `route="${RESOLVE}",method="GET",status="200",product="shop"`
  for (const line of [
    `integration_request_duration_seconds_bucket{${labels},le="0.0025"} 0`,
    `integration_request_duration_seconds_bucket{${labels},le="0.005"} 1`,
    `integration_request_duration_seconds_bucket{${labels},le="+Inf"} 1`,
    `integration_request_duration_seconds_sum{${labels}} 0.004`,
    `integration_request_total{${labels}} 1`,
    `integration_errors_total{${labels.replace('200', '503')}} 1`,
  ])
    expect(text).toContain(line)
  expect(text).not.toContain(`integration_errors_total{${labels}}`)
  expect(text).toContain('# TYPE integration_request_duration_seconds histogram')
})

test('however many products there are, there is an end of labels', async () => {
  const { registry, times } = opened()
  for (let n = 0; n < 1_000; n++) times.observe({ ...ok, product: `p-${n}` }, 1)
  const lines = (await registry.metrics()).split('\n').filter(line => line.startsWith('integration_request_total{'))
  expect(lines).toHaveLength(201)
  expect(lines.at(-1)).toBe(
    `integration_request_total{route="${RESOLVE}",method="GET",status="200",product="other"} 800`,
  )
})

test('levels are of the last five minutes, without who said that he waits, and faults of ours beside them', () => {
  const { times, pass } = opened()
  for (let ms = 1; ms <= 100; ms++) times.observe(ok, ms)
  times.observe({ ...ok, waits: true }, 9_000)
  times.observe({ ...ok, status: 404 }, 9_000)
  times.observe({ ...ok, status: 500 }, 9_000)
  const { resolve } = times.levels()
  expect(resolve.times.count).toBe(100)
  expect(resolve.errors).toBe(1)
  expect(resolve.times.at(0.95)).toBeGreaterThanOrEqual(0.095)
  expect(resolve.times.at(0.95)).toBeLessThan(0.095 * 1.1)
  pass(300_000)
  expect(times.levels().resolve).toMatchObject({ times: { count: 0 }, errors: 0 })
  expect(times.levels().resolve.times.at(0.95)).toBeUndefined()
})

test('a slot that comes round again has forgotten what it counted', () => {
  const rolling = openRolling()
  rolling.add(5, 0)
  rolling.add(50, 290_000)
  expect(rolling.read(299_999).count).toBe(2)
  expect(rolling.read(300_000).count).toBe(1)
  rolling.add(500, 300_000)
  expect(rolling.read(300_000).count).toBe(2)
  expect(rolling.read(10_000_000).count).toBe(0)
})

test.each([0.001, 0.01, 0.5, 19.9, 1_234, 1e9])('%d ms is told at most a tenth too long', ms => {
  const rolling = openRolling()
  rolling.add(ms, 0)
  const told = (rolling.read(0).at(0.5) ?? 0) * 1000
  expect(told).toBeGreaterThanOrEqual(Math.min(ms, 100_000) * 0.999)
  expect(told).toBeLessThanOrEqual(Math.max(ms * 1.1, 0.01))
})

test.each([
  ['GET', RESOLVE, 'resolve'],
  ['GET', '/i/:product/:asset/:version/:file', 'resolve'],
  ['GET', '/v1/assets/:asset', 'metadata'],
  ['GET', '/v1/uploads/:upload', 'metadata'],
  ['PATCH', '/v1/assets/:asset', 'control'],
  ['POST', '/v1/assets/:asset/publish', 'control'],
  ['POST', '/v1/assets', 'upload'],
  ['POST', '/v1/assets/:asset/versions', 'upload'],
  ['POST', '/v1/uploads/:upload/complete', 'upload'],
  ['GET', '/v1/events/stream', undefined],
  ['GET', '/metrics', undefined],
  ['GET', '*', undefined],
])('%s %s is of the class %s', (method, route, name) => {
  expect(requestClass({ method, route })).toBe(name)
})
