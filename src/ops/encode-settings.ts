/** What a recipe may ask of an encoder. What has no effect, or is as it would be anyway, is not said in a canonical recipe. */
import { z } from 'zod'
import type { Format } from '../model/recipe.ts'
import { PALETTES } from './encode.ts'
import { MAX_OUTPUT_BYTES } from './limits.ts'

const flag = (description: string) => z.boolean().default(false).describe(description)
const quality = (value: number) => ({
  quality: z.int().min(1).max(100).optional().meta({ default: value }).describe('1 (smallest) to 100 (best).'),
  targetQuality: z
    .number()
    .min(0.8)
    .max(0.999)
    .optional()
    .describe(
      'Instead of `quality`: the lowest quality that is searched out to come this near to the pixels encoded, as SSIM of their lightness (1: the same); quality 100 where none does.',
    ),
})
const maxBytes = z
  .int()
  .min(100)
  .max(MAX_OUTPUT_BYTES)
  .optional()
  .describe(
    'Most that the file may have. What is larger is made smaller by less quality (fewer colours of a palette); what cannot be made small enough is refused.',
  )
const chroma = z.enum(['4:2:0', '4:4:4']).default('4:2:0').describe('Colour subsampling.')
const animated = z
  .boolean()
  .default(true)
  .describe('Whether a picture that moves goes on moving; otherwise its first frame is taken.')
const dither = z.number().min(0).max(1)
/** The engine takes any number from 2 to 256 and rounds it up to one of these. */
const colours = z.union(PALETTES.map(count => z.literal(count)))

type Some = Record<string, number | boolean>

interface Rate {
  readonly quality?: number | undefined
  readonly targetQuality?: number | undefined
  readonly maxBytes?: number | undefined
}

const complain = (context: z.RefinementCtx, key: string, message: string): void =>
  context.addIssue({ code: 'custom', path: [key], message })

/** What decides the size of the file, of what was asked: a quality or a target, and a limit. */
const rated = (fallback: number, { quality, targetQuality, maxBytes }: Rate, context: z.RefinementCtx): Some => {
  if (quality !== undefined && targetQuality !== undefined) {
    complain(context, 'quality', 'Applies without `targetQuality` only')
  }
  return {
    ...(targetQuality === undefined ? { quality: quality ?? fallback } : { targetQuality }),
    ...(maxBytes !== undefined && { maxBytes }),
  }
}

/** Off, or at its ordinary value: not said in a canonical recipe, whose keys stay what they were before there was a choice. */
const unless = <T extends number | boolean>(ordinary: T, key: string, value: T): Some =>
  value === ordinary ? {} : { [key]: value }

const exact = (lossless: boolean, { targetQuality }: Rate, context: z.RefinementCtx): void => {
  if (lossless && targetQuality !== undefined) complain(context, 'targetQuality', 'Applies to lossy encoding only')
}

/**
 * Ranges are sharp's own. Defaults come from `npm run bench -- --only encoders` (bytes, SSIM against the pixels encoded and CPU of
 * six camera photographs at 800 px), where these stand against the default:
 *
 *   JPEG 80    progressive 0.97 of the bytes for 1.4 times the CPU; mozjpeg 0.82 for 6.5 times and 0.006 of SSIM
 *   PNG 6      level 9 0.96 for 1.8 times, level 1 1.18 for half; a palette 0.23 for 26 times
 *   WebP 80    effort 2: 4 takes 0.97 for 2.2 times, 6 0.92 for 4.6 times, 0 1.20 for 0.6 times, all within 0.002 of SSIM
 *   AVIF 50    effort 2: 3 takes 0.95 for 1.9 times, 4 0.93 for 8 times, 0 1.09 for 0.2 times, all within 0.003 of SSIM
 *   GIF        effort 3, as 1: 7 takes 0.89 for 5 times. Without dithering 0.90 for 0.7 times, and SSIM, which takes it for noise,
 *              is 0.983 instead of 0.966: it is for gradients, which 256 colours turn into bands
 */
