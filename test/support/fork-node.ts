/** TypeScript files of ours as processes of their own, which tests may kill. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { toConnectionString } from '../../src/embedded/postgres.ts'
import type { System } from './system.ts'

export interface Forked {
  readonly child: ChildProcess
  readonly pid: number
  /** What it and its own processes wrote to their standard error. */
  readonly complaints: () => string
  /** Resolves when the process is gone, with all that wrote to its outputs. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

export interface ForkOptions {
  /** From the root of the repository. */
  readonly file: string
  readonly env: Readonly<Record<string, string>>
  /** A command that runs what follows it in its own place, for a surrounding of its own. */
  readonly within?: readonly string[]
}

/** Resolves as soon as the process has said something: by a message where it has a channel to us, else on its standard output. */
export const forkNode = async ({
  file,
  env,
  within = [],
}: ForkOptions): Promise<Forked & { readonly said: unknown }> => {
  const [execPath = process.execPath, ...before] = [...within, process.execPath]
  const child = fork(resolve(import.meta.dirname, '../..', file), {
    execPath,
    execArgv: [...before, '--import', 'tsx'],
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const closed = once(child, 'close')
  let complaints = ''
  child.stderr?.on('data', chunk => {
    complaints += chunk
  })
  const said = await Promise.race([
    once(child, 'message').then(([message]) => message as unknown),
    once(child.stdout ?? child, 'data').then(([chunk]) => String(chunk)),
    closed.then(([code]) =>
      Promise.reject(new Error(`${file} ended with ${code} before it said anything: ${complaints}`)),
    ),
  ])
  child.stdout?.resume()
  return {
    child,
    pid: child.pid ?? 0,
    said,
    complaints: () => complaints,
    async kill(signal = 'SIGKILL') {
      child.kill(signal)
      await closed
    },
  }
}

/** The environment in which a process of ours finds the engines of a system. */
export const environmentOf = (
  { engines, config }: Pick<System, 'engines' | 'config'>,
  more: Readonly<Record<string, string>> = {},
) => {
  const { host = '', port = 0, user = '', database = '' } = engines.database
  const { endpoint = '', region, accessKeyId = '', secretAccessKey = '' } = engines.s3
  return {
    ASSET_MATRIX_DATA: config.dataFolder,
    DATABASE_URL: toConnectionString({ host, port, user, database }),
    S3_ENDPOINT: endpoint,
    S3_REGION: region,
    S3_ACCESS_KEY_ID: accessKeyId,
    S3_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    // Named engines mean enforced limits, and these suites are in a hurry.
    RATE_LIMITS: 'observe',
    ...more,
  }
}
