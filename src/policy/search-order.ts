/** Places in the order of a search: where a walk begins, goes on and ends. Where two are equal it is the id that decides. */
import type { Position } from '../manifest/search.ts'
import { type AssetFilter, type Candidate, isByChange, isDescending, type Sort } from '../model/asset-filter.ts'

const LEAST = '00000000-0000-0000-0000-000000000000'
const MOST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
/** The end of the year 9999, in microseconds. */
const LATEST = 253_402_300_799_000_000

/** Less than every id that was made from this moment on, and more than those before. */
const idAt = (ms: number): string => {
  const hex = Math.min(Math.max(ms, 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}${LEAST.slice(13)}`
}

export const positionOf = ({ updated, asset }: Candidate): Position => ({ updated, asset })

export const compare = (sort: Sort, one: Position, other: Position): number => {
  const byTime = isByChange(sort) ? one.updated - other.updated : 0
  const by = byTime !== 0 ? byTime : one.asset < other.asset ? -1 : one.asset > other.asset ? 1 : 0
  return isDescending(sort) ? -by : by
}

/** Before the first that the filter lets through. */
export const startOf = (sort: Sort, { created, updated }: AssetFilter): Position => {
  const [time, id] = isDescending(sort) ? [LATEST, MOST] : [0, LEAST]
  if (!isByChange(sort)) {
    const bound = isDescending(sort) ? created.before : created.after
    return { updated: time, asset: bound === undefined ? id : idAt(isDescending(sort) ? bound : bound + 1) }
  }
  const bound = isDescending(sort) ? updated.before : updated.after
  return { updated: bound === undefined ? time : bound * 1000, asset: id }
}

/** Nothing from here on is let through. */
export const isBeyond = (sort: Sort, { created, updated }: AssetFilter, at: Position): boolean => {
  const bounds = isByChange(sort) ? updated : created
  const ms = isByChange(sort) ? at.updated / 1000 : Number.parseInt(at.asset.slice(0, 8) + at.asset.slice(9, 13), 16)
  return isDescending(sort)
    ? bounds.after !== undefined && ms <= bounds.after
    : bounds.before !== undefined && ms >= bounds.before
}

/**
 * Where to go on from something that the caller may not have been shown: its moment, and not its id. Those of that moment are looked
 * at again. As it is where that would lead nowhere.
 */
export const roundedPosition = (
  last: Candidate,
  { sort, after }: { sort: Sort; after: Position | undefined },
): Position => {
  const id = isDescending(sort) ? MOST : LEAST
  const rounded = isByChange(sort)
    ? { updated: last.updated, asset: id }
    : { updated: last.updated, asset: last.asset.slice(0, 13) + id.slice(13) }
  return after === undefined || compare(sort, rounded, after) > 0 ? rounded : positionOf(last)
}
