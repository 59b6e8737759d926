/** What caches in front have to forget, and why. */
export const PURGE_REASONS = [
  'publish',
  'archive',
  'delete',
  'erase',
  'grant',
  'rendition',
  'labels',
  'signing-key',
  'share',
  'product',
  'version',
] as const
export type PurgeReason = (typeof PURGE_REASONS)[number]

export const PURGE_STATES = ['PENDING', 'DONE', 'DEAD'] as const
export type PurgeState = (typeof PURGE_STATES)[number]

export interface Purge {
  /** The same at each try, so that whoever hears it twice may know. */
  readonly id: string
  readonly tenant: string
  /** `test`: nothing has changed, somebody wants to know who answers. */
  readonly reason: PurgeReason | 'test'
  /** What has changed: `assets/<id>`, `collections/<c>/grants/<p>`. */
  readonly subject: string
  /** As answers carried them in `Cache-Tag` (deliver/headers.ts). */
  readonly tags: readonly string[]
  readonly createdAt: Date
}

/** How far a purge is with one of those that have to hear it. */
export interface PurgeProgress {
  readonly state: PurgeState
  readonly tries: number
  /** Of the last try: the status, or a word where there was none. */
  readonly answer: string
  /** Epoch milliseconds: when the last try began. */
  readonly at: number
  /** Epoch milliseconds: not before this the next one. */
  readonly notBefore: number
}
