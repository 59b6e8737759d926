/**
 * EXIF of an original for a derivative, written anew (EXIF 2.32, TIFF 6.0): what describes other pixels than the derivative's
 * (orientation, size, thumbnail, which shows what a crop took away) never goes along, and unless all is to be kept, nothing
 * does that is not on a list. A list of what is private would miss the next maker's invention.
 */

/** Description, device, software, time, maker. */
const PUBLIC_IMAGE = new Set([0x010e, 0x010f, 0x0110, 0x0131, 0x0132, 0x013b, 0x8298])
/** How it was taken: exposure, times, lens. Not the owner, serial numbers, comments, maker's notes or unique ids. */
const PUBLIC_PHOTO = new Set([
  ...[0x829a, 0x829d, 0x8822, 0x8827, 0x8830, 0x8831, 0x8832, 0x9000, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x9201],
  ...[0x9202, 0x9203, 0x9204, 0x9205, 0x9206, 0x9207, 0x9208, 0x9209, 0x920a, 0x9290, 0x9291, 0x9292, 0xa217, 0xa300],
  ...[
    0xa301, 0xa401, 0xa402, 0xa403, 0xa404, 0xa405, 0xa406, 0xa407, 0xa408, 0xa409, 0xa40a, 0xa40c, 0xa432, 0xa433,
    0xa434,
  ],
])
/** Of the file that it came in: layout, orientation, colour space, thumbnails, other blocks of metadata. */
const OF_THE_FILE = new Set([
  ...[0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0111, 0x0112, 0x0115, 0x0116, 0x0117, 0x011c, 0x0144, 0x0145, 0x014a],
  ...[0x0201, 0x0202, 0x02bc, 0x83bb, 0x8649, 0x8773, 0x501b, 0xa001, 0xa002, 0xa003, 0xa005],
])
const PHOTO_POINTER = 0x8769
const PLACE_POINTER = 0x8825
const MAKER_NOTE = 0x927c

const SIZES: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
}
const MAX_ENTRIES = 200
const MAX_VALUE = 2_048
/** A JPEG segment holds 64 KB of EXIF. */
const MAX_MAKER_NOTE = 40_000
const MAX_TOTAL = 60_000

interface Entry {
  readonly tag: number
  readonly type: number
  readonly count: number
  readonly value: Buffer
}
type Keep = (entry: Entry) => boolean

interface Reader {
  readonly tiff: Buffer
  readonly little: boolean
}
const u16 = ({ tiff, little }: Reader, at: number): number => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
const u32 = ({ tiff, little }: Reader, at: number): number => (little ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))

const readDirectory = (reader: Reader, at: number): Entry[] => {
  const count = Math.min(u16(reader, at), MAX_ENTRIES)
  return Array.from({ length: count }, (_, index) => at + 2 + 12 * index).flatMap(here => {
    const [tag, type, items] = [u16(reader, here), u16(reader, here + 2), u32(reader, here + 4)]
    const bytes = (SIZES[type] ?? 0) * items
    const from = bytes <= 4 ? here + 8 : u32(reader, here + 8)
    const value = reader.tiff.subarray(from, from + bytes)
    return bytes > 0 && value.length === bytes ? [{ tag, type, count: items, value }] : []
  })
}

/** A directory and its values, to stand at `start`. */
const writeDirectory = (entries: readonly Entry[], start: number, little: boolean): Buffer => {
  const table = Buffer.alloc(2 + 12 * entries.length + 4)
  const put16 = (value: number, at: number) =>
    little ? table.writeUInt16LE(value, at) : table.writeUInt16BE(value, at)
  const put32 = (value: number, at: number) =>
    little ? table.writeUInt32LE(value, at) : table.writeUInt32BE(value, at)
  const values: Buffer[] = []
  let free = start + table.length
  put16(entries.length, 0)
  for (const [index, { tag, type, count, value }] of entries.entries()) {
    const at = 2 + 12 * index
    put16(tag, at)
    put16(type, at + 2)
    put32(count, at + 4)
    if (value.length <= 4) value.copy(table, at + 8)
    else {
      put32(free, at + 8)
      const padded = value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.alloc(1)])
      values.push(padded)
      free += padded.length
    }
  }
  return Buffer.concat([table, ...values])
}

