/** The other composition root: what a worker is made of, over the same core. */
import { hostname } from 'node:os'
import sharp from 'sharp'
import { BACKGROUND_NICENESS, type Core } from './gateway.ts'
import { assertEngine } from './graph/key.ts'
import { newId } from './model/ids.ts'
import { startHintConsumer } from './queue/bullmq.ts'
import { admitEngine, engineHere } from './transform/admission.ts'
import { startCalibration } from './transform/calibration.ts'
import { startComparisons } from './transform/comparisons.ts'
import { openDecodePool } from './transform/decode-pool.ts'
import { startLooks } from './transform/looks.ts'
import { openPixelBudget } from './transform/pixel-budget.ts'
import { startReadings } from './transform/readings.ts'
import { openTransform } from './transform/work.ts'
import { startWorker, type Worker } from './transform/worker.ts'

/** A worker over a core. `drain` ends it, decode processes included. */
export const openWorker = async (core: Core, engine = engineHere()): Promise<Worker> => {
  const { config, engines, database, originals, derivatives, log, metrics, nearby, spoolFolder, tracing } = core
  assertEngine(sharp.versions)
  await admitEngine(database, engine)
  const owner = `${hostname()}-${process.pid}-${newId().slice(-6)}`
  const poolOptions = {
    size: config.workers,
    scratchFolder: spoolFolder,
    softMs: config.decodeSoftMs,
    hardMs: config.decodeHardMs,
    memoryBytes: config.decodeMemoryBytes,
    recycleAfter: config.decodeRecycle,
  }
  const pools = {
    urgent: openDecodePool({ ...poolOptions, keepWarm: true }),
    background: openDecodePool({ ...poolOptions, niceness: BACKGROUND_NICENESS }),
  }
  const avif = openPixelBudget(config.avifPixels)
  const looks = startLooks({
    database,
    originals,
    pool: pools.background,
    concurrency: config.workers,
    everyMs: config.pollMs,
    log,
  })
  const comparisons = startComparisons({
    database,
    derivatives,
    pool: pools.background,
    concurrency: config.workers,
    everyMs: config.pollMs,
    log,
  })
  const readings = startReadings({ database, originals, everyMs: config.pollMs, log })
  const calibration = startCalibration({ database, pool: pools.background, log })
  const transform = openTransform({
    database,
    originals,
    derivatives,
    pools,
    avif,
    isStoreLeftAlone: core.isStoreLeftAlone,
    owner,
    leaseMs: config.leaseMs,
    log,
    metrics,
    tracing,
    nearby,
    look: looks.offer,
  })
  const worker = await startWorker({
    database,
    transform,
    avif,
    nearby,
    consume: options => startHintConsumer({ ...options, backend: engines.queue }),
    // One more than decodes at once, so that one original is fetched while others are decoded.
    concurrency: config.workers + 1,
    pollMs: config.pollMs,
    owner,
    log,
  })
  return {
    poll: worker.poll,
    async drain() {
      await worker.drain()
      await Promise.all([looks.stop(), comparisons.stop(), readings.stop()])
      await Promise.all([calibration.stop(), pools.urgent.close(), pools.background.close()])
    },
  }
}
