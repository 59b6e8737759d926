/**
 * What becomes of a rendition after its revisions were made: an older one is the active one again, or the name is to go.
 *
 * To roll back moves the pointer to the old revision, and makes no new one of its recipe: its leaves stand under its number, so
 * what was made by it is answered, listed and complete in the same moment, without a row for each version. Its number is a lower
 * one then. Nothing goes by which is higher: caches go by digests and are purged whenever a revision stops being the active one,
 * and who keeps a copy of the manifest by events goes by the last `rendition.revised`.
 */
import { and, desc, eq, sql as raw } from 'drizzle-orm'
import type { Deprecation } from '../model/deprecation.ts'
import type { Rendition } from '../model/product.ts'
import type { Recipe } from '../model/recipe.ts'
import type { Sql } from './database.ts'
import { named, type RenditionKey } from './renditions.ts'
import { rendition } from './schema.ts'

export type Earlier = Pick<Rendition, 'revision' | 'recipe' | 'recipeHash' | 'lane'>

/** The revision that was active before the present one, or the one that is named. */
export const findEarlier = async (sql: Sql, key: RenditionKey, to?: number): Promise<Earlier | undefined> => {
  const { revision, recipe, recipeHash, lane, reactivatedAt, createdAt } = rendition
  const [row] = await sql.orm
    .select({ revision, recipe, recipeHash, lane })
    .from(rendition)
    .where(and(named(key), eq(rendition.state, 'retired'), to === undefined ? undefined : eq(revision, to)))
    .orderBy(desc(raw`coalesce(${reactivatedAt}, ${createdAt})`), desc(revision))
    .limit(1)
  return row && { ...row, recipe: JSON.parse(row.recipe) as Recipe }
}

/** The caller holds the lock of the collection, and has seen that the revision is there. */
export const reactivate = async (tx: Sql, key: RenditionKey, revision: number): Promise<void> => {
  const [former] = await tx.orm
    .update(rendition)
    .set({ state: 'retired' })
    .where(and(named(key), eq(rendition.state, 'active')))
    .returning({ deprecatedAt: rendition.deprecatedAt, sunsetAt: rendition.sunsetAt })
  await tx.orm
    .update(rendition)
    .set({ state: 'active', reactivatedAt: raw`now()`, ...former })
    .where(and(named(key), eq(rendition.revision, revision)))
}

/** `undefined`: it stays after all. The caller holds the lock of the collection. */
export const setDeprecation = async (
  tx: Sql,
  key: RenditionKey,
  deprecation: Deprecation | undefined,
): Promise<void> => {
  await tx.orm
    .update(rendition)
    .set({ deprecatedAt: deprecation?.at ?? null, sunsetAt: deprecation?.sunset ?? null })
    .where(and(named(key), eq(rendition.state, 'active')))
}

const SUNSETS = {
  name: 'rendition_sunsets',
  text: `select count(*) filter (where sunset_at > now())::int as ahead, count(*) filter (where sunset_at <= now())::int as over,
                coalesce(jsonb_agg(collection_id || '/' || product_id || '/' || name order by sunset_at) filter (where sunset_at <= now()), '[]') as "namesOver"
         from rendition where state = 'active' and deprecated_at is not null and tenant_id is not null`,
}

export interface Sunsets {
  readonly ahead: number
  readonly over: number
  /** `collection/product/name`, the longest over first. */
  readonly namesOver: readonly string[]
}

/** Of every tenant: those that are to go, and those that are answered still after their time. */
export const countSunsets = async (sql: Sql): Promise<Sunsets> =>
  (await sql.rows<Sunsets>(SUNSETS, []))[0] ?? { ahead: 0, over: 0, namesOver: [] }
