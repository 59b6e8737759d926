/** One call of the store as its callers see it: repeated where that helps, and failed in our own words. */
import type { Outcome } from '../lib/breaker.ts'
import type { Guard } from '../lib/guard.ts'
import { type ErrorCode, isMatrixError } from '../model/errors.ts'
import { RETRIES } from '../model/retries.ts'
import { storeSpan } from '../telemetry/span-names.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import { retryWithBudget } from './retry.ts'
import { isTransient, translate } from './s3-errors.ts'
import { BodyFailed } from './s3-upload.ts'

export type Call = <T>(what: string, attempt: () => Promise<T>, signal?: AbortSignal) => Promise<T>

/** What says that the store is away; whatever else it refuses, it is there. */
const AWAY: ReadonlySet<ErrorCode> = new Set(['storage-unavailable', 'dependency-timeout'])

interface CallerOptions {
  readonly attempts?: number
  readonly guard?: Guard
  readonly bucket: string
  readonly tracing?: Tracing | undefined
}

/** The budget of retries is that of whoever opens it. All tries of a call are one to the breaker. */
export const openCaller = ({
  attempts = RETRIES.store.tries,
  guard = unguarded,
  bucket,
  tracing,
}: CallerOptions): Call => {
  const retry = retryWithBudget({ attempts, isTransient })
  const traced = <T>(what: string, work: () => Promise<T>): Promise<T> =>
    tracing === undefined ? work() : tracing.within(storeSpan(bucket, what.slice(0, what.indexOf(' '))), work)
  return async (what, attempt, signal) => {
    signal?.throwIfAborted()
    const call = async () => {
      try {
        return await retry(attempt, signal)
      } catch (error) {
        signal?.throwIfAborted()
        throw error instanceof BodyFailed ? error : translate(error, what)
      }
    }
    const judge = (error: unknown): Outcome => {
      if (signal?.aborted || error instanceof BodyFailed) return 'left'
      return isMatrixError(error) && AWAY.has(error.code) ? 'failed' : 'succeeded'
    }
    try {
      return await traced(what, () => guard(call, judge))
    } catch (error) {
      throw error instanceof BodyFailed ? error.cause : error
    }
  }
}

const unguarded: Guard = work => work()
