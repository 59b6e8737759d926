/**
 * One address that a cache may have kept of what was purged, and what it has to answer now to somebody without a credential.
 * Only edges that do not redirect have such addresses, and public ones first: they are the same for everybody.
 */
import type { DeliveryPath } from '../model/delivery-path.ts'
import type { Purge } from '../model/purge.ts'
import type { Format } from '../model/recipe.ts'
import type { Sql } from './database.ts'

export interface PurgeSample {
  readonly path: DeliveryPath
  /** `hidden`: a refusal. Else the digest that the bytes must have. `undefined`: it depends on more than is known here. */
  readonly expects: 'hidden' | { readonly sha256: string } | undefined
}

interface Row {
  readonly product: string
  readonly asset: string
  readonly version: number
  readonly rendition: string
  readonly format: Format
  readonly hidden: boolean
  readonly unsure: boolean
  readonly sha256: string | null
}

const SAMPLE = {
  name: 'purge_sample',
  text: `select r.product_id as product, a.asset_id as asset, v.version, r.name as rendition, r.recipe::jsonb -> 'outputs' -> 0 ->> 'format' as format,
           a.archived_at is not null or e.role is null or coalesce(s.visibility, e.visibility) <> 'public' or r.state <> 'active' as hidden,
           e.conditions is not null or e.not_before is not null or e.expires_at is not null or s.role is not null as unsure,
           encode(n.output, 'hex') as sha256
         from asset a
         join lateral (
           select w.version from asset_version w where w.tenant_id = a.tenant_id and w.asset_id = a.asset_id
             and w.state in ('ACTIVE', 'ARCHIVED', 'PURGED') order by w.version = a.active_version desc, w.version desc limit 1) v on true
         join lateral (
           select * from rendition x where x.tenant_id = a.tenant_id and x.collection_id = a.collection_id
             and ($3::text is null or x.product_id = $3) and ($4::text is null or x.name = $4)
           order by x.state, x.revision desc limit 50) r on true
         left join edge e on e.tenant_id = a.tenant_id and e.collection_id = a.collection_id and e.product_id = r.product_id
         left join asset_edge s on s.tenant_id = a.tenant_id and s.asset_id = a.asset_id and s.product_id = r.product_id
         left join leaf l on l.tenant_id = a.tenant_id and l.asset_id = a.asset_id and l.version = v.version and l.product_id = r.product_id
           and l.rendition = r.name and l.revision = r.revision and l.format = r.recipe::jsonb -> 'outputs' -> 0 ->> 'format'
         left join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
         where a.tenant_id = $1 and a.asset_id = $2 and coalesce(e.delivery, 'stream') <> 'redirect'
         order by e.visibility = 'public' desc nulls last, r.state, n.output is null, r.product_id, r.name limit 1`,
}

const NEWEST = {
  name: 'purge_sample_asset',
  text: `select asset_id as asset from asset where tenant_id = $1 and collection_id = $2 order by asset_id desc limit 1`,
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const OF_ASSET = new RegExp(`^assets/(${UUID})(?:/grants/([a-z0-9-]+))?$`)
const OF_CELL = /^collections\/([a-z0-9-]+)\/(?:grants|products)\/([a-z0-9-]+)(?:\/renditions\/([a-z0-9-]+))?$/

/** `undefined`: nothing that a cache could be asked for. */
export const samplePurge = async (
  sql: Sql,
  { tenant, subject, reason }: Pick<Purge, 'tenant' | 'subject' | 'reason'>,
): Promise<PurgeSample | undefined> => {
  const [, named, ofAsset] = OF_ASSET.exec(subject) ?? []
  const [, collection, ofCell, rendition] = OF_CELL.exec(subject) ?? []
  const [newest] = collection === undefined ? [] : await sql.rows<{ asset: string }>(NEWEST, [tenant, collection])
  const asset = named ?? newest?.asset
  if (asset === undefined) return undefined
  const values = [tenant, asset, ofAsset ?? ofCell ?? null, rendition ?? null]
  const [row] = await sql.rows<Row>(SAMPLE, values)
  if (row === undefined) return undefined
  const { hidden, unsure, sha256, ...pinned } = row
  // A publish changes what `current` leads to, and no pinned path.
  const path = reason === 'publish' ? { ...pinned, version: undefined } : pinned
  const expects = hidden ? 'hidden' : unsure || sha256 === null ? undefined : { sha256 }
  return { path, expects }
}
