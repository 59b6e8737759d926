/**
 * The one place that builds object keys. A key is a content address: equal bytes of a tenant meet in one object, and
 * tenants never meet. The two characters before the digest spread keys over prefixes (and folders, in the embedded store).
 */
import { MatrixError } from '../model/errors.ts'
import { type Hex, NAME_PATTERN, SHA256_PATTERN, type TenantId, UUID_PATTERN } from '../model/ids.ts'

/** `t/<tenant>/o/<aa>/<sha256>` */
export const originalKey = (tenant: TenantId, sha256: Hex): string => contentKey(tenant, 'o', sha256)

/** `t/<tenant>/d/<aa>/<sha256>` */
export const derivativeKey = (tenant: TenantId, sha256: Hex): string => contentKey(tenant, 'd', sha256)

/** All originals of a tenant, for listings. */
export const originalsPrefix = (tenant: TenantId): string => `t/${checkedTenant(tenant)}/o/`

/** All derivatives of a tenant, for listings. */
export const derivativesPrefix = (tenant: TenantId): string => `t/${checkedTenant(tenant)}/d/`

/** `t/<tenant>/p/<upload>/<name>`, in the staging bucket: a piece of an upload that has not ended yet. */
export const pieceKey = (tenant: TenantId, upload: string, name: string): string => {
  if (!/^[0-9a-f-]+$/.test(name)) throw new MatrixError('internal', `Expected a piece for a key but received ${name}`)
  return `${piecesPrefix(tenant, upload)}${name}`
}

/** All pieces of an upload, those included that no row knows. */
export const piecesPrefix = (tenant: TenantId, upload: string): string => {
  if (!UUID_PATTERN.test(upload))
    throw new MatrixError('internal', `Expected an upload for a key but received ${upload}`)
  return `t/${checkedTenant(tenant)}/p/${upload}/`
}

/** `t/<tenant>/s/<id>`: what a client puts under a presigned URL. Named by its upload, for nobody knows yet what it is. */
export const stagingKey = (tenant: TenantId, id: string): string => {
  if (!UUID_PATTERN.test(id)) throw new MatrixError('internal', `Expected an id for a key but received ${id}`)
  return `t/${checkedTenant(tenant)}/s/${id}`
}

/** Whose upload a key of the staging bucket is; `undefined` for keys of others. */
export const readStagingKey = (key: string): { tenant: TenantId; id: string } | undefined => {
  const [, tenant = '', id = ''] = /^t\/([^/]+)\/s\/([^/]+)$/.exec(key) ?? []
  return NAME_PATTERN.test(tenant) && UUID_PATTERN.test(id) ? { tenant, id } : undefined
}

/** A key that no content address can collide with: the start-up probe writes and removes it. */
export const probeKey = (id: string): string => `probe/${id}`

const contentKey = (tenant: TenantId, kind: 'o' | 'd', sha256: Hex): string => {
  if (!SHA256_PATTERN.test(sha256))
    throw new MatrixError('internal', `Expected a SHA-256 for a key but received ${sha256}`)
  return `t/${checkedTenant(tenant)}/${kind}/${sha256.slice(0, 2)}/${sha256}`
}

const checkedTenant = (tenant: TenantId): TenantId => {
  if (!NAME_PATTERN.test(tenant))
    throw new MatrixError('internal', `Expected a tenant for a key but received ${tenant}`)
  return tenant
}
