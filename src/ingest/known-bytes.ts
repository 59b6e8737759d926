/**
 * Whether a caller may have an asset made of bytes that it does not send. Somebody who knows a digest knows no more than that: were
 * it enough, it would tell him what others have, and give it to him. So he must be allowed to read the original of an asset that has
 * them. Assets that he has no edge to are not even looked at, so whether they are there costs no time either.
 */
import { assetsHolding } from '../manifest/uploads.ts'
import type { Hex } from '../model/ids.ts'
import { type Asked, type PermissionDependencies, permitOnAssets } from '../policy/permission.ts'

export const mayTakeKnown = async (
  dependencies: PermissionDependencies,
  { principal, address, sha256 }: Pick<Asked, 'principal' | 'address'> & { readonly sha256: Hex },
): Promise<boolean> => {
  const { tenant, product } = principal
  const assets = await assetsHolding(dependencies.database, { tenant, product, sha256 })
  if (assets.length === 0) return false
  const asked = { principal, address, product: product ?? '', action: 'original' as const }
  return (await permitOnAssets(dependencies, { ...asked, assets })).some(({ effect }) => effect === 'allow')
}
