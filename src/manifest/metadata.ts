/** Labels and attributes of an asset, changed with its row locked. */
import type { Metadata } from '../model/attributes.ts'
import type { Cause } from '../model/event.ts'
import type { FocalPoints } from '../model/focal.ts'
import type { Sql } from './database.ts'
import { appendFacts } from './events.ts'

export interface LockedMetadata extends Metadata {
  readonly collection: string
  readonly publication: number
  readonly metadata: number
  readonly archived: boolean
  readonly focal: FocalPoints | null
}

const LOCK = {
  name: 'metadata_lock',
  text: `select collection_id as collection, labels, attributes, focal, publication_no as publication, metadata_no as metadata,
                archived_at is not null as archived
         from asset where tenant_id = $1 and asset_id = $2 for update`,
}

export const lockMetadata = async (tx: Sql, tenant: string, asset: string): Promise<LockedMetadata | undefined> =>
  (await tx.rows<LockedMetadata>(LOCK, [tenant, asset]))[0]

const WRITE = {
  name: 'metadata_write',
  text: `update asset set labels = $3, attributes = $4, focal = $5, metadata_no = metadata_no + 1, updated_at = now()
         where tenant_id = $1 and asset_id = $2 returning metadata_no as metadata`,
}

/** For whoever has locked it. Appends the fact that names the changed paths. */
export const writeMetadata = async (
  tx: Sql,
  { tenant, asset, cause }: { tenant: string; asset: string; cause: Cause },
  {
    labels,
    attributes,
    focal,
    changed,
  }: Metadata & { readonly focal: FocalPoints | null | undefined; readonly changed: readonly string[] },
): Promise<void> => {
  const [row] = await tx.rows<{ metadata: number }>(WRITE, [
    tenant,
    asset,
    labels,
    JSON.stringify(attributes),
    focal ? JSON.stringify(focal) : null,
  ])
  const facts = [{ type: 'asset.metadata_changed' as const, data: { asset, metadata: row?.metadata, changed } }]
  await appendFacts(tx, { tenant, asset, cause, facts })
}
