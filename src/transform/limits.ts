/** What an image may be before anything is decoded, and what decoding may use. */
export interface InputLimits {
  /** Of a file that is to be transformed; it is held in memory while it is. */
  readonly maxBytes: number
  readonly maxSide: number
  readonly maxPixels: number
  readonly maxFrames: number
  /** Width x height x frames. */
  readonly maxTotalPixels: number
}

/**
 * 50 MP are 200 MB of pixels with alpha: with the file, one copy and an encoder they stay below the memory limit. More than
 * 16,383 pixels a side no WebP can hold. 2,000 frames in 46 KB of GIF took over 10 s.
 */
export const DEFAULT_INPUT_LIMITS: InputLimits = {
  maxBytes: 50_000_000,
  maxSide: 16_383,
  maxPixels: 50_000_000,
  maxFrames: 200,
  maxTotalPixels: 50_000_000,
}

/** As they are configured. */
export const inputLimitsOf = (config: {
  readonly maxSourceBytes: number
  readonly maxSourcePixels: number
  readonly maxSourceSide: number
  readonly maxFrames: number
  readonly maxAnimationPixels: number
}): InputLimits => ({
  maxBytes: config.maxSourceBytes,
  maxPixels: config.maxSourcePixels,
  maxSide: config.maxSourceSide,
  maxFrames: config.maxFrames,
  maxTotalPixels: config.maxAnimationPixels,
})

export interface DecodeLimits {
  /** Of one step; asked of the engine, which does not always listen. */
  readonly softMs: number
  /** Without a finished task; the process is killed, which always helps. */
  readonly hardMs: number
  /** Resident memory of a decode process, its own 100 MB included. */
  readonly memoryBytes: number
  /** Originals until a process is replaced, which bounds what fragmentation and leaks can add up to. */
  readonly recycleAfter: number
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  softMs: 10_000,
  hardMs: 30_000,
  memoryBytes: 1024 ** 3,
  recycleAfter: 500,
}
