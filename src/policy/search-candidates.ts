/** What a search looks at, in its order: streams of candidates, read in chunks and merged. */
import type { Sql } from '../manifest/database.ts'
import {
  type Asked,
  assetsHaving,
  type Named,
  ownAssets,
  type Position,
  theseAssets,
  walkAssets,
} from '../manifest/search.ts'
import {
  type AssetFilter,
  type Candidate,
  isByChange,
  isDescending,
  type Sort,
  type Term,
} from '../model/asset-filter.ts'
import { refuse } from '../model/errors.ts'
import { compare, isBeyond, startOf } from './search-order.ts'
import type { SearchScope } from './search-scope.ts'

export interface Source {
  readonly kind: 'open' | 'judged' | 'own'
  /** Those after a position, in order; fewer than a chunk: these are the last. */
  read(after: Position): Promise<Candidate[]>
}

const CHUNK = 500
/** Each of them is read as far as all together, and what they have is sorted. */
const MOST_SORTED = 1_000
const TOGETHER = 16
/** Fewer have it: all of them are read, and put in order here. */
const RARE = 1_000
/** Terms that are tried for being rare, a millisecond each. */
const MOST_TRIED = 8

interface Search {
  readonly tenant: string
  readonly product: string
  readonly scope: SearchScope
  readonly filter: AssetFilter
  readonly sort: Sort
  readonly after: Position | undefined
}

/** All that have the rarest of these terms, if one is rare. */
const rare = async (
  sql: Sql,
  { tenant, collections, terms }: { tenant: string; collections: readonly string[]; terms: readonly Term[] },
): Promise<Named[] | undefined> => {
  let fewest: Named[] | undefined
  for (const term of terms.slice(0, MOST_TRIED)) {
    const having = await assetsHaving(sql, { tenant, collections, term, limit: RARE + 1 })
    if (having.length > RARE) continue
    const each = [...new Map(having.map(one => [one.asset, one])).values()]
    if (fewest === undefined || each.length < fewest.length) fewest = each
    // To look for fewer costs more than to read these.
    if (each.length <= CHUNK / 10) return each
  }
  return fewest
}

/** Read once, and handed out in order. */
const kept = (kind: Source['kind'], sort: Sort, read: () => Promise<Candidate[]>): Source => {
  let all: Promise<Candidate[]> | undefined
  return {
    kind,
    async read(after) {
      all ??= read().then(found => found.sort((one, other) => compare(sort, one, other)))
      return (await all).filter(one => compare(sort, one, after) > 0).slice(0, CHUNK)
    },
  }
}

const sourcesOf = async (sql: Sql, { tenant, product, scope, filter, sort }: Search): Promise<Source[]> => {
  const asked: Asked = { tenant, terms: filter.terms, drafts: filter.states?.includes('DRAFT') === true }
  const walk = (kind: Source['kind'], collections: readonly string[]): Source => {
    const limit = Math.min(CHUNK, Math.floor(MOST_SORTED / collections.length))
    return { kind, read: after => walkAssets(sql, asked, { sort, collections, after, limit }) }
  }
  const walks = (kind: Source['kind'], collections: readonly string[]): Source[] =>
    Array.from({ length: Math.ceil(collections.length / TOGETHER) }, (_, at) =>
      walk(kind, collections.slice(at * TOGETHER, (at + 1) * TOGETHER)),
    )
  const { open, judged, ownIn, seesAll } = scope
  const isOwn = ({ collection }: Named): boolean =>
    !open.includes(collection) && !judged.includes(collection) && (ownIn === undefined || ownIn === collection)
  const readOwn = (after: string, limit: number) =>
    ownAssets(sql, { tenant, product, after, limit, isDown: isDescending(sort) })

  /** Given one by one: seldom more than a few, and then not to be put in order of their changes. */
  const ownSource = async (): Promise<Source> => {
    const start = startOf(sort, { ...filter, created: {}, updated: {} }).asset
    const first = await readOwn(start, RARE + 1)
    if (first.length <= RARE) return kept('own', sort, () => theseAssets(sql, asked, first.filter(isOwn)))
    if (isByChange(sort))
      throw refuse(
        'invalid-request',
        'So many single assets were given to the product that they are not sorted by change; sort by creation.',
      )
    return {
      kind: 'own',
      async read({ asset: after }) {
        // Some are elsewhere, or gone: as many reads as it takes to have one that is not.
        for (let from = after; ; ) {
          const named = await readOwn(from, CHUNK)
          const found = await theseAssets(sql, asked, named.filter(isOwn))
          const last = named.at(-1)?.asset
          if (found.length > 0 || last === undefined) return found.sort((one, other) => compare(sort, one, other))
          from = last
        }
      },
    }
  }

  const few = open.length > 0 ? await rare(sql, { tenant, collections: open, terms: filter.terms }) : undefined
  const sources = [
    ...(few ? [kept('open', sort, () => theseAssets(sql, asked, few))] : walks('open', open)),
    ...walks('judged', judged),
  ]
  return seesAll ? sources : [...sources, await ownSource()]
}

/** Until the last that the filter may let through. */
export async function* candidatesOf(
  sql: Sql,
  search: Search,
): AsyncGenerator<Candidate & { readonly source: Source['kind'] }> {
  const { sort, filter } = search
  const start = startOf(sort, filter)
  const after = search.after && compare(sort, search.after, start) > 0 ? search.after : start
  const streams = (await sourcesOf(sql, search)).map(source => ({
    source,
    from: after,
    read: [] as Candidate[],
    at: 0,
  }))
  for (;;) {
    for (const stream of [...streams]) {
      if (stream.at < stream.read.length) continue
      stream.read = await stream.source.read(stream.from)
      stream.at = 0
      if (stream.read.length === 0) streams.splice(streams.indexOf(stream), 1)
    }
    const [head] = streams
    if (head === undefined) return
    const next = streams.reduce((first, other) => {
      const [one, two] = [first.read[first.at], other.read[other.at]]
      return one && two && compare(sort, two, one) < 0 ? other : first
    }, head)
    const one = next.read[next.at++]
    if (one === undefined || isBeyond(sort, filter, one)) return
    next.from = one
    yield { ...one, source: next.source.kind }
  }
}
