/** A process of its own that runs a server and is killed with it. Tells its parent the server's pid. */
import { startPostgres } from '../../src/embedded/postgres.ts'
import { supervise } from '../../src/embedded/supervise.ts'

export type ChildTask =
  | { readonly run: 'postgres'; readonly folder: string }
  | { readonly run: 'sleep'; readonly told: 'by-kernel' | 'by-watchdog' }

const task = JSON.parse(process.argv[2] ?? '') as ChildTask
const { pid } =
  task.run === 'postgres'
    ? await startPostgres({ folder: task.folder, durable: false })
    : await supervise({
        command: ['sleep', '600'],
        deathSignal: 'SIGINT',
        stopWith: [],
        log: () => undefined,
        told: task.told,
      })
process.send?.(pid)
