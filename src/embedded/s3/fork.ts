/** Starts `process.ts` beside this process. Works compiled, and from source under tsx or vitest. */
import { type ChildProcess, fork } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { MatrixError } from '../../model/errors.ts'
import type { FromS3Process, ToS3Process } from './process.ts'
import type { S3Server, S3ServerOptions } from './server.ts'

export interface ForkedS3Server extends S3Server {
  readonly pid: number
  /** Resolves when the process has ended, asked to or not. */
  readonly exited: Promise<void>
}

/** The child ends with this process, also when this one is killed. Rejects when it cannot start. */
export const forkS3Server = async (options: Omit<S3ServerOptions, 'onError'>): Promise<ForkedS3Server> => {
  const child = fork(...entry())
  const exited = new Promise<void>(done => {
    child.once('exit', () => done())
    child.once('error', () => done())
  })
  const { endpoint, port } = await started(child, options)
  return {
    endpoint,
    port,
    pid: child.pid ?? 0,
    exited,
    async close() {
      // The channel closes first when the child is gone already, and then there is nothing to ask.
      if (child.connected) child.send({ close: true } satisfies ToS3Process, () => undefined)
      await exited
    },
  }
}

const started = async (child: ChildProcess, options: S3ServerOptions) => {
  const reply = await new Promise<FromS3Process>(done => {
    child.once('message', message => done(message as FromS3Process))
    child.once('exit', (code, signal) => done({ failed: `it ended with ${signal ?? code}` }))
    child.once('error', error => done({ failed: error.message }))
    // The options carry the secret: by message, never in arguments or environment, which others can read.
    child.send({ start: options } satisfies ToS3Process, () => undefined)
  })
  if ('endpoint' in reply) return reply
  throw new MatrixError('storage-unavailable', `The embedded S3 server did not start: ${reply.failed}`)
}

const entry = (): Parameters<typeof fork> => {
  const source = import.meta.url.endsWith('.ts')
  const module = fileURLToPath(new URL(source ? './process.ts' : './process.js', import.meta.url))
  // Explicit, or the child would inherit the flags of a test runner or a debugger's port.
  return [module, [], { execArgv: source ? ['--import', loader()] : [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }]
}

const loader = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
