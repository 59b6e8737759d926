/** What a change of a recipe would meet: the images that are shown now, and the nodes that exist. */
import type { Hex } from '../model/ids.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Sql } from './database.ts'

const SHOWN_IMAGES = {
  name: 'collection_shown_images',
  text: `select encode(o.sha256, 'hex') as sha256, o.image, count(*) over ()::int as total
         from asset a
         join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = a.active_version
         join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256
         where a.tenant_id = $1 and a.collection_id = $2 and a.archived_at is null and o.image is not null
         order by a.asset_id desc limit $3`,
}

export interface ShownImage {
  readonly sha256: Hex
  readonly image: ImageFacts
  /** How many there are, beyond the limit too. */
  readonly total: number
}

/** Of the newest assets of a collection, one for each active version. */
export const shownImages = (sql: Sql, tenant: string, collection: string, limit: number): Promise<ShownImage[]> =>
  sql.rows<ShownImage>(SHOWN_IMAGES, [tenant, collection, limit])

const KNOWN_NODES = {
  name: 'nodes_known',
  text: `select count(*)::int as known from node n
         where n.tenant_id = $1 and n.node_id = any(array(select decode(id, 'hex') from unnest($2::text[]) id))
           and n.state <> 'EVICTED'`,
}

/** How many of these nodes need not be made for this wish: they are there, or being made for another. */
export const countKnownNodes = async (sql: Sql, tenant: string, nodes: readonly Hex[]): Promise<number> =>
  (await sql.rows<{ known: number }>(KNOWN_NODES, [tenant, nodes]))[0]?.known ?? 0
