/**
 * Presigned URLs by window. The signing time is rounded down to the window, so every caller of a window receives the same URL
 * and browser and CDN caches can hit; and it is back-dated, so that a store whose clock is slow accepts it. Cost: a URL lives
 * up to one window longer than the shortest life that was asked for; `expiresAt` states the bound.
 *
 * Measured: `getSignedUrl` 0.6-0.9 ms of CPU a call, the presigner class 0.22 ms, a cached URL 0.04 us.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../lib/clock.ts'
import type { ObjectStore } from '../objects/store.ts'

export interface PresignedUrl {
  readonly url: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

export interface PresignerOptions {
  readonly clock: Clock
  /** The least life of a URL that is handed out, seconds. */
  readonly lifeSeconds: number
  readonly windowSeconds: number
  readonly cacheEntries?: number
}

const BACKDATE_SECONDS = 30

export interface Presented {
  readonly key: string
  readonly mediaType?: string
  readonly disposition?: string
}

export type Presign = (store: ObjectStore, object: Presented) => PresignedUrl | Promise<PresignedUrl>

export const openPresigner = ({
  clock,
  lifeSeconds,
  windowSeconds,
  cacheEntries = 50_000,
}: PresignerOptions): Presign => {
  const cache = new LRUCache<string, { window: number; presigned: PresignedUrl }>({ max: cacheEntries })
  const windowMs = windowSeconds * 1000

  return (store, object) => {
    const window = Math.floor(clock.now() / windowMs)
    const cacheKey = object.disposition ? `${object.key}\n${object.disposition}` : object.key
    const hit = cache.get(cacheKey)
    if (hit?.window === window) return hit.presigned
    const signedAt = window * windowMs - BACKDATE_SECONDS * 1000
    const expiresInSeconds = BACKDATE_SECONDS + windowSeconds + lifeSeconds
    return store.presign({ ...object, signedAt: new Date(signedAt), expiresInSeconds }).then(url => {
      const presigned = { url, expiresAt: signedAt + expiresInSeconds * 1000 }
      cache.set(cacheKey, { window, presigned })
      return presigned
    })
  }
}
