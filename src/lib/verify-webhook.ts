/**
 * Whether a webhook is what a gateway of ours has signed: Standard Webhooks (https://www.standardwebhooks.com), HMAC-SHA-256 over
 * `id.timestamp.body`. With nothing but Web Crypto, so that it works in node, in browsers and in workers of a CDN.
 */

export interface VerifyOptions {
  /** How far its clock may be from ours, either way. 300 s unless said. */
  readonly toleranceSeconds?: number
  /** Epoch milliseconds. Now unless said. */
  readonly now?: number
}

export type WebhookFlaw = 'header-missing' | 'timestamp-invalid' | 'too-old' | 'too-new' | 'no-signature-fits'

/** Answer it with 401, and do nothing of what it says. */
export class WebhookRefused extends Error {
  override readonly name = 'WebhookRefused'
  readonly flaw: WebhookFlaw
  constructor(flaw: WebhookFlaw) {
    super(`The webhook is not believed: ${flaw}`)
    this.flaw = flaw
  }
}

type HeaderBag = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

const readHeader = (headers: HeaderBag, name: string): string => {
  const bag = headers as { get?: unknown }
  const value =
    typeof bag.get === 'function'
      ? (headers as Headers).get(name)
      : Object.entries(headers as Record<string, unknown>).find(([key]) => key.toLowerCase() === name)?.[1]
  if (typeof value !== 'string' || value === '') throw new WebhookRefused('header-missing')
  return value
}

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> | undefined => {
  try {
    return Uint8Array.from(atob(base64), character => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

const keyOf = async (secret: string) => {
  const bytes = bytesOf(secret.replace(/^whsec_/, ''))
  if (!bytes?.length) throw new TypeError('Expected secret to be that of a subscription, whsec_….')
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}

const utf8 = new TextEncoder()

/** Of an attacker's header no more is tried than a rotation can need. */
const MAX_SIGNATURES = 10

/**
 * Resolves with the parsed body; rejects with `WebhookRefused`. `body` is what came, byte for byte: not parsed and written again.
 * Several secrets are those of a rotation. Signatures are compared by Web Crypto, in constant time.
 */
export const verifyWebhook = async <T = unknown>(
  body: string | Uint8Array,
  headers: HeaderBag,
  secrets: string | readonly string[],
  { toleranceSeconds = 300, now = Date.now() }: VerifyOptions = {},
): Promise<T> => {
  const id = readHeader(headers, 'webhook-id')
  const stamp = readHeader(headers, 'webhook-timestamp')
  const given = readHeader(headers, 'webhook-signature')
  if (!/^\d{1,12}$/.test(stamp)) throw new WebhookRefused('timestamp-invalid')
  const ageSeconds = Math.floor(now / 1000) - Number(stamp)
  if (ageSeconds > toleranceSeconds) throw new WebhookRefused('too-old')
  if (ageSeconds < -toleranceSeconds) throw new WebhookRefused('too-new')

  const front = utf8.encode(`${id}.${stamp}.`)
  const rest = typeof body === 'string' ? utf8.encode(body) : body
  const signed = new Uint8Array(front.length + rest.length)
  signed.set(front)
  signed.set(rest, front.length)
  const signatures = given
    .split(' ', MAX_SIGNATURES)
    .flatMap(text => (text.startsWith('v1,') ? [bytesOf(text.slice(3))] : []))
    .filter(bytes => bytes !== undefined)
  for (const secret of typeof secrets === 'string' ? [secrets] : secrets) {
    const key = await keyOf(secret)
    for (const signature of signatures)
      if (await crypto.subtle.verify('HMAC', key, signature, signed))
        return JSON.parse(new TextDecoder().decode(rest)) as T
  }
  throw new WebhookRefused('no-signature-fits')
}
