/**
 * Whose turn it is. Lanes come first; inside one, the product that has had least of the workers in proportion to its share,
 * so that one product's flood leaves the others theirs. Start-time fair queueing (Goyal, Vin, Cheng 1996): each product has a
 * clock that advances by the time spent for it over its share, and one that comes back from idling starts at the present.
 *
 * What is begun is charged at once with the usual cost and put right when it ends, or all free hands would go to one product.
 */
export interface Candidate {
  /** Tenant and product. */
  readonly account: string
  readonly share: number
  /** Lower lanes go first. */
  readonly priority: number
  readonly queuedAt: number
}

export interface FairShare {
  /** The next of these, `undefined` of none. */
  next<C extends Candidate>(candidates: readonly C[]): C | undefined
  /** Charges a start; the result is called with what it cost when it ended, in milliseconds. */
  begin(candidate: Candidate): (ms: number) => void
}

/** What a claim costs until some have been seen. */
const FIRST_GUESS_MS = 200
const SMOOTHING = 0.1

export const openFairShare = (): FairShare => {
  const clocks = new Map<string, number>()
  let present = 0
  let usualMs = FIRST_GUESS_MS

  const clockOf = (account: string): number => Math.max(clocks.get(account) ?? 0, present)

  return {
    next: candidates =>
      candidates.reduce<(typeof candidates)[number] | undefined>((best, candidate) => {
        if (best === undefined) return candidate
        const difference =
          candidate.priority - best.priority ||
          clockOf(candidate.account) - clockOf(best.account) ||
          candidate.queuedAt - best.queuedAt
        return difference < 0 ? candidate : best
      }, undefined),

    begin({ account, share }) {
      const start = clockOf(account)
      const guess = usualMs
      present = Math.max(present, start)
      clocks.set(account, start + guess / share)
      return ms => {
        usualMs += SMOOTHING * (ms - usualMs)
        clocks.set(account, (clocks.get(account) ?? start) + (ms - guess) / share)
        for (const [name, clock] of clocks) if (clock <= present) clocks.delete(name)
      }
    },
  }
}
