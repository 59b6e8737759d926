/** What a colour profile says of itself (ICC.1:2022, sections 7.2 and 9.2.41). Never throws: a profile is not trusted to be one. */
import type { IccProfile } from '../model/reading.ts'
import { cleanText } from './text.ts'

const HEADER = 128
const MAX_TAGS = 100
const MAX_NAME = 100

/** `desc` of version 2: a count and ASCII. `mluc` of version 4 (10.15): the first of its languages. */
const descriptionAt = (profile: Buffer, at: number): string => {
  const type = profile.toString('latin1', at, at + 4)
  if (type === 'desc')
    return profile.toString('latin1', at + 12, at + 12 + profile.readUInt32BE(at + 8)).split('\0', 1)[0] ?? ''
  if (type !== 'mluc' || profile.readUInt32BE(at + 8) === 0) return ''
  const [length, from] = [profile.readUInt32BE(at + 20), profile.readUInt32BE(at + 24)]
  const text = Buffer.from(profile.subarray(at + from, at + from + length - (length % 2)))
  return text.swap16().toString('utf16le')
}

const nameOf = (profile: Buffer): string | undefined => {
  const count = Math.min(profile.readUInt32BE(HEADER), MAX_TAGS)
  for (let n = 0; n < count; n++) {
    const entry = HEADER + 4 + 12 * n
    if (profile.toString('latin1', entry, entry + 4) !== 'desc') continue
    return cleanText(descriptionAt(profile, profile.readUInt32BE(entry + 4)), MAX_NAME)
  }
  return undefined
}

/** `undefined`: there is none, or it is none. */
export const readIccProfile = (block: Uint8Array | undefined): IccProfile | undefined => {
  if (!block) return undefined
  const profile = Buffer.from(block.buffer, block.byteOffset, block.byteLength)
  try {
    if (profile.toString('latin1', 36, 40) !== 'acsp') return undefined
    const space = cleanText(profile.toString('latin1', 16, 20), 4)
    if (space === undefined) return undefined
    const version = `${profile.readUInt8(8)}.${profile.readUInt8(9) >> 4}`
    const name = nameOf(profile)
    return { ...(name !== undefined && { name }), space, version, bytes: profile.length }
  } catch (error) {
    // An offset beyond the end.
    if (error instanceof RangeError) return undefined
    throw error
  }
}
