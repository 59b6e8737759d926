/** The two EXIF fields that a rendition may keep, made harmless: they come from strangers and end in files and answers. */
import { isUtf8 } from 'node:buffer'
import readExif from 'exif-reader'
import type { ImageFacts } from '../model/original.ts'

/** A camera writes some 20 KB of EXIF with its thumbnail; beyond this nobody means a copyright notice. */
const MAX_EXIF_BYTES = 1024 ** 2
const MAX_LENGTH = 500

/** EXIF says ASCII; what is not comes as bytes and is UTF-8 from today's software, Latin-1 from yesterday's. */
const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value
  if (!(value instanceof Uint8Array)) return ''
  return isUtf8(value) ? new TextDecoder().decode(value) : Buffer.from(value).toString('latin1')
}

const clean = (value: unknown): string | undefined => {
  const text = textOf(value)
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return Array.from(text).slice(0, MAX_LENGTH).join('').trim() || undefined
}

/** EXIF that cannot be read has nothing to keep: pixels do not depend on it, so it is no reason to refuse an image. */
export const readCredit = (exif: Buffer | undefined): ImageFacts['credit'] => {
  if (!exif || exif.length > MAX_EXIF_BYTES) return {}
  try {
    const { Image } = readExif(exif)
    const copyright = clean(Image?.Copyright)
    const artist = clean(Image?.Artist)
    return { ...(copyright !== undefined && { copyright }), ...(artist !== undefined && { artist }) }
  } catch {
    return {}
  }
}
