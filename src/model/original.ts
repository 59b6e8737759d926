import type { Hex } from './ids.ts'

/** Image formats that this system reads for transforms. */
export const SOURCE_FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const
export type SourceFormat = (typeof SOURCE_FORMATS)[number]

/** What the header of an image says, learnt before anything is decoded. */
export interface ImageFacts {
  readonly format: SourceFormat
  /** Pixels as stored, before the EXIF orientation is applied. */
  readonly width: number
  readonly height: number
  /** EXIF orientation 1..8; 1 where the file has none. */
  readonly orientation: number
  readonly frames: number
  readonly hasAlpha: boolean
  /** libvips interpretation, e.g. `srgb`, `cmyk`, `b-w`, `rgb16`. */
  readonly space: string
  readonly icc: 'none' | 'srgb' | 'other'
  /** Of `other`: RGB by primaries and curves, which can be kept; absent in what was stored before this was asked. */
  readonly matrixProfile?: boolean
  /** It has a second picture that makes a brighter one of it on a display that can. Derivatives are of the first. */
  readonly gainMap?: boolean
  /** EXIF fields that a rendition may keep; absent fields are absent here. */
  readonly credit: { readonly copyright?: string; readonly artist?: string }
}

/** Has frames that follow each other in time; pages of a TIFF do not. */
export const moves = ({ frames, format }: Pick<ImageFacts, 'frames' | 'format'>): boolean =>
  frames > 1 && (format === 'gif' || format === 'webp')

/** Bytes as received: immutable, stored once per tenant under their SHA-256. */
export interface Original {
  readonly sha256: Hex
  readonly bytes: number
  readonly mediaType: string
  readonly objectKey: string
  /** `undefined` for what is not an image that this system transforms. */
  readonly image: ImageFacts | undefined
}

/** Width and height as a person sees the image, after the EXIF orientation is applied. */
export const uprightSize = (image: Pick<ImageFacts, 'width' | 'height' | 'orientation'>) =>
  image.orientation >= 5 ? { width: image.height, height: image.width } : { width: image.width, height: image.height }
