import { and, asc, eq } from 'drizzle-orm'
import type { Deprecation } from '../model/deprecation.ts'
import type { Rendition } from '../model/product.ts'
import type { Recipe } from '../model/recipe.ts'
import { lockCollection } from './collections.ts'
import type { Sql } from './database.ts'
import { edge, rendition } from './schema.ts'

export interface RenditionKey {
  readonly tenantId: string
  readonly collectionId: string
  readonly productId: string
  readonly name: string
}

export interface RenditionWish extends RenditionKey {
  /** Canonical RFC 8785 text: what is hashed is what is stored. */
  readonly recipe: string
  readonly recipeHash: string
  readonly lane: 'eager' | 'lazy'
}

const columns = {
  collection: rendition.collectionId,
  product: rendition.productId,
  name: rendition.name,
  revision: rendition.revision,
  recipe: rendition.recipe,
  recipeHash: rendition.recipeHash,
  lane: rendition.lane,
  deprecatedAt: rendition.deprecatedAt,
  sunsetAt: rendition.sunsetAt,
  privateMetadata: edge.privateMetadata,
}

const cell = and(
  eq(edge.tenantId, rendition.tenantId),
  eq(edge.collectionId, rendition.collectionId),
  eq(edge.productId, rendition.productId),
)

interface End {
  readonly deprecatedAt: Date | null
  readonly sunsetAt: Date | null
}

type Row = Omit<Rendition, 'recipe' | 'privateMetadata' | 'deprecation'> &
  End & { recipe: string; privateMetadata: boolean | null }

const deprecationOf = ({ deprecatedAt: at, sunsetAt: sunset }: End): Deprecation | undefined =>
  at && sunset ? { at, sunset } : undefined

const toRendition = ({ recipe, privateMetadata, deprecatedAt, sunsetAt, ...row }: Row): Rendition => ({
  ...row,
  deprecation: deprecationOf({ deprecatedAt, sunsetAt }),
  privateMetadata: privateMetadata ?? false,
  recipe: JSON.parse(recipe) as Recipe,
})

export const named = ({ tenantId, collectionId, productId, name }: RenditionKey) =>
  and(
    eq(rendition.tenantId, tenantId),
    eq(rendition.collectionId, collectionId),
    eq(rendition.productId, productId),
    eq(rendition.name, name),
  )

/**
 * A new revision becomes the active one. An equal wish changes nothing (`created: false`); a recipe that was active before
 * comes back as a new revision, whose nodes all exist. The lock on the collection keeps revision numbers in order. What is
 * deprecated is the name: it stays so.
 */
export const putRendition = async (tx: Sql, wish: RenditionWish): Promise<{ revision: number; created: boolean }> => {
  await lockCollection(tx, wish.tenantId, wish.collectionId)
  const revisions = await tx.orm
    .select({
      revision: rendition.revision,
      state: rendition.state,
      recipeHash: rendition.recipeHash,
      lane: rendition.lane,
      deprecatedAt: rendition.deprecatedAt,
      sunsetAt: rendition.sunsetAt,
    })
    .from(rendition)
    .where(named(wish))
  const active = revisions.find(({ state }) => state === 'active')
  if (active && active.recipeHash === wish.recipeHash && active.lane === wish.lane)
    return { revision: active.revision, created: false }
  const revision = Math.max(0, ...revisions.map(row => row.revision)) + 1
  await tx.orm
    .update(rendition)
    .set({ state: 'retired' })
    .where(and(named(wish), eq(rendition.state, 'active')))
  const { deprecatedAt = null, sunsetAt = null } = active ?? {}
  await tx.orm.insert(rendition).values({ ...wish, revision, deprecatedAt, sunsetAt })
  return { revision, created: true }
}

/** Stops answering under this name. False when nothing was active. Nodes that others share stay. */
export const retireRendition = async (sql: Sql, key: RenditionKey): Promise<boolean> => {
  const gone = await sql.orm
    .update(rendition)
    .set({ state: 'retired' })
    .where(and(named(key), eq(rendition.state, 'active')))
    .returning({ revision: rendition.revision })
  return gone.length > 0
}

/** Active renditions of every product in a collection: the columns of the matrix. */
export const listRenditions = async (sql: Sql, tenantId: string, collectionId: string): Promise<Rendition[]> => {
  const rows = await sql.orm
    .select(columns)
    .from(rendition)
    .leftJoin(edge, cell)
    .where(
      and(eq(rendition.tenantId, tenantId), eq(rendition.collectionId, collectionId), eq(rendition.state, 'active')),
    )
    .orderBy(asc(rendition.productId), asc(rendition.name))
  return rows.map(toRendition)
}

export const findRendition = async (sql: Sql, key: RenditionKey): Promise<Rendition | undefined> => {
  const [row] = await sql.orm
    .select(columns)
    .from(rendition)
    .leftJoin(edge, cell)
    .where(and(named(key), eq(rendition.state, 'active')))
  return row && toRendition(row)
}
