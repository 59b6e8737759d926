/** What caches in front have to forget, and why. */
export const PURGE_REASONS = ['publish', 'archive', 'delete', 'erase', 'grant'] as const
export type PurgeReason = (typeof PURGE_REASONS)[number]

export const PURGE_STATES = ['PENDING', 'DONE', 'DEAD'] as const
export type PurgeState = (typeof PURGE_STATES)[number]

export interface Purge {
  /** The same at each try, so that whoever hears it twice may know. */
  readonly id: string
  readonly tenant: string
  readonly reason: PurgeReason
  /** What has changed: `assets/<id>`, `collections/<c>/grants/<p>`. */
  readonly subject: string
  /** As answers carried them in `Cache-Tag` (deliver/headers.ts). */
  readonly tags: readonly string[]
  readonly createdAt: Date
}
