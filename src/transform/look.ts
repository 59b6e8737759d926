/**
 * A picture before the picture: what a page shows while the derivative is on its way. Made in a decode process from a small
 * decode of the original alone, so that it is the same whatever else was asked for.
 */
import { rgbaToThumbHash } from 'thumbhash'
import type { Look } from '../model/look.ts'
import { type ImageFacts, uprightSize } from '../model/original.ts'
import type { Step } from '../model/recipe.ts'
import { decodeStep, iccOf } from '../ops/decode.ts'
import type { Pixels } from '../ops/pixels.ts'

/** What a ThumbHash takes at most. */
const SIDE = 100
/** The name of its last step, which draws instead of encoding. */
export const LOOK = 'look'

/** Bits that are kept of a channel to tell colours apart. */
const BITS = 4
const BINS = 1 << (3 * BITS)
/** Nothing shows: what a page has behind it. */
const NOTHING: readonly number[] = [255, 255, 255]

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

/** The mean of the colours in the fullest of 4,096 bins, each pixel as heavy as it is opaque. */
const dominantOf = (rgba: Uint8Array): readonly number[] => {
  const sums = new Float64Array(BINS * 4)
  let fullest = 0
  for (let at = 0; at < rgba.length; at += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = rgba.subarray(at, at + 4)
    const drop = 8 - BITS
    const bin = 4 * (((red >> drop) << (2 * BITS)) | ((green >> drop) << BITS) | (blue >> drop))
    for (const [index, value] of [red * alpha, green * alpha, blue * alpha, alpha].entries()) {
      sums[bin + index] = (sums[bin + index] ?? 0) + value
    }
    if ((sums[bin + 3] ?? 0) > (sums[fullest + 3] ?? 0)) fullest = bin
  }
  const [red = 0, green = 0, blue = 0, weight = 0] = sums.subarray(fullest, fullest + 4)
  return weight === 0 ? NOTHING : [red, green, blue].map(sum => Math.round(sum / weight))
}

/** Three bytes of colour and a ThumbHash. */
export const drawLook = (pixels: Pixels): Buffer => {
  const rgba = toRgba(pixels)
  const { width, height } = pixels.raw
  return Buffer.concat([Buffer.from(dominantOf(rgba)), rgbaToThumbHash(width, height, rgba)])
}

export const readLook = (drawn: Buffer): Look => ({
  colour: `#${drawn.toString('hex', 0, 3)}`,
  thumbhash: drawn.toString('base64', 3),
})
