/**
 * What a step will cost, in milliseconds of CPU: good to a factor of two, enough to admit, to order and to explain. Measured
 * per megapixel on one core (Xeon, sharp 0.35.5) on seven camera photographs; screenshots are cheaper.
 */
import type { ImageFacts, SourceFormat } from '../model/original.ts'
import type { Format, Params, Step } from '../model/recipe.ts'
import type { Decode } from '../ops/decode.ts'
import { lateParams } from '../ops/late.ts'

/** Decoding everything, per megapixel of source. */
const DECODE_MS: Readonly<Record<SourceFormat, number>> = { jpeg: 6, png: 9, webp: 19, avif: 43, gif: 10, tiff: 6 }
/** A JPEG that the decoder scales: entropy decoding remains. */
const SCALED_JPEG_MS = 4
/** Through a profile, per megapixel that was loaded. */
const PROFILE_MS = 9
/** Everything between, per megapixel of input; metadata touches no pixels. */
const STEP_MS: Readonly<Record<string, number>> = {
  trim: 5,
  resize: 3,
  rotate: 4,
  flip: 2,
  normalise: 64,
  gamma: 4,
  modulate: 48,
  tint: 9,
  grayscale: 9,
  threshold: 18,
  round: 12,
  metadata: 0,
}
/** Cutting, padding and flattening move pixels. */
const PASS_MS = 1
/** To judge where to cut, whatever the size. */
const FOCUS_MS = 6
/** Any angle but quarter turns resamples. */
const ANGLE_MS = 20
/** A window of 3 is a fast case. */
const medianMs = (size: number): number => (size <= 3 ? 50 : 160)
const blurMs = (sigma: number): number => 2 + 0.9 * sigma
const sharpenMs = (sigma: number): number => 60 + 7 * sigma

const stepMs = ({ op, params }: Step): number => {
  const asked = lateParams({ params }) ?? params
  if (op === 'median') return medianMs(Number(asked.size))
  if (op === 'blur') return blurMs(Number(asked.sigma))
  if (op === 'sharpen') return sharpenMs(Number(asked.sigma))
  if (op === 'rotate' && Number(asked.angle) % 90 !== 0) return ANGLE_MS
  return STEP_MS[op] ?? PASS_MS
}

/** Encoding at the default settings, per megapixel of output. */
const ENCODE_MS: Readonly<Record<Format, number>> = { jpeg: 9, png: 49, webp: 37, avif: 230 }
/** Index is the effort. WebP: 25, 37, 84, 180 ms at 0, 2, 4, 6. AVIF: 41, 136, 230, 445 at 0 to 3; 13 times the default at 4. */
const WEBP_EFFORT = [0.7, 0.8, 1, 1.5, 2.3, 3.5, 4.9]
const AVIF_EFFORT = [0.2, 0.6, 1, 2, 8, 10, 14, 20, 30, 40]
/** Lossless WebP is another coder: 560 ms. A palette is searched for: 700 to 1,700 ms. */
const LOSSLESS_WEBP = 15
const PALETTE = 20

const encodeFactor = ({ format, effort, lossless, palette }: Params): number => {
  if (format === 'webp') return lossless ? LOSSLESS_WEBP : (WEBP_EFFORT[Number(effort)] ?? 1)
  if (format === 'avif') return AVIF_EFFORT[Number(effort)] ?? 1
  return palette ? PALETTE : 1
}

const megapixels = ({ width, height }: { width: number; height: number }): number => (width * height) / 1e6

const decodeMs = (params: Params, format: SourceFormat): number => {
  const { from, width, scaledLoad, icc } = params as Decode
  const scales = format === 'jpeg' && scaledLoad && from.width / width >= 3
  const loaded = megapixels(from) / (scales ? 4 : 1)
  const decoding = megapixels(from) * (scales ? SCALED_JPEG_MS : DECODE_MS[format])
  return decoding + (icc === 'ignore' ? 0 : loaded * PROFILE_MS)
}

/** Of a late step a guess: not larger than the box that was asked for. */
const sizeAfter = ({ op, params: given }: Step, before: { width: number; height: number }) => {
  const late = lateParams({ params: given })
  const params = late ?? given
  if (op === 'pad') {
    const { top, right, bottom, left } = params
    return { width: before.width + Number(left) + Number(right), height: before.height + Number(top) + Number(bottom) }
  }
  if (!late) return given.width === undefined ? before : { width: Number(given.width), height: Number(given.height) }
  const factor = Math.min(
    1,
    Number(late.width ?? before.width) / before.width,
    Number(late.height ?? before.height) / before.height,
  )
  return { width: before.width * factor, height: before.height * factor }
}

/** Estimated cost of each step of a chain, in its order. */
export const estimateChain = (
  chain: readonly Step[],
  image: Pick<ImageFacts, 'format' | 'width' | 'height'>,
): readonly number[] => {
  let size: { width: number; height: number } = image
  return chain.map(step => {
    const before = megapixels(size)
    size = sizeAfter(step, size)
    if (step.op === 'decode') return decodeMs(step.params, image.format)
    if (step.op === 'encode') return before * ENCODE_MS[step.params.format as Format] * encodeFactor(step.params)
    return before * stepMs(step) + (step.op === 'crop' && step.params.by !== undefined ? FOCUS_MS : 0)
  })
}
