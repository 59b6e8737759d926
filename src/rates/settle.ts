/**
 * Gateways that share a Redis share their windows. Requests are counted where they arrive and the sums are put together every
 * `SETTLE_MS`, or as soon as a tenth of a quota has come together: the warm path makes no call, and no request ever waits.
 *
 * What it costs: a gateway does not see what the others have admitted since its last settlement. Beyond a quota each can admit
 * what reaches it between two settlements (that time or that tenth, and a round trip), and never more than the quota itself. One
 * gateway alone admits none.
 *
 * Redis away or hung: the windows here go on by themselves, each gateway holding the whole quota for its own callers. What was
 * sent and not answered counts as told, once: a server that wakes up counts it then, and is not told twice.
 */
import type { Window } from './window.ts'

export const SETTLE_MS = 100
const TENTH = 0.1

/** What a ledger rejects with where it has not sent anything. */
export class NotSent extends Error {}

/** Numbers that gateways share. */
export interface Ledger {
  /** Adds to a window, which begins with its first addition. Rejects in bounded time. */
  add(window: { name: string; points: number; seconds: number }): Promise<{ used: number; msLeft: number }>
  close(): void
}

export interface Settlement {
  /** After a request was counted in them. */
  changed(windows: readonly Window[]): void
  /** Puts together what there is, now. */
  settle(): Promise<void>
}

export const openSettlement = (
  ledger: Ledger,
  { now, onError }: { now: () => number; onError: (error: unknown) => void },
): Settlement => {
  const dirty = new Set<Window>()
  let timer: NodeJS.Timeout | undefined
  let underWay: Promise<void> | undefined

  const settleOne = async (window: Window): Promise<void> => {
    const { name, round, unsettled: points, quota } = window
    window.unsettled = 0
    if (points === 0) return
    const heard = await ledger.add({ name, points, seconds: quota.seconds }).catch((error: unknown) => {
      // To be told later, if its window lasts until then.
      if (error instanceof NotSent && window.round === round) window.unsettled += points
      throw error
    })
    if (window.round !== round) return
    const { used, msLeft } = heard
    window.used = used + window.unsettled
    window.endsAt = now() + msLeft
  }

  const settleAll = async (): Promise<void> => {
    const windows = [...dirty]
    dirty.clear()
    const outcomes = await Promise.allSettled(windows.map(settleOne))
    const failed = outcomes.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') onError(failed.reason)
  }

  const settle = async (): Promise<void> => {
    // What is under way may have begun before what is to be told now.
    await underWay
    clearTimeout(timer)
    timer = undefined
    underWay ??= settleAll().finally(() => {
      underWay = undefined
      if (dirty.size > 0) schedule(SETTLE_MS)
    })
    await underWay
  }

  const schedule = (ms: number): void => {
    timer ??= setTimeout(() => void settle(), ms).unref()
  }

  return {
    changed(windows) {
      for (const window of windows) {
        dirty.add(window)
        if (window.unsettled >= window.quota.requests * TENTH && underWay === undefined) void settle()
      }
      if (underWay === undefined) schedule(SETTLE_MS)
    },
    settle,
  }
}
