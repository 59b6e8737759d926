/**
 * One decode process from the outside. States: idle -> busy -> idle, or dead. It dies by itself (crash, memory), by the hard
 * limit, by the caller's signal, or by `kill`; whoever waits for an order always gets an answer.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { setPriority } from 'node:os'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Announcement, ChildSettings, Order, Report, TaskFailure } from './decode-protocol.ts'
import { openScratch } from './scratch.ts'

export interface DecodeProcess {
  readonly pid: number | undefined
  readonly alive: () => boolean
  /** Orders taken so far. */
  readonly served: () => number
  /** Resolves with how it ended; `undefined`: every task was reported. Never rejects. One at a time. */
  readonly execute: (order: Order, listen: (report: Report) => void, signal?: AbortSignal) => Promise<Death | undefined>
  /** Resolves when the process is gone. An order in hand ends as `cancelled`. Idempotent. */
  readonly kill: () => Promise<void>
}

/** `blamed`: tasks whose step was running. */
export interface Death {
  readonly code: TaskFailure
  readonly blamed: readonly string[]
}

const IS_SOURCE = import.meta.url.endsWith('.ts')
const ENTRY = fileURLToPath(new URL(IS_SOURCE ? './decode-child.ts' : './decode-child.js', import.meta.url))

/** From source, the loader that reads TypeScript comes along; compiled code needs none. */
const loaderArguments = (): string[] =>
  IS_SOURCE ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : []

/**
 * One heap that keeps what it had, in huge pages where the system has them: the pixels of one original after the other lie in
 * memory that is there. Measured, nine JPEGs of 16 and 22 MP: 2,000 page faults for 35,000, and 0.87 of the CPU. Of other
 * systems than glibc's it is not heard.
 */
const GLIBC_TUNABLES = [
  'glibc.malloc.arena_max=1',
  `glibc.malloc.mmap_threshold=${1024 ** 3}`,
  `glibc.malloc.trim_threshold=${256 * 1024 ** 2}`,
  'glibc.malloc.hugetlb=1',
].join(':')

const forkChild = (settings: ChildSettings, scratchFd: number | undefined): ChildProcess =>
  fork(ENTRY, [JSON.stringify(settings)], {
    execArgv: loaderArguments(),
    serialization: 'advanced',
    // What decodes strangers' bytes knows no credentials; and its library keeps its remarks to itself.
    env: { VIPS_WARNING: '0', GLIBC_TUNABLES },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc', scratchFd ?? 'ignore'],
  })

export interface DecodeProcessOptions extends ChildSettings {
  readonly hardMs: number
  /** For the file through which originals are handed over. */
  readonly scratchFolder: string
  readonly niceness: number
}

export const startDecodeProcess = ({
  hardMs,
  scratchFolder,
  niceness,
  ...settings
}: DecodeProcessOptions): DecodeProcess => {
  const scratch = openScratch(scratchFolder)
  const child = forkChild(settings, scratch?.fd)
  if (niceness > 0 && child.pid !== undefined) setPriority(child.pid, niceness)
  let served = 0
  let alive = true
  let cause: TaskFailure = 'decoder-crashed'
  const gone = new Promise<void>(resolve => {
    const end = (): void => {
      alive = false
      scratch?.close()
      resolve()
    }
    // `error`: the fork failed or the channel broke, and `exit` may never come.
    child.once('exit', end).once('error', end)
  })
  const killFor = (reason: TaskFailure): void => {
    if (alive) cause = reason
    alive = false
    child.kill('SIGKILL')
  }

  const announce = async ({ original, ...rest }: Order): Promise<Announcement> => {
    const handed = await scratch?.fill(original)
    return { ...rest, original: handed ? original.byteLength : original }
  }

  const execute: DecodeProcess['execute'] = async (order, listen, signal) => {
    served++
    let running: readonly string[] = []
    const timer = setTimeout(() => killFor('timed-out'), hardMs)
    const cancel = (): void => killFor('cancelled')
    signal?.addEventListener('abort', cancel)
    const finished = new Promise<void>(resolve => {
      child.on('message', (report: Report) => {
        timer.refresh()
        if (report.kind === 'finished') resolve()
        if (report.kind === 'exceeded') cause = report.code
        if (report.kind === 'started') running = report.ids
        listen(report)
      })
    })
    // A channel that closed meanwhile says so here and is dead.
    announce(order).then(announcement => child.send(announcement, error => error && killFor('decoder-crashed')))
    const died = await Promise.race([finished.then(() => false), gone.then(() => true)])
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
    child.removeAllListeners('message')
    await scratch?.empty()
    return died ? { code: cause, blamed: cause === 'cancelled' ? [] : running } : undefined
  }

  const kill = (): Promise<void> => {
    killFor('cancelled')
    return gone
  }
  return { pid: child.pid, alive: () => alive, served: () => served, execute, kill }
}
