/** `matrix subscriptions`, as a shell runs it, against a gateway that tells. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openReceiver, type Receiver, TAKES, verified } from '../support/receiver.ts'
import { runMatrix, type StartedGateway, startGateway } from '../support/started.ts'
import { until } from '../support/until.ts'

let gateway: StartedGateway
let hook: Receiver
let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'matrix-subscriptions-'))
  hook = await openReceiver()
  gateway = await startGateway({ ASSET_MATRIX_DATA: join(root, '.data'), WORKERS: '1', WEBHOOK_ALLOW: '127.0.0.1' })
})
afterAll(async () => {
  await gateway.end('SIGINT')
  await hook.close()
  await rm(root, { recursive: true, force: true })
})

const matrix = (...args: string[]) => runMatrix(root, args)
const done = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await matrix(...args)
  expect(err).toBe('')
  expect(code).toBe(0)
  return out
}

test('added, tested, told, paused, told again, and taken away', async () => {
  const options = [
    '--types',
    'asset.created,asset.metadata_changed',
    '--product',
    'shop-web',
    '--description',
    'the shop',
  ]
  const added = await done('subscriptions', 'add', hook.url, ...options)
  const [, id = ''] = /^(sub_[0-9a-f]{32}) {2}ACTIVE {2}shop-web {2}http/.exec(added) ?? []
  const [, secret = ''] = /Secret, shown this once: (whsec_\S+)$/.exec(added) ?? []
  expect(await done('subscriptions', 'test', id)).toMatch(/^Taken: 204 after \d+ ms$/)
  expect(verified(secret, hook.heard[0] as never)).toBeTruthy()
  const listed = await done('subscriptions', 'list')
  expect(listed).toContain(id)
  expect(listed).not.toContain('whsec_')

  const { asset } = JSON.parse(
    await done('--json', 'upload', '--no-wait', join(import.meta.dirname, '../../package.json')),
  )
  await until('it is told', () => hook.heard.length === 2)
  expect(hook.heard[1]?.event).toMatchObject({ type: 'io.matrix.asset.created.v1', subject: `assets/${asset}` })
  await until('it is written down', async () => (await done('subscriptions', 'deliveries', id)).includes('DONE'))
  expect(await done('subscriptions', 'deliveries', id)).toMatch(
    / {2}io\.matrix\.asset\.created\.v1 {2}assets\/\S+ {2}DONE {2}1 try$/,
  )

  expect(await done('subscriptions', 'pause', id)).toContain('  PAUSED  ')
  expect(await done('subscriptions', 'resume', id)).toContain('  ACTIVE  ')
  expect(await done('subscriptions', 'rotate', id, '--overlap', '90m')).toMatch(/whsec_\S+$/)
  expect(await done('subscriptions', 'replay', id, '--from', '1', '--subject', `assets/${asset}`)).toMatch(
    /^From 1 to \d+/,
  )
  await until('it is told again', () => hook.heard.length === 3)
  expect(hook.heard[2]?.id).toBe(hook.heard[1]?.id)
  expect(await done('subscriptions', 'redrive', id)).toBe('0 are told again')
  expect(await done('dead-letters', 'list', '--kind', 'delivery')).toBe('Nothing is dead.')
  expect(await done('dead-letters', 'redrive', '--kind', 'delivery', '--all')).toBe('0 queued again')
  expect(await matrix('dead-letters', 'list', '--kind', 'letter')).toMatchObject({ code: 2 })

  hook.behave(response => void response.writeHead(500).end())
  expect(await matrix('subscriptions', 'test', id)).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^Not taken: failed 500 after \d+ ms$/),
  })
  hook.behave(TAKES)
  await done('subscriptions', 'delete', id)
  expect(await matrix('subscriptions', 'show', id)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^not-found: /),
  })
  expect(await matrix('subscriptions', 'add', 'http://10.0.0.1/')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^url-forbidden: /),
  })
}, 120_000)
