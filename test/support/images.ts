/**
 * Pictures for tests, made on the spot. Those of the first part are arithmetic (what a pixel must be can be computed in plain
 * JavaScript, without the library under test); the rest are photographs, animations and files of ill will.
 */
import { randomBytes } from 'node:crypto'
import { crc32, deflateSync } from 'node:zlib'
import sharp, { type Exif, type Sharp } from 'sharp'

type Rgb = readonly [number, number, number]
interface Size {
  readonly width: number
  readonly height: number
}

/** Red, green, blue and yellow: top left, top right, bottom left, bottom right. */
export const QUADRANTS: readonly Rgb[] = [
  [220, 30, 30],
  [30, 200, 30],
  [30, 30, 220],
  [230, 220, 40],
]

/** Pixels from a function of the position. */
export const paint = ({ width, height }: Size, at: (x: number, y: number) => readonly number[]): Sharp => {
  const channels = at(0, 0).length as 3 | 4
  const data = Buffer.alloc(width * height * channels)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(at(x, y), (y * width + x) * channels)
  }
  return sharp(data, { raw: { width, height, channels } })
}

export const quadrants = ({ width, height }: Size): Sharp =>
  paint({ width, height }, (x, y) => QUADRANTS[(x < width / 2 ? 0 : 1) + (y < height / 2 ? 0 : 2)] as Rgb)

/** Red says where on the x axis, green where on the y axis, linear from 0 to 255. */
export const gradient = ({ width, height }: Size): Sharp =>
  paint({ width, height }, (x, y) => [
    Math.round((255 * (x + 0.5)) / width),
    Math.round((255 * (y + 0.5)) / height),
    128,
  ])

/** Opaque red in a disc, soft edge, nothing outside. */
export const disc = ({ width, height }: Size): Sharp =>
  paint({ width, height }, (x, y) => {
    const distance = Math.hypot((x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5)
    return [200, 20, 20, Math.round(255 * Math.min(1, Math.max(0, (0.4 - distance) * 20)))]
  })

export interface PhotoOptions extends Partial<Size> {
  readonly orientation?: number
  readonly icc?: 'srgb' | 'p3'
  readonly copyright?: string
  readonly artist?: string
  readonly gps?: boolean
  readonly quality?: number
}

/** Looks and weighs like a photograph: large soft shapes, edges and sensor noise. The same every time. */
export const photo = async (options: PhotoOptions = {}): Promise<Buffer> => {
  const { width = 1200, height = 800, orientation, icc, copyright, artist, gps, quality = 90 } = options
  let seed = 1
  const noise = (): number => {
    seed = (seed * 48_271) % 2_147_483_647
    return (seed / 2_147_483_647 - 0.5) * 14
  }
  const wave = (a: number, b: number): number => Math.sin(a * 6.3) * Math.cos(b * 5.1)
  const picture = paint({ width, height }, (x, y) => {
    const [u, v] = [x / width, y / height]
    const edge = Math.hypot(u - 0.62, v - 0.4) < 0.2 ? 45 : 0
    const base = 120 + 60 * wave(u * 2, v * 3) + 25 * wave(u * 17, v * 13) + edge
    return [base + 30 * u, base + 20 * v, base - 30 * wave(u, v)].map(value =>
      Math.min(255, Math.max(0, value + noise())),
    )
  })
  const credit = { ...(copyright && { Copyright: copyright }), ...(artist && { Artist: artist }) }
  const place = {
    GPSLatitudeRef: 'N',
    GPSLatitude: '48/1 51/1 30/1',
    GPSLongitudeRef: 'E',
    GPSLongitude: '2/1 17/1 40/1',
  }
  const exif: Exif = { IFD0: { Make: 'Test Camera', ...credit }, ...(gps && { IFD3: place }) }
  picture.withExif(exif)
  if (icc) picture.withIccProfile(icc)
  if (orientation) picture.withMetadata({ orientation, exif })
  return picture.jpeg({ quality }).toBuffer()
}

/** Where the upright pixel (x, y) is stored: `[column, row]` of a picture that is `width` x `height` upright (EXIF 2.32, tag 274). */
const STORED_AT: Readonly<Record<number, (x: number, y: number, size: Size) => readonly [number, number]>> = {
  1: (x, y) => [x, y],
  2: (x, y, { width }) => [width - 1 - x, y],
  3: (x, y, { width, height }) => [width - 1 - x, height - 1 - y],
  4: (x, y, { height }) => [x, height - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y, { width }) => [y, width - 1 - x],
  7: (x, y, { width, height }) => [height - 1 - y, width - 1 - x],
  8: (x, y, { height }) => [height - 1 - y, x],
}

/** The picture as a camera would store it that was held in the given EXIF orientation. */
export const storedAs = async (upright: Sharp, orientation: number): Promise<Sharp> => {
  const { data, info } = await upright.clone().removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const turned = orientation >= 5
  const width = turned ? info.height : info.width
  const height = turned ? info.width : info.height
  const stored = Buffer.alloc(data.length)
  for (let y = 0; y < info.height; y++) {
    for (let x = 0; x < info.width; x++) {
      const [column, row] = STORED_AT[orientation]?.(x, y, info) ?? [x, y]
      data.copy(stored, (row * width + column) * 3, (y * info.width + x) * 3, (y * info.width + x) * 3 + 3)
    }
  }
  return sharp(stored, { raw: { width, height, channels: 3 } }).withMetadata({ orientation })
}

const frames = (count: number, { width, height }: Size): Promise<Buffer[]> =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      paint({ width, height }, x => [(x * 4 + index * 40) % 256, (index * 80) % 256, 60])
        .png()
        .toBuffer(),
    ),
  )

