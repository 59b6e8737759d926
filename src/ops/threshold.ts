import { z } from 'zod'
import { toGrey } from './grayscale.ts'
import { operation } from './operation.ts'

type Threshold = { value: number; grayscale: boolean }

const EPOCH = 1

/** Black below the level and white from it on; each channel for itself where colour is kept. */
export const threshold = operation<Threshold, Threshold>({
  name: 'threshold',
  epoch: EPOCH,
  place: 'stage',
  aliases: { greyscale: 'grayscale' },
  schema: z.strictObject({
    value: z.int().min(1).max(255).default(128).describe('Level from which on it is white.'),
    grayscale: z.boolean().default(true).describe('Whether colour is taken away first.'),
  }),
  concretise: (asked, picture) => ({ steps: [{ op: 'threshold', epoch: EPOCH, params: asked }], picture }),
  // As a steep line, clipped: the engine's threshold would treat alpha as a colour.
  apply: (pipeline, { value, grayscale }) => (grayscale ? toGrey(pipeline) : pipeline).linear(255, -255 * (value - 1)),
})
