/**
 * The assets of a collection that a product may see: each is decided for itself, by the edge that governs it. A page is filled
 * from as many reads as it takes, so that an empty page means the end.
 */
import { setImmediate } from 'node:timers/promises'
import { findAssets, listAssets } from '../manifest/assets.ts'
import { type AssetGrounds, type ListState, listGrounds } from '../manifest/grounds.ts'
import type { Asset } from '../model/asset.ts'
import type { Action } from './decide.ts'
import { governing } from './governing.ts'
import { type Asked, type PermissionDependencies, permitOnCollection } from './permission.ts'
import type { Ruling } from './policy.ts'

/** Of a page that has lost some; the first read is the page. */
const READ_MORE = 500

/** Decided at once: an engine elsewhere is asked so many questions at a time, and one in this process lets others go on between. */
const AT_ONCE = 16

/** Those that may be seen, in their order, until there are enough. */
const allowed = async (
  grounds: readonly AssetGrounds[],
  { decide, enough }: { decide: (grounds: AssetGrounds) => Ruling | Promise<Ruling>; enough: number },
): Promise<string[]> => {
  const visible: string[] = []
  for (let next = 0; next < grounds.length && visible.length < enough; next += AT_ONCE) {
    if (next > 0) await setImmediate()
    const some = grounds.slice(next, next + AT_ONCE)
    const rulings = await Promise.all(some.map(decide))
    visible.push(...some.filter((_, index) => rulings[index]?.effect === 'allow').map(({ asset }) => asset))
  }
  return visible
}

/** `undefined`: the product is not to know that there is such a collection. */
export const listPermitted = async (
  dependencies: PermissionDependencies,
  asked: Omit<Asked, 'action'> & { readonly collection: string },
  { after, limit, state }: { after: string | undefined; limit: number; state?: ListState | undefined },
): Promise<Asset[] | undefined> => {
  const { database, clock, policy } = dependencies
  const { principal, product, collection, address } = asked
  const { tenant } = principal
  // Drafts are shown to those who may publish them.
  const action: Action = state === 'DRAFT' ? 'publish' : 'read'
  const { effect, rule } = await permitOnCollection(dependencies, { ...asked, action })
  if (state === undefined && rule === 'administrator' && policy.isMatrixAlone)
    return listAssets(database, { tenantId: tenant, collectionId: collection, after, limit })
  // Who may not see the collection may have been given single assets of it.
  const ownOnly = effect !== 'allow'
  const decide = ({ asset, edges, mediaType, labels }: AssetGrounds) => {
    const at = clock.now()
    const edge = governing(edges, at)
    const context = { at, mediaType, labels, address }
    const question = { principal, action, product, edge, context }
    return policy.decide(question, { tenant, collection, asset, rendition: undefined })
  }
  const visible: string[] = []
  for (let last = after, more = limit; visible.length < limit; more = READ_MORE) {
    const key = { tenantId: tenant, collectionId: collection, productId: product, ownOnly, state }
    const read = await listGrounds(database, { ...key, after: last, limit: more })
    visible.push(...(await allowed(read, { decide, enough: limit - visible.length })))
    last = read.at(-1)?.asset
    if (read.length < more) break
  }
  if (ownOnly && visible.length === 0) return action === 'publish' && effect === 'forbid' ? [] : undefined
  return findAssets(database, tenant, visible.slice(0, limit))
}
