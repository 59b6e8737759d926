/**
 * Which size an original is decoded to before a target is made of it. The rung follows from source and target alone, so that
 * what a node produces never depends on its siblings.
 *
 * Measured on seven camera photographs (sharp 0.35.5, libvips 8.18, CPU of decode and resize; SSIM by ssim.js against
 * resizing the fully decoded pixels):
 *
 * - A JPEG costs nearly the same at every size up to a third, because entropy decoding dominates: 12 MP to a third 55 ms,
 *   to a fifth 47, to a ninth 38, and each further target from the third 2 to 5 ms. One rung at a third makes all targets of
 *   the photograph below 1/4.2 cost 75 ms instead of 230 one by one; a ladder with a fifth and a ninth cost 140.
 * - A third is the largest size for which sharp lets the decoder scale by two (`int(shrink) == factor` lowers it), so it is
 *   reached by half the inverse transform and one pass from a half.
 * - A target above 1/4.2 is decoded to directly: a rung at a half would cost 1.8 times the direct way at 5760 to 1600 px
 *   (114 against 63 ms).
 * - Below 2.5 MP everything is decoded whole: 2 MP take 16 ms, and 17 to 23 through a scaled load with what follows it. Several
 *   targets then share the decoding (transform/chain-tree.ts).
 * - What is not JPEG has no cheap scaled load (PNG 76 of 85 ms is decoding) or a poor one (WebP): its rung is everything.
 * - Scaled loading of a side that is not a multiple of the factor drifts by up to a pixel: SSIM 0.985 at 800 px of a
 *   2725 x 2225 photograph, 0.998 without. Such sources are loaded whole.
 */
import type { ImageFacts } from '../model/original.ts'

interface Size {
  readonly width: number
  readonly height: number
}

export interface Rung extends Size {
  /** Whether the decoder may scale while it loads. */
  readonly scaledLoad: boolean
}

const THIRD = 3
const SMALL_PIXELS = 2_500_000
/** A rung 1.4 times the target keeps SSIM within 0.001 of resizing everything; at 1.2 times PSNR fell from 53 to 46 dB. */
const MARGIN = 1.4

/** The factor by which sharp lets libjpeg scale, as in its pipeline.cc: lowered where rounding is known to be wrong. */
const jpegFactor = (shrink: number): number => {
  const factor = shrink >= 8 ? 8 : shrink >= 4 ? 4 : shrink >= 2 ? 2 : 1
  return factor > 1 && Math.trunc(shrink) === factor ? factor / 2 : factor
}

const shrinkTo = (source: Size, target: Size): number =>
  Math.min(source.width / target.width, source.height / target.height)

const jpegRung = (source: Size, rung: Size): Rung => {
  const factor = jpegFactor(shrinkTo(source, rung))
  return { ...rung, scaledLoad: source.width % factor === 0 && source.height % factor === 0 }
}

/** `source` is upright; `target` is the first size that the chain scales the whole picture to. */
export const rungFor = (source: Size & Pick<ImageFacts, 'format'>, target: Size): Rung => {
  const { format, ...full } = source
  const shrink = shrinkTo(full, target)
  if (format !== 'jpeg' || shrink <= 1) return { ...full, scaledLoad: false }
  if (full.width * full.height <= SMALL_PIXELS) return { ...target, scaledLoad: false }
  if (shrink < THIRD * MARGIN) return jpegRung(full, target)
  return jpegRung(full, { width: Math.floor(full.width / THIRD), height: Math.floor(full.height / THIRD) })
}
