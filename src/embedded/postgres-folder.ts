/**
 * The data folder: made once, in a sibling that is renamed when complete, so that a folder under its own name is always
 * whole. Killed before the rename: the sibling is removed at the next start and all begins anew.
 */
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, readlink, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { MatrixError } from '../model/errors.ts'
import { giveTo, type PostgresAccount } from './postgres-account.ts'
import { PLAIN_ENV, supervise } from './supervise.ts'

const run = promisify(execFile)

export const POSTGRES_USER = 'matrix'

export interface InitOptions {
  readonly folder: string
  readonly initdb: string
  readonly account: PostgresAccount
  readonly durable: boolean
}

/** Idempotent. `created` tells whether this call made the folder. */
export const prepareFolder = async (options: InitOptions): Promise<'created' | 'found'> => {
  const { folder } = options
  await removeUnfinished(folder)
  if (await exists(join(folder, 'PG_VERSION'))) return 'found'
  await refuseForeign(folder)
  await mkdir(dirname(folder), { recursive: true })
  const unfinished = nameUnfinished(folder)
  await mkdir(unfinished, { mode: 0o700 })
  await giveTo(unfinished, options.account)
  await initialise(unfinished, options)
  try {
    await rename(unfinished, folder)
    return 'created'
  } catch (error) {
    await remove(unfinished)
    // Another process made it meanwhile; which of the two may run is decided by postmaster.pid.
    if (await exists(join(folder, 'PG_VERSION'))) return 'found'
    throw error
  }
}

const initialise = async (target: string, { initdb, account, durable }: InitOptions): Promise<void> => {
  const said: string[] = []
  const child = await supervise({
    command: [
      ...[...account.prefix, initdb, '-D', target, '-U', POSTGRES_USER, '--auth=trust', '-E', 'UTF8', '--locale=C'],
      ...(durable ? [] : ['--no-sync']),
    ] as [string, ...string[]],
    cwd: '/',
    ...(account.uid === undefined ? {} : { uid: account.uid, gid: account.gid }),
    deathSignal: 'SIGTERM',
    stopWith: [],
    log: line => said.push(line),
  })
  const how = await child.exited
  if (how === 'exit code 0') return
  await remove(target)
  throw new MatrixError(
    'dependency-unavailable',
    `Expected initdb to fill ${target} but received ${how}: ${said.join('\n')}`,
  )
}

/** Siblings carry the pid of their maker and when it began: the same number may be ours now, as pid 1 of a container always is. */
const nameUnfinished = (folder: string): string => `${folder}.new-${process.pid}-${Math.round(performance.timeOrigin)}`

/** Those whose maker is gone will never be finished. */
const removeUnfinished = async (folder: string): Promise<void> => {
  const prefix = `${basename(folder)}.new-`
  const mine = basename(nameUnfinished(folder))
  for (const name of await readdir(dirname(folder)).catch(() => [])) {
    if (!name.startsWith(prefix) || name === mine) continue
    const maker = Number.parseInt(name.slice(prefix.length), 10)
    if (maker === process.pid || (maker > 0 && !isAlive(maker))) await remove(join(dirname(folder), name))
  }
}

/** Repeated, because an initdb that lost its parent may write for a moment longer. */
const remove = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })

/** An empty folder is made room for; anything else that is not ours stays untouched. */
const refuseForeign = async (folder: string): Promise<void> => {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return
    throw new MatrixError(
      'conflict',
      `Expected ${folder} to be empty or a Postgres data folder but it holds something else`,
    )
  })
}

/**
 * `free`: nobody was here or all was ended in good order. `stale`: the last postmaster died without cleaning up; Postgres
 * recovers. A live postmaster of this folder rejects with `conflict`: two on one folder would destroy it.
 */
export const examineLock = async (folder: string): Promise<'free' | 'stale'> => {
  const pid = await lockHolder(folder)
  if (pid === undefined) return 'free'
  if (!isAlive(pid)) return 'stale'
  if (await isPostmasterOf(pid, folder)) {
    throw new MatrixError(
      'conflict',
      `Expected the data folder ${folder} to be free but it is in use by process ${pid}`,
    )
  }
  // The number was given to another process since, before which Postgres would stop as if it were a postmaster.
  await rm(join(folder, 'postmaster.pid'), { force: true })
  return 'stale'
}

export const lockHolder = async (folder: string): Promise<number | undefined> => {
  const content = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(content, 10)
  return pid > 0 ? pid : undefined
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** A postmaster works in its data folder. Where that cannot be seen, a command line with `postgres` in it counts as one. */
const isPostmasterOf = async (pid: number, folder: string): Promise<boolean> => {
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
  if (cwd !== undefined) return cwd === (await realpath(folder))
  if (await exists(`/proc/${pid}`))
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('postgres')
  const { stdout } = await run('ps', ['-p', String(pid), '-o', 'command='], { env: PLAIN_ENV }).catch(() => ({
    stdout: '',
  }))
  return stdout.includes('postgres')
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
