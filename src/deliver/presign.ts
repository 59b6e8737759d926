/**
 * Presigned URLs by window. The signing time is rounded down to the window, so every caller of a window receives the same URL
 * and browser and CDN caches can hit; and it is back-dated, so that a store whose clock is slow accepts it. Cost: a URL lives
 * up to one window longer than the shortest life that was asked for; `expiresAt` states the bound.
 *
 * No URL outlives what allowed it: where that ends before the window's URL would, the URL ends with it, to the second. Whoever
 * asks under the same grant shares that one too, for they share its end. A store keeps time by its own clock, so one whose
 * clock is slow honours a URL for that much longer.
 *
 * Measured: `getSignedUrl` 0.6-0.9 ms of CPU a call, the presigner class 0.22 ms, a cached URL 0.04 us.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../lib/clock.ts'
import { refuse } from '../model/errors.ts'
import type { ObjectStore } from '../objects/store.ts'
import { type UrlLife, urlEnd } from './exposure.ts'

export interface PresignedUrl {
  readonly url: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
  readonly via: 's3'
}

export interface PresignerOptions extends UrlLife {
  readonly clock: Clock
  readonly cacheEntries?: number
}

const BACKDATE_SECONDS = 30

export interface Presented {
  readonly key: string
  readonly mediaType?: string
  readonly disposition?: string
  /** Epoch milliseconds: when what allows the URL ends. */
  readonly notAfter?: number | undefined
}

/** Epoch milliseconds: when a URL that is handed out now ends. */
export const urlExpiry = (now: number, life: UrlLife, notAfter: number | undefined): number => {
  const usualEnd = urlEnd(now, life)
  return notAfter !== undefined && notAfter < usualEnd ? Math.floor(notAfter / 1000) * 1000 : usualEnd
}

/** Throws `not-found` when what allows the URL ends before there is a second left to sign for. */
export type Presign = (store: ObjectStore, object: Presented) => PresignedUrl | Promise<PresignedUrl>

export const openPresigner = ({
  clock,
  lifeSeconds,
  windowSeconds,
  cacheEntries = 50_000,
}: PresignerOptions): Presign => {
  const cache = new LRUCache<string, { window: number; presigned: PresignedUrl }>({ max: cacheEntries })
  const windowMs = windowSeconds * 1000

  return (store, { notAfter, ...object }) => {
    const now = clock.now()
    const window = Math.floor(now / windowMs)
    const usualEnd = urlEnd(now, { lifeSeconds, windowSeconds })
    const expiresAt = urlExpiry(now, { lifeSeconds, windowSeconds }, notAfter)
    if (expiresAt <= now) throw refuse('not-found', 'There is no such asset or rendition for this product.')
    const own = expiresAt === usualEnd ? '' : `${expiresAt}\n`
    const cacheKey = object.disposition ? `${own}${object.key}\n${object.disposition}` : own + object.key
    const hit = cache.get(cacheKey)
    if (hit?.window === window) return hit.presigned
    const signedAt = window * windowMs - BACKDATE_SECONDS * 1000
    const expiresInSeconds = (expiresAt - signedAt) / 1000
    return store.presign({ ...object, signedAt: new Date(signedAt), expiresInSeconds }).then(url => {
      const presigned = { url, expiresAt, via: 's3' as const }
      cache.set(cacheKey, { window, presigned })
      return presigned
    })
  }
}
