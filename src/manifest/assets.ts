/** Assets, their versions and the originals these name. */
import { and, asc, desc, eq, sql as fragment, gt, inArray, isNull } from 'drizzle-orm'
import type { Asset, PublishPolicy, Version, VersionState } from '../model/asset.ts'
import type { Metadata } from '../model/attributes.ts'
import type { Original } from '../model/original.ts'
import type { Entrance, Source } from '../model/source.ts'
import type { Sql } from './database.ts'
import { lookColumn, readLookColumn } from './looks.ts'
import { asset, assetVersion, original, originalLook, schedule } from './schema.ts'

export const originalColumns = {
  sha256: original.sha256,
  bytes: original.byteLength,
  mediaType: original.mediaType,
  objectKey: original.objectKey,
  image: original.image,
}

export const findOriginal = async (sql: Sql, tenantId: string, sha256: string): Promise<Original | undefined> => {
  const [row] = await sql.orm
    .select(originalColumns)
    .from(original)
    .where(and(eq(original.tenantId, tenantId), eq(original.sha256, sha256)))
  return row && { ...row, image: row.image ?? undefined }
}

const KEEP_ORIGINAL = {
  name: 'original_keep',
  text: `select 1 from original where tenant_id = $1 and sha256 = decode($2, 'hex') for key share`,
}

interface Holder {
  readonly tenantId: string
  /** In whose name it is stored. */
  readonly productId: string
}

/**
 * Equal content is one row: whoever comes second finds it, and it stays until the commit. True when this call created it, in the
 * name of the product: then
 * such bytes may have been erased before (erased-bytes.ts).
 */
export const insertOriginal = async (tx: Sql, holder: Holder, bytes: Original): Promise<boolean> => {
  for (;;) {
    if (await createOriginal(tx, holder, bytes)) return true
    if ((await tx.rows(KEEP_ORIGINAL, [holder.tenantId, bytes.sha256])).length > 0) return false
  }
}

const createOriginal = async (tx: Sql, { tenantId, productId }: Holder, bytes: Original): Promise<boolean> => {
  const rows = await tx.orm
    .insert(original)
    .values({
      tenantId,
      sha256: bytes.sha256,
      byteLength: bytes.bytes,
      mediaType: bytes.mediaType,
      objectKey: bytes.objectKey,
      image: bytes.image ?? null,
      productId,
    })
    .onConflictDoNothing({ target: [original.tenantId, original.sha256] })
    .returning({ sha256: original.sha256 })
  return rows.length > 0
}

export interface NewAsset extends Metadata {
  readonly tenantId: string
  readonly assetId: string
  readonly collectionId: string
  readonly ownerProduct: string
  readonly alias: string | undefined
  readonly createdBy: string
}

/** False when another asset of the tenant has the alias. */
export const insertAsset = async (tx: Sql, values: NewAsset): Promise<boolean> => {
  const rows = await tx.orm
    .insert(asset)
    .values({ ...values, labels: [...values.labels] })
    .onConflictDoNothing({ target: [asset.tenantId, asset.alias] })
    .returning({ asset: asset.assetId })
  return rows.length > 0
}

const TAKE_VERSION = {
  name: 'asset_take_version',
  text: `update asset set next_version = next_version + 1, updated_at = now()
         where tenant_id = $1 and asset_id = $2 and archived_at is null returning next_version - 1 as version, publication_no as publication`,
}

/** The next version number; takes the asset's row lock. `undefined` when the asset is gone or archived. */
export const takeVersion = async (
  tx: Sql,
  tenantId: string,
  assetId: string,
): Promise<{ version: number; publication: number } | undefined> =>
  (await tx.rows<{ version: number; publication: number }>(TAKE_VERSION, [tenantId, assetId]))[0]

export interface NewVersion {
  readonly tenantId: string
  readonly assetId: string
  readonly version: number
  readonly sha256: string
  readonly state: VersionState
  readonly publishPolicy: PublishPolicy
  readonly filename: string | undefined
  readonly source: Source
  /** That tells of it. */
  readonly eventId: string
  readonly createdBy: string
}

export const insertVersion = async (tx: Sql, { source, ...values }: NewVersion): Promise<void> => {
  await tx.orm.insert(assetVersion).values({ ...values, entrance: source.entrance, sourceRef: source.ref })
}

const lookOfVersion = and(
  eq(originalLook.tenantId, assetVersion.tenantId),
  eq(originalLook.sha256, assetVersion.sha256),
)
const activeVersion = and(
  eq(assetVersion.tenantId, asset.tenantId),
  eq(assetVersion.assetId, asset.assetId),
  eq(assetVersion.version, asset.activeVersion),
)
const scheduleOfAsset = and(eq(schedule.tenantId, asset.tenantId), eq(schedule.assetId, asset.assetId))
const look = fragment<string | null>`${fragment.raw(lookColumn('original_look'))}`

const assetColumns = {
  asset: asset.assetId,
  collection: asset.collectionId,
  owner: asset.ownerProduct,
  alias: asset.alias,
  labels: asset.labels,
  attributes: asset.attributes,
  activeVersion: asset.activeVersion,
  publication: asset.publicationNo,
  metadata: asset.metadataNo,
  createdAt: asset.createdAt,
  updatedAt: asset.updatedAt,
  archivedAt: asset.archivedAt,
  deletedAt: asset.deletedAt,
  erasedAt: asset.erasedAt,
  expiresAt: asset.expiresAt,
  focal: asset.focal,
  scheduled: { version: schedule.version, at: schedule.publishAt, waitingSince: schedule.waitingSince },
  look,
}

