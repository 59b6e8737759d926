/** What stands between two steps: upright 8-bit sRGB, three channels, or four with alpha. Nothing else survives a step. */
import sharp, { type Raw, type Sharp } from 'sharp'

export interface Pixels {
  readonly data: Buffer
  readonly raw: Raw
}

export const openPixels = ({ data, raw }: Pixels): Sharp => sharp(data, { raw })
