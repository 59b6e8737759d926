/**
 * Secrets that have to be read again: sealed with AES-256-GCM where a key is configured, else kept as they are. A sealed one is
 * bound to its place (additional data), so a row that is copied over another does not open.
 *
 *     0x00 secret          0x01 nonce(12) ciphertext tag(16)
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const PLAIN = 0
const AES_256_GCM = 1
const NONCE = 12
const TAG = 16

export interface Sealing {
  /** Whether what is kept from now on is sealed. */
  readonly isOn: boolean
  seal(secret: string, place: string): Buffer
  /** `undefined`: sealed with a key that is not here, or not what was kept in this place. */
  open(kept: Uint8Array, place: string): string | undefined
}

/** The first key seals; all of them open, so that a key can be replaced. */
export const openSealing = (keys: readonly Buffer[]): Sealing => ({
  isOn: keys.length > 0,
  seal(secret, place) {
    const [key] = keys
    if (key === undefined) return Buffer.concat([Buffer.of(PLAIN), Buffer.from(secret)])
    const nonce = randomBytes(NONCE)
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place))
    const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()])
    return Buffer.concat([Buffer.of(AES_256_GCM), nonce, text, cipher.getAuthTag()])
  },
  open(kept, place) {
    const bytes = Buffer.from(kept)
    if (bytes[0] === PLAIN) return bytes.toString('utf8', 1)
    if (bytes[0] !== AES_256_GCM || bytes.length < 1 + NONCE + TAG) return undefined
    for (const key of keys) {
      const opened = unseal(bytes, key, place)
      if (opened !== undefined) return opened
    }
    return undefined
  },
})

const unseal = (bytes: Buffer, key: Buffer, place: string): string | undefined => {
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + NONCE))
    .setAAD(Buffer.from(place))
    .setAuthTag(bytes.subarray(-TAG))
  const text = decipher.update(bytes.subarray(1 + NONCE, -TAG))
  try {
    return Buffer.concat([text, decipher.final()]).toString('utf8')
  } catch {
    return undefined // another key sealed it: the tag says so
  }
}
