/**
 * Everything that a product can resolve, a page at a time. Pages are cut by the ids of assets, from the indexes of the collections
 * that the product has an edge on and of its edges on single assets, so that a page costs the same wherever it lies and however
 * much of the tenant is not the product's.
 */
import type { Format } from '../model/recipe.ts'
import type { Database, Sql } from './database.ts'
import { type AssetGrounds, edgeJoins, GROUNDS_COLUMNS, type GroundsRow, rowGrounds } from './grounds.ts'

/** An asset that a product may be able to resolve: what the decision rests on is with it. */
export interface ManifestAsset extends AssetGrounds {
  /** `undefined`: there is nothing to resolve. */
  readonly version: number | undefined
  readonly updatedAt: Date
}

const PAGE = {
  name: 'manifest_assets',
  text: `with candidate as (
           select x.id from unnest($3::text[]) as c (collection) cross join lateral (
             select a.asset_id as id from asset a where a.tenant_id = $1 and a.collection_id = c.collection and a.asset_id > $4 order by a.asset_id limit $5) x
           union
           select y.id from (select s.asset_id as id from asset_edge s where s.tenant_id = $1 and s.product_id = $2 and s.asset_id > $4 order by s.asset_id limit $5) y),
         page as (select id from candidate order by id limit $5)
         select ${GROUNDS_COLUMNS}, case when a.archived_at is null then a.active_version end as version, a.updated_at as "updatedAt"
         from page join asset a on a.tenant_id = $1 and a.asset_id = page.id ${edgeJoins('$2')}
         order by a.asset_id`,
}

const EDGED = {
  name: 'manifest_collections',
  text: 'select collection_id as collection from edge where tenant_id = $1 and product_id = $2 order by 1',
}

export interface ManifestKey {
  readonly tenant: string
  readonly product: string
}

/** Collections that the product has an edge on. */
export const edgedCollections = async (sql: Sql, { tenant, product }: ManifestKey): Promise<string[]> =>
  (await sql.rows<{ collection: string }>(EDGED, [tenant, product])).map(({ collection }) => collection)

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'

/** In the order of their ids. Fewer than the limit: these are the last. */
export const manifestAssets = async (
  sql: Sql,
  { tenant, product }: ManifestKey,
  {
    collections,
    after = BEFORE_ALL,
    limit,
  }: { collections: readonly string[]; after: string | undefined; limit: number },
): Promise<ManifestAsset[]> => {
  type Row = GroundsRow & { readonly version: number | null; readonly updatedAt: Date }
  const rows = await sql.rows<Row>(PAGE, [tenant, product, collections, after, limit])
  return rows.map(row => ({
    ...rowGrounds(row, product),
    version: row.version ?? undefined,
    updatedAt: row.updatedAt,
  }))
}

export interface ManifestLeaf {
  readonly asset: string
  readonly version: number
  readonly rendition: string
  readonly revision: number
  readonly format: Format
  readonly sha256: string
  readonly mediaType: string
  readonly width: number
  readonly height: number
  readonly bytes: number
}

const LEAVES = {
  name: 'manifest_leaves',
  text: `select l.asset_id as asset, l.version, l.rendition, l.revision, l.format, encode(d.sha256, 'hex') as sha256,
                d.media_type, d.width, d.height, d.byte_length
         from unnest($3::uuid[], $4::int[], $5::text[]) as q (asset, version, collection)
         left join leaf l on l.tenant_id = $1 and l.asset_id = q.asset and l.version = q.version and l.product_id = $2
         left join rendition r on r.tenant_id = $1 and r.collection_id = q.collection and r.product_id = $2 and r.name = l.rendition
           and r.revision = l.revision and r.state = 'active'
         left join node n on n.tenant_id = $1 and n.node_id = l.node_id and r.revision is not null
         left join derivative d on d.tenant_id = $1 and d.sha256 = n.output
         order by l.asset_id, l.rendition collate "C", l.format collate "C"`,
}

type LeafRow = [string, number, string, number, Format, string | null, string, number, number, number]

/**
 * What is ready of these, in the order of asset, rendition and format. Joined to the left, and with the plans of the request path,
 * so that it is read from the assets on: from the renditions on it took 5 s for 500 of 4,000 assets where tables had grown since
 * they were counted. What is not ready comes as empty rows.
 */
export const manifestLeaves = async (
  database: Pick<Database, 'hotRows'>,
  { tenant, product }: ManifestKey,
  assets: readonly Pick<ManifestAsset, 'asset' | 'version' | 'collection'>[],
): Promise<ManifestLeaf[]> => {
  const shown = assets.filter(({ version }) => version !== undefined)
  if (shown.length === 0) return []
  const rows = (await database.hotRows(LEAVES, [
    tenant,
    product,
    shown.map(({ asset }) => asset),
    shown.map(({ version }) => version),
    shown.map(({ collection }) => collection),
  ])) as LeafRow[]
  return rows.flatMap(([asset, version, rendition, revision, format, sha256, mediaType, width, height, bytes]) =>
    sha256 === null ? [] : [{ asset, version, rendition, revision, format, sha256, mediaType, width, height, bytes }],
  )
}

const holding = (table: string): string =>
  `(select count(*) from ${table} where tenant_id = $1 and product_id = $2 and (not_before is null or not_before <= now()) and (expires_at is null or expires_at > now()))`

const STAMP = {
  name: 'manifest_stamp',
  text: `select (select seq from event_head) as seq,
                (select coalesce(max(insert_no), 0) from event where tenant_id = $1 and seq is null)
                  || '.' || coalesce((select revision from matrix_revision where tenant_id = $1), 0)
                  || '.' || ${holding('edge')} || '.' || ${holding('asset_edge')} as state`,
}

export interface ManifestStamp {
  /** Of the last event that has its number. */
  readonly seq: number
  /** Whatever else it depends on: events that wait for their number, the matrix, and which edges hold at this time. */
  readonly state: string
}

/** As long as it is the same, so is the manifest. */
export const manifestStamp = async (sql: Sql, { tenant, product }: ManifestKey): Promise<ManifestStamp> => {
  const [stamp] = await sql.rows<ManifestStamp>(STAMP, [tenant, product])
  return stamp ?? { seq: 0, state: '' }
}