const pointer = (tag: number, at: number, little: boolean): Entry => {
  const value = Buffer.alloc(4)
  if (little) value.writeUInt32LE(at)
  else value.writeUInt32BE(at)
  return { tag, type: 4, count: 1, value }
}

const byTag = (a: Entry, b: Entry): number => a.tag - b.tag

const rewrite = (reader: Reader, keep: { image: Keep; photo: Keep; place: boolean }): Buffer | undefined => {
  const { little } = reader
  const first = readDirectory(reader, u32(reader, 4))
  const at = (tag: number): Entry[] => {
    const found = first.find(entry => entry.tag === tag && entry.value.length === 4)
    return found ? readDirectory(reader, little ? found.value.readUInt32LE() : found.value.readUInt32BE()) : []
  }
  const image = first.filter(entry => entry.tag !== PHOTO_POINTER && entry.tag !== PLACE_POINTER && keep.image(entry))
  const photo = at(PHOTO_POINTER).filter(keep.photo).sort(byTag)
  const place = keep.place
    ? at(PLACE_POINTER)
        .filter(({ value }) => value.length <= MAX_VALUE)
        .sort(byTag)
    : []
  if (image.length + photo.length + place.length === 0) return undefined
  // Written last to first in the end; sizes do not depend on where a directory stands.
  const links = [...(photo.length > 0 ? [PHOTO_POINTER] : []), ...(place.length > 0 ? [PLACE_POINTER] : [])]
  const withLinks = (places: readonly number[]): Entry[] =>
    [...image, ...links.map((tag, index) => pointer(tag, places[index] ?? 0, little))].sort(byTag)
  const photoAt = 8 + writeDirectory(withLinks([]), 8, little).length
  const photoBlock = photo.length > 0 ? writeDirectory(photo, photoAt, little) : Buffer.alloc(0)
  const placeAt = photoAt + photoBlock.length
  const places = [...(photo.length > 0 ? [photoAt] : []), placeAt]
  const header = Buffer.from(little ? '49492a0008000000' : '4d4d002a00000008', 'hex')
  const blocks = [header, writeDirectory(withLinks(places), 8, little), photoBlock]
  return Buffer.concat(place.length > 0 ? [...blocks, writeDirectory(place, placeAt, little)] : blocks)
}

/** A TIFF structure, without the `Exif` in front; `undefined` where nothing may go along or nothing can be read. */
export const rewriteExif = (exif: Buffer | undefined, keep: 'public' | 'all'): Buffer | undefined => {
  if (!exif) return undefined
  const tiff = exif.subarray(exif.toString('latin1', 0, 6) === 'Exif\0\0' ? 6 : 0)
  const order = tiff.toString('latin1', 0, 2)
  if (order !== 'II' && order !== 'MM') return undefined
  const isPublic =
    (tags: ReadonlySet<number>): Keep =>
    ({ tag, value }) =>
      tags.has(tag) && value.length <= MAX_VALUE
  const isAny: Keep = ({ tag, value }) =>
    !OF_THE_FILE.has(tag) && value.length <= (tag === MAKER_NOTE ? MAX_MAKER_NOTE : MAX_VALUE)
  const wanted =
    keep === 'all'
      ? { image: isAny, photo: isAny, place: true }
      : { image: isPublic(PUBLIC_IMAGE), photo: isPublic(PUBLIC_PHOTO), place: false }
  try {
    const written = rewrite({ tiff, little: order === 'II' }, wanted)
    return written && written.length <= MAX_TOTAL ? written : undefined
  } catch (error) {
    // An offset beyond the block: EXIF that cannot be read has nothing to keep.
    if (error instanceof RangeError) return undefined
    throw error
  }
}
