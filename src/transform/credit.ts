/** The two EXIF fields that a rendition may keep, made harmless: they come from strangers and end in files and answers. */
import readExif from 'exif-reader'
import type { ImageFacts } from '../model/original.ts'
import { cleanText, decodeText } from '../reading/text.ts'

/** A camera writes some 20 KB of EXIF with its thumbnail; beyond this nobody means a copyright notice. */
const MAX_EXIF_BYTES = 1024 ** 2
const MAX_LENGTH = 500

/** EXIF says ASCII; what is not comes as bytes. */
const clean = (value: unknown): string | undefined =>
  cleanText(typeof value === 'string' ? value : value instanceof Uint8Array ? decodeText(value) : '', MAX_LENGTH)

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
