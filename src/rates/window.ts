/**
 * Fixed windows that begin with their first request: never more than the quota between a begin and its end. Two windows that
 * meet may bring twice the quota in a shorter time, as with every limiter that keeps one number a caller.
 *
 * Counted in this process, so that a request costs a tenth of a microsecond and waits for nobody. Where gateways share a Redis,
 * `settle.ts` puts the numbers together afterwards.
 */
import type { Quota } from '../model/quota.ts'

export interface Window {
  /** The same on every gateway. */
  readonly name: string
  /** What headers and refusals call it. */
  readonly label: string
  readonly quota: Quota
  /** Counted and told, and not held. */
  readonly advisory: boolean
  /** As far as this process knows. */
  used: number
  /** Of these, what the others have not been told. */
  unsettled: number
  /** Milliseconds of the process's clock. */
  endsAt: number
  /** Moves on with each begin, so that what is heard about an old window is not taken for news of this one. */
  round: number
}

export const openWindow = ({
  name,
  label,
  quota,
  advisory,
}: Pick<Window, 'name' | 'label' | 'quota' | 'advisory'>): Window => ({
  name,
  label,
  quota,
  advisory,
  used: 0,
  unsettled: 0,
  endsAt: 0,
  round: 0,
})

const leftOf = ({ quota, used }: Window): number => Math.max(0, quota.requests - used)

/** The one that has no room, `undefined` where all have. Nothing is counted. */
export const fullOf = (windows: readonly Window[], now: number): Window | undefined => {
  for (const window of windows) if (now < window.endsAt && window.used >= window.quota.requests) return window
  return undefined
}

/** Counts one request in all of them. */
export const count = (windows: readonly Window[], now: number): void => {
  for (const window of windows) {
    if (now >= window.endsAt) begin(window, now)
    window.used++
    window.unsettled++
  }
}

/** What was not settled of a window that is over is nobody's concern any more. */
const begin = (window: Window, now: number): void => {
  window.used = 0
  window.unsettled = 0
  window.endsAt = now + window.quota.seconds * 1000
  window.round++
}

/** `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11: of several windows the one that is nearest to its end. */
export const rateLimitField = (windows: readonly Window[], now: number): string => {
  let least = windows[0] as Window
  for (const window of windows) if (leftOf(window) < leftOf(least)) least = window
  const isRunning = now < least.endsAt
  const left = isRunning ? leftOf(least) : least.quota.requests
  const seconds = isRunning ? Math.ceil((least.endsAt - now) / 1000) : least.quota.seconds
  return `"${least.label}";r=${left};t=${seconds}`
}

/** `RateLimit-Policy` of the same draft: all of them. */
export const policyField = (windows: readonly Window[]): string =>
  windows.map(({ label, quota }) => `"${label}";q=${quota.requests};w=${quota.seconds}`).join(', ')
