/**
 * What a step will cost, in milliseconds of CPU: good to a factor of two, enough to admit, to order and to explain. Measured
 * per megapixel on one core (Xeon, sharp 0.35.5) on seven camera photographs; screenshots are cheaper.
 */
import type { ImageFacts, SourceFormat } from '../model/original.ts'
import type { Format, Params, Step } from '../model/recipe.ts'
import type { Decode } from '../ops/decode.ts'

/** Decoding everything, per megapixel of source. */
const DECODE_MS: Readonly<Record<SourceFormat, number>> = { jpeg: 6, png: 9, webp: 19, avif: 43, gif: 10, tiff: 6 }
/** A JPEG that the decoder scales: entropy decoding remains. */
const SCALED_JPEG_MS = 4
/** Through a profile, per megapixel that was loaded. */
const PROFILE_MS = 9
/** Scaling, per megapixel of input. Everything else that touches pixels is a pass over them. */
const RESIZE_MS = 3
const PASS_MS = 1

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

const sizeAfter = ({ op, params }: Step, before: { width: number; height: number }) => {
  if (op === 'pad') {
    const { top, right, bottom, left } = params
    return { width: before.width + Number(left) + Number(right), height: before.height + Number(top) + Number(bottom) }
  }
  return params.width === undefined ? before : { width: Number(params.width), height: Number(params.height) }
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
    if (step.op === 'resize') return before * RESIZE_MS
    if (step.op === 'encode') return before * ENCODE_MS[step.params.format as Format] * encodeFactor(step.params)
    return step.op === 'metadata' ? 0 : before * PASS_MS
  })
}
