/** What an import takes back of assets. */
import type { Sql } from './database.ts'

const NEWER_VERSION = {
  name: 'import_newer_version',
  text: `select 1 from asset_version where tenant_id = $1 and asset_id = $2 and version > $3 limit 1`,
}

/** Whether somebody has gone on from this version. */
export const hasNewerVersion = async (
  tx: Sql,
  { tenant, asset, version }: { tenant: string; asset: string; version: number },
): Promise<boolean> => (await tx.rows(NEWER_VERSION, [tenant, asset, version])).length > 0

const RELEASE_ALIAS = {
  name: 'import_release_alias',
  text: 'update asset set alias = null, updated_at = now() where tenant_id = $1 and asset_id = $2 and alias is not null',
}

/** So that the same manifest, mended, may name another one by it. */
export const releaseAlias = async (tx: Sql, { tenant, asset }: { tenant: string; asset: string }): Promise<void> => {
  await tx.rows(RELEASE_ALIAS, [tenant, asset])
}

const KEEP_BACK = {
  name: 'import_keep_back',
  text: `update asset_version set publish_policy = 'manual'
         where tenant_id = $1 and asset_id = $2 and version = $3 and state in ('PENDING', 'PROCESSING', 'READY', 'FAILED') and publish_policy <> 'manual'`,
}

/** Does not become current by itself any more. */
export const keepBack = async (
  tx: Sql,
  { tenant, asset, version }: { tenant: string; asset: string; version: number },
): Promise<void> => {
  await tx.rows(KEEP_BACK, [tenant, asset, version])
}
