/** Whether a process could do its work now: asked by load balancers and orchestrators, of gateways and of workers. */
import type { BreakerState } from '../lib/breaker.ts'
import type { Database } from '../manifest/database.ts'
import { serverClock } from '../manifest/invariants.ts'
import { DEPENDENCIES, type Dependency } from '../model/dependency.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { QueueBackend } from '../queue/backend.ts'
import { ping } from '../queue/bullmq.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface Readiness {
  readonly ready: boolean
  /** Those that this process asks: what stands before them, and what goes on where they are away. */
  readonly dependencies: Readonly<Partial<Record<Dependency, { breaker: BreakerState; degraded?: string }>>>
  readonly checks: Readonly<Record<'postgres' | 'storage' | 'queue', 'ok' | 'down'>>
}

export interface ReadinessDependencies {
  readonly database: Database
  readonly originals: ObjectStore
  readonly engines: { readonly queue: QueueBackend }
  readonly log: Log
  readonly metrics: Pick<Metrics, 'breakers'>
}

const standing = (breakers: Metrics['breakers']): Readiness['dependencies'] =>
  Object.fromEntries(
    Object.entries(DEPENDENCIES).flatMap(([name, goesOn]) => {
      const breaker = breakers.get(name as Dependency)?.()
      if (breaker === undefined) return []
      return [[name, breaker === 'closed' ? { breaker } : { breaker, degraded: goesOn }]]
    }),
  )

/** The queue may be away: then hints are lost and workers poll. Without the manifest or the store there is nothing to do. */
export const openReadiness =
  ({ database, originals, engines, log, metrics }: ReadinessDependencies) =>
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
    return {
      ready: postgres === 'ok' && storage === 'ok',
      checks: { postgres, storage, queue },
      dependencies: standing(metrics.breakers),
    }
  }
