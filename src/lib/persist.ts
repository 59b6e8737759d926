import { setTimeout as pause } from 'node:timers/promises'

/** Tries until it is done, or `forMs` are over: then it has lost its sense. Never rejects, and keeps no process alive. */
export const persist = async (
  work: () => Promise<unknown>,
  { everyMs, forMs }: { everyMs: number; forMs: number },
): Promise<void> => {
  for (let waited = 0; waited < forMs; waited += everyMs) {
    await pause(everyMs, undefined, { ref: false })
    try {
      await work()
      return
    } catch {
      // Away as before.
    }
  }
}
