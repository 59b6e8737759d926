/**
 * The embedded S3 server as a process of its own, forked by `fork.ts`: options come as the first message, the endpoint
 * goes back, `close` drains. It lives exactly as long as its parent: when the channel closes it ends at once, whatever
 * became of the parent, and a crash is what its files are made for.
 */
import { type S3Server, type S3ServerOptions, startS3Server } from './server.ts'

export type ToS3Process = { readonly start: S3ServerOptions } | { readonly close: true }
export type FromS3Process = { readonly endpoint: string; readonly port: number } | { readonly failed: string }

let server: S3Server | undefined

const tell = (message: FromS3Process): Promise<void> => new Promise(done => process.send?.(message, () => done()))

const start = async (options: S3ServerOptions): Promise<void> => {
  try {
    server = await startS3Server({
      ...options,
      onError: error => process.stderr.write(`embedded s3: ${String(error)}\n`),
    })
    await tell({ endpoint: server.endpoint, port: server.port })
  } catch (error) {
    await tell({ failed: String(error) })
    process.exit(1)
  }
}

process.on('disconnect', () => process.exit(0))
process.on('message', async (message: ToS3Process) => {
  if ('start' in message) return start(message.start)
  await server?.close()
  process.exit(0)
})
// Ctrl-C and service managers signal the whole group; the parent still needs its store while it drains, and then says so.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
