/**
 * A circuit breaker: who asks something that does not answer is told so at once, and it is left alone for a while.
 *
 *   closed --failures reach the threshold and half of the calls within the window--> open --openMs--> half-open
 *   half-open --every one of halfOpenMax probes succeeds--> closed
 *            \--one fails--> open
 *   open --somebody has heard of it (rouse)--> half-open, before its time
 *   open --somebody has asked, and it is still away (stay)--> open, its time from then on
 *
 * The window is counted in ten slots, so it costs the same at any traffic. Written by hand: the breakers that there are let one
 * probe through, or refuse all but one; a single success says little of something that answers every other time.
 */
export interface BreakerRow {
  /** Failures within the window that open it, where they are at least half of the calls. */
  readonly threshold: number
  readonly windowMs: number
  readonly openMs: number
  /** Probes that are admitted when it has been open, all of which have to succeed. */
  readonly halfOpenMax: number
}

export interface BreakerOptions extends BreakerRow {
  readonly now: () => number
  readonly onChange?: (state: BreakerState) => void
}

export type BreakerState = 'closed' | 'open' | 'half-open'
/** How a call ended; `left`: by whoever asked, which says nothing of what was asked. */
export type Outcome = 'succeeded' | 'failed' | 'left'
/** Says once how an admitted call ended. */
export type Report = (outcome: Outcome) => void

export interface Breaker {
  /** `undefined`: not now. Whoever is admitted reports, for a probe that is never heard of is waited for. */
  admit(): Report | undefined
  /** Who has been open long enough is half-open, whether or not somebody has asked since. */
  state(): BreakerState
  /** What it guards was heard of otherwise: calls are let through again, as probes. */
  rouse(): void
  /** What it guards was found to be away still: it stays open for as long as that goes on, and `openMs` longer. */
  stay(): void
  /** How long it stays open, 0 when it is not. */
  waitMs(): number
}

const SLOTS = 10

export const openBreaker = (options: BreakerOptions): Breaker => {
  const { threshold, windowMs, openMs, halfOpenMax, now, onChange } = options
  const slotMs = windowMs / SLOTS
  let state: BreakerState = 'closed'
  let openedAt = 0
  let admitted = 0
  let succeeded = 0
  /** Counts the changes of state: what was admitted before one says nothing about what came after. */
  let era = 0
  let slots: { readonly number: number; calls: number; failures: number }[] = []

  const become = (next: BreakerState): void => {
    state = next
    era++
    admitted = 0
    succeeded = 0
    slots = []
    if (next === 'open') openedAt = now()
    onChange?.(next)
  }

  const count = (failures: 0 | 1): void => {
    const number = Math.floor(now() / slotMs)
    slots = slots.filter(slot => slot.number > number - SLOTS)
    const last = slots.at(-1)
    const slot = last?.number === number ? last : { number, calls: 0, failures: 0 }
    if (slot !== last) slots.push(slot)
    slot.calls++
    slot.failures += failures
  }

  const isFailing = (): boolean => {
    const calls = slots.reduce((sum, slot) => sum + slot.calls, 0)
    const failures = slots.reduce((sum, slot) => sum + slot.failures, 0)
    return failures >= threshold && failures * 2 >= calls
  }

  const report = (outcome: Outcome): void => {
    if (outcome === 'left') {
      // A probe that says nothing gives its place back.
      admitted--
      return
    }
    if (state === 'half-open') {
      if (outcome === 'succeeded') succeeded++
      if (outcome === 'failed') become('open')
      else if (succeeded === halfOpenMax) become('closed')
      return
    }
    count(outcome === 'failed' ? 1 : 0)
    if (outcome === 'failed' && isFailing()) become('open')
  }

  const waitMs = (): number => (state === 'open' ? Math.max(0, openedAt + openMs - now()) : 0)

  return {
    admit() {
      if (state === 'open' && waitMs() === 0) become('half-open')
      if (state === 'open' || (state === 'half-open' && admitted === halfOpenMax)) return undefined
      admitted++
      const mine = era
      let isReported = false
      return outcome => {
        if (isReported || mine !== era) return
        isReported = true
        report(outcome)
      }
    },
    state: () => (state === 'open' && waitMs() === 0 ? 'half-open' : state),
    rouse() {
      if (state === 'open') become('half-open')
    },
    stay() {
      if (state === 'open') openedAt = now()
    },
    waitMs,
  }
}
