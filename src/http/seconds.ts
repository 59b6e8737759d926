/** What a product's recipe may lay on its pictures: images that the product may see itself. */
import type { Gateway } from '../gateway.ts'
import type { FindSecond } from '../graph/pin.ts'
import { findAsset, findOriginalOf } from '../manifest/assets.ts'
import { findEdge } from '../manifest/collections.ts'
import type { Principal } from '../model/principal.ts'
import { decide } from '../policy/decide.ts'

export const findSecondFor =
  ({ database, clock }: Pick<Gateway, 'database' | 'clock'>, principal: Principal, product: string): FindSecond =>
  async ({ asset: assetId, version }) => {
    const { tenant: tenantId } = principal
    const asset = await findAsset(database, tenantId, assetId)
    const shown = version ?? asset?.activeVersion
    if (!asset || asset.archivedAt || shown === undefined) return undefined
    const edge = await findEdge(database, { tenantId, collectionId: asset.collection, productId: product })
    if (decide({ principal, action: 'read', product, edge, at: clock.now() }).effect !== 'allow') return undefined
    const original = await findOriginalOf(database, { tenantId, assetId, version: shown })
    if (!original?.image) return undefined
    const { width, height, orientation, icc, space } = original.image
    return { version: shown, second: { sha256: original.sha256, width, height, orientation, icc, space } }
  }
