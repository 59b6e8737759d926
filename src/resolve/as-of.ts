/**
 * Answers on the word of a Postgres that is away. What it allowed then may have been taken back since, so nothing that is handed
 * out now outlives what was handed out then: the end that is told of a right that is taken back (`exposedUntil`) includes it.
 */
import { type UrlLife, urlEnd } from '../deliver/exposure.ts'
import { away } from '../manifest/presence.ts'
import { isMatrixError } from '../model/errors.ts'
import type { Answer } from './answer.ts'

/** Bytes alone are given so: what was not there, or not allowed, may be by now, and who could say is away. */
export const asOfThen = async (work: () => Promise<Answer>, asOf: number, life: UrlLife): Promise<Answer> => {
  const answer = await work().catch(error => {
    throw isMatrixError(error) ? away() : error
  })
  if (answer.kind !== 'ready') throw away()
  const end = urlEnd(asOf, life)
  return { ...answer, asOf, grantEndsAt: Math.min(answer.grantEndsAt ?? end, end) }
}

/** How old a word may be that is gone by: as configured, and never so old that nothing could be handed out by it. */
export const wordMs = ({ lifeSeconds }: UrlLife, staleIfAwaySeconds: number): number =>
  Math.min(lifeSeconds, staleIfAwaySeconds) * 1000
