/** A reader of EXIF that shares nothing with the program: every tag of every directory, by walking the TIFF structure. */
export interface Walked {
  /** `directory/tag` in hexadecimal, e.g. `image/8298`, `place/1`, `thumbnail/201`. */
  readonly tags: ReadonlyMap<string, Buffer>
}

const SIZE = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8]

export const walkExif = (block: Buffer | undefined): Walked => {
  const tags = new Map<string, Buffer>()
  if (!block) return { tags }
  const tiff = block.subarray(block.indexOf('Exif\0\0') === 0 ? 6 : 0)
  const little = tiff[0] === 0x49
  const u16 = (at: number): number => (little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const u32 = (at: number): number => (little ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  const walk = (name: string, at: number): void => {
    const count = u16(at)
    for (let entry = at + 2; entry < at + 2 + 12 * count; entry += 12) {
      const tag = u16(entry)
      const bytes = SIZE[u16(entry + 2)]! * u32(entry + 4)
      const from = bytes <= 4 ? entry + 8 : u32(entry + 8)
      if (tag === 0x8769) walk('photo', u32(entry + 8))
      else if (tag === 0x8825) walk('place', u32(entry + 8))
      else tags.set(`${name}/${tag.toString(16)}`, tiff.subarray(from, from + bytes))
    }
    const next = u32(at + 2 + 12 * count)
    if (name === 'image' && next !== 0) walk('thumbnail', next)
  }
  walk('image', u32(4))
  return { tags }
}

type Field = readonly [tag: number, type: number, value: Buffer | string]

const directory = (fields: readonly Field[], start: number, next: number): Buffer => {
  const table = Buffer.alloc(2 + 12 * fields.length + 4)
  table.writeUInt16LE(fields.length, 0)
  let free = start + table.length
  const values: Buffer[] = []
  for (const [index, [tag, type, given]] of [...fields].sort(([a], [b]) => a - b).entries()) {
    const value = typeof given === 'string' ? Buffer.from(`${given}\0`) : given
    const at = 2 + 12 * index
    table.writeUInt16LE(tag, at)
    table.writeUInt16LE(type, at + 2)
    table.writeUInt32LE(value.length / SIZE[type]!, at + 4)
    if (value.length <= 4) value.copy(table, at + 8)
    else {
      table.writeUInt32LE(free, at + 8)
      values.push(value)
      free += value.length
    }
  }
  table.writeUInt32LE(next, 2 + 12 * fields.length)
  return Buffer.concat([table, ...values])
}

const long = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const short = (value: number): Buffer => long(value).subarray(0, 2)
const ratio = (...pairs: number[]): Buffer => Buffer.concat(pairs.map(long))

export const SECRETS = [
  'SERIAL-4711',
  'LENS-0815',
  'Owner Person',
  'MAKERSECRET',
  'UNIQUE-ID-1',
  'a private comment',
  'THUMBNAILBYTES',
]

/** What a telling camera writes, with a thumbnail, in one block. */
export const tellingExif = ({ orientation = 1 } = {}): Buffer => {
  const image: Field[] = [
    [0x010f, 2, 'Test Camera'],
    [0x0110, 2, 'Model X'],
    [0x0112, 3, short(orientation)],
    [0x013b, 2, 'An Artist'],
    [0x8298, 2, '(c) Somebody'],
    [0x8769, 4, long(0)],
    [0x8825, 4, long(0)],
  ]
  const photo: Field[] = [
    [0x829a, 5, ratio(1, 250)],
    [0x9003, 2, '2024:05:06 07:08:09'],
    [0x9286, 7, Buffer.from('ASCII\0\0\0a private comment')],
    [0x927c, 7, Buffer.from('MAKERSECRET of some length')],
    [0xa420, 2, 'UNIQUE-ID-1'],
    [0xa430, 2, 'Owner Person'],
    [0xa431, 2, 'SERIAL-4711'],
    [0xa434, 2, 'Lens 50mm'],
    [0xa435, 2, 'LENS-0815'],
  ]
  const place: Field[] = [
    [1, 2, 'N'],
    [2, 5, ratio(48, 1, 51, 1, 30, 1)],
    [3, 2, 'E'],
    [4, 5, ratio(2, 1, 17, 1, 40, 1)],
  ]
  const photoAt = 8 + directory(image, 8, 0).length
  const placeAt = photoAt + directory(photo, photoAt, 0).length
  const thumbnailAt = placeAt + directory(place, placeAt, 0).length
  const linked = image.map(
    ([tag, type, value]): Field =>
      tag === 0x8769 ? [tag, type, long(photoAt)] : tag === 0x8825 ? [tag, type, long(placeAt)] : [tag, type, value],
  )
  const jpeg = Buffer.from('THUMBNAILBYTES')
  const thumbnail = (at: number): Buffer =>
    directory(
      [
        [0x0201, 4, long(at)],
        [0x0202, 4, long(jpeg.length)],
      ],
      thumbnailAt,
      0,
    )
  return Buffer.concat([
    Buffer.from('Exif\0\0'),
    Buffer.from('49492a0008000000', 'hex'),
    directory(linked, 8, thumbnailAt),
    directory(photo, photoAt, 0),
    directory(place, placeAt, 0),
    thumbnail(thumbnailAt + thumbnail(0).length),
    jpeg,
  ])
}

const segment = (marker: number, payload: Buffer): Buffer => {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(payload.length + 2, 2)
  return Buffer.concat([head, payload])
}

export const TELLING_XMP = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,51.5N" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" aux:SerialNumber="XMPSERIAL-1"/></rdf:RDF></x:xmpmeta>`

/** A JPEG with these blocks put in behind its first marker. */
export const withBlocks = (jpeg: Buffer, { exif, xmp }: { exif?: Buffer; xmp?: string }): Buffer =>
  Buffer.concat([
    jpeg.subarray(0, 2),
    ...(exif ? [segment(0xe1, exif)] : []),
    ...(xmp ? [segment(0xe1, Buffer.from(`http://ns.adobe.com/xap/1.0/\0${xmp}`))] : []),
    jpeg.subarray(2),
  ])
