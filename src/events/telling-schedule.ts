/** When an event that was not taken is told again, and when it is given up. Pure. */
import type { FailureClass } from '../model/subscription.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Before each try, as Standard Webhooks suggests: ten in 75 hours at most, in half of it on average. */
export const SCHEDULE_MS: readonly number[] = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
]

/** Who asks for longer is asked again then. */
export const MAX_RETRY_AFTER_MS = HOUR
/** Who has too much to do, and does not say for how long. */
const THROTTLED_MS = 30 * SECOND
/** A receiver that fails is asked so often, with whichever of its events: what piled up does not fall upon it. */
const FAILING_MS = SECOND

/** Whoever took nothing for so long was away; whoever took something meanwhile may have failed of the events themselves. */
const AWAY_MS = MINUTE

/**
 * A receiver that failed twice in a row or more, and takes something, may have been away: what waits for its next try is told at once
 * where it has failed less often than this, and not when the schedule says. Unless it is known to have been away, an event comes early
 * in the first half of its tries alone, and keeps the hours of the other half: those that are at fault themselves are not given up in a
 * minute.
 */
export const hastenedBelow = ({ failures, failingMs }: { failures: number; failingMs: number }): number => {
  if (failures < 2) return 0
  return failingMs >= AWAY_MS ? SCHEDULE_MS.length : SCHEDULE_MS.length / 2
}

export interface Refusal {
  readonly class: FailureClass
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined
}

export interface Verdict {
  readonly state: 'PENDING' | 'DEAD'
  /** Those that count, this one included. */
  readonly failures: number
  /** Until this one is told again. */
  readonly afterMs: number
  /** Until the receiver is told anything. */
  readonly holdMs: number
  /** It wants nothing more: 410. */
  readonly disables: boolean
}

/**
 * Full jitter over the schedule, and never before the receiver has asked for. To be told that it is too much (429) is no failure of the
 * event: how long that goes on is up to the receiver, and nothing is given up for it.
 */
export const afterRefusal = (before: number, refusal: Refusal, random: () => number = Math.random): Verdict => {
  const failures = before + (refusal.status === 429 || refusal.class === 'gone' ? 0 : 1)
  const asked = Math.min(refusal.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)
  const throttledMs = refusal.class === 'throttled' ? (asked > 0 ? asked : random() * THROTTLED_MS) : asked
  const scheduled = SCHEDULE_MS[Math.max(failures, 1)]
  return {
    state: failures >= SCHEDULE_MS.length ? 'DEAD' : 'PENDING',
    failures,
    afterMs: Math.max(throttledMs, random() * (scheduled ?? 0)),
    holdMs: Math.max(throttledMs, FAILING_MS),
    disables: refusal.class === 'gone',
  }
}
