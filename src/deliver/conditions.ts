/**
 * Conditional requests and ranges in the order of RFC 9110 section 13.2.2. Pure, and decided from the manifest before any work.
 *
 * There is no Last-Modified, on purpose. A representation goes back to older bytes (a rollback, an engine taken back), and a date
 * that is not newer than the one that a client names would then say "unchanged" of bytes that it has never had. Without a date
 * `If-Modified-Since` and `If-Unmodified-Since` must be ignored (sections 13.1.3 and 13.1.4), and an `If-Range` with a date is
 * never true (section 13.1.5): the strong tag alone decides.
 */
import { listsTag, listsTagStrongly } from '../lib/entity-tags.ts'
import type { ByteRange } from '../objects/store.ts'
import { parseRange } from './range.ts'

export interface Conditions {
  readonly method: string
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifRange: string | undefined
  readonly range: string | undefined
}

/** `failed`: 412; `unchanged`: 304; `unsatisfiable`: 416; a range: 206; `undefined`: the whole. */
export type Verdict = 'failed' | 'unchanged' | 'unsatisfiable' | ByteRange | undefined

export const weigh = (
  { method, ifMatch, ifNoneMatch, ifRange, range }: Conditions,
  { etag, bytes }: { etag: string; bytes: number },
): Verdict => {
  if (ifMatch !== undefined && !listsTagStrongly(ifMatch, etag)) return 'failed'
  if (ifNoneMatch !== undefined && listsTag(ifNoneMatch, etag)) return 'unchanged'
  // "A server MUST ignore a Range header field received with a request method that is unrecognized or for which range handling
  // is not defined. For this specification, GET is the only method for which range handling is defined." (section 14.2)
  if (range === undefined || method !== 'GET') return undefined
  return ifRange === undefined || ifRange.trim() === etag ? parseRange(range, bytes) : undefined
}

/** Of the content that a 304 does not bring; the client has it with what it stored (section 15.4.5). */
const OF_CONTENT = new Set([
  'Content-Type',
  'Content-Length',
  'Content-Disposition',
  'Content-DPR',
  'Repr-Digest',
  'Accept-Ranges',
])

/**
 * Of the headers of a 200 those that its 304 has too: what section 15.4.5 names (`Cache-Control`, `ETag`, `Vary`), the fields that
 * guide caches besides, and who may read it; not what describes the content.
 */
export const notModified = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_CONTENT.has(name)))
