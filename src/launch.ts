/** How a process of ours begins, and what it says when it cannot: one line that a person can act on, and an exit code. */
import { availableParallelism } from 'node:os'
import { loadSettings } from './config/settings-file.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { isMatrixError } from './model/errors.ts'

/** Exits with 2 when the environment cannot be used, with 1 when `run` rejects for another reason. */
export const launch = async (environment: NodeJS.ProcessEnv, run: (config: Config) => Promise<void>): Promise<void> => {
  // The AWS SDK warns on Node 20 of what its releases of 2027 will need. The version here is pinned: nobody who reads it can act on it.
  environment.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  try {
    const machine = { cores: availableParallelism(), terminal: process.stdout.isTTY === true }
    await run(readConfig(environment, machine, await loadSettings(process.cwd(), environment)))
  } catch (error) {
    process.stderr.write(`${describeFailure(error)}\n`)
    process.exit(error instanceof ConfigError ? 2 : 1)
  }
}

/** What an operator can act on is said in one line with its causes; what nobody foresaw, with its stack. */
export const describeFailure = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string }
  if (code === 'EADDRINUSE')
    return `Port ${port} of ${address} is taken: set PORT to another one, or to 0 for any that is free.`
  if (code === 'EACCES' && port !== undefined)
    return `Port ${port} of ${address} needs more rights than this user has: set PORT to one above 1023.`
  if (code === 'EADDRNOTAVAIL') return `This machine has no address ${address}: set HOST to one of its own.`
  if (!isMatrixError(error) && code === undefined && !(error instanceof ConfigError))
    return error.stack ?? error.message
  const causes: string[] = []
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const said = cause.message || (cause as NodeJS.ErrnoException).code || cause.name
    // What others say below the first line of a cause is where, not what.
    const what = cause === error ? said : (said.split('\n')[0] ?? '')
    if (!causes.some(known => known.includes(what))) causes.push(what)
  }
  return causes.join(': ')
}
