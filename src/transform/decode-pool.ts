/**
 * A bounded pool of processes that decode, with a bounded queue before it. The death of a process is an answer: results that
 * came before are kept, the tasks whose step was running are blamed, the rest come back as they were, and a new process takes
 * the place. Processes start when first needed and stay warm.
 */
import { tmpdir } from 'node:os'
import { refuse } from '../model/errors.ts'
import type { ImageFacts } from '../model/original.ts'
import { type Death, type DecodeProcess, startDecodeProcess } from './decode-process.ts'
import {
  type DecodeTask,
  IS_RETRYABLE,
  type Order,
  type Rendered,
  type Report,
  type TaskFailure,
} from './decode-protocol.ts'
import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from './limits.ts'

export type { DecodeTask, TaskFailure } from './decode-protocol.ts'

export type TaskOutcome =
  | ({ readonly ok: true } & Rendered)
  | {
      readonly ok: false
      readonly id: string
      readonly code: TaskFailure
      readonly retryable: boolean
      /** False: the task was never begun or fell with a sibling; it costs no attempt. */
      readonly blamed: boolean
    }

export interface DecodeRequest {
  readonly original: Uint8Array
  /** Other files that chains lay on it or compare with it, by their SHA-256. */
  readonly seconds?: Order['seconds']
  readonly image: Pick<ImageFacts, 'width' | 'height'>
  readonly tasks: readonly DecodeTask[]
  readonly signal?: AbortSignal
  /** Once for each task, as soon as its end is known. Must not throw. */
  readonly onResult?: (outcome: TaskOutcome) => void
}

export interface DecodePool {
  /** One outcome for each task, in their order. Rejects only with `overloaded`, when the queue is full or the pool closed. */
  run(request: DecodeRequest): Promise<TaskOutcome[]>
  /** Kills what runs and cancels what waits. To drain, await the runs first. */
  close(): Promise<void>
  /** For metrics and tests. */
  stats(): { readonly busy: number; readonly waiting: number; readonly pids: readonly number[] }
}

export interface DecodePoolOptions extends Partial<DecodeLimits> {
  readonly size: number
  /** Where originals pass to the processes, as files without names. Default: the system's for temporary files. */
  readonly scratchFolder?: string
  /** Starts a process at once, and another when the last one ends: nobody waits for its start, 0.3 s on an idle machine. */
  readonly keepWarm?: boolean
  readonly queueLimit?: number
  /** 0 to 19: how far the processes step back for others (`nice`). Default 0. */
  readonly niceness?: number
}

/** Originals that may wait: several minutes of work for one process, beyond which the database is the better queue. */
const QUEUE_LIMIT = 64

interface Job {
  readonly request: DecodeRequest
  readonly outcomes: Map<string, TaskOutcome>
  readonly resolve: (outcomes: TaskOutcome[]) => void
  /** Listens to the caller's signal while the job waits and runs, no longer. */
  readonly cancel: () => void
}

const settle = ({ request, outcomes }: Job, outcome: TaskOutcome): void => {
  if (outcomes.has(outcome.id)) return
  outcomes.set(outcome.id, outcome)
  request.onResult?.(outcome)
}

const failure = (id: string, code: TaskFailure, blamed: boolean): TaskOutcome => ({
  ok: false,
  id,
  code,
  retryable: !blamed || IS_RETRYABLE[code],
  blamed,
})

const hear = (job: Job, report: Report): void => {
  if (report.kind === 'done') settle(job, { ok: true, ...report.result })
  if (report.kind === 'failed') for (const id of report.ids) settle(job, failure(id, report.code, true))
}

/** Whatever has no outcome yet gets one. */
const conclude = (job: Job, death: Death | undefined): void => {
  const { tasks, signal } = job.request
  signal?.removeEventListener('abort', job.cancel)
  const { code, blamed } = death ?? { code: 'decoder-crashed', blamed: [] }
  for (const { id } of tasks) settle(job, failure(id, code, blamed.includes(id)))
  job.resolve(tasks.map(({ id }) => job.outcomes.get(id) ?? failure(id, code, false)))
}

/** Lazily started unless kept warm: nothing is forked before the first `run`. */
export const openDecodePool = ({
  size,
  queueLimit = QUEUE_LIMIT,
  scratchFolder = tmpdir(),
  keepWarm = false,
  niceness = 0,
  ...given
}: DecodePoolOptions): DecodePool => {
  const { softMs, hardMs, memoryBytes, recycleAfter }: DecodeLimits = { ...DEFAULT_DECODE_LIMITS, ...given }
  // Limits of time are as long as what they get of a core may be short: a step of `nice` is 1.25. That of CPU stays.
  const patience = 1.25 ** niceness
  const waiting: Job[] = []
  const idle: DecodeProcess[] = []
  const busy = new Set<DecodeProcess>()
  let closed = false

  const start = (): DecodeProcess =>
    startDecodeProcess({ hardMs: hardMs * patience, memoryBytes, scratchFolder, niceness })

  const takeProcess = (): DecodeProcess | undefined => {
    const warm = idle.pop()
    if (warm?.alive()) return warm
    if (warm) return takeProcess()
    return busy.size < size ? start() : undefined
  }

  const keepOne = (): void => {
    if (keepWarm && !closed && idle.length + busy.size === 0) idle.push(start())
  }

  const orderOf = ({ original, seconds, image, tasks }: DecodeRequest): Order => ({
    original,
    ...(seconds && { seconds }),
    tasks,
    softMs: softMs * patience,
    // A step has the hard limit; of chains no more than a plan may ask for comes here, estimated to a factor of two.
    cpuMs: hardMs * (tasks.length + 1),
    maxPixels: image.width * image.height,
  })

  const serve = async (worker: DecodeProcess, job: Job): Promise<void> => {
    busy.add(worker)
    const death = await worker.execute(orderOf(job.request), report => hear(job, report), job.request.signal)
    conclude(job, death)
    // A process on its way out counts until it is gone: never more than `size` at a time.
    const spent = !worker.alive() || closed || worker.served() >= recycleAfter
    if (spent) await worker.kill()
    busy.delete(worker)
    if (!spent) idle.push(worker)
    next()
    keepOne()
  }

  const next = (): void => {
    while (waiting.length > 0) {
      const worker = takeProcess()
      const job = worker && waiting.shift()
      if (!worker || !job) return
      void serve(worker, job)
    }
  }

  const cancel = (job: Job): void => {
    const at = waiting.indexOf(job)
    if (at === -1) return
    waiting.splice(at, 1)
    conclude(job, { code: 'cancelled', blamed: [] })
  }

  const run: DecodePool['run'] = request => {
    if (closed || waiting.length >= queueLimit) {
      return Promise.reject(refuse('overloaded', 'Too many images wait to be decoded.', { retryAfterSeconds: 1 }))
    }
    return new Promise(resolve => {
      const job: Job = { request, outcomes: new Map(), resolve, cancel: () => cancel(job) }
      waiting.push(job)
      if (request.signal?.aborted) return job.cancel()
      request.signal?.addEventListener('abort', job.cancel)
      next()
    })
  }

  keepOne()
  return {
    run,
    close: async () => {
      closed = true
      for (const job of [...waiting]) job.cancel()
      await Promise.all([...idle.splice(0), ...busy].map(worker => worker.kill()))
    },
    stats: () => ({
      busy: busy.size,
      waiting: waiting.length,
      pids: [...idle, ...busy].filter(worker => worker.alive()).flatMap(({ pid }) => pid ?? []),
    }),
  }
}
