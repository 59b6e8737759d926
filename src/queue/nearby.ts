/**
 * What gateway and worker tell each other sooner when they are one process. Short cuts only: whatever is not taken up here is
 * hinted at, what a worker claimed and lost is taken back by its lease, and the manifest is asked for what is not heard of.
 */
import { openTopic, type Topic } from '../lib/topic.ts'
import type { Hex } from '../model/ids.ts'
import type { Original } from '../model/original.ts'

/** Nodes about to be planned for a caller who waits: the original can be fetched while they are written and claimed. */
export interface Upcoming {
  readonly tenant: string
  readonly original: Original
  /** Whether there is anything to claim; never rejects. */
  readonly planned: Promise<boolean>
}

/** `undefined`: no room. Otherwise whether it claimed anything, as soon as that is known; never rejects. */
export type Taker = (upcoming: Upcoming) => Promise<boolean> | undefined

export interface Settled {
  readonly tenant: string
  readonly key: Hex
}

export interface Nearby {
  /** False: no worker here has claimed it, and a hint is needed. Never rejects. */
  offer(upcoming: Upcoming): Promise<boolean>
  /** Returns how to take no more. */
  serve(taker: Taker): () => void
  /** After the commit that made a derivative visible. */
  readonly settled: Topic<Settled>
  /** After events have got their numbers: how many. */
  readonly numbered: Topic<number>
}

export const openNearby = (): Nearby => {
  const takers = new Set<Taker>()
  return {
    offer: async upcoming => {
      for (const take of takers) {
        const claimed = take(upcoming)
        if (claimed) return claimed
      }
      return false
    },
    serve: taker => {
      takers.add(taker)
      return () => void takers.delete(taker)
    },
    settled: openTopic(),
    numbered: openTopic(),
  }
}
