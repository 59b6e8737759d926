import { z } from 'zod'
import type { Step } from '../model/recipe.ts'
import { anyColour, isOpaque } from './colour.ts'
import { MAX_SIDE, refuseStep, zoomSide } from './limits.ts'
import { type Concrete, operation, type Picture } from './operation.ts'

type Padding = { top: number; right: number; bottom: number; left: number; background: string }

const EPOCH = 1
export const PAD_BACKGROUND = '#ffffffff'
const edge = z.int().min(0).max(MAX_SIDE).default(0)

/** No step where nothing is added. A translucent background gives an opaque picture an alpha channel. */
export const padded = (padding: Padding, picture: Picture): Concrete => {
  const { top, right, bottom, left, background } = padding
  if (top + right + bottom + left === 0) return { steps: [], picture }
  const width = picture.width + left + right
  const height = picture.height + top + bottom
  const refusal = refuseStep({ width, height, frames: picture.frames })
  if (refusal) return { steps: [], picture, refusal }
  const step: Step = { op: 'pad', epoch: EPOCH, params: { top, right, bottom, left, background } }
  return { steps: [step], picture: { ...picture, width, height, hasAlpha: picture.hasAlpha || !isOpaque(background) } }
}

export const pad = operation<Padding, Padding>({
  name: 'pad',
  epoch: EPOCH,
  place: 'stage',
  schema: z.strictObject({
    top: edge.describe('Pixels added at the top.'),
    right: edge.describe('Pixels added at the right.'),
    bottom: edge.describe('Pixels added at the bottom.'),
    left: edge.describe('Pixels added at the left.'),
    background: anyColour.prefault(PAD_BACKGROUND).describe('Colour of what is added.'),
  }),
  idle: ({ top, right, bottom, left }) => top + right + bottom + left === 0,
  zoom: ({ top, right, bottom, left, background }, factor) => ({
    top: zoomSide(top, factor),
    right: zoomSide(right, factor),
    bottom: zoomSide(bottom, factor),
    left: zoomSide(left, factor),
    background,
  }),
  concretise: padded,
  apply: (pipeline, padding) => pipeline.extend(padding),
})
