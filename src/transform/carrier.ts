/**
 * Pixels in a file that can say more than pixels: the engine takes a profile and EXIF over from what it reads and nowhere else.
 * A PNG whose scan lines are stored and not compressed; costs a copy and two checksums.
 */
import { crc32, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'
import type { Pixels } from '../ops/pixels.ts'

export interface Cargo {
  readonly icc?: Buffer | undefined
  readonly exif?: Buffer | undefined
}

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
/** By channels: grey, with alpha, RGB, with alpha. */
const COLOUR_TYPES = [0, 0, 4, 2, 6]

const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

/** Each line behind its filter: none. */
const scanLines = ({ data, raw: { width, height, channels } }: Pixels): Buffer => {
  const stride = width * channels
  const lines = Buffer.alloc(height * (stride + 1))
  for (let y = 0; y < height; y++) data.copy(lines, y * (stride + 1) + 1, y * stride, (y + 1) * stride)
  return lines
}

export const openCarrier = (pixels: Pixels, { icc, exif }: Cargo): Sharp => {
  const { width, height, channels } = pixels.raw
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, COLOUR_TYPES[channels] ?? 2], 8)
  const file = Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    ...(icc ? [chunk('iCCP', Buffer.concat([Buffer.from('kept\0\0', 'latin1'), deflateSync(icc)]))] : []),
    ...(exif ? [chunk('eXIf', exif)] : []),
    chunk('IDAT', deflateSync(scanLines(pixels), { level: 0 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
  return sharp(file, { limitInputPixels: width * height })
}
