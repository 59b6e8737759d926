/** What of a thing goes into a row: the fields that changed, bounded, and nothing that opens a door. */
import { canonicalText, sha256Hex } from '../lib/canonical.ts'
import type { Fields } from '../model/audit.ts'

/** A recipe of a dozen steps has 2 kB. */
const MOST_CHARACTERS = 4_096

const TELLING_NAME = /secret|password|token|signature|authorization|credential|private_?key/i
/** Keys of ours, JSON web tokens, signed queries: nobody should write them into a name, and somebody will. */
const TELLING_TEXT =
  /\bmtx_[a-z]+_[\w-]{16,}|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|\bwhsec_[\w+/=-]{8,}|([?&](?:X-Amz-Signature|sig|signature|token)=)[^&\s"]+/gi

/** Halves of characters, and NUL, which Postgres does not hold. */
const UNSTORABLE = /[\0\p{Cs}]/gu

/** The text without credentials. */
export const withoutSecrets = (text: string): string =>
  text.replace(TELLING_TEXT, '$1[redacted]').replace(UNSTORABLE, '\ufffd')

const redact = (value: unknown, name = ''): unknown => {
  if (TELLING_NAME.test(name) && typeof value !== 'boolean' && typeof value !== 'number') return '[redacted]'
  if (typeof value === 'string') return withoutSecrets(value)
  if (Array.isArray(value)) return value.map(item => redact(item))
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [withoutSecrets(key), redact(inner, key)]))
  return value
}

/** As JSON has it: dates as text, nothing that is undefined. */
const plain = (fields: Fields): Record<string, unknown> => JSON.parse(JSON.stringify(fields))

const lengthOf = (value: unknown): number => JSON.stringify(value).length

const bounded = (fields: Fields): Fields => {
  const told = redact(fields) as Fields
  if (lengthOf(told) <= MOST_CHARACTERS) return told
  // What is long is named by its digest, so that it can be told whether a text is the one that was written.
  const digest = (value: unknown) => ({ sha256: sha256Hex(canonicalText(value)), characters: lengthOf(value) })
  const short = Object.fromEntries(
    Object.entries(told).map(([name, value]) => [name, lengthOf(value) <= 200 ? value : digest(value)]),
  )
  return lengthOf(short) <= MOST_CHARACTERS ? short : digest(told)
}

/** The fields that differ, on either side; `undefined` where there is no such side. */
export const changedFields = (
  before: Fields | undefined,
  after: Fields | undefined,
): { before: Fields | undefined; after: Fields | undefined } => {
  const [was, is] = [before && plain(before), after && plain(after)]
  if (!was || !is) return { before: was && bounded(was), after: is && bounded(is) }
  const changed = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter(
    name => canonicalText(was[name] ?? null) !== canonicalText(is[name] ?? null),
  )
  const of = (side: Record<string, unknown>) =>
    bounded(Object.fromEntries(changed.filter(name => name in side).map(name => [name, side[name]])))
  return { before: of(was), after: of(is) }
}
