/** The end of the log, looked at while somebody waits for more: one small read of the process, however many wait. */

import type { Sql } from '../manifest/database.ts'
import { logHead } from '../manifest/event-log.ts'

/** The sequencer gives numbers ten times a second where little happens. Where more does, the next are there much sooner. */
const LOOK_MS = 100
const FIRST_MS = 10

export interface Head {
  /** Resolves when there is something after this number, when the time is over, or when the signal says that nobody waits. */
  beyond(seq: number, options: { readonly atMostMs: number; readonly signal: AbortSignal }): Promise<void>
}

export const openHead = (database: Sql): Head => {
  const waiting = new Map<() => void, number>()
  let looking = false
  let last = 0

  const look = async (nextMs: number): Promise<void> => {
    // While Postgres is away there is nothing new; whoever waits hears of it when he asks.
    const head = await logHead(database).catch(() => 0)
    for (const [wake, seq] of waiting) if (head > seq) wake()
    const againMs = head > last ? FIRST_MS : nextMs
    last = Math.max(last, head)
    looking = waiting.size > 0
    if (looking) setTimeout(look, againMs, Math.min(LOOK_MS, againMs * 2))
  }

  return {
    beyond: (seq, { atMostMs, signal }) =>
      new Promise(resolve => {
        const wake = (): void => {
          clearTimeout(timer)
          signal.removeEventListener('abort', wake)
          waiting.delete(wake)
          resolve()
        }
        const timer = setTimeout(wake, atMostMs)
        signal.addEventListener('abort', wake)
        if (signal.aborted) return wake()
        waiting.set(wake, seq)
        if (looking) return
        looking = true
        void look(FIRST_MS)
      }),
  }
}
