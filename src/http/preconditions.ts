import { listsTag } from '../lib/entity-tags.ts'
import { refuse } from '../model/errors.ts'

/** ETag of an asset: the number of its publication, and of the changes of its metadata where there were any (RFC 9110 section 8.8.3). */
export const assetTag = ({ publication, metadata }: { publication: number; metadata: number }): string =>
  metadata === 0 ? `"p${publication}"` : `"p${publication}.m${metadata}"`

/** The publication that an `If-Match` names; `undefined` for `*`. Throws `precondition-required` without the header. */
export const expectedPublication = (ifMatch: string | undefined): number | undefined => {
  if (ifMatch === undefined) throw refuse('precondition-required', 'Send If-Match with the ETag of the asset, or *.')
  if (ifMatch.trim() === '*') return undefined
  const [, publication] = /^\s*"p(\d{1,15})(?:\.m\d+)?"\s*$/.exec(ifMatch) ?? []
  if (publication === undefined)
    throw refuse('precondition-failed', 'The If-Match header does not name a state of the asset.')
  return Number(publication)
}

/** RFC 9110 section 13.1.2. */
export const noneMatch = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch === undefined || !listsTag(ifNoneMatch, etag)
