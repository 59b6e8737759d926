/** Which versions are shown to whom, and what is said where none is. Pure. */
import type { VersionState } from '../model/asset.ts'
import { refuse } from '../model/errors.ts'
import type { Unpublished } from './answer.ts'

/** A pinned version is answered while its bytes exist; the public sees only what has been published at some time. */
export const isShown = (state: VersionState, pinned: number | undefined, known: boolean): boolean => {
  if (state === 'ACTIVE') return true
  if (pinned === undefined) return false
  return known ? state !== 'PENDING' && state !== 'PURGED' : state === 'ARCHIVED'
}

/** The product is known and may ask, so it is told what has become of the asset. */
export const unpublished = (newest: VersionState | undefined, answer: Unpublished): Unpublished => {
  if (newest === 'PENDING' || newest === 'PROCESSING') return answer
  if (newest === 'FAILED')
    throw refuse('rendition-failed', 'The version could not be completed; its completeness tells why.')
  throw refuse('not-ready', 'No version of the asset has been published yet.')
}
