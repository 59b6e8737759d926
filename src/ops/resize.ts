import { z } from 'zod'
import type { Step } from '../model/recipe.ts'
import { anyColour } from './colour.ts'
import { cropAt } from './crop.ts'
import type { Focus } from './focus.ts'
import { type Gravity, offsetByGravity } from './gravity.ts'
import { MAX_SIDE, refuseStep, zoomSide } from './limits.ts'
import { type Concrete, operation, type Picture } from './operation.ts'
import { PAD_BACKGROUND, padded } from './pad.ts'
import { type Auto, isOfPicture, placing, readPlace } from './place.ts'
import { FITS, type Fit, resizeGeometry } from './resize-geometry.ts'

const EPOCH = 1
const KERNELS = ['nearest', 'linear', 'cubic', 'mitchell', 'lanczos2', 'lanczos3', 'mks2013', 'mks2021'] as const
export type Kernel = (typeof KERNELS)[number]
export const DEFAULT_KERNEL: Kernel = 'lanczos3'

/** A key that is absent here does not apply: what has no effect has no place in a canonical recipe. */
type Asked = {
  width?: number
  height?: number
  fit: Fit
  gravity?: Gravity | Focus | Auto
  focal?: { x: number; y: number }
  background?: string
  enlarge: boolean
  kernel: Kernel
}
export type Scale = { width: number; height: number; kernel: Kernel }

const side = z.int().min(1).max(MAX_SIDE)

const spelling = z.strictObject({
  width: side.optional().describe('Width of the box in pixels.'),
  height: side.optional().describe('Height of the box in pixels.'),
  fit: z.enum(FITS).default('inside').describe('How picture and box meet, as in CSS `object-fit`.'),
  gravity: placing.gravity.describe(
    `${placing.gravity.description} For \`contain\`, where the picture is put: all but the last four.`,
  ),
  focal: placing.focal.describe('The point that `cover` keeps in sight.'),
  background: anyColour.optional().describe('What `contain` fills the box with.'),
  enlarge: z.boolean().default(false).describe('Whether a small picture may grow.'),
  kernel: z.enum(KERNELS).default(DEFAULT_KERNEL).describe('Resampling kernel.'),
})

const complain = (context: z.RefinementCtx, key: string, message: string): never => {
  context.addIssue({ code: 'custom', path: [key], message })
  return z.NEVER
}

const schema = spelling.transform((raw, context): Asked => {
  const { width, height, enlarge, kernel } = raw
  if (width === undefined && height === undefined) return complain(context, 'width', 'Expected a width or a height')
  const oneSide = width === undefined || height === undefined
  if (oneSide && raw.fit === 'fill') return complain(context, 'fit', '`fill` needs a width and a height')
  const places = raw.fit === 'cover' || raw.fit === 'contain'
  if (!places && raw.gravity !== undefined) return complain(context, 'gravity', 'Applies to `cover` and `contain` only')
  if (raw.fit !== 'cover' && (raw.focal || raw.gravity === 'focal')) {
    return complain(context, 'focal', 'Applies to `cover` only')
  }
  if (raw.fit !== 'cover' && isOfPicture(raw.gravity ?? '')) {
    return complain(context, 'gravity', 'Applies to `cover` only')
  }
  const placed = readPlace(raw, (key, message) => complain(context, key, message)) ?? { gravity: 'centre' as const }
  if (raw.fit !== 'contain' && raw.background) return complain(context, 'background', 'Applies to `contain` only')
  const base = { ...(width && { width }), ...(height && { height }), enlarge, kernel }
  // With one side given every fit scales to that side, and there is nothing left to place.
  if (oneSide || !places) return { ...base, fit: oneSide ? 'inside' : raw.fit }
  return raw.fit === 'contain'
    ? { ...base, fit: 'contain', ...placed, background: raw.background ?? PAD_BACKGROUND }
    : { ...base, fit: 'cover', ...placed }
})

export const resizeStep = (params: Scale): Step => ({ op: 'resize', epoch: EPOCH, params })

const concretise = (asked: Asked, picture: Picture): Concrete => {
  const { image, box } = resizeGeometry(asked, picture)
  const refusal = refuseStep({ ...image, frames: picture.frames })
  if (refusal) return { steps: [], picture, refusal }
  const same = image.width === picture.width && image.height === picture.height
  const scale = resizeStep({ ...image, kernel: asked.kernel })
  const steps: readonly Step[] = same ? [] : [scale]
  const scaled: Picture = { ...picture, ...image }
  if (asked.fit === 'cover') {
    const place = asked.focal ? { focal: asked.focal } : { gravity: asked.gravity ?? ('centre' as const) }
    const cut = cropAt(place, box, scaled)
    return { steps: [...steps, ...cut], picture: { ...scaled, ...box } }
  }
  if (asked.fit !== 'contain') return { steps, picture: scaled }
  const { left, top } = offsetByGravity((asked.gravity ?? 'centre') as Gravity, { inner: image, outer: box })
  const right = box.width - image.width - left
  const bottom = box.height - image.height - top
  const full = padded({ top, right, bottom, left, background: asked.background ?? PAD_BACKGROUND }, scaled)
  return { ...full, steps: [...steps, ...full.steps] }
}

/** Scales the picture; `cover` cuts and `contain` pads it to the box. */
export const resize = operation<Asked, Scale>({
  name: 'resize',
  epoch: EPOCH,
  place: 'stage',
  aliases: { w: 'width', h: 'height' },
  schema,
  zoom: ({ width, height, ...asked }, factor) => ({
    ...asked,
    ...(width && { width: zoomSide(width, factor) }),
    ...(height && { height: zoomSide(height, factor) }),
  }),
  concretise,
  apply: (pipeline, { width, height, kernel }) => pipeline.resize(width, height, { fit: 'fill', kernel }),
})
