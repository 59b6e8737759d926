/** One call of the store as its callers see it: repeated where that helps, and failed in our own words. */
import { retryWithBudget } from './retry.ts'
import { isTransient, translate } from './s3-errors.ts'
import { BodyFailed } from './s3-upload.ts'

export type Call = <T>(what: string, attempt: () => Promise<T>, signal?: AbortSignal) => Promise<T>

/** The budget of retries is that of whoever opens it. */
export const openCaller = ({ attempts = 3 }: { readonly attempts?: number }): Call => {
  const retry = retryWithBudget({ attempts, isTransient })
  return async (what, attempt, signal) => {
    signal?.throwIfAborted()
    try {
      return await retry(attempt, signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof BodyFailed) throw error.cause
      throw translate(error, what)
    }
  }
}
