/** `Idempotency-Key` on requests that create: the header's rules, and the life of a reservation around the work. */
import { createHash } from 'node:crypto'
import { persist } from '../lib/persist.ts'
import type { Database } from '../manifest/database.ts'
import {
  extendKey,
  type IdempotencyKey,
  LOCK_SECONDS,
  type Reservation,
  releaseKey,
  reserveKey,
  type StoredAnswer,
} from '../manifest/idempotency.ts'
import { refuse } from '../model/errors.ts'
import { newId } from '../model/ids.ts'
import type { MatrixContext } from './context.ts'

const EXTEND_EVERY_MS = 20_000
const RELEASE_EVERY_MS = 500

export const fingerprint = (...parts: readonly string[]): string => {
  const hash = createHash('sha256')
  // Lengths keep ("ab", "c") and ("a", "bc") apart.
  for (const part of parts) hash.update(`${part.length}:${part}`)
  return hash.digest('hex')
}

const keyOf = (c: MatrixContext): IdempotencyKey => {
  const header = c.req.header('idempotency-key')
  if (header === undefined)
    throw refuse('idempotency-key-missing', 'Send an Idempotency-Key header: any string that is new for each wish.')
  const key = header.replace(/^"(.*)"$/, '$1')
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw refuse('invalid-request', 'An Idempotency-Key has 1 to 255 visible ASCII characters.')
  const { tenant, id } = c.get('principal')
  const url = new URL(c.req.url)
  const request = `${c.req.method} ${url.pathname}${url.search}`
  return { tenant, principal: id, key, request, holder: newId() }
}

export interface Work {
  readonly key: IdempotencyKey
  /** An answer that is stored already; the work compares fingerprints instead of doing anything. */
  readonly answered: StoredAnswer | undefined
}

/**
 * Runs the work under a reserved key. Whatever it throws releases the key, so a refused request may be mended and sent again.
 * The work stores its answer itself, in its own transaction.
 */
export const withIdempotencyKey = async (
  c: MatrixContext,
  database: Database,
  work: (reserved: Work) => Promise<Response>,
): Promise<Response> => {
  const key = keyOf(c)
  const reservation = await reserveKey(database, key).catch(error => {
    void releaseLater(database, key) // it may have been made, and its answer lost
    throw error
  })
  refuseTaken(reservation)
  if (reservation.kind === 'answered') return work({ key, answered: reservation.answer })
  const heartbeat = setInterval(() => {
    // A failed extension shows when the reservation runs out, in the answer to whoever repeats the request.
    extendKey(database, key).catch(() => undefined)
  }, EXTEND_EVERY_MS)
  try {
    return await work({ key, answered: undefined })
  } catch (error) {
    await releaseKey(database, key).catch(() => void releaseLater(database, key))
    throw error
  } finally {
    clearInterval(heartbeat)
  }
}

/** What failed because Postgres went away is sent again when it is back, and is not to wait for a reservation to run out then. */
const releaseLater = (database: Database, key: IdempotencyKey): Promise<void> =>
  persist(() => releaseKey(database, key), { everyMs: RELEASE_EVERY_MS, forMs: LOCK_SECONDS * 1_000 })

const refuseTaken = (reservation: Reservation): void => {
  if (reservation.kind === 'in-flight') {
    throw refuse('idempotency-in-flight', 'The first request with this key has not ended yet.', {
      retryAfterSeconds: 1,
    })
  }
  if (reservation.kind === 'reused') throw reused()
}

const reused = () => refuse('idempotency-key-reused', 'The Idempotency-Key was used for another request.')

/** The first answer again, to the letter. Throws when the request is another one. */
export const replay = (answer: StoredAnswer, expected: string): Response => {
  if (answer.fingerprint !== expected) throw reused()
  return new Response(answer.body, {
    status: answer.status,
    headers: { ...answer.headers, 'Idempotent-Replayed': 'true' },
  })
}
