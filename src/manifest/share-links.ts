/** Links that show one asset to whoever has them; read on the request path by `resolve-read.ts`. */
import { and, asc, eq, gt } from 'drizzle-orm'
import type { Sql } from './database.ts'
import { shareLink } from './schema.ts'

export interface ShareRecord {
  readonly shareId: string
  readonly tenantId: string
  readonly productId: string
  readonly assetId: string
  readonly tokenHash: string
  /** `null`: whatever renditions the product has. */
  readonly renditions: string[] | null
  readonly original: boolean
  readonly createdBy: string
  readonly expiresAt: Date
}

const columns = {
  share: shareLink.shareId,
  product: shareLink.productId,
  asset: shareLink.assetId,
  renditions: shareLink.renditions,
  original: shareLink.original,
  createdBy: shareLink.createdBy,
  createdAt: shareLink.createdAt,
  expiresAt: shareLink.expiresAt,
  revokedAt: shareLink.revokedAt,
}

export type Share = Awaited<ReturnType<typeof listShares>>[number]

export const insertShare = async (tx: Sql, record: ShareRecord): Promise<Share> => {
  const [made] = await tx.orm.insert(shareLink).values(record).returning(columns)
  if (made === undefined) throw new Error('An insert returned nothing')
  return made
}

/** Oldest first; those of one product, or with `undefined` of all. */
export const listShares = async (
  sql: Sql,
  {
    tenantId,
    assetId,
    productId,
    after = '',
    limit,
  }: { tenantId: string; assetId: string; productId: string | undefined; after?: string | undefined; limit: number },
) =>
  sql.orm
    .select(columns)
    .from(shareLink)
    .where(
      and(
        eq(shareLink.tenantId, tenantId),
        eq(shareLink.assetId, assetId),
        gt(shareLink.shareId, after),
        productId === undefined ? undefined : eq(shareLink.productId, productId),
      ),
    )
    .orderBy(asc(shareLink.shareId))
    .limit(limit)

/** Locked, for whoever is about to change it. */
export const lockShare = async (tx: Sql, tenantId: string, shareId: string): Promise<Share | undefined> => {
  const [found] = await tx.orm
    .select(columns)
    .from(shareLink)
    .where(and(eq(shareLink.tenantId, tenantId), eq(shareLink.shareId, shareId)))
    .for('update')
  return found
}

/** One revoked before stays revoked as of then. */
export const revokeShare = async (tx: Sql, tenantId: string, shareId: string): Promise<void> => {
  await tx.rows(
    {
      name: 'share_revoke',
      text: 'update share_link set revoked_at = coalesce(revoked_at, now()) where tenant_id = $1 and share_id = $2',
    },
    [tenantId, shareId],
  )
}
