/**
 * What should be true by itself, looked after: events get their numbers and rows of the audit their places in the chain, expired
 * reservations go, a version whose leaves are all done does not stay in PROCESSING because the process that should have moved it
 * died, what was set for a time is done at its time, uploads that nobody goes on with leave nothing, by whichever entrance, the
 * planner knows what it plans for, backfills and erasures go on and what is long over is forgotten, versions that are kept no longer go, and caches in front hear what they have to forget. Any number of
 * processes may sweep at once.
 */

import type { Config } from '../config.ts'
import { repeat } from '../lib/repeat.ts'
import { chainAudit } from '../manifest/audit-chain.ts'
import { expireKeys } from '../manifest/idempotency.ts'
import { measureNext } from '../manifest/measurements.ts'
import { healMismatches } from '../manifest/mismatches.ts'
import { advanceStuckVersions } from '../manifest/publish.ts'
import { refreshStatistics } from '../manifest/statistics.ts'
import { tidyOperations } from '../manifest/tidy-operations.ts'
import type { Nearby } from '../queue/nearby.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { advanceOperations } from './backfill.ts'
import { advanceErasures, type EraseDependencies, eraseOverdue } from './erase.ts'
import { openNumbering } from './numbering.ts'
import { openPruning } from './prune.ts'
import { deliverPurges, type PurgeDependencies, tidyPurges } from './purge.ts'
import { advanceRollouts } from './rollout.ts'
import { advanceScans, type ScanDependencies } from './scans.ts'
import { carryOutSchedules } from './schedule.ts'
import { type StagingDependencies, sweepStaging } from './staging.ts'
import { type TidyUploadsOptions, tidyTusUploads } from './tidy-uploads.ts'

export interface Sweep {
  /** One round now. */
  once(): Promise<void>
  stop(): Promise<void>
}

const SEQUENCE_MS = 100
/** Where something happens, more does: looked at again so soon after a round that found events, and no more often than that. */
const SEQUENCE_AGAIN_MS = 10
const CHAIN_MS = 500
const SCHEDULE_MS = 500
const OPERATIONS_MS = 1_000
const STATISTICS_MS = 5_000
const HOUSEKEEPING_MS = 30_000

export type SweepOptions = EraseDependencies &
  PurgeDependencies &
  ScanDependencies &
  StagingDependencies &
  TidyUploadsOptions & {
    readonly config: Config
    readonly nearby: Pick<Nearby, 'numbered'>
    readonly metrics?: Pick<Metrics, 'scheduleLag' | 'eventSeconds'>
    readonly tracing?: Tracing | undefined
  }

export const startSweep = (options: SweepOptions): Sweep => {
  const { database, log, config } = options
  const numbering = openNumbering(options)
  const advance = () => advanceOperations(database, undefined, config.maxTransformCpuMs)
  const prune = openPruning(options)
  const once = async (): Promise<void> => {
    await advanceStuckVersions(database, { actor: 'sweep', correlationId: 'sweep' })
    await carryOutSchedules(options)
    await expireKeys(database)
    await healMismatches(database)
    await numbering.all()
    await chainAudit(database)
    await refreshStatistics(database)
    await advance()
    await advanceRollouts(database)
    await eraseOverdue(options)
    await prune()
    await advanceErasures(options)
    await advanceScans(options)
    await deliverPurges(options)
    await tidyPurges(options)
    await tidyTusUploads(options)
    await tidyOperations(database, config.operationKeepDays)
    await sweepStaging(options)
  }
  const every = (everyMs: number, work: () => Promise<unknown>) =>
    repeat(work, { everyMs, onError: error => log.warn({ err: error }, 'sweep') })
  const sequencing = every(SEQUENCE_MS, numbering.next)
  let soon: NodeJS.Timeout | undefined
  const forget = options.nearby.numbered.subscribe(() => {
    clearTimeout(soon)
    soon = setTimeout(() => void sequencing.once().catch(() => undefined), SEQUENCE_AGAIN_MS) // the next round says why
  })
  const rounds = [
    sequencing,
    every(CHAIN_MS, () => chainAudit(database)),
    every(SCHEDULE_MS, () => carryOutSchedules(options)),
    every(STATISTICS_MS, () => refreshStatistics(database)),
    every(OPERATIONS_MS, advance),
    every(OPERATIONS_MS, () => advanceRollouts(database)),
    every(OPERATIONS_MS, () => advanceErasures(options)),
    every(OPERATIONS_MS, () => advanceScans(options)),
    every(OPERATIONS_MS, () => deliverPurges(options)),
    every(HOUSEKEEPING_MS, once),
    every(HOUSEKEEPING_MS, () => measureNext(database)),
  ]
  return {
    once,
    async stop() {
      forget()
      clearTimeout(soon)
      await Promise.all(rounds.map(round => round.stop()))
    },
  }
}
