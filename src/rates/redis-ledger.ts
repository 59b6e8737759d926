/** The shared numbers in Redis, by rate-limiter-flexible: one script a window, atomic, and gone when the window is over. */
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { type Ledger, NotSent } from './settle.ts'

/** A Redis that hangs sends no error. Nobody waits for an answer, but what is asked has to come to an end. */
const DEADLINE_MS = 250

/** Connects in the background, and again whenever the server is back; until then additions reject at once. */
export const openRedisLedger = (url: string, { onError }: { onError: (error: unknown) => void }): Ledger => {
  let closed = false
  const client = new Redis(url, {
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    commandTimeout: DEADLINE_MS,
    disconnectTimeout: 200,
    socketTimeout: 10_000,
    retryStrategy: times => (closed ? null : Math.min(50 * 2 ** Math.min(times, 10), 2_000)),
  })
  client.on('error', onError)
  const limiter = new RateLimiterRedis({
    storeClient: client,
    keyPrefix: 'matrix:rate',
    // Nothing is refused here: the windows do that.
    points: Number.MAX_SAFE_INTEGER,
    duration: 1,
  })
  return {
    add: async ({ name, points, seconds }) => {
      if (client.status !== 'ready') throw new NotSent('Expected Redis to be connected')
      const { consumedPoints, msBeforeNext } = await limiter.penalty(name, points, { customDuration: seconds })
      return { used: consumedPoints, msLeft: Math.max(0, msBeforeNext) }
    },
    close: () => {
      closed = true
      client.disconnect()
    },
  }
}
