/** Policies that cannot be used end the start, before anything is answered without them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { spawnProgram, startGateway } from '../support/started.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-policy-start-'))
  await writeFile(join(folder, 'one.cedar'), 'forbid (principal, action, resource) when { resource.label == "x" };')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const starts = async (env: Readonly<Record<string, string>>) => {
  const started = spawnProgram('src/main.js', { PORT: '0', ASSET_MATRIX_DATA: join(folder, 'data'), ...env })
  return { code: await started.ended, output: started.output() }
}

test('a policy that does not fit the schema', async () => {
  const { code, output } = await starts({ POLICY_CEDAR: folder })
  expect(code).toBe(2)
  expect(output).toMatch(/^POLICY_CEDAR: .*label/m)
  expect(output).not.toMatch(/\n\s+at /)
})

/** Cedar, as where it is not installed. */
const HOOKS = `export const resolve = (name, context, next) => {
  if (name.startsWith('@cedar-policy/')) throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
  return next(name, context)
}`
const asModule = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`
const without = `import { register } from 'node:module'; register(${JSON.stringify(asModule(HOOKS))})`

test('a package that is not there, which whoever does not ask for it does not miss', async () => {
  const env = { NODE_OPTIONS: `--import=${asModule(without)}` }
  const { code, output } = await starts({ ...env, POLICY_CEDAR: folder })
  expect(code).toBe(2)
  expect(output).toMatch(/^POLICY_CEDAR: needs the package @cedar-policy\/cedar-wasm: npm install/m)
  const gateway = await startGateway({ ...env, ASSET_MATRIX_DATA: join(folder, 'data') })
  expect(await gateway.end('SIGINT')).toBe(0)
})

test('an address that says more than where', async () => {
  const { code, output } = await starts({ POLICY_OPA_URL: 'http://name:word@127.0.0.1/' })
  expect(code).toBe(2)
  expect(output).toContain('POLICY_OPA_URL: expected a URL without a user')
  expect(output).not.toContain('word@')
})
