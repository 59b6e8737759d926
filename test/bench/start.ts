/** `npm start` on an empty and on a used folder, and with `--install` everything from `npm ci` to the first derivative. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cp, mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Photo } from './photos.ts'
import type { Row } from './report.ts'
import { addressOf, type World } from './world.ts'

const start = (root: string, data: string): ChildProcess =>
  spawn('npm', ['start'], {
    cwd: root,
    detached: true,
    env: { ...process.env, ASSET_MATRIX_DATA: data, PORT: '0', LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })

/** npm does not pass signals on reliably; its group is told. */
const stop = (child: ChildProcess): Promise<void> =>
  new Promise(done => {
    child.once('close', () => done())
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
  })

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1)

const firstDerivative = async (address: string, data: string, { bytes }: Photo): Promise<void> => {
  const keys = JSON.parse(await readFile(join(data, 'keys.json'), 'utf8')) as Record<string, string>
  const headers = { Authorization: `Bearer ${keys['shop-web']}`, 'Idempotency-Key': 'first', Prefer: 'wait=10' }
  const body = new Uint8Array(bytes)
  const made = await fetch(`${address}/v1/assets?collection=product-photo`, { method: 'POST', headers, body })
  const { asset } = (await made.json()) as { asset: string }
  const card = await fetch(`${address}/v1/products/shop-web/assets/${asset}/renditions/card`, { headers })
  if (card.headers.get('content-type') !== 'image/jpeg') throw new Error(`Expected a card but received ${card.status}`)
}

const COPIED = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'src',
  'workers',
  'migrations',
]

export const startUp = async (world: World, photos: readonly Photo[], { install }: { install: boolean }) => {
  const data = join(await mkdtemp(join(world.folder, 'start-')), 'data')
  const rows: Row[] = []
  for (const what of ['npm start, empty folder', 'npm start again']) {
    const startedAt = performance.now()
    const child = start(world.root, data)
    await addressOf(child)
    rows.push([what, seconds(startedAt)])
    await stop(child)
  }
  if (install) {
    const root = await mkdtemp(join(world.folder, 'install-'))
    for (const entry of COPIED) await cp(join(world.root, entry), join(root, entry), { recursive: true })
    const startedAt = performance.now()
    execFileSync('npm', ['ci', '--silent'], { cwd: root, stdio: 'ignore' })
    rows.push(['npm ci, empty folder', seconds(startedAt)])
    const child = start(root, join(root, '.data'))
    const address = await addressOf(child)
    rows.push(['npm ci to ready', seconds(startedAt)])
    if (photos[0]) await firstDerivative(address, join(root, '.data'), photos[0])
    rows.push(['npm ci to first derivative', seconds(startedAt)])
    await stop(child)
  }
  return [{ title: 'Start', note: '`npm start` builds before it starts.', columns: ['', 's'], rows }]
}
