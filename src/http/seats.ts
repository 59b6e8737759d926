/** How many streams of a kind one product may have open at a gateway. */
import { refuse } from '../model/errors.ts'
import type { Principal } from '../model/principal.ts'

const MOST_STREAMS = 20

/** Throws `rate-limited`; what it gives ends the stream, and is called once. */
export type TakeSeat = (principal: Principal) => () => void

export const openSeats = (taken: { inc(): void; dec(): void }): TakeSeat => {
  const open = new Map<string, number>()
  return ({ tenant, product, id }) => {
    const who = `${tenant}/${product ?? id}`
    const before = open.get(who) ?? 0
    if (before >= MOST_STREAMS)
      throw refuse('rate-limited', `At most ${MOST_STREAMS} streams at once.`, { retryAfterSeconds: 5 })
    open.set(who, before + 1)
    taken.inc()
    return () => {
      const left = (open.get(who) ?? 1) - 1
      if (left === 0) open.delete(who)
      else open.set(who, left)
      taken.dec()
    }
  }
}
