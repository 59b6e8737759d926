/** The circuit breaker before an object store, which all of its buckets share, and what finds out that it is back. */
import { type Breaker, type BreakerRow, openBreaker } from '../lib/breaker.ts'
import { type Guard, openGuard, openKnocking } from '../lib/guard.ts'
import { MatrixError } from '../model/errors.ts'

const KNOCK_MS = 1_000

export interface StoreGuard {
  readonly guard: Guard
  readonly breaker: Breaker
  close(): void
}

export const openStoreGuard = (
  row: BreakerRow,
  { now, knock }: { now: () => number; knock: () => Promise<void> },
): StoreGuard => {
  const knocking = openKnocking(() => breaker, { knock, everyMs: KNOCK_MS })
  const breaker: Breaker = openBreaker({ ...row, now, onChange: knocking.heard })
  // It is asked every second: whoever comes back then may find it.
  const refusal = () =>
    new MatrixError('storage-unavailable', 'The store has failed too often and is left alone', { retryAfterSeconds: 2 })
  return { guard: openGuard({ breaker, refusal }), breaker, close: knocking.close }
}
