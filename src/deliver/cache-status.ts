/**
 * What this gateway's own memory did for an answer (RFC 9211): what was read before is a hit where Postgres said that it still
 * holds, which it is asked each time.
 */
export type Remembered = 'read' | 'held'

const CACHE_STATUS = {
  read: 'asset-matrix; fwd=miss',
  held: 'asset-matrix; hit',
} as const satisfies Record<Remembered, string>

export const cacheStatus = (remembered: Remembered): string => CACHE_STATUS[remembered]
