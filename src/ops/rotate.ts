import { z } from 'zod'
import type { Params, Step } from '../model/recipe.ts'
import { anyColour, isOpaque } from './colour.ts'
import { refuseStep } from './limits.ts'
import { type Concrete, operation, type Picture } from './operation.ts'
import { PAD_BACKGROUND } from './pad.ts'

/** A background only where corners are left over. */
type Asked = { angle: number; background?: string }
type Turn = { angle: number; width: number; height: number; background?: string }

const EPOCH = 1

/** Degrees clockwise, in hundredths, from 0 up to 360. */
const normal = (angle: number): number => (((Math.round(angle * 100) % 36_000) + 36_000) % 36_000) / 100

/** The box around the turned picture, rounded as libvips rounds it (checked on 400 random sizes and angles). */
const boxAround = ({ width, height }: Picture, angle: number) => {
  if (angle % 90 === 0) return angle % 180 === 0 ? { width, height } : { width: height, height: width }
  const [sine, cosine] = [Math.abs(Math.sin((angle * Math.PI) / 180)), Math.abs(Math.cos((angle * Math.PI) / 180))]
  return {
    width: Math.max(1, Math.round(width * cosine + height * sine)),
    height: Math.max(1, Math.round(width * sine + height * cosine)),
  }
}

export const rotated = ({ angle, background }: Asked, picture: Picture): Concrete => {
  const size = boxAround(picture, angle)
  const refusal = refuseStep({ ...size, frames: picture.frames })
  if (refusal) return { steps: [], picture, refusal }
  const params: Params = { angle, ...size, ...(background && { background }) }
  const step: Step = { op: 'rotate', epoch: EPOCH, params }
  const hasAlpha = picture.hasAlpha || (background !== undefined && !isOpaque(background))
  return { steps: [step], picture: { ...picture, ...size, hasAlpha } }
}

/** Turns clockwise. Quarter turns move pixels, every other angle resamples and grows the picture to its corners. */
export const rotate = operation<Asked, Turn>({
  name: 'rotate',
  epoch: EPOCH,
  place: 'stage',
  schema: z
    .strictObject({
      angle: z.number().min(-360).max(360).describe('Degrees clockwise, to a hundredth.'),
      background: anyColour
        .prefault(PAD_BACKGROUND)
        .describe('Colour of the corners that a turn leaves empty; a quarter turn leaves none.'),
    })
    .transform(({ angle, background }): Asked => {
      const turn = normal(angle)
      return turn % 90 === 0 ? { angle: turn } : { angle: turn, background }
    }),
  idle: ({ angle }) => angle === 0,
  concretise: rotated,
  apply: (pipeline, { angle, background }) => pipeline.rotate(angle, background ? { background } : {}),
})
