/**
 * The peers as their users run them: `ipx serve` and `next start`, installed at the versions of `peers/package.json` into a folder
 * of the system's temporary one, once, and never into the project. Both read photographs from a local folder.
 */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Server } from './warm.ts'
import { addressOf, ended } from './world.ts'

const SOURCE = fileURLToPath(new URL('./peers/', import.meta.url))
const ENV = { ...process.env, NEXT_TELEMETRY_DISABLED: '1' }
const run = promisify(execFile)

export interface Installed {
  readonly folder: string
  readonly versions: Readonly<Record<'ipx' | 'next' | 'sharp', string>>
}

const NEXT = 'node_modules/next/dist/bin/next'

/** Another version or another setting is another folder; one that was not finished is begun again. */
export const install = async (): Promise<Installed> => {
  const hash = createHash('sha256')
  for (const name of (await readdir(SOURCE, { recursive: true })).sort())
    if (/\.\w+$/.test(name)) hash.update(name).update(await readFile(join(SOURCE, name)))
  const folder = join(tmpdir(), `asset-matrix-peers-${hash.digest('hex').slice(0, 12)}`)
  const done = join(folder, 'installed')
  const isDone = await access(done).then(
    () => true,
    () => false,
  )
  if (!isDone) {
    await rm(folder, { recursive: true, force: true })
    await cp(SOURCE, folder, { recursive: true })
    await run('npm', ['install', '--no-audit', '--no-fund', '--silent'], { cwd: folder })
    await run(process.execPath, [NEXT, 'build'], { cwd: folder, env: ENV })
    await writeFile(done, '')
  }
  const versionOf = async (name: string): Promise<string> => {
    const text = await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8')
    return (JSON.parse(text) as { version: string }).version
  }
  const [ipx, next, sharp] = [await versionOf('ipx'), await versionOf('next'), await versionOf('sharp')]
  return { folder, versions: { ipx, next, sharp } }
}

export interface Peers extends Installed {
  readonly photos: string
  readonly ipx: Server
  readonly next: Server
  stop(): Promise<void>
}

/** With nothing in their caches. `files`: what they serve, by name. */
export const startPeers = async (files: ReadonlyMap<string, Uint8Array>): Promise<Peers> => {
  const installed = await install()
  const { folder } = installed
  const photos = join(folder, 'public', 'photos')
  const forget = (): Promise<unknown> =>
    Promise.all(['public', '.next/cache/images'].map(name => rm(join(folder, name), { recursive: true, force: true })))
  await forget()
  await mkdir(photos, { recursive: true })
  for (const [name, bytes] of files) await writeFile(join(photos, name), bytes)

  const start = async (...argumentsOf: string[]): Promise<Server> => {
    const child = spawn(process.execPath, argumentsOf, { cwd: folder, env: ENV, stdio: ['ignore', 'pipe', 'inherit'] })
    return { address: await addressOf(child), pid: child.pid ?? 0, stop: () => ended(child) }
  }
  const ipx = await start(
    'node_modules/ipx/bin/ipx.mjs',
    'serve',
    '--dir',
    photos,
    '--host',
    '127.0.0.1',
    '--port',
    '0',
  )
  const next = await start(NEXT, 'start', '--hostname', '127.0.0.1', '--port', '0')
  return {
    ...installed,
    photos,
    ipx,
    next,
    async stop() {
      await Promise.all([ipx.stop(), next.stop()])
      await forget()
    },
  }
}
