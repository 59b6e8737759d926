import type { Hex, ProductId, TenantId } from './ids.ts'

/** What verifies a signed URL, as it is kept. */
export interface SigningKeyFacts {
  readonly kid: string
  readonly tenant: TenantId
  readonly product: ProductId
  /** Sealed or not: for `openSealing` alone. */
  readonly kept: Hex
}

/** Where a signing secret belongs: one that was copied into another row does not open there. */
export const signingKeyPlace = ({ tenant, kid }: Pick<SigningKeyFacts, 'tenant' | 'kid'>): string =>
  `signing_key/${tenant}/${kid}`
