/** `matrix contracts`, as a shell runs it, on a history that somebody has kept. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runMatrix, type StartedGateway, startGateway } from '../support/started.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const sources = ['--openapi', join(ROOT, 'docs/openapi.json')]

interface Kept {
  readonly properties: Readonly<Record<string, { properties: object; required: string[] }>>
  readonly required: readonly string[]
}

let root: string
let history: string
let gateway: StartedGateway
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'matrix-contracts-'))
  history = join(root, 'history')
  await cp(join(ROOT, 'src/contracts/history'), history, { recursive: true })
  gateway = await startGateway({ ASSET_MATRIX_DATA: join(root, '.data'), WORKERS: '1' })
})
afterAll(async () => {
  await gateway.end('SIGINT')
  await rm(root, { recursive: true, force: true })
})

const contracts = (...args: string[]) => runMatrix(root, ['contracts', ...args])
const edit = async (file: string, change: (schema: Kept) => object): Promise<void> => {
  const path = join(history, file)
  await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')))))
}

test('its own history is kept, and listed', async () => {
  expect(await contracts('check', ...sources)).toMatchObject({ code: 0, out: 'Code and history agree.' })
  const { out } = await contracts('list', '--kind', 'event')
  expect(out).toMatch(/^asset\.published {2}event {2}1\.0\.0/m)
  expect(out).not.toContain('request')
})

test('at a gateway, whom it would break is named', async () => {
  const subject = 'get-v1-contracts-subject.response'
  expect(await contracts('consumers', subject)).toMatchObject({ code: 0, out: 'Nobody that is known.' })
  const keys = JSON.parse(await readFile(join(root, '.data/keys.json'), 'utf8'))
  const reads = { properties: { 200: { type: 'object', required: ['mode'] } } }
  const said = await fetch(`${gateway.address}/v1/products/shop-web/contracts/${subject}`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${keys['shop-web']}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ schema: { type: 'object', ...reads } }),
  })
  expect(said.status).toBe(200)
  expect((await contracts('consumers', subject)).out).toBe('shop-web  registered  registered  v1')
  expect(await contracts('check', '--gateway')).toMatchObject({
    code: 0,
    out: 'Code and history agree.\nNobody there is broken.',
  })

  // Another program, which does not say it any more.
  const other = join(root, 'other')
  await cp(history, other, { recursive: true })
  const next: { properties: Record<string, { required: string[] }> } = JSON.parse(
    await readFile(join(other, subject, '1.0.0.json'), 'utf8'),
  )
  const answer = next.properties['200']
  if (answer) answer.required = answer.required.filter(name => name !== 'mode')
  await writeFile(join(other, subject, '1.9.0.json'), JSON.stringify(next))
  const broken = await contracts('check', '--gateway', '--history', other)
  expect(broken).toMatchObject({
    code: 1,
    out: `Code and history agree.\n${subject} 1.9.0 breaks shop-web: /200/mode may be left out (required)`,
  })
})

test('what was added is compatible, and printed as the next minor version', async () => {
  await edit('asset.deleted/1.0.0.json', schema => {
    const { mutation: _, ...properties } = schema.properties
    return { ...schema, properties, required: schema.required.filter(name => name !== 'mutation') }
  })
  await rm(join(history, 'asset.erased'), { recursive: true })
  // Whoever reads what is told again would miss it in what was told then.
  const broken = 'asset.deleted 1.1.0 breaks 1.0.0: /mutation is not written (required)'
  expect(await contracts('check', '--history', history, ...sources)).toMatchObject({
    code: 1,
    out: `${broken}\nasset.erased 1.0.0: compatible, and not in the history yet`,
    err: '1 contracts would break those who rely on them.',
  })
  const refused = await contracts('print', '--history', history, ...sources)
  expect(refused.code).toBe(1)
  await rm(join(history, 'asset.deleted'), { recursive: true })
  const printed = await contracts('print', '--history', history, ...sources)
  expect(printed).toMatchObject({ code: 0, out: 'asset.deleted 1.0.0\nasset.erased 1.0.0' })
  expect((await contracts('check', '--history', history, ...sources)).code).toBe(0)
})

test('requests and answers break by other rules than events, and what is gone breaks everybody', async () => {
  await edit('post-v1-subscriptions.request/1.0.0.json', schema => {
    Object.assign(schema.properties.body?.properties ?? {}, { secret: { type: 'string' } })
    return schema
  })
  await edit('get-v1-contracts-subject.response/1.0.0.json', schema => {
    const answer = schema.properties['200']
    Object.assign(answer?.properties ?? {}, { since: { type: 'string' } })
    answer?.required.push('since')
    return schema
  })
  await cp(join(history, 'asset.deleted'), join(history, 'asset.melted'), { recursive: true })
  const { code, out } = await contracts('--json', 'check', '--history', history, ...sources)
  expect(code).toBe(1)
  const found = JSON.parse(out).map(
    ({ subject, version, breaks }: { subject: string; version?: string; breaks: [] }) => [
      subject,
      version,
      breaks.map(({ pointer, rule }) => `${rule} ${pointer}`),
    ],
  )
  expect(found).toEqual([
    ['post-v1-subscriptions.request', '1.1.0', ['unknown-property /body/secret']],
    ['get-v1-contracts-subject.response', '1.1.0', ['required /200/since']],
    ['asset.melted', undefined, ['removed ']],
  ])
})
