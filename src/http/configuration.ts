/**
 * Writes of the configuration: under the conditions that the caller sets (RFC 9110 section 13), and able to be tried without
 * effect. Conditions are checked in the transaction that writes, with what they are about locked: of two writers who saw the same
 * state one succeeds.
 */

import { sha256Hex } from '../lib/canonical.ts'
import { listsTagStrongly } from '../lib/entity-tags.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { refuse } from '../model/errors.ts'
import type { MatrixContext } from './context.ts'
import { noneMatch } from './preconditions.ts'

/** ETag of something small: what it says. Coming back to a state is coming back to its tag. */
export const stateTag = (state: object): string => `"${sha256Hex(JSON.stringify(state)).slice(0, 16)}"`

const matches = (ifMatch: string, current: string | undefined): boolean =>
  current !== undefined && listsTagStrongly(ifMatch, current)

/** `current` is the tag of what is there, `undefined` where nothing is. Throws `precondition-failed`. */
export const requireState = (c: MatrixContext, current: string | undefined): void => {
  const ifMatch = c.req.header('if-match')
  const isMet =
    (ifMatch === undefined || matches(ifMatch, current)) &&
    (current === undefined || noneMatch(c.req.header('if-none-match'), current))
  if (isMet) return
  const message = current === undefined ? 'There is nothing here yet.' : 'It is in another state than the one named.'
  throw refuse('precondition-failed', message, { details: { ...(current !== undefined && { etag: current }) } })
}

/** For what takes something away. Throws `precondition-required`. */
export const requireIfMatch = (c: MatrixContext): void => {
  if (c.req.header('if-match') === undefined)
    throw refuse('precondition-required', 'Send If-Match with the ETag of what is to go, or *.')
}

class TakenBack extends Error {}

/** Runs a write; or, to try it, runs it the same way and takes it back: the same checks, the same answer, no effect. */
export const writeConfiguration = async <T>(
  database: Database,
  { tries }: { tries: boolean },
  work: (tx: Sql) => Promise<T>,
): Promise<T> => {
  if (!tries) return database.transaction(work)
  const answers: T[] = []
  try {
    await database.transaction(async tx => {
      answers[0] = await work(tx)
      throw new TakenBack()
    })
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error
  }
  return answers[0] as T
}

/** Headers of a read. True: the caller has it already, answer 304. */
export const isSeen = (c: MatrixContext, etag: string): boolean => {
  c.header('ETag', etag)
  c.header('Cache-Control', 'private, no-cache')
  return !noneMatch(c.req.header('if-none-match'), etag)
}
