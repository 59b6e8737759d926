/** What is printed from the code that runs is as fresh as the code. `npm run docs` prints it anew. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EVENT_TYPES, EVENTS } from '../../src/model/event-catalogue.ts'
import type { Audience } from '../../src/model/event-kind.ts'
import { OPERATION_NAMES } from '../../src/ops/registry.ts'
import { printAlertRules } from '../../src/telemetry/alert-rules.ts'
import { printDashboard } from '../../src/telemetry/dashboard.ts'
import { type Document, printApi } from '../support/print-api.ts'
import { printConfigType } from '../support/print-config.ts'
import {
  printCli,
  printConfiguration,
  printEnvExample,
  printErrors,
  printMetrics,
  printOperations,
} from '../support/print-docs.ts'
import { dumpSchema } from '../support/schema-dump.ts'
import { type System, startSystem } from '../support/system.ts'

const ROOT = resolve(import.meta.dirname, '../..')

let system: System
beforeAll(async () => {
  system = await startSystem({ worker: false })
})
afterAll(() => system.close())

const printOpenApi = async (): Promise<string> => {
  // Where it listens is not part of what it can.
  const response = await system.call('GET', '/openapi.json')
  const { servers: _, ...document } = (await response.json()) as Record<string, unknown>
  return `${JSON.stringify(document, null, 2)}\n`
}
const printTypes = async (): Promise<string> => printApi(JSON.parse(await printOpenApi()) as Document)
const printSchema = (): Promise<string> => dumpSchema(system.core.engines.database as object)

test('every operation has its sample, and all of them are small', () => {
  const sizes = OPERATION_NAMES.map(name => statSync(join(ROOT, `docs/operations/${name}.webp`)).size)
  expect(Math.min(...sizes)).toBeGreaterThan(0)
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(300_000)
})

test('every attack that docs/security.md answers is tried by a test that is there', () => {
  const rows = readFileSync(join(ROOT, 'docs/security.md'), 'utf8')
    .split('\n')
    .filter(line => /^\|.*`(faults|flow|unit)\//.test(line))
  const tried = rows.flatMap(row => [...row.matchAll(/`((?:faults|flow|unit)\/[\w-]+)`/g)].map(([, name]) => name))
  expect(rows.length).toBeGreaterThan(15)
  expect(tried.filter(name => !existsSync(join(ROOT, `test/${name}.test.ts`)))).toEqual([])
})

test('docs/events.md tells of every event who hears it', () => {
  const rows = readFileSync(join(ROOT, 'docs/events.md'), 'utf8')
    .split('\n')
    .filter(line => /^\| .*`\w+\.\w+`/.test(line))
  const told = rows.map(row => [...row.matchAll(/`(\w+\.\w+)`/g)].map(([, type]) => type).sort())
  const of = (audience: Audience) => EVENT_TYPES.filter(type => EVENTS[type].audience === audience).sort()
  expect(told).toEqual((['readers', 'editors', 'product', 'named', 'administrators'] as const).map(of))
})

test.each<[string, () => string | Promise<string>]>([
  ['.env.example', printEnvExample],
  ['docs/configuration.md', printConfiguration],
  ['docs/operations.md', printOperations],
  ['docs/errors.md', printErrors],
  ['docs/metrics.md', printMetrics],
  ['docs/monitoring/alerts.yaml', printAlertRules],
  ['docs/monitoring/dashboard.json', printDashboard],
  ['docs/cli.md', printCli],
  ['docs/openapi.json', printOpenApi],
  ['src/sdk/api.ts', printTypes],
  ['src/config/define.ts', printConfigType],
  ['migrations/schema.sql', printSchema],
])('%s', async (file, print) => {
  await expect(await print(), 'run `npm run docs`').toMatchFileSnapshot(join(ROOT, file))
})
