/**
 * What a step will cost, in milliseconds of CPU: good to a factor of two, enough to order and to explain. Estimates never reach
 * a key or a plan: how they are measured changes no byte.
 *
 * The factors here were measured per megapixel on one core (Xeon, sharp 0.35.5) on seven camera photographs; screenshots are
 * cheaper. A worker measures those of its own machine when it has nothing else to do (transform/calibrate.ts).
 */
import type { ImageFacts } from '../model/original.ts'
import type { Params, Step } from '../model/recipe.ts'
import type { Decode } from '../ops/decode.ts'
import { lateParams } from '../ops/late.ts'

/** Milliseconds per megapixel, unless said otherwise. */
export const DEFAULT_FACTORS = {
  // Decoding everything, per megapixel of source. A JPEG that the decoder scales: entropy decoding remains.
  'decode jpeg': 6,
  'decode jpeg scaled': 4,
  'decode png': 9,
  'decode webp': 19,
  'decode avif': 43,
  'decode gif': 10,
  'decode tiff': 6,
  // Through a profile, per megapixel that was loaded.
  profile: 9,
  // Everything between, per megapixel of input; what goes along with a picture touches no pixels.
  trim: 5,
  resize: 3,
  rotate: 4,
  'rotate by any angle': 20,
  flip: 2,
  'median 3': 50,
  median: 160,
  blur: 2,
  'blur by sigma': 0.9,
  sharpen: 60,
  'sharpen by sigma': 7,
  normalise: 64,
  gamma: 4,
  modulate: 48,
  tint: 9,
  grayscale: 9,
  threshold: 18,
  round: 12,
  composite: 15,
  metadata: 0,
  icc: 0,
  // Cutting, padding and flattening move pixels.
  crop: 1,
  pad: 1,
  flatten: 1,
  // To judge where to cut: milliseconds, whatever the size.
  focus: 6,
  // Encoding, per megapixel of output; the number is the effort. Lossless WebP is another coder, a palette is searched for.
  'encode jpeg': 9,
  'encode jpeg progressive': 12,
  'encode jpeg mozjpeg': 40,
  'encode png': 49,
  'encode png palette': 980,
  'encode gif': 430,
  'encode webp 0': 25,
  'encode webp 1': 30,
  'encode webp 2': 37,
  'encode webp 3': 55,
  'encode webp 4': 84,
  'encode webp 5': 130,
  'encode webp 6': 180,
  'encode webp lossless': 560,
  'encode avif 0': 41,
  'encode avif 1': 136,
  'encode avif 2': 230,
  'encode avif 3': 445,
  'encode avif 4': 1_840,
  'encode avif 5': 2_300,
  'encode avif 6': 3_200,
  'encode avif 7': 4_600,
  'encode avif 8': 6_900,
  'encode avif 9': 9_200,
} as const

export type Factor = keyof typeof DEFAULT_FACTORS
export type CostFactors = Readonly<Record<Factor, number>>

/** Stored by whichever release: what it does not know keeps its default, what this one does not know is left out. */
export const costFactors = (measured: Readonly<Record<string, unknown>> = {}): CostFactors => {
  const known = Object.entries(DEFAULT_FACTORS).map(([name, value]) => {
    const own = measured[name]
    return [name, typeof own === 'number' && Number.isFinite(own) && own >= 0 ? own : value]
  })
  return Object.fromEntries(known) as CostFactors
}

const isFactor = (name: string): name is Factor => Object.hasOwn(DEFAULT_FACTORS, name)

const stepMs = ({ op, params }: Step, factors: CostFactors): number => {
  const asked = lateParams({ params }) ?? params
  if (op === 'median') return Number(asked.size) <= 3 ? factors['median 3'] : factors.median
  if (op === 'blur') return factors.blur + factors['blur by sigma'] * Number(asked.sigma)
  if (op === 'sharpen') return factors.sharpen + factors['sharpen by sigma'] * Number(asked.sigma)
  if (op === 'rotate' && Number(asked.angle) % 90 !== 0) return factors['rotate by any angle']
  return isFactor(op) ? factors[op] : factors.crop
}

/** Which of the factors an encoder's settings come under. */
export const encodeFactor = ({
  format,
  effort,
  lossless,
  nearLossless,
  palette,
  mozjpeg,
  progressive,
}: Params): Factor => {
  if (format === 'webp' && (lossless || nearLossless)) return 'encode webp lossless'
  if (format === 'png' && palette) return 'encode png palette'
  if (format === 'jpeg' && mozjpeg) return 'encode jpeg mozjpeg'
  if (format === 'jpeg' && progressive) return 'encode jpeg progressive'
  const name = format === 'webp' || format === 'avif' ? `encode ${format} ${effort}` : `encode ${format}`
  return isFactor(name) ? name : 'encode jpeg'
}

/** A target or a limit is searched for: half of the hundred qualities, and again. */
const SEARCHED = 6
const encodeMs = (params: Params, factors: CostFactors): number =>
  factors[encodeFactor(params)] * (params.targetQuality !== undefined || params.maxBytes !== undefined ? SEARCHED : 1)

const megapixels = ({ width, height }: { width: number; height: number }): number => (width * height) / 1e6

const decodeMs = (params: Params, format: ImageFacts['format'], factors: CostFactors): number => {
  const { from, width, scaledLoad, icc } = params as Decode
  const scales = format === 'jpeg' && scaledLoad && from.width / width >= 3
  const loaded = megapixels(from) / (scales ? 4 : 1)
  const decoding = megapixels(from) * factors[scales ? 'decode jpeg scaled' : (`decode ${format}` as const)]
  return decoding + (icc === 'ignore' ? 0 : loaded * factors.profile)
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

/** How large the result is likely to be, in pixels of all its frames. */
export const estimatePixels = (chain: readonly Step[], image: Pick<ImageFacts, 'width' | 'height'>): number => {
  const { width, height } = chain.reduce<{ width: number; height: number }>(
    (size, step) => sizeAfter(step, size),
    image,
  )
  return width * height * framesOf(chain)
}

/** Of a picture that goes on moving. */
const framesOf = (chain: readonly Step[]): number => Number(chain[0]?.params.frames ?? 1)

/** Estimated cost of each step of a chain, in its order. */
export const estimateChain = (
  chain: readonly Step[],
  image: Pick<ImageFacts, 'format' | 'width' | 'height'>,
  factors: CostFactors = DEFAULT_FACTORS,
): readonly number[] => {
  let size: { width: number; height: number } = image
  const frames = framesOf(chain)
  return chain.map(step => {
    const before = megapixels(size)
    size = sizeAfter(step, size)
    if (step.op === 'decode') return decodeMs(step.params, image.format, factors) * frames
    if (step.op === 'encode') return before * encodeMs(step.params, factors) * frames
    const focus = step.op === 'crop' && step.params.by !== undefined ? factors.focus : 0
    return (before * stepMs(step, factors) + focus) * frames
  })
}
