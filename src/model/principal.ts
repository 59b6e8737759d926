import type { ProductId, TenantId } from './ids.ts'

/** What a credential may do at all; what it may do where is the matter of edges. */
export const SCOPES = [
  'resolve',
  'assets:read',
  'assets:write',
  'publish',
  'share',
  /** The log of events, as far as it is about what the product may see. */
  'events:read',
  /** Of its own and in no default: what is erased does not come back. */
  'assets:erase',
  /** Bytes of the whole tenant by their digest, for a cache in front; of keys that are no product's. */
  'origin',
  'matrix:admin',
] as const
export type Scope = (typeof SCOPES)[number]

/** What a product may have of them. */
export const PRODUCT_SCOPES: readonly Scope[] = SCOPES.filter(scope => scope !== 'origin' && scope !== 'matrix:admin')

/** Of keys and of subjects of issuers that do not say. */
export const DEFAULT_SCOPES: readonly Scope[] = [
  'resolve',
  'assets:read',
  'assets:write',
  'publish',
  'share',
  'events:read',
]

/** `key` and `share` (a link to one asset): looked up by their hash. `token` and `link` (a signed URL) prove themselves. */
export const PRINCIPAL_KINDS = ['key', 'token', 'link', 'share'] as const
export type PrincipalKind = (typeof PRINCIPAL_KINDS)[number]

/** Who asks. An administrator has no product and the scope `matrix:admin`. */
export interface Principal {
  readonly tenant: TenantId
  readonly kind: PrincipalKind
  /** Of the credential, as events, logs and the audit name it. */
  readonly id: string
  readonly product: ProductId | undefined
  readonly scopes: readonly Scope[]
}

/** A principal whose credential needed no look-up, and when it ends, epoch milliseconds. */
export interface Proven {
  readonly principal: Principal
  readonly expiresAt: number
  /** It stands as long as the tenant's matrix is at this revision; afterwards it has to be proven anew. Absent: it stands by itself. */
  readonly asOf?: number
  /** Proves it anew: for who has waited meanwhile. */
  readonly renew?: () => Promise<Proven>
}