type Nullable<T> = { [K in keyof T]: undefined extends T[K] ? Exclude<T[K], undefined> | null : T[K] }
type AssetRow = Nullable<Omit<Asset, 'look' | 'schedule'>> & {
  look: string | null
  scheduled: { version: number; at: Date; waitingSince: Date | null } | null
  expiresAt: Date | null
}

const toAsset = ({ scheduled, expiresAt, ...row }: AssetRow): Asset => ({
  ...row,
  schedule: {
    publish: scheduled ? { ...scheduled, waitingSince: scheduled.waitingSince ?? undefined } : undefined,
    until: expiresAt ?? undefined,
  },
  alias: row.alias ?? undefined,
  focal: row.focal ?? undefined,
  activeVersion: row.activeVersion ?? undefined,
  archivedAt: row.archivedAt ?? undefined,
  deletedAt: row.deletedAt ?? undefined,
  erasedAt: row.erasedAt ?? undefined,
  look: readLookColumn(row.look),
})

export const findAsset = async (sql: Sql, tenantId: string, assetId: string): Promise<Asset | undefined> => {
  const [row] = await sql.orm
    .select(assetColumns)
    .from(asset)
    .leftJoin(assetVersion, activeVersion)
    .leftJoin(originalLook, lookOfVersion)
    .leftJoin(schedule, scheduleOfAsset)
    .where(and(eq(asset.tenantId, tenantId), eq(asset.assetId, assetId)))
  return row && toAsset(row)
}

export const aliasExists = async (sql: Sql, tenantId: string, alias: string): Promise<boolean> => {
  const rows = await sql.orm
    .select({ asset: asset.assetId })
    .from(asset)
    .where(and(eq(asset.tenantId, tenantId), eq(asset.alias, alias)))
  return rows.length > 0
}

/** Those of these that there are, in the order of their making. */
export const findAssets = async (sql: Sql, tenantId: string, assetIds: readonly string[]): Promise<Asset[]> => {
  const rows = await sql.orm
    .select(assetColumns)
    .from(asset)
    .leftJoin(assetVersion, activeVersion)
    .leftJoin(originalLook, lookOfVersion)
    .leftJoin(schedule, scheduleOfAsset)
    .where(and(eq(asset.tenantId, tenantId), inArray(asset.assetId, [...assetIds])))
    .orderBy(asc(asset.assetId))
  return rows.map(toAsset)
}

/** In the order of their making (ids are UUIDv7); without those that are deleted or erased. */
export const listAssets = async (
  sql: Sql,
  {
    tenantId,
    collectionId,
    after,
    limit,
  }: { tenantId: string; collectionId: string; after: string | undefined; limit: number },
): Promise<Asset[]> => {
  const rows = await sql.orm
    .select(assetColumns)
    .from(asset)
    .leftJoin(assetVersion, activeVersion)
    .leftJoin(originalLook, lookOfVersion)
    .leftJoin(schedule, scheduleOfAsset)
    .where(
      and(
        eq(asset.tenantId, tenantId),
        eq(asset.collectionId, collectionId),
        isNull(asset.deletedAt),
        isNull(asset.erasedAt),
        after ? gt(asset.assetId, after) : undefined,
      ),
    )
    .orderBy(asc(asset.assetId))
    .limit(limit)
  return rows.map(toAsset)
}

const versionColumns = {
  version: assetVersion.version,
  state: assetVersion.state,
  sha256: assetVersion.sha256,
  filename: assetVersion.filename,
  entrance: assetVersion.entrance,
  sourceRef: assetVersion.sourceRef,
  failure: assetVersion.failure,
  createdAt: assetVersion.createdAt,
  readyAt: assetVersion.readyAt,
  activatedAt: assetVersion.activatedAt,
  look,
}

type VersionRow = Nullable<Omit<Version, 'look' | 'source'>> & {
  entrance: Entrance
  sourceRef: string | null
  look: string | null
}

const toVersion = ({ entrance, sourceRef, ...row }: VersionRow): Version => ({
  ...row,
  source: { entrance, ref: sourceRef ?? undefined },
  sha256: row.sha256 ?? undefined,
  filename: row.filename ?? undefined,
  readyAt: row.readyAt ?? undefined,
  activatedAt: row.activatedAt ?? undefined,
  look: readLookColumn(row.look),
})

export const listVersions = async (sql: Sql, tenantId: string, assetId: string): Promise<Version[]> => {
  const rows = await sql.orm
    .select(versionColumns)
    .from(assetVersion)
    .leftJoin(originalLook, lookOfVersion)
    .where(and(eq(assetVersion.tenantId, tenantId), eq(assetVersion.assetId, assetId)))
    .orderBy(desc(assetVersion.version))
  return rows.map(toVersion)
}

export const findVersion = async (
  sql: Sql,
  { tenantId, assetId, version }: { tenantId: string; assetId: string; version: number },
): Promise<Version | undefined> => {
  const [row] = await sql.orm
    .select(versionColumns)
    .from(assetVersion)
    .leftJoin(originalLook, lookOfVersion)
    .where(
      and(eq(assetVersion.tenantId, tenantId), eq(assetVersion.assetId, assetId), eq(assetVersion.version, version)),
    )
  return row && toVersion(row)
}
