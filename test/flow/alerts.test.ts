/** Each alert against numbers that have to call somebody, and against those of a quiet day: by the judge that Prometheus ships. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { printAlertRules } from '../../src/telemetry/alert-rules.ts'
import { printDashboard } from '../../src/telemetry/dashboard.ts'
import { openMetrics } from '../../src/telemetry/metrics.ts'
import { WATCHED } from '../../src/telemetry/watched.ts'
import { findProgram } from '../support/debian.ts'

const run = promisify(execFile)
const alerts = WATCHED.flatMap(({ alert }) => (alert === undefined ? [] : [alert.name]))

interface Case {
  /** Series as promtool writes them, a sample a minute unless said. */
  readonly every?: string
  readonly fires: Readonly<Record<string, string>>
  readonly quiet: Readonly<Record<string, string>>
}

const gauge = (series: string, fires: string, quiet: string): Case => ({
  fires: { [series]: `${fires}x60` },
  quiet: { [series]: `${quiet}x60` },
})

const GOAL = { 'matrix_service_level_goal_seconds{class="resolve"}': '0.02+0x60' }
const LEVEL = 'matrix_service_level_seconds{class="resolve",quantile="0.95"}'
const STEP = (le: string) => `event_processing_duration_seconds_bucket{stage="number",le="${le}"}`

const CASES: Readonly<Record<string, Case>> = {
  MatrixLevelMissed: {
    fires: { ...GOAL, [LEVEL]: '0.03+0x60' },
    quiet: { ...GOAL, [LEVEL]: '0.01+0x60' },
  },
  MatrixErrors: {
    fires: {
      'integration_request_total{status="200"}': '0+98x60',
      'integration_request_total{status="500"}': '0+2x60',
      'integration_errors_total{status="500"}': '0+2x60',
    },
    quiet: {
      'integration_request_total{status="200"}': '0+999x60',
      'integration_request_total{status="500"}': '0+1x60',
      'integration_errors_total{status="500"}': '0+1x60',
    },
  },
  MatrixEventsSlow: {
    fires: { [STEP('0.1')]: '0+10x60', [STEP('0.25')]: '0+100x60', [STEP('+Inf')]: '0+100x60' },
    quiet: { [STEP('0.1')]: '0+100x60', [STEP('0.25')]: '0+100x60', [STEP('+Inf')]: '0+100x60' },
  },
  MatrixQueueDeep: gauge('event_queue_depth{queue="deliveries"}', '10001+0', '9999+0'),
  MatrixNumberingStopped: gauge('matrix_event_lag_seconds', '11+0', '0.2+0'),
  MatrixSubscriptionFailing: gauge('matrix_subscriptions{state="FAILING"}', '1+0', '0+0'),
  MatrixNodesDead: gauge('matrix_nodes{state="DEAD"}', '1+0', '0+0'),
  MatrixDeliveriesDead: gauge('matrix_deliveries{state="DEAD"}', '1+0', '0+0'),
  MatrixPurgesDead: gauge('matrix_purges{state="DEAD"}', '1+0', '0+0'),
  MatrixPostgresAway: gauge('matrix_database_away', '1+0', '0+0'),
  MatrixBreakerOpen: {
    every: '15s',
    // Open for five seconds after each try, of which there is one a minute: every eighth look finds it so.
    fires: { 'circuit_breaker_state{dependency="opa"}': '1 1 1 2 1 1 1 1 '.repeat(30).trimEnd() },
    // Opened once, a minute before it is looked at; tried in vain since by nobody.
    quiet: { 'circuit_breaker_state{dependency="opa"}': `${'0 '.repeat(196)}2 ${'1 '.repeat(40)}`.trimEnd() },
  },
  MatrixAuditUnchained: gauge('matrix_audit_unchained_age_seconds', '61+0', '1+0'),
  MatrixErasureStuck: gauge('matrix_erasures_open', '1+0', '0+0'),
  MatrixDrift: gauge('matrix_drift_ratio{tenant="demo"}', '0.001+0', '0+0'),
}

test('every alert is tried, and every metric that is watched is one of ours', () => {
  expect(Object.keys(CASES).sort()).toEqual([...alerts].sort())
  const known = openMetrics()
    .registry.getMetricsAsArray()
    .map(({ name }) => name)
  const named = WATCHED.flatMap(({ expr, alert }) => [
    ...`${expr} ${alert?.when ?? ''}`.matchAll(/\b(?:matrix|integration|event|circuit)_\w+/g),
  ]).map(([name]) => name)
  expect(named.length).toBeGreaterThan(WATCHED.length)
  const missing = named.filter(name => !known.includes(name) && !known.includes(name.replace(/_bucket$/, '')))
  expect(missing).toEqual([])
})

test('each panel of the dashboard has its place, its question and its line', () => {
  const { panels } = JSON.parse(printDashboard()) as {
    panels: {
      id: number
      type: string
      title: string
      gridPos: Record<'x' | 'y' | 'w' | 'h', number>
      targets?: { expr: string }[]
    }[]
  }
  const shown = panels.filter(({ type }) => type === 'timeseries')
  expect(shown.map(({ title }) => title)).toEqual(WATCHED.map(({ title }) => title))
  expect(shown.map(({ targets }) => targets?.[0]?.expr)).toEqual(WATCHED.map(({ expr }) => expr))
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
})

const promtool = await findProgram({
  name: 'promtool',
  packages: ['prometheus'],
  file: 'usr/bin/promtool',
  versionFlag: '--version',
})
const missing = 'missing' in promtool ? promtool.missing : undefined

describe.skipIf(missing !== undefined)(`by promtool${missing ? ` (${missing})` : ''}`, () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'matrix-alerts-'))
    await writeFile(join(folder, 'rules.yaml'), printAlertRules())
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const judge = async (...args: string[]): Promise<string> => {
    if ('missing' in promtool) return ''
    const { stdout } = await run(promtool.command, args, { cwd: folder, env: promtool.env })
    return stdout
  }

  test('the rules are rules', async () => {
    expect(await judge('check', 'rules', 'rules.yaml')).toContain(`SUCCESS: ${alerts.length} rules found`)
  })

  const testOf = (alertname: string, every: string, series: Readonly<Record<string, string>>, fires: boolean) => ({
    interval: every,
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: [
      {
        expr: `count(ALERTS{alertname="${alertname}",alertstate="firing"}) or vector(0)`,
        eval_time: '50m',
        exp_samples: [{ labels: '{}', value: fires ? 1 : 0 }],
      },
    ],
  })

  test('each fires when it has to, and is quiet when all is well', async () => {
    const tests = Object.entries(CASES).flatMap(([name, { fires, quiet, every = '1m' }]) => [
      testOf(name, every, fires, true),
      testOf(name, every, quiet, false),
    ])
    await writeFile(
      join(folder, 'tests.json'),
      JSON.stringify({ rule_files: ['rules.yaml'], evaluation_interval: '1m', tests }),
    )
    expect(await judge('test', 'rules', 'tests.json')).toContain('SUCCESS')
  })
})
