/** A picture of how an original looks, made from the 25 bytes that are kept of it, in the proportions that it has. */
import { thumbHashToRGBA } from 'thumbhash'
import { encodePng } from '../lib/png.ts'
import type { Look } from '../model/look.ts'

export const PLACEHOLDER_TYPE = 'image/png'

/** What a ThumbHash is drawn at; a browser smooths it as it enlarges it. */
const SIDE = 32

export interface Size {
  readonly width: number
  readonly height: number
}

const within = ({ width, height }: Size): Size => {
  const scale = Math.min(1, SIDE / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** A hash knows its proportions roughly: its pixels are spread over those of the original. */
const spread = ({ thumbhash }: Look, { width, height }: Size): Uint8Array => {
  const { w, h, rgba } = thumbHashToRGBA(Buffer.from(thumbhash, 'base64'))
  const pixels = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (Math.floor((y * h) / height) * w + Math.floor((x * w) / width)) * 4
      pixels.set(rgba.subarray(from, from + 4), (y * width + x) * 4)
    }
  }
  return pixels
}

/** PNG. Without a look it is transparent, so that what is behind it shows; without a size it is one pixel. */
export const drawPlaceholder = (look: Look | undefined, size: Size | undefined): Buffer => {
  const drawn = within(size ?? { width: 1, height: 1 })
  const { width, height } = drawn
  return encodePng(width, height, look ? spread(look, drawn) : new Uint8Array(width * height * 4))
}
