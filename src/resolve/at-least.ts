/**
 * Consistency tokens: what a write said of the publication that it left, a question may name, and is answered by a state that is
 * at least as new, or told that there is none. Every answer is read from the primary, so one that commits is seen by the next
 * question anyway; a token is for what an operator may do to that: a standby that was promoted without the last commits.
 */
import { refuse } from '../model/errors.ts'

const AGAIN_SECONDS = 1

/** For who may know the publication. Throws `not-ready`. */
export const requireAtLeast = (publication: number, least: number | undefined): void => {
  if (least === undefined || publication >= least) return
  throw refuse('not-ready', `The asset is at publication ${publication}; at least ${least} was asked for.`, {
    details: { publication, min: least },
    retryAfterSeconds: AGAIN_SECONDS,
  })
}