export const animation = async (
  format: 'gif' | 'webp',
  { count = 3, width = 64, height = 48 } = {},
): Promise<Buffer> => {
  const joined = sharp(await frames(count, { width, height }), { join: { animated: true } })
  return format === 'gif' ? joined.gif({ delay: 100 }).toBuffer() : joined.webp({ delay: 100 }).toBuffer()
}

export const truncated = (bytes: Buffer, share = 0.5): Buffer => bytes.subarray(0, Math.floor(bytes.length * share))

/** Keeps the signature and ruins what says how large the picture is: SOF0 of a JPEG, IHDR of a PNG. */
export const corruptHeader = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes)
  const frame = copy.indexOf(Buffer.from('ffc00011', 'hex'))
  copy.fill(0, frame === -1 ? 8 : frame + 2, frame === -1 ? 40 : frame + 11)
  return copy
}

const pngChunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')

const header = ({ width, height }: Size): Buffer => {
  const data = Buffer.alloc(13)
  data.writeUInt32BE(width, 0)
  data.writeUInt32BE(height, 4)
  // One bit of grey.
  data[8] = 1
  return pngChunk('IHDR', data)
}

/** A PNG of black pixels that is a thousandth of its decoded size; 16,000 a side are 256 MP. */
export const pngBomb = ({ width = 16_000, height = 16_000 } = {}): Buffer => {
  const rows = Buffer.alloc((Math.ceil(width / 8) + 1) * height)
  const data = pngChunk('IDAT', deflateSync(rows, { level: 1 }))
  return Buffer.concat([PNG_SIGNATURE, header({ width, height }), data, pngChunk('IEND', Buffer.alloc(0))])
}

/** A PNG with so many bytes of EXIF. */
export const hugeExif = (bytes: number): Buffer => {
  const pixels = pngChunk('IDAT', deflateSync(Buffer.alloc(2 * 8)))
  const exif = pngChunk('eXIf', Buffer.concat([Buffer.from('49492a0008000000', 'hex'), Buffer.alloc(bytes)]))
  const parts = [PNG_SIGNATURE, header({ width: 8, height: 8 }), exif, pixels, pngChunk('IEND', Buffer.alloc(0))]
  return Buffer.concat(parts)
}

const PAYLOADS: Readonly<Record<string, string>> = {
  html: '<html><script>alert(1)</script></html>',
  php: '<?php system($_GET["c"]); ?>',
  zip: 'PK\u0003\u0004payload.txt PK\u0005\u0006',
  pdf: '%PDF-1.7 1 0 obj << /OpenAction (app.alert(1)) >> endobj',
}

/** Files that are an image to one reader and a program to another: name, bytes, and what must not survive. */
export const polyglots = async (): Promise<readonly { name: string; bytes: Buffer; payload: string }[]> => {
  const jpeg = await photo({ width: 64, height: 48 })
  const png = await quadrants({ width: 32, height: 32 }).png().toBuffer()
  const commented = (payload: string): Buffer => {
    const text = Buffer.from(payload, 'latin1')
    const segment = Buffer.from([0xff, 0xfe, (text.length + 2) >> 8, (text.length + 2) & 0xff])
    return Buffer.concat([jpeg.subarray(0, 2), segment, text, jpeg.subarray(2)])
  }
  return Object.entries(PAYLOADS).flatMap(([kind, payload]) => [
    { name: `jpeg with ${kind} behind`, bytes: Buffer.concat([jpeg, Buffer.from(payload, 'latin1')]), payload },
    { name: `jpeg with ${kind} in a comment`, bytes: commented(payload), payload },
    { name: `png with ${kind} behind`, bytes: Buffer.concat([png, Buffer.from(payload, 'latin1')]), payload },
  ])
}

export const svgWithScript = (): Buffer =>
  Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><script>alert(1)</script><rect width="9" height="9"/></svg>',
  )

/** Noise: nothing compresses it and every encoder is slow on it. */
export const whiteNoise = ({ width, height }: Size): Promise<Buffer> =>
  sharp(randomBytes(width * height * 3), { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer()
