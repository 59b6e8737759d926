/** How a resolved answer may be cached and named, whichever way it leaves. Pure. */
import type { Hex } from '../model/ids.ts'

export interface Cacheable {
  /** The caller named a version: its bytes will never be others, unless a better format is still to come. */
  readonly pinned: boolean
  readonly negotiated: boolean
  readonly complete: boolean
  readonly isPublic: boolean
  /** Until what allows the answer ends, where it does. */
  readonly remainingMs?: number | undefined
}

export const YEAR_SECONDS = 31_536_000
/** An answer that a publish or a finished AVIF may better soon. */
const SHORT_SECONDS = 5
/** Beyond that a cache may send what it has while it asks again (RFC 5861): nobody waits, and nobody is half a minute behind. */
const REVALIDATE_SECONDS = 25
/**
 * So long a cache may go on with what it has while we answer 5xx or nothing. What is archived, erased or forbidden is answered 4xx,
 * which ends it at once.
 */
const ERROR_SECONDS = 86_400
/**
 * For a CDN that is told of each publish. Not longer, for a purge can overtake the answer that it is about, and nothing tells of
 * a rendition that was changed: what went wrong is right again after ten minutes.
 */
const PURGED_SECONDS = 600

/** A client stops using what it was given this long before the end, for its clock may be slow. */
const MARGIN_SECONDS = 30
const RESOLUTION_SECONDS = 60
/** A plain URL of a CDN has no end, but what it is may be configured otherwise. */
const REDIRECT_SECONDS = 3_600

/**
 * ETag of a resolution: which answer (`12.3.avif.1f0c9d2e`, `12.original`), and until when its URL lives. A copy whose URL is another
 * than the one that would be given now has another tag, so a 304 never sends a client back to a URL that is over.
 */
export const resolutionTag = (answer: string, urlExpiresAt: number): string =>
  `"${answer}.${(urlExpiresAt / 1000).toString(36)}"`

/** For a document that holds a presigned URL: a minute, and never longer than the URL lives. */
export const resolutionCacheControl = (remainingMs: number): string =>
  `private, max-age=${Math.min(RESOLUTION_SECONDS, usableSeconds(remainingMs))}`

const usableSeconds = (remainingMs: number): number => Math.max(0, Math.floor(remainingMs / 1000) - MARGIN_SECONDS)

export const contentTag = (sha256: Hex): string => `"${sha256}"`

const isSettled = ({ negotiated, complete }: Pick<Cacheable, 'negotiated' | 'complete'>): boolean =>
  complete || !negotiated

/** For bytes that leave through us. What depends on a credential is never shown past its time. */
export const streamCacheControl = (cacheable: Cacheable): string => {
  const { pinned, isPublic, remainingMs } = cacheable
  const scope = isPublic ? 'public' : 'private'
  if (pinned && isSettled(cacheable)) return `${scope}, max-age=${withinLife(YEAR_SECONDS, remainingMs)}, immutable`
  const fresh = `${scope}, max-age=${withinLife(SHORT_SECONDS, remainingMs)}`
  return isPublic ? fresh + staleness(SHORT_SECONDS, remainingMs) : fresh
}

/** Both windows begin where freshness ends, and end with what allowed the answer. */
const staleness = (freshSeconds: number, remainingMs: number | undefined): string => {
  const within = (seconds: number): number =>
    Math.max(0, withinLife(freshSeconds + seconds, remainingMs) - freshSeconds)
  return `, stale-while-revalidate=${within(REVALIDATE_SECONDS)}, stale-if-error=${within(ERROR_SECONDS)}`
}

/**
 * `CDN-Cache-Control` (RFC 9213) of what is short-lived for browsers, whose copies nobody can purge. Only for caches that are
 * purged; `undefined`: `Cache-Control` says it all, and a cache that does not know this field goes by that anyway.
 */
export const cdnCacheControl = (cacheable: Cacheable): string | undefined => {
  const { pinned, isPublic, remainingMs } = cacheable
  if (!isPublic || pinned || !isSettled(cacheable)) return undefined
  return `public, max-age=${withinLife(PURGED_SECONDS, remainingMs)}${staleness(PURGED_SECONDS, remainingMs)}`
}

/** For the bytes of an original, which are for whoever asked alone. */
export const originalCacheControl = (remainingMs: number | undefined): string =>
  `private, max-age=${withinLife(RESOLUTION_SECONDS, remainingMs)}`

/** No copy is fresh for longer than what allowed it lasts. */
const withinLife = (seconds: number, remainingMs = Number.POSITIVE_INFINITY): number =>
  Math.min(seconds, Math.max(0, Math.floor(remainingMs / 1000)))

/** For a redirect: never longer than the URL it points to lives, and never shared, for the URL is a credential. */
export const redirectCacheControl = (
  { pinned, negotiated, complete }: Pick<Cacheable, 'pinned' | 'negotiated' | 'complete'>,
  remainingMs: number,
): string => {
  const lasting = pinned && (complete || !negotiated)
  const seconds = Math.min(usableSeconds(remainingMs), REDIRECT_SECONDS)
  return `private, max-age=${lasting ? seconds : Math.min(seconds, SHORT_SECONDS)}`
}
