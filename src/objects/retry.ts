/**
 * A small retry with a budget. Each call earns a fifth of a retry and a retry costs one, so in a long outage the store
 * sees at most 1.2 requests for each of ours, while a short blip is bridged at once.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { fullJitter } from '../lib/backoff.ts'
import { RETRIES } from '../model/retries.ts'

const EARNED_PER_CALL = 0.2
/** How many retries may be saved up: enough for one blip under 20 parallel calls. */
const BUDGET_CAP = 20

export interface RetryOptions {
  readonly attempts: number
  readonly isTransient: (error: unknown) => boolean
}

export type Retry = <T>(attempt: () => Promise<T>, signal?: AbortSignal) => Promise<T>

export const retryWithBudget = ({ attempts, isTransient }: RetryOptions): Retry => {
  let budget = BUDGET_CAP
  return async (attempt, signal) => {
    budget = Math.min(BUDGET_CAP, budget + EARNED_PER_CALL)
    for (let tried = 0; ; tried++) {
      try {
        return await attempt()
      } catch (error) {
        if (tried + 1 >= attempts || budget < 1 || signal?.aborted || !isTransient(error)) throw error
        budget -= 1
        await delay(fullJitter(tried, RETRIES.store), undefined, { signal })
      }
    }
  }
}
