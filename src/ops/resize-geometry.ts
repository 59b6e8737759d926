/**
 * Sizes are computed from the picture once, in whole pixels, and never from an intermediate: however the pixels are made,
 * nothing drifts by a pixel.
 */
export const FITS = ['cover', 'contain', 'inside', 'outside', 'fill'] as const
export type Fit = (typeof FITS)[number]

export interface Size {
  readonly width: number
  readonly height: number
}

const scaled = (side: number, factor: number): number => Math.max(1, Math.round(side * factor))

/** The size of `source` scaled so that it just fits in the box (`inside`) or just covers it (`outside`). */
const scaleTo = (source: Size, box: Size, how: 'inside' | 'outside'): Size => {
  const byWidth = box.width / source.width
  const byHeight = box.height / source.height
  const widthDecides = how === 'inside' ? byWidth <= byHeight : byWidth >= byHeight
  return widthDecides
    ? { width: box.width, height: scaled(source.height, byWidth) }
    : { width: scaled(source.width, byHeight), height: box.height }
}

/** Without enlarging, a box that asks for more than there is shrinks and keeps its aspect. */
const shrinkBox = (source: Size, box: Size): Size => {
  const factor = Math.min(1, source.width / box.width, source.height / box.height)
  return factor === 1 ? box : { width: scaled(box.width, factor), height: scaled(box.height, factor) }
}

const notLarger = (source: Size, size: Size): Size =>
  size.width > source.width || size.height > source.height ? source : size

export interface Asked {
  readonly width?: number
  readonly height?: number
  readonly fit: Fit
  readonly enlarge: boolean
}

/** `image` is what the whole picture is scaled to; `box` is what leaves the operation, cut or padded to size. */
export const resizeGeometry = (asked: Asked, source: Size): { image: Size; box: Size } => {
  const { width, height, fit, enlarge } = asked
  const open: Size = { width: width ?? Number.MAX_SAFE_INTEGER, height: height ?? Number.MAX_SAFE_INTEGER }
  if (fit === 'fill') {
    const image = enlarge
      ? open
      : { width: Math.min(open.width, source.width), height: Math.min(open.height, source.height) }
    return { image, box: image }
  }
  if (fit === 'cover') {
    const box = enlarge ? open : shrinkBox(source, open)
    const cover = scaleTo(source, box, 'outside')
    return { image: { width: Math.max(cover.width, box.width), height: Math.max(cover.height, box.height) }, box }
  }
  const free = scaleTo(source, open, fit === 'outside' ? 'outside' : 'inside')
  const image = enlarge ? free : notLarger(source, free)
  return { image, box: fit === 'contain' ? open : image }
}
