/** What is there already of an asset that something else was asked of. Not on the warm path: asked when there is nothing to answer. */
import type { Format } from '../model/recipe.ts'
import type { Sql } from './database.ts'

/** More than a product may have of one version, by default. */
const MOST = 256

/**
 * By active revisions alone: what a recipe made before it was changed may be what the change was to take away, a picture without
 * its watermark for instance.
 */
const MADE = {
  name: 'fallback_made',
  text: `select l.rendition, l.format, d.width, d.height
         from asset a
         join leaf l on l.tenant_id = a.tenant_id and l.asset_id = a.asset_id and l.version = $3 and l.product_id = $4
         join rendition r on r.tenant_id = l.tenant_id and r.collection_id = a.collection_id and r.product_id = l.product_id
           and r.name = l.rendition and r.revision = l.revision and r.state = 'active'
         join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id and n.state = 'DONE'
         join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output
         where a.tenant_id = $1 and a.asset_id = $2
         order by l.rendition, l.position limit ${MOST}`,
}

export interface Made {
  readonly rendition: string
  readonly format: Format
  readonly width: number
  readonly height: number
}

export interface OfVersion {
  readonly tenant: string
  readonly asset: string
  readonly version: number
  readonly product: string
}

/** Every format of the product's renditions that this version has, in its order of preference. */
export const madeOfVersion = (sql: Sql, { tenant, asset, version, product }: OfVersion): Promise<Made[]> =>
  sql.rows<Made>(MADE, [tenant, asset, version, product])

const BEFORE = {
  name: 'fallback_before',
  text: `select v.version
         from asset a
         join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version < $3 and v.state in ('ACTIVE', 'ARCHIVED')
         join leaf l on l.tenant_id = v.tenant_id and l.asset_id = v.asset_id and l.version = v.version and l.product_id = $4 and l.rendition = $5
         join rendition r on r.tenant_id = l.tenant_id and r.collection_id = a.collection_id and r.product_id = l.product_id
           and r.name = l.rendition and r.revision = l.revision and r.state = 'active'
         join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id and n.state = 'DONE'
         where a.tenant_id = $1 and a.asset_id = $2 and ($6::text is null or l.format = $6)
         order by v.version desc limit 1`,
}

/** The newest earlier version that was shown at some time and has this rendition. */
export const versionBefore = async (
  sql: Sql,
  { tenant, asset, version, product, rendition, format }: OfVersion & { rendition: string; format: Format | 'auto' },
): Promise<number | undefined> => {
  const values = [tenant, asset, version, product, rendition, format === 'auto' ? null : format]
  return (await sql.rows<{ version: number }>(BEFORE, values))[0]?.version
}
