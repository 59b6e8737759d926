/** The built program as a process of its own, as a user starts it: what it prints, where it listens, how it ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { until } from './until.ts'

export const DIST = resolve(import.meta.dirname, '../../dist')

export interface Started {
  readonly child: ChildProcess
  readonly pid: number
  /** Everything printed so far, both streams. */
  output(): string
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  end(signal?: NodeJS.Signals): Promise<number | string>
}

export interface StartedGateway extends Started {
  readonly address: string
  readonly seconds: number
}

/** Nothing of the caller's environment but what finds programs: the tests' own settings must not leak in. */
const plain = (): Record<string, string> => ({ PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/tmp' })

export const spawnProgram = (
  file: string,
  env: Readonly<Record<string, string>>,
  options: { cwd?: string; args?: readonly string[] } = {},
): Started => {
  const { cwd, args = [] } = options
  const child = spawn(process.execPath, [resolve(DIST, file), ...args], {
    cwd,
    env: { ...plain(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => (printed += text))
  const ended = new Promise<number | string>(done => child.once('close', (code, signal) => done(code ?? signal ?? -1)))
  return {
    child,
    pid: child.pid ?? 0,
    output: () => printed,
    ended,
    end(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

const READY = /Asset Matrix is ready on (\S+) {2}\(([\d.]+) s;/

/** `npm start` without npm; resolves with the address that the banner shows. */
export const startGateway = async (env: Readonly<Record<string, string>>, cwd?: string): Promise<StartedGateway> => {
  const started = spawnProgram('src/main.js', { PORT: '0', ...env }, cwd === undefined ? {} : { cwd })
  let over = false
  void started.ended.then(() => (over = true))
  const [, address = '', seconds = ''] = await until(
    'the banner',
    () => {
      if (over) throw new Error(`It ended before it was ready: ${started.output()}`)
      return READY.exec(started.output()) ?? undefined
    },
    { withinMs: 60_000 },
  )
  return { ...started, address, seconds: Number(seconds) }
}

export interface Ran {
  readonly code: number | string
  readonly out: string
  readonly err: string
}

/** `matrix` in the folder whose `.data` a gateway runs on: what a person types, without options. */
export const runMatrix = async (cwd: string, args: readonly string[]): Promise<Ran> => {
  const started = spawnProgram('src/cli/main.js', {}, { cwd, args })
  let out = ''
  let err = ''
  started.child.stdout?.on('data', text => (out += text))
  started.child.stderr?.on('data', text => (err += text))
  return { code: await started.ended, out: out.trim(), err: err.trim() }
}
