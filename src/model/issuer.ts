/** Who makes tokens that are believed here, and whom they stand for. */
import type { ProductId, TenantId } from './ids.ts'
import type { Scope } from './principal.ts'

/** Signatures alone: with a shared secret whoever can check a token could make one. */
export const TOKEN_ALGORITHMS = ['EdDSA', 'ES256', 'RS256'] as const
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number]

export const MAX_ISSUERS = 20
export const MAX_SUBJECTS = 500
/** `iss` and `aud`, as tokens and issuers spell them. */
export const TOKEN_NAME = /^[\x21-\x7e]{1,255}$/

/** A value of the issuer's claim, and who it is. Without a product: an administrator of the tenant. */
export interface IssuerSubject {
  readonly value: string
  readonly product: ProductId | undefined
  readonly scopes: readonly Scope[]
}

export interface Issuer {
  readonly name: string
  /** `iss` and `aud` of its tokens: no other issuer of any tenant has the pair. */
  readonly iss: string
  readonly audience: string
  readonly jwksUri: string
  readonly algorithms: readonly TokenAlgorithm[]
  /** Of which the value is looked up in `subjects`. */
  readonly claim: string
  readonly subjects: readonly IssuerSubject[]
}

/** An issuer in one of its states: what is known of an edition never changes. */
export interface IssuerEdition extends Issuer {
  readonly tenant: TenantId
  readonly edition: number
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** What is wrong with the address of a key set; keys that anybody on the way could exchange prove nothing. */
export const jwksUriFault = (uri: string, { loopbackHttp }: { loopbackHttp: boolean }): string | undefined => {
  const url = URL.canParse(uri) && /^[\x21-\x7e]{1,500}$/.test(uri) ? new URL(uri) : undefined
  if (url === undefined) return 'Expected a URL of at most 500 characters'
  if (url.username !== '' || url.password !== '' || url.hash !== '') return 'Expected a URL without user and fragment'
  if (url.protocol === 'https:') return undefined
  if (url.protocol === 'http:' && loopbackHttp && LOOPBACK.test(url.hostname)) return undefined
  return 'Expected an https: URL'
}
