import sharp from 'sharp'

/** Decoders of SOURCE_FORMATS, by their names in libvips. Animated GIF and AVIF go by their libraries. */
const ALLOWED = ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'].map(name => `VipsForeignLoad${name}`)

/**
 * Forbids this process every other decoder, SVG and PDF (which read files of their own choosing) among them. For the whole
 * process, so it belongs in entry files.
 */
export const confineDecoders = (): void => {
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: ALLOWED })
}
