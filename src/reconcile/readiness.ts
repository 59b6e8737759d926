/** Whether a process could do its work now: asked by load balancers and orchestrators, of gateways and of workers. */
import type { Database } from '../manifest/database.ts'
import { serverClock } from '../manifest/invariants.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { QueueBackend } from '../queue/backend.ts'
import { ping } from '../queue/bullmq.ts'
import type { Log } from '../telemetry/log.ts'

export interface Readiness {
  readonly ready: boolean
  readonly checks: Readonly<Record<'postgres' | 'storage' | 'queue', 'ok' | 'down'>>
}

export interface ReadinessDependencies {
  readonly database: Database
  readonly originals: ObjectStore
  readonly engines: { readonly queue: QueueBackend }
  readonly log: Log
}

/** The queue may be away: then hints are lost and workers poll. Without the manifest or the store there is nothing to do. */
export const openReadiness =
  ({ database, originals, engines, log }: ReadinessDependencies) =>
  async (): Promise<Readiness> => {
    const check = async (work: () => Promise<unknown>): Promise<'ok' | 'down'> => {
      try {
        await work()
        return 'ok'
      } catch (error) {
        log.warn({ err: error }, 'readiness')
        return 'down'
      }
    }
    const [postgres, storage, queue] = await Promise.all([
      check(() => serverClock(database)),
      check(() => originals.stat('readiness')),
      check(() => ping(engines.queue)),
    ])
    return { ready: postgres === 'ok' && storage === 'ok', checks: { postgres, storage, queue } }
  }
