/**
 * The colours of a small picture. Bins of similar colours are merged into the fuller one that they are near to as the eye sees it
 * (distance in OKLab), so that a sky in forty blues is one colour and a red shoe before it another, however small.
 */
import type { Swatch } from '../model/look.ts'

/** Bits that are kept of a channel to tell colours apart. */
const BITS = 4
const BINS = 1 << (3 * BITS)
/** Nothing shows: what a page has behind it. */
const NOTHING: readonly number[] = [255, 255, 255]

export const MAX_SWATCHES = 6
/** Below it a colour is a speck. */
const MIN_SHARE = 0.01
/** In OKLab, where 0.02 is just seen: two colours that have two names. */
const APART = 0.12

interface Bin {
  readonly rgb: readonly [number, number, number]
  readonly weight: number
}

/** Means of the colours in the bins that are not empty, each pixel as heavy as it is opaque; the fullest first. */
const binsOf = (rgba: Uint8Array): readonly Bin[] => {
  const sums = new Float64Array(BINS * 4)
  const drop = 8 - BITS
  for (let at = 0; at < rgba.length; at += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = rgba.subarray(at, at + 4)
    const bin = 4 * (((red >> drop) << (2 * BITS)) | ((green >> drop) << BITS) | (blue >> drop))
    for (const [index, value] of [red * alpha, green * alpha, blue * alpha, alpha].entries()) {
      sums[bin + index] = (sums[bin + index] ?? 0) + value
    }
  }
  const bins: Bin[] = []
  for (let at = 0; at < sums.length; at += 4) {
    const [red = 0, green = 0, blue = 0, weight = 0] = sums.subarray(at, at + 4)
    if (weight > 0) bins.push({ rgb: [red / weight, green / weight, blue / weight], weight })
  }
  // Stable: of equals the first, as the colours are numbered.
  return bins.sort((a, b) => b.weight - a.weight)
}

/** The mean of the colours in the fullest bin. */
export const dominantOf = (rgba: Uint8Array): readonly number[] => binsOf(rgba)[0]?.rgb.map(Math.round) ?? NOTHING

const linear = (level: number): number => {
  const share = level / 255
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
}

/** Björn Ottosson's OKLab, of sRGB. */
const oklab = ([red, green, blue]: Bin['rgb']): readonly [number, number, number] => {
  const [r, g, b] = [linear(red), linear(green), linear(blue)]
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(...a.map((value, index) => value - (b[index] ?? 0)))

interface Group {
  readonly lab: readonly [number, number, number]
  readonly rgb: readonly [number, number, number]
  weight: number
}

/** The fullest first, and none of what does not show. */
export const paletteOf = (rgba: Uint8Array): readonly { rgb: readonly number[]; share: number }[] => {
  const groups: Group[] = []
  let total = 0
  for (const { rgb, weight } of binsOf(rgba)) {
    total += weight
    const lab = oklab(rgb)
    const near = groups.find(group => distance(group.lab, lab) < APART)
    if (near) near.weight += weight
    else groups.push({ lab, rgb, weight })
  }
  return groups
    .map(({ rgb, weight }) => ({ rgb: rgb.map(Math.round), share: weight / total }))
    .filter(({ share }) => share >= MIN_SHARE)
    .sort((a, b) => b.share - a.share)
    .slice(0, MAX_SWATCHES)
}

/** How many, then five bytes each: its colour, and thousandths of share. */
export const drawPalette = (rgba: Uint8Array): Buffer => {
  const swatches = paletteOf(rgba)
  return Buffer.from([
    swatches.length,
    ...swatches.flatMap(({ rgb, share }) => {
      const thousandths = Math.round(share * 1000)
      return [...rgb, thousandths >> 8, thousandths & 255]
    }),
  ])
}

export const readPalette = (drawn: Buffer): { readonly palette: readonly Swatch[]; readonly bytes: number } => {
  const count = drawn.readUInt8(0)
  const palette = Array.from({ length: count }, (_, index) => 1 + 5 * index).map(at => ({
    colour: `#${drawn.toString('hex', at, at + 3)}`,
    share: drawn.readUInt16BE(at + 3) / 1000,
  }))
  return { palette, bytes: 1 + 5 * count }
}