export const ENCODERS = {
  jpeg: z
    .strictObject({
      ...quality(80),
      progressive: flag('Several scans, coarse to fine.'),
      chroma,
      mozjpeg: flag('Trellis quantisation and progressive scans of mozjpeg: smaller files for more CPU.'),
      maxBytes,
    })
    .transform(({ progressive, chroma, mozjpeg, ...rate }, context) => ({
      ...rated(80, rate, context),
      progressive: progressive || mozjpeg,
      chroma,
      ...unless(false, 'mozjpeg', mozjpeg),
    })),
  png: z
    .strictObject({
      compression: z.int().min(0).max(9).default(6).describe('zlib level, 0 (fastest) to 9 (smallest).'),
      palette: flag('As many colours as `colours` says instead of all.'),
      colours: colours.optional().describe('Of a palette; 256 unless given.'),
      dither: dither.optional().describe('Error diffusion of a palette, 0 (none) to 1; 1 unless given.'),
      maxBytes,
    })
    .transform(({ compression, palette, colours, dither, maxBytes }, context) => {
      if (!palette && colours !== undefined) complain(context, 'colours', 'Applies to a palette only')
      if (!palette && dither !== undefined) complain(context, 'dither', 'Applies to a palette only')
      return {
        compression,
        palette,
        ...unless(256, 'colours', colours ?? 256),
        ...unless(1, 'dither', dither ?? 1),
        ...(maxBytes !== undefined && { maxBytes }),
      }
    }),
  webp: z
    .strictObject({
      ...quality(80),
      effort: z.int().min(0).max(6).default(2).describe('CPU effort, 0 (fastest) to 6 (smallest).'),
      lossless: flag('Exact pixels.'),
      nearLossless: flag('Lossless coding of pixels that are changed a little first, by `quality`.'),
      smartSubsample: flag('Colour subsampling that keeps sharp edges.'),
      alphaQuality: z.int().min(0).max(100).default(100).describe('Of the alpha channel, 100: exact.'),
      animated,
      maxBytes,
    })
    .transform(({ effort, lossless, nearLossless, smartSubsample, alphaQuality, animated, ...rate }, context) => {
      exact(lossless || nearLossless, rate, context)
      if (lossless && nearLossless) complain(context, 'nearLossless', 'Applies without `lossless` only')
      return {
        ...rated(80, rate, context),
        effort,
        lossless,
        ...unless(false, 'nearLossless', nearLossless),
        ...unless(false, 'smartSubsample', smartSubsample),
        ...unless(100, 'alphaQuality', alphaQuality),
        ...unless(true, 'animated', animated),
      }
    }),
  avif: z
    .strictObject({
      ...quality(50),
      effort: z.int().min(0).max(9).default(2).describe('CPU effort, 0 (fastest) to 9 (smallest).'),
      lossless: flag('Exact pixels.'),
      chroma,
      bitdepth: z
        .union([z.literal(8), z.literal(10), z.literal(12)])
        .default(8)
        .describe('Bits of a channel; more of them make smoother gradients, from 8 bits too.'),
      maxBytes,
    })
    .transform(({ effort, lossless, chroma, bitdepth, ...rate }, context) => {
      exact(lossless, rate, context)
      return { ...rated(50, rate, context), effort, lossless, chroma, ...unless(8, 'bitdepth', bitdepth as number) }
    }),
  gif: z
    .strictObject({
      colours: colours.default(256).describe('Of the palette, transparency included.'),
      effort: z.int().min(1).max(10).default(3).describe('CPU effort, 1 (fastest) to 10 (smallest).'),
      dither: dither.default(1).describe('Error diffusion, 0 (none) to 1.'),
      interFrameMaxError: z.number().min(0).max(32).default(0).describe('Difference between frames that may be lost.'),
      interPaletteMaxError: z
        .number()
        .min(0)
        .max(256)
        .default(3)
        .describe('Difference between palettes up to which frames share one.'),
      animated,
      maxBytes,
    })
    .transform(({ animated, maxBytes, ...params }) => ({
      ...params,
      ...unless(true, 'animated', animated),
      ...(maxBytes !== undefined && { maxBytes }),
    })),
} satisfies Record<Format, z.ZodType>
