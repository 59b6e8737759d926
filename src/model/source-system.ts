/** Another system that tells what is new with it, and what it is allowed to bring about here. */
import type { PublishPolicy } from './asset.ts'
import type { Principal } from './principal.ts'
import type { Trust } from './source.ts'

/** What its payloads look like. */
export const ADAPTERS = ['cloudevents', 's3-events'] as const
export type AdapterName = (typeof ADAPTERS)[number]

/**
 * How it proves itself. `standard-webhooks`: signature over id, time and body. `hmac-sha256`: over the body, in a header that it
 * chooses. `bearer`: the secret itself, of those that can sign nothing.
 */
export const SIGNATURE_SCHEMES = ['standard-webhooks', 'hmac-sha256', 'bearer'] as const
export type SignatureScheme = (typeof SIGNATURE_SCHEMES)[number]

export interface SourceSystem {
  readonly name: string
  readonly adapter: AdapterName
  /** In whose name it acts. */
  readonly product: string
  readonly collection: string
  readonly scheme: SignatureScheme
  /** Of `hmac-sha256`. */
  readonly header: string | undefined
  /** Where its objects are, for payloads that name no URL. */
  readonly baseUrl: string | undefined
  /** Of a bucket that gives nothing to whoever asks. */
  readonly bucketKey: { readonly keyId: string; readonly region: string } | undefined
  readonly trust: Trust
  readonly publish: PublishPolicy
}

export const ITEM_STATES = ['PENDING', 'DONE', 'DEAD'] as const
export type ItemState = (typeof ITEM_STATES)[number]

/** It proved itself by its secret as a key does, and may do what a key could that only uploads. */
export const principalOf = (tenant: string, { name, product }: Pick<SourceSystem, 'name' | 'product'>): Principal => ({
  tenant,
  kind: 'key',
  id: `source_${name}`,
  product,
  scopes: ['assets:write'],
})

/** What the secret of its bucket's key is bound to where it is sealed. */
export const bucketSecretPlace = ({ tenant, name }: { tenant: string; name: string }): string =>
  `source-bucket/${tenant}/${name}`

/** What its secret is bound to where it is sealed. */
export const sourceSecretPlace = ({ tenant, name }: { tenant: string; name: string }): string =>
  `source/${tenant}/${name}`
