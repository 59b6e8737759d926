/** The score, from when bytes were read last and by whom. */
import { expect, test } from 'vitest'
import { integrityOf } from '../../src/model/integrity.ts'

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 10, 1)
const ago = (days: number | undefined) => (days === undefined ? undefined : new Date(NOW - days * DAY_MS))

test.each<[string, { stored: number; read?: number; mismatch?: number }, number, string, number]>([
  ['just stored', { stored: 0 }, 1, 'ingest', 0],
  ['a day ago', { stored: 1 }, 0.977, 'ingest', 1],
  ['thirty days ago', { stored: 30 }, 0.5, 'ingest', 30],
  ['sixty days ago', { stored: 60 }, 0.25, 'ingest', 60],
  ['years ago', { stored: 3_000 }, 0, 'ingest', 3_000],
  ['read by a worker since', { stored: 60, read: 30 }, 0.5, 'worker', 30],
  ['read just now', { stored: 3_000, read: 0 }, 1, 'worker', 0],
  ['erased and stored again, after the last read', { stored: 5, read: 60 }, 0.891, 'ingest', 5],
  ['found to be others', { stored: 10, mismatch: 1 }, 0, 'ingest', 10],
  ['found to be others after a good read', { stored: 10, read: 5, mismatch: 1 }, 0, 'worker', 5],
  ['found to be others in the same moment', { stored: 10, read: 5, mismatch: 5 }, 0, 'worker', 5],
  ['good again since', { stored: 10, read: 0, mismatch: 1 }, 1, 'worker', 0],
  ['by a clock that is ahead', { stored: -1 }, 1, 'ingest', -1],
])('%s', (_, { stored, read, mismatch }, score, method, verified) => {
  const reads = { storedAt: ago(stored) as Date, readAt: ago(read), mismatchAt: ago(mismatch) }
  expect(integrityOf(reads, NOW)).toEqual({ score, method, verifiedAt: ago(verified) })
})
