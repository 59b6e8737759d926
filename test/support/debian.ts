/**
 * Servers of others that suites run against: the one on PATH, else Debian's, unpacked into `.cache/` and never installed.
 * Without either there is a reason, and suites skip with it in their name.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { PLAIN_ENV } from '../../src/embedded/supervise.ts'

const run = promisify(execFile)

const CACHE = resolve(import.meta.dirname, '../../.cache')

export interface Program {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}

export interface Missing {
  readonly missing: string
}

export interface Wanted {
  /** On PATH, and of the folder in the cache. */
  readonly name: string
  readonly packages: readonly string[]
  /** In the packages. */
  readonly file: string
  /** The name under which the file has to be run, where it is another one. */
  readonly runAs?: string
  readonly versionFlag: string
}

export const findProgram = async (wanted: Wanted): Promise<Program | Missing> => {
  const { name, file, runAs = basename(file), versionFlag } = wanted
  const onPath = { command: name, env: PLAIN_ENV }
  if (await runs(onPath, versionFlag)) return onPath
  const folder = join(CACHE, name)
  const command = join(dirname(file), runAs)
  try {
    const cached = await unpacked(folder, command)
    if (await runs(cached, versionFlag)) return cached
    await fetchInto(folder, wanted)
    const fetched = await unpacked(folder, command)
    return (await runs(fetched, versionFlag))
      ? fetched
      : { missing: `the ${name} of the Debian packages does not run here` }
  } catch (error) {
    const [why] = String((error as Error).message).split('\n')
    return { missing: `no ${name} on PATH and none to be had with apt-get: ${why}` }
  }
}

const runs = ({ command, env }: Program, flag: string): Promise<boolean> =>
  run(command, [flag], { env }).then(
    () => true,
    () => false,
  )

const unpacked = async (folder: string, command: string): Promise<Program> => {
  const libraries = (await readdir(join(folder, 'usr/lib')).catch(() => [])).filter(name => name.includes('-linux-'))
  const path = libraries.map(name => join(folder, 'usr/lib', name)).join(':')
  return { command: join(folder, command), env: { ...PLAIN_ENV, LD_LIBRARY_PATH: path } }
}

/** Two processes may fetch at once: each into a folder of its own, and the first to rename it wins. */
const fetchInto = async (folder: string, { packages, file, runAs }: Wanted): Promise<void> => {
  await mkdir(CACHE, { recursive: true })
  const work = await mkdtemp(join(CACHE, 'fetching-'))
  try {
    await run('apt-get', ['download', ...packages], { cwd: work }).catch(async () => {
      // Package lists of our own: no lock to wait for, and nothing to be root for.
      const lists = ['-o', `Dir::State::lists=${work}/lists`, '-o', `Dir::Cache=${work}/cache`]
      await Promise.all([mkdir(`${work}/lists/partial`, { recursive: true }), mkdir(`${work}/cache`)])
      await run('apt-get', ['update', ...lists], { cwd: work })
      await run('apt-get', ['download', ...lists, ...packages], { cwd: work })
    })
    const root = join(work, 'root')
    for (const deb of (await readdir(work)).filter(name => name.endsWith('.deb'))) {
      await run('dpkg-deb', ['-x', join(work, deb), root])
    }
    if (runAs !== undefined) await symlink(basename(file), join(root, dirname(file), runAs))
    await rename(root, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
