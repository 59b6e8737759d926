/**
 * How often and how soon each kind of work is tried again, always with full jitter (lib/backoff.ts). What becomes of a failure is
 * decided by its class, in this order:
 *
 *   not retryable   (model/errors.ts) never again: the same would be refused the same way
 *   asked to wait   (429, Retry-After) when it says, and no try is lost by it
 *   ours            a dependency is away: again for as long as it is, and no try is lost by it where its row says so
 *   else            again until the tries of the row are used up
 *
 * A layer that retries has none below it that does: the AWS SDK, ioredis and pg are told not to.
 */
import type { ErrorCode } from './errors.ts'

export interface RetryRow {
  /** The first one included. */
  readonly tries: number
  readonly baseMs: number
  readonly capMs: number
}

export const RETRIES = {
  /** A call of the store, within a request: 3 tries in 0.1 s on average, out of a budget (objects/retry.ts). A silent one is not asked again. */
  store: { tries: 3, baseMs: 50, capMs: 1_000 },
  /** A transaction that Postgres gave up for a deadlock or a serialisation failure. */
  transaction: { tries: 4, baseMs: 10, capMs: 200 },
  /** Engines that are not up yet when a process starts: 6 s on average. */
  start: { tries: 6, baseMs: 500, capMs: 4_000 },
  /** A derivative. Free where it is ours, up to twenty in a row; a crash of its decoder twice is the end. */
  node: { tries: 5, baseMs: 500, capMs: 30_000 },
  /** What a source has sent, about an hour on average. Free where it is ours. */
  item: { tries: 10, baseMs: 15_000, capMs: 3_600_000 },
  /** A line of an import, 2 minutes on average: it ends, and says what failed. */
  step: { tries: 10, baseMs: 1_000, capMs: 60_000 },
  /** A scan, until there is a verdict. */
  scan: { tries: Number.POSITIVE_INFINITY, baseMs: 2_000, capMs: 300_000 },
  /** A cache in front, told to forget, 16 minutes on average. Free where it says that it is too much. */
  purge: { tries: 10, baseMs: 2_000, capMs: 900_000 },
} as const satisfies Record<string, RetryRow>

/** For us to mend: whoever met it is not to blame. */
export const OURS: ReadonlySet<string> = new Set<ErrorCode>([
  'storage-unavailable',
  'storage-full',
  'overloaded',
  'dependency-unavailable',
  'dependency-timeout',
])
