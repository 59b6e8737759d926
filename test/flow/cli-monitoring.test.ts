/** What an operator asks a shell: promises, rules, a dashboard, and what a gateway would make of his configuration. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { printAlertRules } from '../../src/telemetry/alert-rules.ts'
import { printDashboard } from '../../src/telemetry/dashboard.ts'
import { runMatrix, type StartedGateway, spawnProgram, startGateway } from '../support/started.ts'

const CONFIG = `import type { LookupFunction } from 'node:net'
const secret: string = 'sesame'.repeat(4)
export type { LookupFunction }
export default { workers: 1, log: { level: 'error' }, accel: { secret }, webhook: { ports: [443, 8443] } }
`

let gateway: StartedGateway
let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'matrix-monitoring-'))
  await writeFile(join(root, 'matrix.config.ts'), CONFIG)
  // Its data folder and its file are found from where it is started, as the commands find them.
  gateway = await startGateway({}, root)
})
afterAll(async () => {
  await gateway.end('SIGINT')
  await rm(root, { recursive: true, force: true })
})
const matrix = (...args: string[]) => runMatrix(root, args)

test('sla shows each class, what was given up, and ends by whether all is kept', async () => {
  const { code, out } = await matrix('sla')
  for (const name of ['resolve', 'metadata', 'control', 'upload', 'rendition', 'event'])
    expect(out).toMatch(new RegExp(`^${name} `, 'm'))
  expect(out).toMatch(/^given up: 0 nodes, 0 deliveries, 0 purges$/m)
  const shown = JSON.parse((await matrix('sla', '--json')).out)
  expect(shown.levels.find((level: { class: string }) => level.class === 'resolve').goal).toBe(0.02)
  expect(code).toBe(out.includes('MISSED') ? 1 : 0)
})

test('rules and dashboard are printed as they are, without a gateway', async () => {
  expect((await matrix('alerts')).out).toBe(printAlertRules().trim())
  expect((await matrix('dashboard', '--url', 'http://127.0.0.1:1')).out).toBe(printDashboard().trim())
})

test('the file is what the gateway runs with, and what is secret in it is not shown', async () => {
  expect((await matrix('config', 'check')).out).toMatch(/^valid, with matrix\.config\.ts; 4 of \d+ are set$/)
  const { out, code } = await matrix('config', 'print')
  expect(code).toBe(0)
  expect(out).toMatch(/^accel\.secret +ACCEL_SECRET +file +\*\*\*$/m)
  expect(out).toMatch(/^webhook\.ports +WEBHOOK_PORTS +file +443,8443$/m)
  expect(out).toMatch(/^port +PORT +default +8080$/m)
  expect(out).not.toContain('sesame')
  const set = JSON.parse((await matrix('config', 'print', '--set', '--json')).out)
  expect(set.map(({ key }: { key: string }) => key).sort()).toEqual([
    'accel.secret',
    'log.level',
    'webhook.ports',
    'workers',
  ])
  expect(gateway.output()).not.toContain('"level":30')
})

test('what is wrong is a finding of check, and ends a start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-wrong-'))
  try {
    await writeFile(join(folder, 'matrix.config.json'), '{ "router": { "transport": "kafka" }, "port": "sesame" }')
    const checked = await runMatrix(folder, ['config', 'check', '--json'])
    expect(checked.code).toBe(1)
    const { error } = JSON.parse(checked.err)
    expect(error).toMatchObject({ code: 'config-invalid', exit_code: 1 })
    expect(error.message).toMatch(/router\.transport: no broker is spoken to.*\n.*port: expected a whole number/)
    const started = spawnProgram('src/main.js', {}, { cwd: folder })
    expect(await started.ended).toBe(2)
    expect(started.output()).toContain('router.transport: no broker is spoken to')
    expect(started.output()).not.toContain('sesame')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
