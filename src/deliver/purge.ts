/**
 * Telling the caches in front what to forget: the port. A generic webhook is one driver (purge-webhook.ts), the interfaces of
 * CDNs are others; several may have to hear the same, each in calls of its own.
 */
import type { Purge } from '../model/purge.ts'

/** Anything but a clear yes is a no: a purge that may have been lost is asked for again. `answer`: a status, or a word. */
export type PurgeAnswer =
  | { readonly ok: true; readonly answer: string }
  | {
      readonly ok: false
      readonly answer: string
      readonly retryAfterMs: number | undefined
      /** Too many calls: those behind it have to wait as well. */
      readonly limited?: boolean
    }

export interface PurgeCall {
  /** Whose tags these are; one for those who are told of each by itself. */
  readonly purges: readonly Purge[]
  /** Each once, and no more of them than the target takes. */
  readonly tags: readonly string[]
}

export interface PurgeTarget {
  /** As metrics and rows know it; never a secret. */
  readonly name: string
  /** The most that one call takes; `undefined`: a call for each purge. */
  readonly tagsPerCall: number | undefined
  readonly callsAtOnce: number
  /** Resolves, whatever happens; answers within a bounded time. */
  readonly send: (call: PurgeCall) => Promise<PurgeAnswer>
}
