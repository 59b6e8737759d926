/**
 * The first step of every chain: the original's bytes to upright 8-bit sRGB pixels of one size, the rung. Computed from the
 * original alone, never from another rung. Of an animation the first frame is taken, or all are.
 */
import sharp, { type Sharp } from 'sharp'
import type { ImageFacts } from '../model/original.ts'
import type { Params, Step } from '../model/recipe.ts'
import { type Film, mapFrames, openPixels, type Render, splitFrames } from './pixels.ts'
import type { Kernel } from './resize.ts'

export const DECODE_EPOCH = 1

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
  /** Of a picture that is to go on moving: how many it has. Each has the size of the result, which is that of the source. */
  frames?: number
  /** Whether the JPEG decoder may scale while it decodes. */
  scaledLoad: boolean
}

/** What decoding has to do about the colours, to come to sRGB. */
export const iccOf = ({ icc, space }: Pick<ImageFacts, 'icc' | 'space'>): Decode['icc'] => {
  if (icc !== 'other') return 'ignore'
  return space === 'rgb16' ? 'convert-wide' : 'convert'
}

export const decodeStep = (params: Decode): Step => ({ op: 'decode', epoch: DECODE_EPOCH, params })

/** Turns and mirrors that bring what is stored in an EXIF orientation upright (EXIF 2.32, tag 274). */
const UPRIGHT: Readonly<Record<number, (pipeline: Sharp) => Sharp>> = {
  2: pipeline => pipeline.flop(),
  3: pipeline => pipeline.rotate(180),
  4: pipeline => pipeline.flip(),
  5: pipeline => pipeline.rotate(270).flop(),
  6: pipeline => pipeline.rotate(90),
  7: pipeline => pipeline.rotate(90).flop(),
  8: pipeline => pipeline.rotate(270),
}

/** All frames of what moves, upright. The engine turns no picture of several pages, so each is turned by itself. */
export const decodeFilm = async (
  original: Uint8Array,
  params: Params,
  { maxPixels, render }: { maxPixels: number; render: Render },
): Promise<Film> => {
  const { frames = 1, orientation, ...rest } = params as Decode
  if (frames === 1) return { frames: [await render(openDecode(original, params, { maxPixels }))] }
  const stored = { ...rest, orientation: 1, frames }
  const tall = await render(openDecode(original, stored, { maxPixels: maxPixels * frames }))
  const { delay = [], loop = 0 } = await sharp(original, { pages: frames }).metadata()
  const film: Film = { frames: splitFrames(tall, frames), pace: { delay, loop } }
  const turn = UPRIGHT[orientation]
  return turn ? mapFrames(film, frame => render(turn(openPixels(frame)))) : film
}

/** `maxPixels` bounds what the header may announce to the decoder, whatever was probed before. */
export const openDecode = (original: Uint8Array, params: Params, { maxPixels }: { maxPixels: number }): Sharp => {
  const { width, height, from, orientation, icc, kernel, scaledLoad, frames = 1 } = params as Decode
  const pipeline = sharp(original, {
    autoOrient: orientation !== 1,
    ignoreIcc: icc === 'ignore',
    limitInputPixels: maxPixels,
    failOn: 'error',
    pages: frames,
  })
  const resizes = width !== from.width || height !== from.height
  // Cutting out the whole picture first is how sharp is told not to scale while loading.
  if (resizes && !scaledLoad) pipeline.extract({ left: 0, top: 0, ...from })
  if (resizes) pipeline.resize(width, height, { fit: 'fill', kernel })
  if (icc === 'convert-wide') pipeline.withIccProfile('srgb')
  return pipeline.toColourspace('srgb')
}
