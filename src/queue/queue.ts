/**
 * How a worker learns that there may be work: the port. A hint says "look at this original"; it may be lost, repeated,
 * reordered or late, and nothing but time is lost with it (Postgres decides what there is to do).
 */
import type { Hex } from '../model/ids.ts'

/** Lower runs first. */
export const LANES = { interactive: 1, publish: 20, eager: 50, backfill: 90 } as const
export type Lane = keyof typeof LANES

export interface Hint {
  readonly tenant: string
  readonly original: Hex
  readonly lane: Lane
}

export interface HintQueue {
  /** Resolves when accepted, rejects with `dependency-unavailable` after a short deadline of its own; never hangs. */
  offer(hint: Hint): Promise<void>
  /** Depth by BullMQ state, for metrics and `doctor`. */
  depth(): Promise<{ waiting: number; active: number; delayed: number; failed: number }>
  close(): Promise<void>
}

export interface HintConsumer {
  /** Stops taking hints and waits for those in hand. */
  drain(): Promise<void>
}

export interface HintConsumerOptions {
  readonly concurrency: number
  /** A rejection is retried by the queue a bounded number of times; the sweep finds what was given up. */
  readonly handle: (hint: Hint) => Promise<void>
  readonly onError: (error: unknown) => void
}
