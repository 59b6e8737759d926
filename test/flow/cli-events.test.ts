/** `matrix events tail`, as a shell runs it, over a gateway that goes away in between. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runMatrix, type StartedGateway, spawnProgram, startGateway } from '../support/started.ts'
import { until } from '../support/until.ts'

let gateway: StartedGateway
let root: string
let env: Record<string, string>
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'matrix-events-'))
  env = { ASSET_MATRIX_DATA: join(root, '.data'), WORKERS: '1' }
  gateway = await startGateway(env)
})
afterAll(async () => {
  await gateway.end('SIGINT')
  await rm(root, { recursive: true, force: true })
})

const matrix = (...args: string[]) => runMatrix(root, args)
const upload = async (): Promise<string> => {
  const file = join(import.meta.dirname, '../../package.json')
  const { out, err } = await matrix('--json', 'upload', '--no-wait', file)
  expect(err).toBe('')
  return JSON.parse(out).asset
}

test('each event is a line, from a number on, of the types that are asked for, across a restart of the gateway', async () => {
  const first = await upload()
  const { port } = new URL(gateway.address)
  const tail = spawnProgram(
    'src/cli/main.js',
    {},
    {
      cwd: root,
      args: ['events', 'tail', '--since', '0', '--types', 'asset.created'],
    },
  )
  await until('it is shown', () => tail.output().includes(first))
  await gateway.end('SIGTERM')
  gateway = await startGateway({ ...env, PORT: port })
  const second = await upload()
  await until('it goes on', () => tail.output().includes(second), { withinMs: 30_000 })
  expect(await tail.end('SIGINT')).toBe(0)
  const lines = tail.output().trim().split('\n')
  expect(lines).toHaveLength(2)
  for (const line of lines) expect(line).toMatch(/^\d+ {2}\d{4}-\S+Z {2}asset\.created {2}assets\/\S+ {2}/)

  const { out, code } = await matrix(
    '--json',
    'events',
    'tail',
    '--since',
    '0',
    '--subject',
    `assets/${second}`,
    '--count',
    '2',
  )
  expect(code).toBe(0)
  const told = out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  expect(told.map(({ subject, data }) => [subject, data.asset_event_no])).toEqual(
    [1, 2].map(no => [`assets/${second}`, no]),
  )
}, 120_000)

test.each([
  [['--since', 'soon'], 2, 'whole number'],
  [['--types', 'asset.invented'], 1, 'invalid-request'],
  [['--subject', 'nothing'], 1, 'invalid-request'],
])('%j ends with %i', async (options, exit, word) => {
  const { code, err } = await matrix('events', 'tail', ...options)
  expect(err).toContain(word)
  expect(code).toBe(exit)
})
