/**
 * Full jitter: uniformly between 0 and the capped exponential, so that many who failed together do not return together
 * (M. Brooker, "Exponential Backoff And Jitter", 2015). Milliseconds. The rows of all work are in model/retries.ts.
 */
export const fullJitter = (attempt: number, { baseMs, capMs }: { baseMs: number; capMs: number }): number =>
  Math.random() * Math.min(capMs, baseMs * 2 ** attempt)
