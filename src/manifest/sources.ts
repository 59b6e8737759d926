/** Other systems that originals come from, as configured. */
import type { PublishPolicy } from '../model/asset.ts'
import type { Trust } from '../model/source.ts'
import type { AdapterName, SignatureScheme, SourceSystem } from '../model/source-system.ts'
import type { Sql } from './database.ts'

export interface KeptSource extends SourceSystem {
  /** As it is kept. */
  readonly bucketSecret: Buffer | undefined
  /** As it is kept (lib/sealed.ts). */
  readonly secret: Buffer
  readonly secretAt: Date
}

interface Row {
  readonly name: string
  readonly adapter: AdapterName
  readonly product: string
  readonly collection: string
  readonly scheme: SignatureScheme
  readonly header: string | null
  readonly secret: Buffer
  readonly secretAt: Date
  readonly baseUrl: string | null
  readonly bucketKeyId: string | null
  readonly bucketSecret: Buffer | null
  readonly bucketRegion: string | null
  readonly trust: Trust
  readonly publish: PublishPolicy
}

const COLUMNS = `name, adapter, product_id as product, collection_id as collection, scheme, header, secret, secret_at as "secretAt",
  base_url as "baseUrl", bucket_key_id as "bucketKeyId", bucket_secret as "bucketSecret", bucket_region as "bucketRegion", trust, publish_policy as publish`
const FIND = { name: 'source_find', text: `select ${COLUMNS} from source where tenant_id = $1 and name = $2` }
const LIST = { name: 'source_list', text: `select ${COLUMNS} from source where tenant_id = $1 order by name` }

const toSource = ({ bucketKeyId, bucketRegion, ...row }: Row): KeptSource => ({
  ...row,
  header: row.header ?? undefined,
  baseUrl: row.baseUrl ?? undefined,
  bucketKey: bucketKeyId !== null && bucketRegion !== null ? { keyId: bucketKeyId, region: bucketRegion } : undefined,
  bucketSecret: row.bucketSecret ?? undefined,
})

export const findSource = async (sql: Sql, tenant: string, name: string): Promise<KeptSource | undefined> => {
  const [row] = await sql.rows<Row>(FIND, [tenant, name])
  return row && toSource(row)
}

export const listSources = async (sql: Sql, tenant: string): Promise<KeptSource[]> =>
  (await sql.rows<Row>(LIST, [tenant])).map(toSource)

const SECRETS = {
  name: 'source_secrets',
  text: `select tenant_id as tenant, name, secret, bucket_secret as "bucketSecret" from source where tenant_id is not null`,
}

/** As they are kept, of every tenant, for the doctor. */
export const keptSourceSecrets = (
  sql: Sql,
): Promise<{ tenant: string; name: string; secret: Buffer; bucketSecret: Buffer | null }[]> => sql.rows(SECRETS, [])

const PUT = {
  name: 'source_put',
  text: `insert into source (tenant_id, name, adapter, product_id, collection_id, scheme, header, secret, secret_at, base_url, trust,
           publish_policy, created_by, bucket_key_id, bucket_secret, bucket_region)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict (tenant_id, name) do update set adapter = excluded.adapter, product_id = excluded.product_id,
           collection_id = excluded.collection_id, scheme = excluded.scheme, header = excluded.header, secret = excluded.secret,
           secret_at = excluded.secret_at, base_url = excluded.base_url, trust = excluded.trust, publish_policy = excluded.publish_policy,
           bucket_key_id = excluded.bucket_key_id, bucket_secret = excluded.bucket_secret, bucket_region = excluded.bucket_region`,
}

export const putSource = async (
  tx: Sql,
  { tenant, createdBy, ...source }: KeptSource & { readonly tenant: string; readonly createdBy: string },
): Promise<void> => {
  const { name, adapter, product, collection, scheme, header, secret, secretAt, baseUrl, trust, publish } = source
  const values = [tenant, name, adapter, product, collection, scheme, header ?? null, secret, secretAt]
  const { bucketKey, bucketSecret } = source
  const bucket = [bucketKey?.keyId ?? null, bucketSecret ?? null, bucketKey?.region ?? null]
  await tx.rows(PUT, [...values, baseUrl ?? null, trust, publish, createdBy, ...bucket])
}

const DELETE = { name: 'source_delete', text: `delete from source where tenant_id = $1 and name = $2` }

/** What it has sent stays; what of it is not done yet will not be. */
export const deleteSource = async (tx: Sql, tenant: string, name: string): Promise<void> => {
  await tx.rows(DELETE, [tenant, name])
}
