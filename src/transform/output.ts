/**
 * What a derivative is encoded from: pixels, and what of the original its recipe lets go along. The original is looked into only
 * where a recipe keeps something of it.
 */
import sharp, { type Sharp } from 'sharp'
import type { Step } from '../model/recipe.ts'
import { openPixels, type Pixels } from '../ops/pixels.ts'
import { openCarrier } from './carrier.ts'
import { rewriteExif } from './exif.ts'
import { rewriteProfile } from './icc.ts'

/** A JPEG segment holds 64 KB; what is longer is an editor's history. */
const MAX_XMP = 60_000

export const openOutput = async (pixels: Pixels, steps: readonly Step[], original: Uint8Array): Promise<Sharp> => {
  const keepsProfile = steps.some(({ op }) => op === 'icc')
  const kept = steps.find(({ op }) => op === 'metadata')?.params.keep
  // What moves is in no format that says so and carries these.
  const moves = pixels.raw.pageHeight !== undefined
  if (moves || (!keepsProfile && kept === undefined)) return openPixels(pixels)
  const { icc, exif, xmp } = await sharp(original, { limitInputPixels: false }).metadata()
  const pipeline = openCarrier(pixels, {
    icc: keepsProfile && icc ? rewriteProfile(icc) : undefined,
    exif: kept === undefined ? undefined : rewriteExif(exif, kept === 'all' ? 'all' : 'public'),
  })
  return kept === 'all' && xmp && xmp.length <= MAX_XMP ? pipeline.withXmp(xmp.toString('utf8')) : pipeline
}
