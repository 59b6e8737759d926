/** Conditional requests and what RFC 9110 says of them, written down a second time, as sentences: the oracle of two suites. */

export const PAST = 'Sat, 29 Oct 1994 19:43:31 GMT'
export const FUTURE = 'Fri, 01 Jan 2100 00:00:00 GMT'

type Choices = readonly (readonly [what: string, of: (etag: string) => string | undefined])[]

/** Section 13.1.1: strong comparison. */
export const IF_MATCH: Choices = [
  ['none', () => undefined],
  ['any', () => '*'],
  ['met', etag => etag],
  ['met in a list', etag => `"other" , ${etag}`],
  ['missed', () => '"other"'],
  ['missed by a weak tag', etag => `W/${etag}`],
]
/** Section 13.1.2: weak comparison. */
export const IF_NONE_MATCH: Choices = [
  ['none', () => undefined],
  ['any', () => '*'],
  ['seen', etag => etag],
  ['seen, weakly', etag => `W/${etag}`],
  ['seen, in a list', etag => `"other",${etag}`],
  ['unseen', () => '"other"'],
]
/** Sections 13.1.3 and 13.1.4. */
export const DATES: Choices = [
  ['none', () => undefined],
  ['past', () => PAST],
  ['future', () => FUTURE],
  ['none at all', () => 'yesterday'],
]
/** Section 14.2, of a hundred bytes or more. */
export const RANGES: Choices = [
  ['none', () => undefined],
  ['first', () => 'bytes=0-9'],
  ['open', () => 'bytes=10-'],
  ['suffix', () => 'bytes=-10'],
  ['outside', () => 'bytes=99999999-'],
  ['several', () => 'bytes=0-0,5-9'],
  ['reversed', () => 'bytes=9-0'],
  ['other unit', () => 'pages=1-2'],
]
/** Section 13.1.5: strong comparison; a date only where there is one to compare with. */
export const IF_RANGE: Choices = [
  ['none', () => undefined],
  ['same', etag => etag],
  ['weak', etag => `W/${etag}`],
  ['other', () => '"other"'],
  ['date', () => FUTURE],
]

export interface Choice {
  readonly method: string
  readonly ifMatch: string
  readonly ifNoneMatch: string
  readonly range: string
  readonly ifRange: string
}

/** Section 13.2.2, in its order. Dates are not asked, for there is none to compare them with. */
export const statusOf = ({ method, ifMatch, ifNoneMatch, range, ifRange }: Choice): number => {
  if (ifMatch.startsWith('missed')) return 412
  if (ifNoneMatch === 'any' || ifNoneMatch.startsWith('seen')) return 304
  if (method === 'HEAD') return 200
  if (ifRange !== 'none' && ifRange !== 'same') return 200
  if (range === 'outside') return 416
  return ['first', 'open', 'suffix'].includes(range) ? 206 : 200
}
