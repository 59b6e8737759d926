/** Did this source send this? Compared in constant time; what is missing is compared with, too. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SignatureScheme, SourceSystem } from '../model/source-system.ts'

export interface SignedBody {
  readonly header: (name: string) => string | undefined
  readonly body: Buffer
  /** Epoch milliseconds. */
  readonly now: number
}

/** Standard Webhooks: who is later than that, or has kept it, is not believed. */
const TOLERANCE_MS = 300_000
export const DEFAULT_SIGNATURE_HEADER = 'x-hub-signature-256'

const hmac = (key: Uint8Array | string, ...parts: readonly (string | Buffer)[]): Buffer => {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

const isSame = (given: Buffer, expected: Buffer): boolean => given.length === 32 && timingSafeEqual(given, expected)

/** Any of several signatures is enough: that is how a secret is replaced. */
const byStandardWebhooks = (secret: string, { header, body, now }: SignedBody): boolean => {
  const [id = '', timestamp = '', signatures = ''] = ['id', 'timestamp', 'signature'].map(name =>
    header(`webhook-${name}`),
  )
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const expected = hmac(key, `${id}.${timestamp}.`, body)
  const isNow = /^\d{1,12}$/.test(timestamp) && Math.abs(Number(timestamp) * 1000 - now) <= TOLERANCE_MS
  const given = signatures.split(' ').slice(0, 8)
  return given.some(one => isSame(Buffer.from(one.replace(/^v1,/, ''), 'base64'), expected)) && id !== '' && isNow
}

/** In hexadecimal or base64, with or without `sha256=` before it. */
const byHmac = (secret: string, { header, body }: SignedBody, name: string): boolean => {
  const text = (header(name) ?? '').trim().replace(/^sha256=/i, '')
  const given = Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? 'hex' : 'base64')
  return isSame(given, hmac(secret, body))
}

/** Hashed under the same key, so that neither length nor prefix shows in the time. */
const byBearer = (secret: string, { header }: SignedBody): boolean => {
  const [, token = ''] = /^Bearer (\S+)$/i.exec(header('authorization') ?? '') ?? []
  return isSame(hmac(secret, token), hmac(secret, secret))
}

const SCHEMES: Readonly<Record<SignatureScheme, (secret: string, signed: SignedBody, header: string) => boolean>> = {
  'standard-webhooks': byStandardWebhooks,
  'hmac-sha256': byHmac,
  bearer: byBearer,
}

export const isSignedBy = (
  { scheme, header }: Pick<SourceSystem, 'scheme' | 'header'>,
  secret: string,
  signed: SignedBody,
): boolean => SCHEMES[scheme](secret, signed, header ?? DEFAULT_SIGNATURE_HEADER)

/** The rule that a secret breaks, if it does: what is short can be guessed. */
export const secretFault = (scheme: SignatureScheme, secret: string): string | undefined => {
  if (scheme !== 'standard-webhooks')
    return /^[\x21-\x7e]{16,256}$/.test(secret) ? undefined : 'Expected 16 to 256 visible ASCII characters.'
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? []
  const { length } = Buffer.from(base64, 'base64')
  return length >= 24 && length <= 64 ? undefined : 'Expected whsec_ and 24 to 64 bytes in base64.'
}
