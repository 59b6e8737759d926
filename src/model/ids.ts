import { hash, randomBytes } from 'node:crypto'
import { v7 } from 'uuid'

/** Lower-case hexadecimal SHA-256, 64 characters. */
export type Hex = string & { readonly __hex?: never }
export type TenantId = string
export type ProductId = string
export type CollectionId = string
/** UUIDv7, so that ids sort by the time they were made. */
export type AssetId = string

export const newId = (): string => v7()
/** Says nothing of the secret; the random half of an id is enough to tell keys apart. */
export const newKeyId = (): string => `key_${newId().replaceAll('-', '').slice(-16)}`

/** Names of tenants, products, collections and renditions: safe in a path, a key and a metric label. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,39}$/
export const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
export const SHA256_PATTERN = /^[0-9a-f]{64}$/

/** A digest as the API spells it: `sha256:<hex>`. */
export const digestOf = (sha256: Hex): string => `sha256:${sha256}`

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base62 = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes) text += ALPHABET[byte % 62]
  return text
}

/**
 * A new API key: `mtx_live_<40 characters><6 characters of checksum>`. 40 characters of base 62 carry more than 230 bits,
 * so a plain SHA-256 of the secret is enough at rest. The checksum lets a scanner tell a leaked key from noise.
 */
export const newSecret = (): string => recognisable('mtx_live_')

/** Of a key that signs URLs, in the same form. All of the text is the secret, prefix and checksum included. */
export const newSigningSecret = (): string => recognisable('mtx_sign_')

/** Of a share link: 32 characters of base 62, more than 180 bits. */
export const newShareToken = (): string => base62(randomBytes(32))

/** What follows a product's name in the id of its signing key: told apart by people, and never taken. */
export const newKid = (product: string): string => `${product}-${base62(randomBytes(10)).toLowerCase()}`

const recognisable = (prefix: string): string => {
  const body = base62(randomBytes(40))
  return `${prefix}${body}${secretChecksum(body)}`
}

const secretChecksum = (body: string): string => base62(hash('sha256', body, 'buffer').subarray(0, 6))

/** False for anything that was mistyped or cut: such a key needs no look-up. One-shot hashing: 1 us where a hash object takes 4. */
export const isWellFormedSecret = (secret: string): boolean => {
  const match = /^mtx_live_([0-9A-Za-z]{40})([0-9A-Za-z]{6})$/.exec(secret)
  return match?.[1] !== undefined && secretChecksum(match[1]) === match[2]
}

/** A JWT in compact form (RFC 7519 section 3): a JSON object in base64url, and two parts more. No key of ours has a dot. */
export const isTokenLike = (secret: string): boolean =>
  secret.startsWith('ey') && /^ey[\w-]*\.[\w-]+\.[\w-]*$/.test(secret)

export const hashSecret = (secret: string): Hex => hash('sha256', secret)

/** Of a webhook, as Standard Webhooks spells it: 32 bytes in base64. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`
