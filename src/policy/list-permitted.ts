/**
 * The assets of a collection that a product may see: each is decided for itself, by the edge that governs it. A page is filled
 * from as many reads as it takes, so that an empty page means the end.
 */
import { findAssets, listAssets } from '../manifest/assets.ts'
import { type AssetGrounds, listGrounds } from '../manifest/grounds.ts'
import type { Asset } from '../model/asset.ts'
import { decide } from './decide.ts'
import { governing } from './governing.ts'
import { type Asked, type PermissionDependencies, permitOnCollection } from './permission.ts'

/** Of a page that has lost some; the first read is the page. */
const READ_MORE = 500

/** `undefined`: the product is not to know that there is such a collection. */
export const listPermitted = async (
  { database, clock }: PermissionDependencies,
  asked: Omit<Asked, 'action'> & { readonly collection: string },
  { after, limit }: { after: string | undefined; limit: number },
): Promise<Asset[] | undefined> => {
  const { principal, product, collection, address } = asked
  const { tenant } = principal
  const { effect, rule } = await permitOnCollection({ database, clock }, { ...asked, action: 'read' })
  if (rule === 'administrator')
    return listAssets(database, { tenantId: tenant, collectionId: collection, after, limit })
  // Who may not see the collection may have been given single assets of it.
  const ownOnly = effect !== 'allow'
  const mayRead = ({ edges, mediaType, labels }: AssetGrounds): boolean => {
    const at = clock.now()
    const edge = governing(edges, at)
    const context = { at, mediaType, labels, address }
    return decide({ principal, action: 'read', product, edge, context }).effect === 'allow'
  }
  const visible: string[] = []
  for (let last = after, more = limit; visible.length < limit; more = READ_MORE) {
    const key = { tenantId: tenant, collectionId: collection, productId: product, ownOnly }
    const read = await listGrounds(database, { ...key, after: last, limit: more })
    visible.push(...read.filter(mayRead).map(({ asset }) => asset))
    last = read.at(-1)?.asset
    if (read.length < more) break
  }
  if (ownOnly && visible.length === 0) return undefined
  return findAssets(database, tenant, visible.slice(0, limit))
}
