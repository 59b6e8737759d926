/** Focal points as they are written and shown. */
import { z } from '@hono/zod-openapi'
import type { Database } from '../manifest/database.ts'
import { refuse } from '../model/errors.ts'
import { FOCAL_PATH, type FocalPoints, focalPoints, MAX_FOCAL_PRODUCTS, type Point } from '../model/focal.ts'
import type { Principal } from '../model/principal.ts'
import type { Grant } from '../model/product.ts'
import { forbiddenAttributes } from '../policy/attributes.ts'
import { requireProduct } from './existing.ts'
import { Name } from './validation.ts'

const share = z.number().min(0).max(1)
export const PointSchema = z.strictObject({ x: share, y: share }).openapi('FocalPoint', {
  description: 'Shares of width and height of the upright picture, from its top left',
  example: { x: 0.5, y: 0.3 },
})

export const FocalPatch = {
  focal_point: PointSchema.nullable()
    .optional()
    .openapi({ description: 'What crops with `gravity: auto` keep in sight; null for nothing, which is `attention`' }),
  focal_points: z
    .record(Name, PointSchema.nullable())
    .nullable()
    .optional()
    .openapi({ description: 'The same for single products, in place of it; null takes one away, or all' }),
}
export type FocalWish = z.infer<z.ZodObject<typeof FocalPatch>>

/** In thousandths, as recipes have them. */
const rounded = ({ x, y }: Point): Point => ({ x: Math.round(x * 1000) / 1000, y: Math.round(y * 1000) / 1000 })

/** As RFC 7396 merges. */
export const patchFocal = (
  before: FocalPoints | null,
  { focal_point: all, focal_points: products }: FocalWish,
): FocalPoints | undefined => {
  const kept: Record<string, Point> = { ...(products === null ? {} : before?.products) }
  for (const [name, point] of Object.entries(products ?? {})) {
    if (point) kept[name] = rounded(point)
    else delete kept[name]
  }
  if (Object.keys(kept).length > MAX_FOCAL_PRODUCTS)
    throw refuse('contract-violation', 'There are too many focal points.', {
      violations: [{ pointer: '/focal_points', rule: 'too_many', message: `Expected at most ${MAX_FOCAL_PRODUCTS}.` }],
    })
  return focalPoints({ all: all === undefined ? before?.all : all ? rounded(all) : undefined, products: kept })
}

/** Points are for products that there are; who is none of them learns of no others. */
export const requireFocalProducts = async (
  database: Database,
  { tenant, product, scopes }: Principal,
  { focal_points: points }: FocalWish,
): Promise<void> => {
  const isAdmin = scopes.includes('matrix:admin')
  for (const name of Object.keys(points ?? {}))
    if (isAdmin && name !== product)
      await requireProduct(database, { tenant, product: name, pointer: `/focal_points/${name}` })
}

/**
 * Of changed paths, those that the principal may not write: the asset's own point is a path like any attribute, and what one product
 * has instead is for that product, where it may write the other, and for administrators.
 */
export const forbiddenFocal = (
  principal: Principal,
  edge: Pick<Grant, 'role' | 'attributePaths'> | undefined,
  paths: readonly string[],
): readonly string[] => {
  if (principal.scopes.includes('matrix:admin')) return []
  const isBarred = forbiddenAttributes(principal, edge, [FOCAL_PATH]).length > 0
  return paths.filter(path => isBarred || (path !== FOCAL_PATH && path !== `${FOCAL_PATH}s.${principal.product}`))
}
