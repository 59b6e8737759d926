/**
 * How sure it is that the bytes of an original are still what its digest says: 1 when they were hashed just now, half of that 30 days
 * later, half of it again after 30 more, and 0 where the last who read them found others. A number to sort by, not a verdict: bytes
 * that nobody has read for long are as good as the store is, and it says by how much that is taken on trust.
 */
export const VERIFIED_BY = ['ingest', 'worker'] as const

export interface Reads {
  /** Hashed on their way in. */
  readonly storedAt: Date
  /** Read whole and hashed by a worker, and found to be what they are; `undefined`: by none. */
  readonly readAt: Date | undefined
  /** Read whole, and found to be others. */
  readonly mismatchAt: Date | undefined
}

export interface Integrity {
  /** Of the last good read. */
  readonly verifiedAt: Date
  readonly method: (typeof VERIFIED_BY)[number]
  /** Three decimals. */
  readonly score: number
}

const HALF_LIFE_MS = 30 * 86_400_000

export const integrityOf = ({ storedAt, readAt, mismatchAt }: Reads, now: number): Integrity => {
  const isRead = readAt !== undefined && readAt > storedAt
  const verifiedAt = isRead ? readAt : storedAt
  const method = isRead ? 'worker' : 'ingest'
  if (mismatchAt !== undefined && mismatchAt >= verifiedAt) return { verifiedAt, method, score: 0 }
  const ageMs = Math.max(0, now - verifiedAt.getTime())
  return { verifiedAt, method, score: Math.round(1000 * 0.5 ** (ageMs / HALF_LIFE_MS)) / 1000 }
}
