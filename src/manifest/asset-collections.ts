/** Which collections assets are in. */
import type { Sql } from './database.ts'

const COLLECTIONS = {
  name: 'asset_collections',
  text: 'select asset_id as asset, collection_id as collection from asset where tenant_id = $1 and asset_id = any($2::uuid[])',
}

export const collectionsOf = async (
  sql: Sql,
  tenant: string,
  assets: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const rows = await sql.rows<{ asset: string; collection: string }>(COLLECTIONS, [tenant, assets])
  return new Map(rows.map(({ asset, collection }) => [asset, collection]))
}
