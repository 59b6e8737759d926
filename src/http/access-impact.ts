/** What a change of the matrix would come to, before it is made: who gains and loses what, and which URLs stop. */
import { z } from '@hono/zod-openapi'
import { cachedUntil, exposedUntil } from '../deliver/exposure.ts'
import type { Gateway } from '../gateway.ts'
import type { Sql } from '../manifest/database.ts'
import { type AlikeAssets, alikeAssets } from '../manifest/grounds.ts'
import type { Edges } from '../model/product.ts'
import { type AccessChange, accessChanges } from '../policy/access-impact.ts'
import { ACTIONS } from '../policy/decide.ts'
import { urlLifeOf } from './exposure.ts'

/** Assets alike in type, labels and own edge; each group is decided some twenty times, 5 us a time. */
const MOST_GROUPS = 2_000

const Answer = z.object({ effect: z.enum(['allow', 'forbid', 'hide']), rule: z.string() })

export const AccessImpactSchema = z
  .object({
    assets: z.int().openapi({ description: 'That were examined: those of the collection that are not archived' }),
    changes: z.array(
      z.object({
        who: z
          .enum(['product', 'public'])
          .openapi({ description: 'The product, with a key that has every scope; or anybody' }),
        action: z.enum(ACTIONS),
        access: z.enum(['gained', 'lost']),
        from: z
          .enum(['inside', 'elsewhere'])
          .optional()
          .openapi({ description: 'Where the caller sits, where an edge has networks' }),
        before: Answer,
        after: Answer,
        assets: z.int(),
        sample: z.uuid().optional().openapi({ description: 'One of them' }),
      }),
    ),
    urls: z
      .object({
        stop: z.array(z.string()).openapi({ description: 'Refused from the next request on' }),
        assets: z.int(),
        presigned_until: z
          .string()
          .openapi({ description: 'When the last URL into the store has ended that was handed out before' }),
        cached_until: z.string().openapi({ description: 'Until when a cache that is not purged may keep bytes' }),
      })
      .optional()
      .openapi({ description: 'Where something that was shown is not any more' }),
  })
  .openapi('AccessImpact')
export type AccessImpact = z.infer<typeof AccessImpactSchema>

export interface AccessWish {
  readonly tenant: string
  readonly collection: string
  readonly product: string
  /** `undefined`: all of the collection. */
  readonly asset?: string
  readonly change: (before: Edges) => Edges
}

type Dependencies = Pick<Gateway, 'clock' | 'config'>

const urlsOf = (
  { clock, config }: Dependencies,
  { product, asset }: AccessWish,
  { lost, groups }: { lost: readonly AccessChange[]; groups: readonly AlikeAssets[] },
): AccessImpact['urls'] => {
  const shown = lost.filter(({ action }) => action === 'resolve' || action === 'original')
  if (shown.length === 0) return undefined
  const now = clock.now()
  const life = urlLifeOf(config)
  const streams = groups.some(({ edges }) => (edges.collection?.delivery ?? 'redirect') !== 'redirect')
  const id = asset ?? '{asset}'
  const originals = shown.every(({ action }) => action === 'original')
  return {
    stop: originals
      ? [`/i/${product}/${id}/{version}/original`]
      : [`/i/${product}/${id}/`, `/v1/products/${product}/assets/${id}/renditions/`],
    assets: Math.max(...shown.map(({ assets }) => assets)),
    presigned_until: new Date(exposedUntil(now, life)).toISOString(),
    cached_until: new Date(cachedUntil(now, life, { streams })).toISOString(),
  }
}

/** To be asked in the transaction, before the change. */
export const accessImpact = async (dependencies: Dependencies, tx: Sql, wish: AccessWish): Promise<AccessImpact> => {
  const { tenant: tenantId, collection: collectionId, product, asset, change } = wish
  const key = { tenantId, collectionId, productId: product, asset }
  const groups = await alikeAssets(tx, { ...key, limit: MOST_GROUPS })
  const changes = accessChanges(groups, { product, at: dependencies.clock.now(), change })
  const urls = urlsOf(dependencies, wish, { lost: changes.filter(({ access }) => access === 'lost'), groups })
  return {
    assets: groups.reduce((sum, group) => sum + group.assets, 0),
    changes: changes.map(({ from, sample, ...rest }) => ({
      ...rest,
      ...(from && { from }),
      ...(sample && { sample }),
    })),
    ...(urls && { urls }),
  }
}
