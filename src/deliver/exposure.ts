/**
 * How long what was handed out before goes on working after a right is taken back. The next question is refused at once; a URL
 * that somebody has already lives on its own, and so does a copy in a cache. While Postgres is away a gateway goes on for a time
 * by what it last said (resolve/as-of.ts): never for longer than a URL lives, and what it hands out ends as if it had been then.
 */
import { YEAR_SECONDS } from './answer.ts'

export interface UrlLife {
  /** The least life of a URL, seconds. */
  readonly lifeSeconds: number
  readonly windowSeconds: number
}

/** Epoch milliseconds: when a URL of the window that `now` falls into ends. */
export const urlEnd = (now: number, { lifeSeconds, windowSeconds }: UrlLife): number => {
  const windowMs = windowSeconds * 1000
  return (Math.floor(now / windowMs) + 1) * windowMs + lifeSeconds * 1000
}

/** Longer than what was decided before a change takes to be sent, and than the change takes to be committed. */
const IN_FLIGHT_MS = 10_000

/** Epoch milliseconds: when the last URL has ended that was handed out under what is taken back now. */
export const exposedUntil = (now: number, life: UrlLife): number => urlEnd(now + IN_FLIGHT_MS, life)

/**
 * Epoch milliseconds: until when a cache may keep bytes that it does not purge. A redirect is kept no longer than its URL lives;
 * bytes of a pinned version that left through us may be kept for a year.
 */
export const cachedUntil = (now: number, life: UrlLife, { streams }: { streams: boolean }): number =>
  streams ? now + IN_FLIGHT_MS + YEAR_SECONDS * 1000 : exposedUntil(now, life)
