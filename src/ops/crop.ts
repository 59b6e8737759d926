import type { Sharp } from 'sharp'
import { z } from 'zod'
import type { Params, Step } from '../model/recipe.ts'
import { type Focus, focusOffset } from './focus.ts'
import { offsetByFocal, offsetByGravity } from './gravity.ts'
import { MAX_SOURCE_SIDE } from './limits.ts'
import { type Concrete, operation, type Picture } from './operation.ts'
import type { Pixels } from './pixels.ts'
import { AUTO, type Complain, isFocus, type Place, placing, readPlace } from './place.ts'

export interface Region {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}
interface Size {
  readonly width: number
  readonly height: number
}

type Asked = ({ left: number; top: number } & Size) | (Size & Place) | ({ ratio: string } & Place)
type Cut = { left: number; top: number; width: number; height: number } | { by: Focus; width: number; height: number }

const EPOCH = 1
/** Of a cut whose place only the pixels tell: raised when they tell another. */
export const FOCUS_EPOCH = 1

/** No step where the region is the whole picture. */
export const cropSteps = ({ left, top, width, height }: Region, picture: Picture): readonly Step[] =>
  width === picture.width && height === picture.height
    ? []
    : [{ op: 'crop', epoch: EPOCH, params: { left, top, width, height } }]

/** Cuts a box out of the picture, not larger than it. */
export const cropAt = (place: Place, box: Size, picture: Picture): readonly Step[] => {
  const { width, height } = box
  const boxes = { inner: box, outer: picture }
  if ('focal' in place) return cropSteps({ ...offsetByFocal(place.focal, boxes), width, height }, picture)
  if (place.gravity === AUTO)
    return cropAt(picture.focal ? { focal: picture.focal } : { gravity: 'attention' }, box, picture)
  const { gravity: name } = place
  if (!isFocus(name)) return cropSteps({ ...offsetByGravity(name, boxes), width, height }, picture)
  return width === picture.width && height === picture.height
    ? []
    : [{ op: 'crop', epoch: FOCUS_EPOCH, params: { by: name, width, height } }]
}

const offset = z
  .int()
  .min(0)
  .max(MAX_SOURCE_SIDE - 1)
const side = z.int().min(1).max(MAX_SOURCE_SIDE)

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
const lowestTerms = (ratio: string): string => {
  const [width = 1, height = 1] = ratio.split(':').map(Number)
  const common = divisor(width, height)
  return `${width / common}:${height / common}`
}

const spelling = z.strictObject({
  left: offset.optional().describe('Pixels cut off at the left; 0 unless given.'),
  top: offset.optional().describe('Pixels cut off at the top; 0 unless given.'),
  width: side.optional().describe('Width of the region in pixels.'),
  height: side.optional().describe('Height of the region in pixels.'),
  ratio: z
    .string()
    .regex(/^[1-9]\d{0,3}:[1-9]\d{0,3}$/, 'Expected width:height, such as 16:9')
    .transform(lowestTerms)
    .optional()
    .describe('Width to height, such as 16:9, instead of a size: the largest region of that shape.'),
  ...placing,
})

const schema = spelling.transform((raw, context): Asked => {
  const complain: Complain = (key, message) => {
    context.addIssue({ code: 'custom', path: [key], message })
    return z.NEVER
  }
  const { left, top, width, height, ratio } = raw
  const place = readPlace(raw, complain)
  const isAt = left !== undefined || top !== undefined
  if (isAt && (raw.gravity !== undefined || raw.focal)) {
    return complain(left === undefined ? 'top' : 'left', 'Applies without gravity and focal point only')
  }
  if (ratio !== undefined) {
    if (width !== undefined || height !== undefined) return complain('ratio', 'Expected a size or a ratio, not both')
    if (isAt) return complain(left === undefined ? 'top' : 'left', 'Applies to a size only')
    return { ratio, ...(place ?? { gravity: 'centre' }) }
  }
  if (width === undefined) return complain('width', 'Expected a width and a height, or a ratio')
  if (height === undefined) return complain('height', 'Expected a width and a height, or a ratio')
  return place ? { width, height, ...place } : { left: left ?? 0, top: top ?? 0, width, height }
})

/** The largest box of a shape in a picture. */
const boxOf = (ratio: string, picture: Size): Size => {
  const [across = 1, down = 1] = ratio.split(':').map(Number)
  const isWider = picture.width * down > picture.height * across
  return isWider
    ? { width: Math.max(1, Math.round((picture.height * across) / down)), height: picture.height }
    : { width: picture.width, height: Math.max(1, Math.round((picture.width * down) / across)) }
}

const concretise = (asked: Asked, picture: Picture): Concrete => {
  if ('left' in asked) {
    const { left, top } = asked
    if (left >= picture.width || top >= picture.height) {
      const message = `The crop begins at ${left},${top}, outside the ${picture.width} x ${picture.height} picture.`
      return { steps: [], picture, refusal: { code: 'crop-outside', message } }
    }
    const width = Math.min(asked.width, picture.width - left)
    const height = Math.min(asked.height, picture.height - top)
    return { steps: cropSteps({ left, top, width, height }, picture), picture: { ...picture, width, height } }
  }
  const wanted = 'ratio' in asked ? boxOf(asked.ratio, picture) : asked
  const box = { width: Math.min(wanted.width, picture.width), height: Math.min(wanted.height, picture.height) }
  return { steps: cropAt(asked, box, picture), picture: { ...picture, ...box } }
}

/** A ratio and a focal point are no pixels. */
const zoomed = (asked: Asked & Params, factor: number): Asked & Params => {
  const sides = Object.entries(asked).map(([key, value]) => [
    key,
    typeof value === 'number' ? Math.round(value * factor) : value,
  ])
  return Object.fromEntries(sides)
}

const cut = async (pipeline: Sharp, how: Cut, pixels: Pixels): Promise<Sharp> => {
  if (!('by' in how)) return pipeline.extract(how)
  const { by, ...box } = how
  return pipeline.extract({ ...(await focusOffset(by, box, pixels)), ...box })
}

/**
 * Cuts a region out of the upright picture: one that is given, or a size or shape at a place. What reaches outside is clamped;
 * fully outside is refused.
 */
export const crop = operation<Asked & Params, Cut>({
  name: 'crop',
  epoch: EPOCH,
  place: 'stage',
  aliases: { x: 'left', y: 'top', w: 'width', h: 'height' },
  schema: schema as z.ZodType<Asked & Params>,
  zoom: zoomed,
  concretise,
  // What moves is judged by how it begins.
  settle: async (how, [first]) => {
    if (!('by' in how) || !first) return how
    const { by, ...box } = how
    return { ...(await focusOffset(by, box, first)), ...box }
  },
  apply: cut,
})
