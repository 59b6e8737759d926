/** What a change of a recipe would meet: the images that are shown now or soon, the nodes that exist, and how much such outputs weigh. */
import type { Hex } from '../model/ids.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Sql } from './database.ts'

/** Images that a backfill of the collection goes over. */
const SHOWN = `from asset a
  join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.state in ('PROCESSING', 'READY', 'ACTIVE')
  join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256
  where a.tenant_id = $1 and a.collection_id = $2 and a.archived_at is null and o.image is not null`

const SHOWN_IMAGES = {
  name: 'collection_shown_images',
  text: `select encode(o.sha256, 'hex') as sha256, o.image ${SHOWN}
         order by a.asset_id desc, v.version desc limit $3`,
}

export interface ShownImage {
  readonly sha256: Hex
  readonly image: ImageFacts
}

/** Of the newest assets of a collection, one for each version that is current or may be soon. */
export const shownImages = (sql: Sql, tenant: string, collection: string, limit: number): Promise<ShownImage[]> =>
  sql.rows<ShownImage>(SHOWN_IMAGES, [tenant, collection, limit])

/** Counted one by one as far as this, four blocks each. All of a million took longer than the 5 s that a statement has. */
const MOST_COUNTED = 2_000

/** The newest ones, and how many assets there are among which they were found. */
const SOME_SHOWN = {
  name: 'collection_some_shown',
  text: `with newest as (select a.asset_id ${SHOWN} order by a.asset_id desc limit $3)
         select s.images, case when s.images = $3 then (select count(*)::int from asset a
           where a.tenant_id = $1 and a.collection_id = $2 and a.asset_id >= s.oldest) else 0 end as among
         from (select count(*)::int as images, min(asset_id::text)::uuid as oldest from newest) s`,
}
/** By the index alone. */
const COUNT_ASSETS = {
  name: 'collection_count_assets',
  text: `select count(*)::int as count from asset a where a.tenant_id = $1 and a.collection_id = $2`,
}

export const countAssets = async (sql: Sql, tenant: string, collection: string): Promise<number> =>
  (await sql.rows<{ count: number }>(COUNT_ASSETS, [tenant, collection]))[0]?.count ?? 0

/** Exact up to two thousand; of more, as many of all assets as of the newest. */
export const estimateShownImages = async (sql: Sql, tenant: string, collection: string): Promise<number> => {
  const [some] = await sql.rows<{ images: number; among: number }>(SOME_SHOWN, [tenant, collection, MOST_COUNTED])
  if (!some || some.among === 0) return some?.images ?? 0
  return Math.round(((await countAssets(sql, tenant, collection)) * some.images) / some.among)
}

const COUNT_SHOWN = { name: 'collection_shown_count', text: `select count(*)::int as count ${SHOWN}` }

export const countShownImages = async (sql: Sql, tenant: string, collection: string): Promise<number> =>
  (await sql.rows<{ count: number }>(COUNT_SHOWN, [tenant, collection]))[0]?.count ?? 0

const KNOWN_NODES = {
  name: 'nodes_known',
  text: `select encode(n.node_id, 'hex') as key from node n
         where n.tenant_id = $1 and n.node_id = any(array(select decode(id, 'hex') from unnest($2::text[]) id))
           and n.state <> 'EVICTED'`,
}

/** Those of these nodes that need not be made for this wish: they are there, or being made for another. */
export const knownNodes = async (sql: Sql, tenant: string, nodes: readonly Hex[]): Promise<ReadonlySet<Hex>> =>
  new Set((await sql.rows<{ key: Hex }>(KNOWN_NODES, [tenant, nodes])).map(({ key }) => key))

/** In the order of their digests, which is no order at all: a sample that costs the same however many there are. */
const WEIGHTS = {
  name: 'derivative_weights',
  text: `select media_type as "mediaType", sum(byte_length)::float8 / sum(width::float8 * height) as "bytesPerPixel"
         from (select media_type, byte_length, width, height from derivative where tenant_id = $1 order by sha256 limit 2000) d
         group by media_type`,
}

/** Bytes per pixel of what is stored, by media type. */
export const derivativeWeights = async (sql: Sql, tenant: string): Promise<ReadonlyMap<string, number>> => {
  const rows = await sql.rows<{ mediaType: string; bytesPerPixel: number }>(WEIGHTS, [tenant])
  return new Map(rows.map(({ mediaType, bytesPerPixel }) => [mediaType, bytesPerPixel]))
}
