import type { Format } from '../model/recipe.ts'
import type { Refusal } from './operation.ts'

/** Longest side of an output in pixels: twice a 4K screen's height, and 64 MB decoded with alpha. */
export const MAX_SIDE = 4096
/** Longest side of a source: what WebP can hold, and more than any camera makes. */
export const MAX_SOURCE_SIDE = 16_383
/** Pixels between two steps, so that covering a box with a thin picture does not explode. As many as a source may have. */
export const MAX_STEP_PIXELS = 50_000_000
/** 4096 x 4096 uncompressed with alpha, and headers. */
export const MAX_OUTPUT_BYTES = 4096 * 4096 * 4 + 64 * 1024

export interface OutputLimits {
  readonly side: number
  /** Of all frames together. */
  readonly pixels: number
  readonly bytes: number
}

const still: OutputLimits = { side: MAX_SIDE, pixels: MAX_SIDE ** 2, bytes: MAX_OUTPUT_BYTES }

/**
 * AVIF encoding costs 10 to 40 times the others and cannot be stopped from inside: 8192 x 8192 took 175 s. Animated WebP costs
 * 60 ms a megapixel, GIF 430: at their defaults both take a third of the soft limit on an idle machine.
 */
export const OUTPUT_LIMITS: Readonly<Record<Format, OutputLimits>> = {
  avif: { side: 2048, pixels: 4_000_000, bytes: MAX_OUTPUT_BYTES },
  webp: { ...still, pixels: MAX_STEP_PIXELS },
  jpeg: still,
  png: still,
  gif: { ...still, pixels: 6_000_000 },
}

/** Pixels of a side, on a screen that has `factor` times as many. */
export const zoomSide = (side: number, factor: number): number => Math.min(MAX_SIDE, Math.round(side * factor))

interface Size {
  readonly width: number
  readonly height: number
  /** Default 1. */
  readonly frames?: number
}

const sizeText = ({ width, height, frames = 1 }: Size): string =>
  frames === 1 ? `${width} x ${height}` : `${frames} frames of ${width} x ${height}`

/** Why there can be no such picture between two steps; `undefined`: there can. */
export const refuseStep = (size: Size): Refusal | undefined =>
  size.width * size.height * (size.frames ?? 1) <= MAX_STEP_PIXELS
    ? undefined
    : { code: 'output-too-large', message: `A step to ${sizeText(size)} exceeds ${MAX_STEP_PIXELS} pixels.` }

/** Why there can be no such output; `undefined`: there can. */
export const refuseOutput = (format: Format, size: Size): Refusal | undefined => {
  const { side, pixels } = OUTPUT_LIMITS[format]
  const { width, height, frames = 1 } = size
  if (width <= side && height <= side && width * height * frames <= pixels) return undefined
  const limit = `${side} pixels a side and ${pixels} in all`
  return {
    code: 'output-too-large',
    message: `The output would be ${sizeText(size)}; ${format.toUpperCase()} goes to ${limit}.`,
  }
}
