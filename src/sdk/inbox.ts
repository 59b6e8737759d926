/**
 * What a consumer remembers: which events it has taken, how far each asset is, and what it could not take. A mark is made in the
 * transaction of the effect, so that there is either both or neither: an event that comes again after a crash finds its mark exactly
 * where its effect is. That is as near to exactly once as there is.
 */
import type { AnyEvent } from './events.ts'

export interface Mark {
  readonly group: string
  readonly id: string
  /** Whose order it belongs to, and its place there; of an event without a place it is only known whether it was taken. */
  readonly place?: { readonly partition: string; readonly no: number }
}

export interface Marked {
  readonly isNew: boolean
  /** The highest place that was taken before: 0 where there was none. */
  readonly last: number
}

/** An event that was laid aside, so that those behind it can go on. */
export interface Letter {
  readonly event: AnyEvent
  readonly reason: 'failed' | 'unknown-major'
  readonly tries: number
  readonly error?: string
}

/** `Tx` is what effects are made with: a client of the database that has the marks. */
export interface Inbox<Tx> {
  /** Commits what `work` did, or nothing of it when it throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Until the end of the transaction nobody else marks what is in the same partition. */
  mark(tx: Tx, mark: Mark): Promise<Marked>
  /** In a transaction of its own: the one of the effect is undone. Gives the tries so far. */
  countFailure(group: string, id: string): Promise<number>
  bury(tx: Tx, group: string, letter: Letter): Promise<void>
  /** Oldest first. */
  letters(group: string): Promise<readonly Letter[]>
  /** False where it is gone already. */
  unbury(tx: Tx, group: string, id: string): Promise<boolean>
  /** The number of the log up to which everything is taken; 0 at the beginning. Never goes back. */
  cursor(group: string): Promise<number>
  keepCursor(group: string, seq: number): Promise<void>
}

const keyOf = (...parts: readonly string[]): string => parts.join('\n')

/** For tests and for effects that may begin anew with each start: it forgets with its process, and undoes its own marks alone. */
export const memoryInbox = (): Inbox<undefined> => {
  let state = {
    seen: new Set<string>(),
    last: new Map<string, number>(),
    letters: new Map<string, { readonly group: string; readonly letter: Letter }>(),
  }
  const failures = new Map<string, number>()
  const cursors = new Map<string, number>()
  let before: Promise<unknown> = Promise.resolve()
  const copy = () => ({ seen: new Set(state.seen), last: new Map(state.last), letters: new Map(state.letters) })

  return {
    transaction(work) {
      const run = async () => {
        const kept = copy()
        try {
          return await work(undefined)
        } catch (error) {
          state = kept
          throw error
        }
      }
      const result = before.then(run, run)
      before = result.catch(() => undefined)
      return result
    },
    async mark(_, { group, id, place }) {
      const isNew = !state.seen.has(keyOf(group, id))
      state.seen.add(keyOf(group, id))
      if (!place) return { isNew, last: 0 }
      const key = keyOf(group, place.partition)
      const last = state.last.get(key) ?? 0
      if (isNew) state.last.set(key, Math.max(last, place.no))
      return { isNew, last }
    },
    async countFailure(group, id) {
      const tries = (failures.get(keyOf(group, id)) ?? 0) + 1
      failures.set(keyOf(group, id), tries)
      return tries
    },
    async bury(_, group, letter) {
      state.letters.set(keyOf(group, letter.event.id), { group, letter })
    },
    letters: async group => [...state.letters.values()].filter(one => one.group === group).map(({ letter }) => letter),
    unbury: async (_, group, id) => state.letters.delete(keyOf(group, id)),
    cursor: async group => cursors.get(group) ?? 0,
    async keepCursor(group, seq) {
      cursors.set(group, Math.max(seq, cursors.get(group) ?? 0))
    },
  }
}
