/** An encode step: how it is written into a plan, and how it is run. What may be asked is in encode-settings.ts. */
import type { Sharp } from 'sharp'
import type { Format, Params, Step } from '../model/recipe.ts'

/** One for all encoders: an engine change that touches one of them is a new engine line. */
export const ENCODE_EPOCH = 1

/** Whether an output goes on moving is decided by the plan: it is in how the source is decoded, not in the encoder. */
export const encodeStep = (format: Format, { animated: _, ...params }: Params): Step => ({
  op: 'encode',
  epoch: ENCODE_EPOCH,
  params: { format, ...params },
})

/** Colours that a palette can have: those of 1, 2, 4 and 8 bits. */
export const PALETTES = [2, 4, 16, 256] as const

export const QUALITIES = Array.from({ length: 100 }, (_, index) => index + 1)

/** What of an encoder's settings a search may lower to make the file smaller, and to what, lowest first; `undefined`: nothing. */
export const knobOf = (settings: Settings): { name: 'quality' | 'colours'; below: readonly number[] } | undefined => {
  const { format, lossless, palette, quality = 100, colours = 256 } = settings
  if (format === 'gif' || palette) return { name: 'colours', below: PALETTES.filter(count => count < colours) }
  return format === 'png' || lossless ? undefined : { name: 'quality', below: QUALITIES.slice(0, quality - 1) }
}

export interface Settings {
  readonly format: Format
  readonly chroma?: string
  readonly lossless?: boolean
  readonly palette?: boolean
  readonly compression?: number
  readonly quality?: number
  readonly colours?: number
  readonly targetQuality?: number
  readonly maxBytes?: number
}

/** Runs a resolved encode step: what an encoder's schema produced, and of a picture that moves `delay` and `loop`. */
export const applyEncode = (pipeline: Sharp, params: Params): Sharp => {
  const { format, chroma, compression, ...settings } = params as Params & Settings
  switch (format) {
    case 'jpeg':
      return pipeline.jpeg({ ...settings, chromaSubsampling: chroma })
    case 'png':
      return pipeline.png({ ...settings, compressionLevel: compression })
    case 'webp':
      return pipeline.webp(settings)
    case 'avif':
      return pipeline.avif({ ...settings, chromaSubsampling: chroma })
    case 'gif':
      return pipeline.gif(settings)
  }
}
