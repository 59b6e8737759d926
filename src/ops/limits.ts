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
