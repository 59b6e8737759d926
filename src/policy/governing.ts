/**
 * Which of two edges answers for an asset: the one on its collection, or the one on the asset itself.
 *
 * 1. An owner of the collection is governed by the edge of the collection, whatever was said of single assets: nobody takes an
 *    owner's own things from it one by one.
 * 2. Otherwise the edge on the asset answers alone, for better or worse, from when it is made: what it does not give is not
 *    taken from the collection's, and a condition or a `not_before` that is not met hides the asset.
 * 3. An edge on an asset whose `expires_at` has come is gone: the collection's answers again.
 */
import type { Edges, Grant } from '../model/product.ts'

export const governing = ({ collection, asset }: Edges, at: number): Grant | undefined => {
  if (asset === undefined || collection?.role === 'owner') return collection
  return asset.expiresAt !== undefined && asset.expiresAt.getTime() <= at ? collection : asset
}
