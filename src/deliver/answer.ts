/** How a resolved answer may be cached and named, whichever way it leaves. Pure. */
import type { Hex } from '../model/ids.ts'
import type { Format } from '../model/recipe.ts'

export interface Cacheable {
  readonly publication: number
  readonly revision: number
  readonly format: Format
  readonly sha256: Hex
  /** The caller named a version: its bytes will never be others, unless a better format is still to come. */
  readonly pinned: boolean
  readonly negotiated: boolean
  readonly complete: boolean
  readonly isPublic: boolean
}

const YEAR_SECONDS = 31_536_000
/** An answer that a publish or a finished AVIF may better soon. */
const SHORT_SECONDS = 5

export const resolutionTag = ({
  publication,
  revision,
  format,
}: Pick<Cacheable, 'publication' | 'revision' | 'format'>): string => `"${publication}.${revision}.${format}"`

export const contentTag = (sha256: Hex): string => `"${sha256}"`

/** For bytes that leave through us. */
export const streamCacheControl = ({ pinned, negotiated, complete, isPublic }: Cacheable): string => {
  const scope = isPublic ? 'public' : 'private'
  return pinned && (complete || !negotiated)
    ? `${scope}, max-age=${YEAR_SECONDS}, immutable`
    : `${scope}, max-age=${SHORT_SECONDS}`
}

/** For a redirect: never longer than the URL it points to lives, and never shared, for the URL is a credential. */
export const redirectCacheControl = (
  { pinned, negotiated, complete }: Pick<Cacheable, 'pinned' | 'negotiated' | 'complete'>,
  remainingMs: number,
): string => {
  const lasting = pinned && (complete || !negotiated)
  const seconds = Math.max(0, Math.floor(remainingMs / 1000) - 30)
  return `private, max-age=${lasting ? seconds : Math.min(seconds, SHORT_SECONDS)}`
}
