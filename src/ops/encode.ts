import type { Sharp } from 'sharp'
import { z } from 'zod'
import type { Format, Params, Step } from '../model/recipe.ts'

/** One for all four encoders: an engine change that touches one of them is a new engine line. */
const EPOCH = 1
const quality = (value: number) => z.int().min(1).max(100).default(value).describe('1 (smallest) to 100 (best).')
const chroma = z.enum(['4:2:0', '4:4:4']).default('4:2:0').describe('Colour subsampling.')

/**
 * Ranges are sharp's own. Defaults come from measurement at 800 px: WebP effort 2 costs 0.6 of effort 4 for 4 % more bytes,
 * AVIF effort 2 costs 0.13 of effort 4 for 8 % more bytes.
 */
export const ENCODERS = {
  jpeg: z.strictObject({
    quality: quality(80),
    progressive: z.boolean().default(false).describe('Several scans, coarse to fine.'),
    chroma,
  }),
  png: z.strictObject({
    compression: z.int().min(0).max(9).default(6).describe('zlib level, 0 (fastest) to 9 (smallest).'),
    palette: z.boolean().default(false).describe('At most 256 colours.'),
  }),
  webp: z.strictObject({
    quality: quality(80),
    effort: z.int().min(0).max(6).default(2).describe('CPU effort, 0 (fastest) to 6 (smallest).'),
    lossless: z.boolean().default(false).describe('Exact pixels.'),
  }),
  avif: z.strictObject({
    quality: quality(50),
    effort: z.int().min(0).max(9).default(2).describe('CPU effort, 0 (fastest) to 9 (smallest).'),
    lossless: z.boolean().default(false).describe('Exact pixels.'),
    chroma,
  }),
} satisfies Record<Format, z.ZodType>

type Settings = { [F in Format]: { format: F } & z.infer<(typeof ENCODERS)[F]> }[Format]

export const encodeStep = (format: Format, params: Params): Step => ({
  op: 'encode',
  epoch: EPOCH,
  params: { format, ...params },
})

/** Runs a resolved encode step. The parameters are what an encoder's schema produced. */
export const applyEncode = (pipeline: Sharp, params: Params): Sharp => {
  const settings = params as Settings
  switch (settings.format) {
    case 'jpeg':
      return pipeline.jpeg({ ...settings, chromaSubsampling: settings.chroma })
    case 'png':
      return pipeline.png({ compressionLevel: settings.compression, palette: settings.palette })
    case 'webp':
      return pipeline.webp(settings)
    case 'avif':
      return pipeline.avif({ ...settings, chromaSubsampling: settings.chroma })
  }
}
