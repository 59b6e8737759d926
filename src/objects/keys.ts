/**
 * The one place that builds object keys. A key is a content address: equal bytes of a tenant meet in one object, and
 * tenants never meet. The two characters before the digest spread keys over prefixes (and folders, in the embedded store).
 */
import { MatrixError } from '../model/errors.ts'
import { type Hex, NAME_PATTERN, SHA256_PATTERN, type TenantId } from '../model/ids.ts'

/** `t/<tenant>/o/<aa>/<sha256>` */
export const originalKey = (tenant: TenantId, sha256: Hex): string => contentKey(tenant, 'o', sha256)

/** `t/<tenant>/d/<aa>/<sha256>` */
export const derivativeKey = (tenant: TenantId, sha256: Hex): string => contentKey(tenant, 'd', sha256)

/** All originals of a tenant, for listings. */
export const originalsPrefix = (tenant: TenantId): string => `t/${checkedTenant(tenant)}/o/`

/** All derivatives of a tenant, for listings. */
export const derivativesPrefix = (tenant: TenantId): string => `t/${checkedTenant(tenant)}/d/`

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
