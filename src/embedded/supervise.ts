/**
 * Runs one server as a child of this process, so that neither outlives its use: the child is told when this process dies,
 * however it dies, and `stop` ends the child with ever stronger signals.
 *
 * `setpriv --pdeathsig` lets the kernel send the signal (Linux, util-linux 2.33 and later). Elsewhere a shell of a few kilobytes
 * holds the reading end of a pipe that only this process can write to: when the pipe closes, this process is gone. The kernel
 * ties the death signal to the thread that spawned the child, so start servers from the main thread.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Servers see nothing of our environment; this is where their helpers are found. */
export const PLAIN_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const

export interface SuperviseOptions {
  readonly command: readonly [string, ...string[]]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly uid?: number
  readonly gid?: number
  /** Sent when this process dies. */
  readonly deathSignal: NodeJS.Signals
  /** Tried by `stop` in this order; SIGKILL follows of itself. */
  readonly stopWith: readonly { readonly signal: NodeJS.Signals; readonly waitMs: number }[]
  readonly log: (line: string) => void
  /** Who tells the child of our death. Default: the kernel where `setpriv` is there, else the watchdog. */
  readonly told?: 'by-kernel' | 'by-watchdog'
}

export interface Supervised {
  readonly pid: number
  /** `undefined` while it runs. */
  exit(): string | undefined
  /** How it ended, e.g. `exit code 1` or `SIGKILL`. Never rejects. */
  readonly exited: Promise<string>
  /** Resolves when the child is gone. Idempotent. */
  stop(): Promise<void>
}

export const supervise = async (options: SuperviseOptions): Promise<Supervised> => {
  const { command, env = PLAIN_ENV, cwd, uid, gid, deathSignal, stopWith, log } = options
  const name = deathSignal.replace(/^SIG/, '')
  const byKernel =
    (options.told ?? ((await works('setpriv', ['--pdeathsig', name, 'true'])) && 'by-kernel')) === 'by-kernel'
  const [file, ...args] = byKernel ? (['setpriv', '--pdeathsig', name, ...command] as const) : command

  // A session of its own: Ctrl-C reaches us alone, so that clients are closed before their server.
  const child = spawn(file, args, { env, cwd, uid, gid, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', log)

  let ended: string | undefined
  const exited = new Promise<string>(resolve => {
    const settle = (how: string): void => {
      ended = how
      resolve(how)
    }
    child.once('exit', (code, signal) => settle(signal ?? `exit code ${code}`))
    child.once('error', error => settle(error.message))
  })
  if (child.pid === undefined) throw new Error(`Expected ${file} to start but received: ${await exited}`)
  const pid = child.pid
  if (!byKernel) dismissWith(exited, watchOver(pid, name))

  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    for (const { signal, waitMs } of [...stopWith, { signal: 'SIGKILL' as const, waitMs: 5_000 }]) {
      if (ended !== undefined) return
      child.kill(signal)
      await within(waitMs, exited)
    }
    if (ended === undefined) throw new Error(`Expected process ${pid} to end on SIGKILL but it is still there`)
  }
  return {
    pid,
    exited,
    exit: () => ended,
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}

export const works = (file: string, args: readonly string[]): Promise<boolean> =>
  run(file, [...args], { env: PLAIN_ENV }).then(
    () => true,
    () => false,
  )

const watchOver = (pid: number, signal: string): ChildProcess => {
  const script = 'cat >/dev/null; kill -s "$1" "$2"'
  const watchdog = spawn('/bin/sh', ['-c', script, 'watchdog', signal, String(pid)], {
    env: PLAIN_ENV,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // It must not keep this process from ending: ending is what it waits for.
  watchdog.unref()
  ;(watchdog.stdin as unknown as { unref(): void }).unref()
  return watchdog
}

/** The whole group, since the shell waits in `cat`; before the pid it would signal can be given to another process. */
const dismissWith = (exited: Promise<string>, watchdog: ChildProcess): void => {
  exited.then(() => {
    try {
      if (watchdog.pid !== undefined) process.kill(-watchdog.pid, 'SIGKILL')
    } catch {
      // It is gone already, which is what was wanted.
    }
  })
}

const within = async (ms: number, event: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([event, new Promise(resolve => (timer = setTimeout(resolve, ms)))])
  clearTimeout(timer)
}
