/** What the header of an image says, before anything is decoded: what is refused costs no more than its header. */
import sharp, { type Metadata } from 'sharp'
import { MatrixError, refuse } from '../model/errors.ts'
import { type ImageFacts, SOURCE_FORMATS, type SourceFormat } from '../model/original.ts'
import type { Blocks } from '../model/reading.ts'
import { blocksOf } from '../reading/blocks.ts'
import { readCredit } from './credit.ts'
import { isMatrixProfile, isSrgbProfile } from './icc.ts'
import { DEFAULT_INPUT_LIMITS, type InputLimits } from './limits.ts'

/** AVIF and HEIC share a container; only the former can be decoded here. */
const formatOf = ({ format, compression }: Metadata): SourceFormat | undefined =>
  format === 'heif' && compression === 'av1' ? 'avif' : SOURCE_FORMATS.find(known => known === format)

const iccOf = (profile: Uint8Array | undefined): ImageFacts['icc'] => {
  if (!profile) return 'none'
  return isSrgbProfile(profile) ? 'srgb' : 'other'
}

/** Ultra HDR, found by the engine; what calls itself one in a namespace of Adobe's or Apple's. */
const hasGainMap = ({ gainMap, xmp }: Metadata): boolean =>
  gainMap !== undefined || /ns\.(adobe\.com\/hdr-gain-map|apple\.com\/HDRGainMap)\//.test(xmp?.toString('latin1') ?? '')

const readHeader = async (input: string | Uint8Array): Promise<Metadata> => {
  try {
    // The limits below decide and say why; sharp's own would only say "corrupt".
    return await sharp(input, { limitInputPixels: false, failOn: 'error' }).metadata()
  } catch (cause) {
    // The decoder's text names paths and internals: it stays with us.
    throw new MatrixError('corrupt-media', 'The header cannot be read', {
      publicMessage: 'The image cannot be read.',
      cause,
    })
  }
}

const bomb = (what: string): MatrixError => refuse('decompression-bomb', `The image has ${what}.`)

const checkLimits = ({ width, height, frames }: ImageFacts, limits: InputLimits): void => {
  const pixels = width * height
  if (Math.max(width, height) > limits.maxSide) {
    throw bomb(`${width} x ${height} pixels; the limit is ${limits.maxSide} a side`)
  }
  if (pixels > limits.maxPixels) throw bomb(`${pixels} pixels; the limit is ${limits.maxPixels}`)
  if (frames > limits.maxFrames) throw bomb(`${frames} frames; the limit is ${limits.maxFrames}`)
  if (pixels * frames > limits.maxTotalPixels) {
    throw bomb(`${pixels * frames} pixels in ${frames} frames; the limit is ${limits.maxTotalPixels}`)
  }
}

/**
 * Reads the header of a path or of bytes. `bytes` is the size of the file. Throws `corrupt-media`, `unsupported-media`,
 * `payload-too-large` or `decompression-bomb`, each with a message that is fit for the caller.
 */
export const probeHeader = async (
  input: string | Uint8Array,
  bytes: number,
  limits: InputLimits = DEFAULT_INPUT_LIMITS,
): Promise<{ readonly image: ImageFacts; readonly blocks: Blocks }> => {
  if (bytes > limits.maxBytes) {
    throw refuse('payload-too-large', `The image has ${bytes} bytes; the limit for images is ${limits.maxBytes}.`)
  }
  const header = await readHeader(input)
  const format = formatOf(header)
  if (!format) throw refuse('unsupported-media', 'This kind of image is not accepted.')
  const icc = iccOf(header.icc)
  const facts: ImageFacts = {
    format,
    width: header.width,
    height: header.pageHeight ?? header.height,
    orientation: header.orientation ?? 1,
    frames: header.pages ?? 1,
    hasAlpha: header.hasAlpha,
    space: header.space,
    icc,
    ...(icc === 'other' && header.icc && isMatrixProfile(header.icc) && { matrixProfile: true }),
    ...(hasGainMap(header) && { gainMap: true }),
    credit: readCredit(header.exif),
  }
  checkLimits(facts, limits)
  return { image: facts, blocks: blocksOf(header) }
}

/** What of it planning goes by. */
export const probeImage = async (...header: Parameters<typeof probeHeader>): Promise<ImageFacts> =>
  (await probeHeader(...header)).image
