/**
 * The first step of every chain: the original's bytes to upright 8-bit sRGB pixels of one size, the rung. Computed from the
 * original alone, never from another rung. Of an animation the first frame is taken.
 */
import sharp, { type Sharp } from 'sharp'
import type { Params, Step } from '../model/recipe.ts'
import type { Kernel } from './resize.ts'

const EPOCH = 1

export type Decode = {
  /** Size of the result, upright. */
  width: number
  height: number
  /** Size of the source, upright. */
  from: { width: number; height: number }
  /** EXIF orientation to apply; 1: none. */
  orientation: number
  /**
   * `ignore`: there is no profile, or it is sRGB by content; `convert`: through the embedded profile to sRGB;
   * `convert-wide`: likewise for 16 bits, which sharp takes to Display P3 unless an output profile brings them on to sRGB.
   */
  icc: 'ignore' | 'convert' | 'convert-wide'
  kernel: Kernel
  /** Whether the JPEG decoder may scale while it decodes. */
  scaledLoad: boolean
}

export const decodeStep = (params: Decode): Step => ({ op: 'decode', epoch: EPOCH, params })

/** `maxPixels` bounds what the header may announce to the decoder, whatever was probed before. */
export const openDecode = (original: Uint8Array, params: Params, { maxPixels }: { maxPixels: number }): Sharp => {
  const { width, height, from, orientation, icc, kernel, scaledLoad } = params as Decode
  const pipeline = sharp(original, {
    autoOrient: orientation !== 1,
    ignoreIcc: icc === 'ignore',
    limitInputPixels: maxPixels,
    failOn: 'error',
  })
  const resizes = width !== from.width || height !== from.height
  // Cutting out the whole picture first is how sharp is told not to scale while loading.
  if (resizes && !scaledLoad) pipeline.extract({ left: 0, top: 0, ...from })
  if (resizes) pipeline.resize(width, height, { fit: 'fill', kernel })
  if (icc === 'convert-wide') pipeline.withIccProfile('srgb')
  return pipeline.toColourspace('srgb')
}
