/** RFC 8785 (JCS) text, so that equal values have equal text and equal digests in every process and language. */
import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'

/** Throws `TypeError` for what JSON cannot hold: NaN, infinities, `undefined`, functions. */
export const canonicalText = (value: unknown): string => {
  const text = canonicalize(value)
  if (text === undefined) throw new TypeError(`Expected a JSON value but received ${typeof value}`)
  return text
}

/** Lower-case hexadecimal. A string is hashed as UTF-8. */
export const sha256Hex = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex')
