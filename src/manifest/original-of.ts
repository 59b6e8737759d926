/** The original of a version. */
import { and, eq } from 'drizzle-orm'
import type { FocalPoints } from '../model/focal.ts'
import type { Original } from '../model/original.ts'
import { originalColumns } from './assets.ts'
import type { Sql } from './database.ts'
import { asset, assetVersion, original } from './schema.ts'

/** Of one version, with what of its asset is to be kept in sight, in one round trip. */
export const findOriginalOf = async (
  sql: Sql,
  { tenantId, assetId, version }: { tenantId: string; assetId: string; version: number },
): Promise<(Original & { readonly focal: FocalPoints | undefined }) | undefined> => {
  const [row] = await sql.orm
    .select({ ...originalColumns, focal: asset.focal })
    .from(assetVersion)
    .innerJoin(original, and(eq(original.tenantId, assetVersion.tenantId), eq(original.sha256, assetVersion.sha256)))
    .innerJoin(asset, and(eq(asset.tenantId, assetVersion.tenantId), eq(asset.assetId, assetVersion.assetId)))
    .where(
      and(eq(assetVersion.tenantId, tenantId), eq(assetVersion.assetId, assetId), eq(assetVersion.version, version)),
    )
  return row && { ...row, image: row.image ?? undefined, focal: row.focal ?? undefined }
}
