/**
 * A picture before the picture: what a page shows while the derivative is on its way. Made in a decode process from a small
 * decode of the original alone, so that it is the same whatever else was asked for.
 */
import { rgbaToThumbHash } from 'thumbhash'
import type { Look, Swatch } from '../model/look.ts'
import { type ImageFacts, uprightSize } from '../model/original.ts'
import type { Step } from '../model/recipe.ts'
import { decodeStep, iccOf } from '../ops/decode.ts'
import type { Pixels } from '../ops/pixels.ts'
import { dominantOf, drawPalette, readPalette } from './palette.ts'

/** What a ThumbHash takes at most. */
const SIDE = 100
/** The name of its last step, which draws instead of encoding. */
export const LOOK = 'look'

export const lookChain = (image: ImageFacts): readonly Step[] => {
  const from = uprightSize(image)
  const scale = Math.min(1, SIDE / Math.max(from.width, from.height))
  const [width, height] = [from.width, from.height].map(side => Math.max(1, Math.round(side * scale))) as [
    number,
    number,
  ]
  const { orientation, format } = image
  const decode = {
    width,
    height,
    from,
    orientation,
    icc: iccOf(image),
    kernel: 'cubic',
    scaledLoad: format === 'jpeg',
  } as const
  return [decodeStep(decode), { op: LOOK, epoch: 1, params: {} }]
}

const toRgba = ({ data, raw: { width, height, channels } }: Pixels): Uint8Array => {
  const rgba = new Uint8Array(width * height * 4).fill(255)
  for (let at = 0; at < width * height; at++) {
    const from = at * channels
    const [red = 0, green = red, blue = red] = channels < 3 ? [data[from]] : data.subarray(from, from + 3)
    rgba.set([red, green, blue], at * 4)
    if (channels % 2 === 0) rgba[at * 4 + 3] = data[from + channels - 1] ?? 255
  }
  return rgba
}

/** Three bytes of colour, the palette and a ThumbHash. */
export const drawLook = (pixels: Pixels): Buffer => {
  const rgba = toRgba(pixels)
  const { width, height } = pixels.raw
  const palette = drawPalette(rgba)
  return Buffer.concat([Buffer.from(dominantOf(rgba)), palette, rgbaToThumbHash(width, height, rgba)])
}

export const readLook = (drawn: Buffer): Look & { readonly palette: readonly Swatch[] } => {
  const { palette, bytes } = readPalette(drawn.subarray(3))
  return { colour: `#${drawn.toString('hex', 0, 3)}`, palette, thumbhash: drawn.toString('base64', 3 + bytes) }
}
