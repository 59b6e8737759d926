/**
 * What should be true by itself, looked after: events get their numbers, expired reservations go, and a version whose leaves
 * are all done does not stay in PROCESSING because the process that should have moved it died, and the planner knows what it
 * plans for. Any number of processes may sweep at once.
 */

import type { Database } from '../manifest/database.ts'
import { sequenceEvents } from '../manifest/events.ts'
import { expireKeys } from '../manifest/idempotency.ts'
import { advanceStuckVersions } from '../manifest/publish.ts'
import { refreshStatistics } from '../manifest/statistics.ts'
import type { Log } from '../telemetry/log.ts'

export interface Sweep {
  /** One round now. */
  once(): Promise<void>
  stop(): Promise<void>
}

const SEQUENCE_MS = 100
const STATISTICS_MS = 5_000
const HOUSEKEEPING_MS = 30_000

export const startSweep = ({ database, log }: { database: Database; log: Log }): Sweep => {
  const once = async (): Promise<void> => {
    await advanceStuckVersions(database, { actor: 'sweep', correlationId: 'sweep' })
    await expireKeys(database)
    await sequenceEvents(database)
    await refreshStatistics(database)
  }
  const repeat = (work: () => Promise<unknown>, everyMs: number) => {
    let running: Promise<unknown> | undefined
    const timer = setInterval(() => {
      running ??= work()
        .catch(error => log.warn({ err: error }, 'sweep'))
        .finally(() => {
          running = undefined
        })
    }, everyMs)
    return async () => {
      clearInterval(timer)
      await running
    }
  }
  const stops = [
    repeat(() => sequenceEvents(database), SEQUENCE_MS),
    repeat(() => refreshStatistics(database), STATISTICS_MS),
    repeat(once, HOUSEKEEPING_MS),
  ]
  return {
    once,
    async stop() {
      await Promise.all(stops.map(stop => stop()))
    },
  }
}
