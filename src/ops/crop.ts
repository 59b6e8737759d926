import { z } from 'zod'
import type { Step } from '../model/recipe.ts'
import { MAX_SOURCE_SIDE } from './limits.ts'
import { operation, type Picture } from './operation.ts'

export interface Region {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

type RegionParams = { left: number; top: number; width: number; height: number }

const EPOCH = 1
const offset = z
  .int()
  .min(0)
  .max(MAX_SOURCE_SIDE - 1)
const side = z.int().min(1).max(MAX_SOURCE_SIDE)

/** No step where the region is the whole picture. */
export const cropSteps = ({ left, top, width, height }: Region, picture: Picture): readonly Step[] =>
  width === picture.width && height === picture.height
    ? []
    : [{ op: 'crop', epoch: EPOCH, params: { left, top, width, height } }]

/** Cuts a region out of the upright picture. What reaches outside is clamped; fully outside is refused. */
export const crop = operation<RegionParams, RegionParams>({
  name: 'crop',
  epoch: EPOCH,
  place: 'stage',
  aliases: { x: 'left', y: 'top', w: 'width', h: 'height' },
  schema: z.strictObject({
    left: offset.default(0).describe('Pixels cut off at the left.'),
    top: offset.default(0).describe('Pixels cut off at the top.'),
    width: side.describe('Width of the region in pixels.'),
    height: side.describe('Height of the region in pixels.'),
  }),
  concretise: (asked, picture) => {
    const { left, top } = asked
    if (left >= picture.width || top >= picture.height) {
      const message = `The crop begins at ${left},${top}, outside the ${picture.width} x ${picture.height} picture.`
      return { steps: [], picture, refusal: { code: 'crop-outside', message } }
    }
    const width = Math.min(asked.width, picture.width - left)
    const height = Math.min(asked.height, picture.height - top)
    return { steps: cropSteps({ left, top, width, height }, picture), picture: { ...picture, width, height } }
  },
  apply: (pipeline, region) => pipeline.extract(region),
})
