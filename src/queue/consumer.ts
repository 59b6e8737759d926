/**
 * The consumer's side of the hint queue: a BullMQ worker that is opened again until it runs.
 *
 * A hint is in one of four places: waiting; in hand, under a lock that is renewed while its process lives; delayed, after a
 * failure; given up. Process killed with hints in hand: the lock runs out, the next two stall checks find it, and another
 * process handles it again: with the defaults 30 to 50 s later. Server killed: what it kept is handed out again, what it lost
 * the sweep finds. Process stopped beyond its lock and resumed: the hint is handled twice. All effects are fenced in Postgres.
 */
import { type IQueueBackend, type Job, type JobProgress, Worker } from 'bullmq'
import { fullJitter } from '../lib/backoff.ts'
import { pauseUntil } from '../lib/pause.ts'
import { type Engine, FAREWELL_MS, openEngine, QUEUE_NAME, type QueueBackend } from './backend.ts'
import { within } from './deadline.ts'
import type { Hint, HintConsumer, HintConsumerOptions } from './queue.ts'

export interface BullConsumerOptions extends HintConsumerOptions {
  readonly backend: QueueBackend
  /** Default `transform`. */
  readonly name?: string
  /** How long a hint stays with a process that died. Default 30,000. */
  readonly lockMs?: number
  /** Default 10,000. */
  readonly stalledCheckMs?: number
}

/** Between attempts to reach a server that is away: BullMQ's own pauses are none at all or 15 s. */
const RETRY_MS = 500

/** An idle worker looks for itself this often, in case a wake-up was lost. BullMQ on Postgres would wait for up to an hour. */
const LONGEST_WAIT_S = 5

/** A hint whose process dies this often is given up here; the crash counter of the manifest has stopped it before. */
const MOST_STALLS = 5

/**
 * Starts at once or as soon as the server is there, and survives its going and returning. Failures of handlers and of
 * connections go to `onError`; nothing is thrown.
 */
export const startHintConsumer = (options: BullConsumerOptions): HintConsumer => {
  const { onError } = options
  const inHand = new Set<Promise<void>>()
  const stop = new AbortController()
  let current: Engaged | undefined

  const process = (job: Job<Hint>): Promise<void> => {
    const handling = options.handle(job.data)
    const settled: Promise<void> = handling.then(
      () => void inHand.delete(settled),
      () => void inHand.delete(settled),
    )
    inHand.add(settled)
    return handling
  }

  const runForGood = async (): Promise<void> => {
    for (let attempt = 0; !stop.signal.aborted; attempt++) {
      const engaged = engage(options, stop.signal, process)
      current = engaged
      try {
        await engaged.worker.waitUntilReady()
        attempt = 0
        if (!stop.signal.aborted) await engaged.worker.run()
      } catch (error) {
        onError(error)
      }
      if (stop.signal.aborted) return
      await engaged.dismiss()
      await pauseUntil(fullJitter(attempt, { baseMs: RETRY_MS, capMs: 5_000 }), stop.signal)
    }
  }
  runForGood()

  const drain = async (): Promise<void> => {
    stop.abort()
    if (current === undefined) return
    const paused = current.worker.pause().catch(onError)
    while (inHand.size > 0) await Promise.all(inHand)
    // Given up when the server is away: unrecorded, the hints of the last handlers are handed out once more.
    await within(FAREWELL_MS, paused).catch(onError)
    await current.dismiss()
  }
  let draining: Promise<void> | undefined
  return {
    drain: () => {
      draining ??= drain()
      return draining
    },
  }
}

type BullWorker = Worker<Hint, void, string, IQueueBackend, JobProgress, unknown>

interface Engaged {
  readonly worker: BullWorker
  /** Without waiting for jobs. */
  dismiss(): Promise<void>
}

const engage = (
  options: BullConsumerOptions,
  stop: AbortSignal,
  process: (job: Job<Hint>) => Promise<void>,
): Engaged => {
  const { backend, concurrency, name = QUEUE_NAME, lockMs = 30_000, stalledCheckMs = 10_000, onError } = options
  const engine = openEngine(backend, { role: 'worker', onError })
  const settings = {
    connection: engine.connection,
    skipVersionCheck: true,
    autorun: false,
    concurrency,
    lockDuration: lockMs,
    stalledInterval: stalledCheckMs,
    maxStalledCount: MOST_STALLS,
    runRetryDelay: RETRY_MS,
  }
  const worker: BullWorker = new Worker(name, process, settings, tempered(engine.factory, stop))
  worker.on('error', onError)
  worker.on('failed', (_job, error) => onError(error))
  return {
    worker,
    dismiss: async () => {
      await within(FAREWELL_MS, worker.close(true)).catch(onError)
      engine.release()
    },
  }
}

/**
 * After a failed fetch BullMQ fetches again at once, unless it was refused a connection: a server that is starting up, or whose
 * socket is gone, would be asked thousands of times a second. And a worker that pauses opens its connection for the time after,
 * which for us never comes.
 */
const tempered =
  (factory: Engine['factory'], stop: AbortSignal): Engine['factory'] =>
  (...args) => {
    const backend = factory(...args)
    const { moveToActive, waitForJob, reconnectBlocking } = backend
    const slowly = async (error: unknown): Promise<never> => {
      await pauseUntil(RETRY_MS, stop)
      throw error
    }
    backend.moveToActive = (...given) => moveToActive.apply(backend, given).catch(slowly)
    backend.waitForJob = timeout => waitForJob.call(backend, timeout).catch(slowly)
    backend.reconnectBlocking = async () => (stop.aborted ? undefined : reconnectBlocking.call(backend))
    Object.defineProperty(backend, 'maximumBlockTimeout' satisfies keyof IQueueBackend, { value: LONGEST_WAIT_S })
    return backend
  }
