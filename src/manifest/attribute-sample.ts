/** Attributes of the newest assets of a collection, for whoever wants to know what a rule would find in them. */
import type { Attributes } from '../model/attributes.ts'
import type { Sql } from './database.ts'

const NEWEST = {
  name: 'collection_newest_attributes',
  text: `select asset_id as asset, attributes from asset
         where tenant_id = $1 and collection_id = $2 and deleted_at is null and erased_at is null
         order by asset_id desc limit $3`,
}

export const sampleAttributes = (
  sql: Sql,
  { tenant, collection, limit }: { tenant: string; collection: string; limit: number },
): Promise<{ asset: string; attributes: Attributes }[]> => sql.rows(NEWEST, [tenant, collection, limit])
