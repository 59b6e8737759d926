/**
 * Assets that a product may see, found by what they are, over every collection that it may read. What is hidden from it is not looked
 * at, or decided before anything about it is compared, so that neither answers nor their times tell of it:
 *
 *   open      collections of which it sees all: candidates are compared, those that fit are decided
 *   judged    collections where edges ask about assets, or an engine is asked: each candidate is decided, then compared
 *   own       single assets elsewhere that were given to it: likewise
 *
 * Candidates come in the order that is asked for, or, where one of the terms is rare, as all that have it. A request looks at so many
 * of them; what it has not found by then, the next page goes on with.
 */
import { inLanes } from '../lib/in-lanes.ts'
import { findAssets } from '../manifest/assets.ts'
import { type AssetGrounds, findGroundsOf } from '../manifest/grounds.ts'
import type { Position } from '../manifest/search.ts'
import type { Asset } from '../model/asset.ts'
import { type AssetFilter, asWhat, type Candidate, isAskedFor, type Sort } from '../model/asset-filter.ts'
import type { Action } from './decide.ts'
import { governing } from './governing.ts'
import type { Asked, PermissionDependencies } from './permission.ts'
import { candidatesOf, type Source } from './search-candidates.ts'
import { positionOf, roundedPosition } from './search-order.ts'
import { searchScope } from './search-scope.ts'

export interface SearchWish {
  /** `undefined`: all that may be read. */
  readonly collection: string | undefined
  readonly filter: AssetFilter
  readonly sort: Sort
  readonly after: Position | undefined
  readonly limit: number
}

export interface Found {
  readonly assets: Asset[]
  /** Where the next page begins; `undefined`: there is none. */
  readonly next: Position | undefined
}

/** Two microseconds each to compare; what is decided too, by an engine elsewhere, is a question each. */
const MOST_EXAMINED = 10_000
const AT_ONCE = 100
const LANES = 16

interface Examined extends Candidate {
  readonly source: Source['kind']
}

export const searchPermitted = async (
  dependencies: PermissionDependencies,
  asked: Omit<Asked, 'action'>,
  { collection, filter, sort, after, limit }: SearchWish,
): Promise<Found> => {
  const { database, clock, policy } = dependencies
  const { principal, product, address } = asked
  const { tenant } = principal
  const scope = await searchScope(dependencies, asked, collection)

  const may = async (grounds: AssetGrounds | undefined, action: Action): Promise<boolean> => {
    if (grounds === undefined) return false
    const { asset, collection, edges, mediaType, labels } = grounds
    const at = clock.now()
    const edge = governing(edges, at)
    const question = { principal, action, product, edge, context: { at, mediaType, labels, address } }
    return (await policy.decide(question, { tenant, collection, asset, rendition: undefined })).effect === 'allow'
  }

  /** Of these the ones that may be seen, as their state has it: by all, or by who may publish them. */
  const permitted = async (some: readonly Examined[]): Promise<Examined[]> => {
    if (some.length === 0 || scope.seesAll) return [...some]
    const grounds = await findGroundsOf(database, {
      tenantId: tenant,
      productId: product,
      assetIds: some.map(({ asset }) => asset),
    })
    const work = (one: Examined) => may(grounds.get(one.asset), asWhat(filter, one) ?? 'read')
    const allowed = await inLanes(some, { atOnce: LANES, work })
    return some.filter((_, index) => allowed[index])
  }

  const isWanted = (one: Candidate): boolean => asWhat(filter, one) !== undefined && isAskedFor(filter, one)
  /** Whatever is to be decided first is decided first. */
  const found = async (some: readonly Examined[]): Promise<Examined[]> =>
    (await permitted(some.filter(one => one.source !== 'open' || isWanted(one)))).filter(isWanted)

  const visible: Examined[] = []
  let examined = 0
  let last: Examined | undefined
  let batch: Examined[] = []
  const settle = async (): Promise<void> => {
    visible.push(...(await found(batch)))
    batch = []
  }
  let isCut = false
  for await (const one of candidatesOf(database, { tenant, product, scope, filter, sort, after })) {
    if (examined === MOST_EXAMINED) {
      isCut = true
      break
    }
    examined++
    last = one
    batch.push(one)
    if (batch.length < AT_ONCE) continue
    await settle()
    if (visible.length > limit) break
  }
  await settle()
  const shown = visible.slice(0, limit)
  const assets = new Map(
    (
      await findAssets(
        database,
        tenant,
        shown.map(({ asset }) => asset),
      )
    ).map(asset => [asset.asset, asset]),
  )
  const end = shown.at(-1)
  return {
    assets: shown.flatMap(({ asset }) => assets.get(asset) ?? []),
    next:
      visible.length > limit && end
        ? positionOf(end)
        : isCut && last
          ? roundedPosition(last, { sort, after })
          : undefined,
  }
}
