/** Edges on single assets. Which of an asset's and its collection's answers is the matter of policy/governing.ts. */
import { and, asc, eq } from 'drizzle-orm'
import type { AssetEdge } from '../model/product.ts'
import { readNulled, storeNulled } from './collections.ts'
import type { Sql } from './database.ts'
import type { GroundsKey } from './grounds.ts'
import { asset, assetEdge } from './schema.ts'

const columns = {
  product: assetEdge.productId,
  role: assetEdge.role,
  originalAccess: assetEdge.originalAccess,
  attributePaths: assetEdge.attributePaths,
  visibility: assetEdge.visibility,
  notBefore: assetEdge.notBefore,
  expiresAt: assetEdge.expiresAt,
  conditions: assetEdge.conditions,
}

const cell = ({ tenantId, assetId, productId }: GroundsKey) =>
  and(eq(assetEdge.tenantId, tenantId), eq(assetEdge.assetId, assetId), eq(assetEdge.productId, productId))

export const findAssetEdge = async (sql: Sql, key: GroundsKey): Promise<AssetEdge | undefined> => {
  const [row] = await sql.orm.select(columns).from(assetEdge).where(cell(key))
  return row && { ...row, ...readNulled(row) }
}

export const listAssetEdges = async (sql: Sql, tenantId: string, assetId: string): Promise<AssetEdge[]> => {
  const rows = await sql.orm
    .select(columns)
    .from(assetEdge)
    .where(and(eq(assetEdge.tenantId, tenantId), eq(assetEdge.assetId, assetId)))
    .orderBy(asc(assetEdge.productId))
  return rows.map(row => ({ ...row, ...readNulled(row) }))
}

export const putAssetEdge = async (
  tx: Sql,
  { tenantId, assetId }: Omit<GroundsKey, 'productId'>,
  edge: AssetEdge,
): Promise<void> => {
  const { product: productId, role, originalAccess, visibility } = edge
  const values = { role, originalAccess, visibility, ...storeNulled(edge) }
  await tx.orm
    .insert(assetEdge)
    .values({ tenantId, assetId, productId, ...values })
    .onConflictDoUpdate({ target: [assetEdge.tenantId, assetEdge.assetId, assetEdge.productId], set: values })
}

/** False when there was no such edge. */
export const deleteAssetEdge = async (tx: Sql, key: GroundsKey): Promise<boolean> => {
  const gone = await tx.orm.delete(assetEdge).where(cell(key)).returning({ product: assetEdge.productId })
  return gone.length > 0
}

/** Whether anything was said for the product of single assets of the collection. */
export const hasAssetEdges = async (
  sql: Sql,
  { tenantId, collectionId, productId }: { tenantId: string; collectionId: string; productId: string },
): Promise<boolean> => {
  const rows = await sql.orm
    .select({ asset: assetEdge.assetId })
    .from(assetEdge)
    .innerJoin(asset, and(eq(asset.tenantId, assetEdge.tenantId), eq(asset.assetId, assetEdge.assetId)))
    .where(
      and(eq(assetEdge.tenantId, tenantId), eq(assetEdge.productId, productId), eq(asset.collectionId, collectionId)),
    )
    .limit(1)
  return rows.length > 0
}
