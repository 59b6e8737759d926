import type { Format } from '../model/recipe.ts'
import type { Refusal } from './operation.ts'

/** Longest side of an output in pixels: twice a 4K screen's height, and 64 MB decoded with alpha. */
export const MAX_SIDE = 4096
/** AVIF encoding costs 10 to 40 times the others and cannot be stopped from inside: 8192 x 8192 took 175 s. */
export const MAX_AVIF_SIDE = 2048
export const MAX_AVIF_PIXELS = 4_000_000
/** Longest side of a source: what WebP can hold, and more than any camera makes. */
export const MAX_SOURCE_SIDE = 16_383
/** Pixels between two steps, so that covering a box with a thin picture does not explode. As many as a source may have. */
export const MAX_STEP_PIXELS = 50_000_000

export const exceedsAvif = ({ width, height }: { width: number; height: number }): boolean =>
  width > MAX_AVIF_SIDE || height > MAX_AVIF_SIDE || width * height > MAX_AVIF_PIXELS

interface Size {
  readonly width: number
  readonly height: number
}

/** Why there can be no such picture between two steps; `undefined`: there can. */
export const refuseStep = ({ width, height }: Size): Refusal | undefined =>
  width * height <= MAX_STEP_PIXELS
    ? undefined
    : { code: 'output-too-large', message: `A step to ${width} x ${height} exceeds ${MAX_STEP_PIXELS} pixels.` }

/** Why there can be no such output; `undefined`: there can. */
export const refuseOutput = (format: Format, { width, height }: Size): Refusal | undefined => {
  if (width > MAX_SIDE || height > MAX_SIDE) {
    const message = `The output would be ${width} x ${height}; the limit is ${MAX_SIDE} pixels a side.`
    return { code: 'output-too-large', message }
  }
  if (format !== 'avif' || !exceedsAvif({ width, height })) return undefined
  const limit = `${MAX_AVIF_SIDE} pixels a side and ${MAX_AVIF_PIXELS} in all`
  return { code: 'output-too-large', message: `The output would be ${width} x ${height}; AVIF goes to ${limit}.` }
}
