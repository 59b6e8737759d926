/** Work behind a circuit breaker. */
import type { Breaker, BreakerState, Outcome } from './breaker.ts'

export interface GuardOptions {
  readonly breaker: Breaker
  /** What whoever comes while it is open is told, at once; it can be asked again in so many ms. */
  readonly refusal: (waitMs: number) => Error
}

/** `judge`: whose failure it was. Default: that of what was asked. */
export type Guard = <T>(work: () => Promise<T>, judge?: (error: unknown) => Outcome) => Promise<T>

export const openGuard =
  ({ breaker, refusal }: GuardOptions): Guard =>
  async (work, judge = () => 'failed') => {
    const report = breaker.admit()
    if (report === undefined) throw refusal(breaker.waitMs())
    try {
      const result = await work()
      report('succeeded')
      return result
    } catch (error) {
      report(judge(error))
      throw error
    }
  }

/**
 * While the breaker is open asks by itself whether what it guards is back, and makes the probes that close it: an outage of seconds
 * does not become one of `openMs`, no request is the one that tries, and none that takes minutes is waited for as a probe.
 * `knock` rejects while it is not back. One that never answers does not keep it closed to all: `openMs` after it, requests try.
 */
export const openKnocking = (
  breaker: () => Breaker,
  { knock, everyMs }: { knock: () => Promise<unknown>; everyMs: number },
) => {
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  const probe = async (): Promise<void> => {
    await knock()
    breaker().rouse()
    while (breaker().state() === 'half-open') {
      const report = breaker().admit()
      if (report === undefined) return // calls are the probes
      await knock().then(
        () => report('succeeded'),
        error => {
          report('failed')
          throw error
        },
      )
    }
  }
  const again = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      probe()
        .catch(() => breaker().stay())
        .finally(() => {
          if (!isClosed && breaker().state() !== 'closed') again()
        })
    }, everyMs).unref()
  }
  return {
    /** Of the breaker, each time that its state changes. */
    heard(state: BreakerState): void {
      if (state === 'open' && timer === undefined && !isClosed) again()
      if (state === 'closed') {
        clearTimeout(timer)
        timer = undefined
      }
    },
    close(): void {
      isClosed = true
      clearTimeout(timer)
    },
  }
}
