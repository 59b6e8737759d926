/** What a product's recipe may lay on its pictures: images that the product may see itself. */
import type { Gateway } from '../gateway.ts'
import type { FindSecond } from '../graph/pin.ts'
import { findAsset } from '../manifest/assets.ts'
import { findOriginalOf } from '../manifest/original-of.ts'
import { type Asked, permitOnAsset } from '../policy/permission.ts'

export const findSecondFor =
  (
    { database, clock, policy }: Pick<Gateway, 'database' | 'clock' | 'policy'>,
    who: Omit<Asked, 'action'>,
  ): FindSecond =>
  async ({ asset: assetId, version }) => {
    const { tenant: tenantId } = who.principal
    const asset = await findAsset(database, tenantId, assetId)
    const shown = version ?? asset?.activeVersion
    if (!asset || asset.archivedAt || shown === undefined) return undefined
    const { effect } = await permitOnAsset({ database, clock, policy }, { ...who, action: 'read', asset: assetId })
    if (effect !== 'allow') return undefined
    const original = await findOriginalOf(database, { tenantId, assetId, version: shown })
    if (!original?.image) return undefined
    const { width, height, orientation, icc, space } = original.image
    return { version: shown, second: { sha256: original.sha256, width, height, orientation, icc, space } }
  }
