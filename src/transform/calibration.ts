/** When costs are measured: once there has been nothing to do for a while and nothing is stored, or when somebody asks. */

import { ENGINE_LINE } from '../graph/key.ts'
import { machineClass } from '../lib/machine.ts'
import { repeat } from '../lib/repeat.ts'
import { beginFactors, type CostPlace, factorsDue, storeFactors } from '../manifest/costs.ts'
import type { Database } from '../manifest/database.ts'
import { countOpenNodes } from '../manifest/nodes.ts'
import type { Log } from '../telemetry/log.ts'
import { calibrate } from './calibrate.ts'
import type { DecodePool } from './decode-pool.ts'

export const HERE: CostPlace = { engine: ENGINE_LINE, machine: machineClass() }

const LOOK_MS = 5_000
/** Short-lived processes and those that start into a backlog have better things to do. */
const IDLE_MS = 60_000

export interface Calibration {
  /** One look now. True when it has measured. */
  once(): Promise<boolean>
  stop(): Promise<void>
}

export const startCalibration = ({
  database,
  pool,
  log,
  idleMs = IDLE_MS,
}: {
  database: Database
  /** The one of what nobody waits for. */
  pool: DecodePool
  log: Log
  idleMs?: number
}): Calibration => {
  let idleSince = performance.now()
  let stopping = false

  const measure = async (): Promise<boolean> => {
    if (!(await beginFactors(database, HERE))) return false
    const startedAt = performance.now()
    await storeFactors(database, HERE, await calibrate(pool))
    log.info({ ...HERE, ms: Math.round(performance.now() - startedAt) }, 'costs measured')
    return true
  }
  const look = async (): Promise<boolean> => {
    const due = await factorsDue(database, HERE)
    if (due === 'requested') return measure()
    if (due === 'no') return false
    const { QUEUED, RUNNING } = await countOpenNodes(database)
    if (QUEUED + RUNNING > 0) idleSince = performance.now()
    return performance.now() - idleSince >= idleMs ? measure() : false
  }
  // At the end the pool closes under a round that is measuring.
  const onError = (error: unknown): void => {
    if (!stopping) log.warn({ err: error }, 'costs not measured')
  }
  const rounds = repeat(look, { everyMs: LOOK_MS, onError })
  return {
    once: rounds.once,
    stop() {
      stopping = true
      return rounds.stop()
    },
  }
}
