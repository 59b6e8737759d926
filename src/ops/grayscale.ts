import type { Sharp } from 'sharp'
import { z } from 'zod'
import { operation } from './operation.ts'

type Grayscale = { on: boolean }

const EPOCH = 1

/** Luma of ITU-R BT.709, as in the CSS filter `grayscale()`. */
const LUMA = [0.2126, 0.7152, 0.0722] as const

/** Three equal channels and not one: the engine's own would drop the alpha channel between steps. */
export const toGrey = (pipeline: Sharp): Sharp => pipeline.recomb([[...LUMA], [...LUMA], [...LUMA]])

/** Takes the colour away. */
export const grayscale = operation<Grayscale, Record<string, never>>({
  name: 'grayscale',
  epoch: EPOCH,
  place: 'stage',
  schema: z
    .boolean()
    .describe('Whether colour is taken away.')
    .transform(on => ({ on })),
  spell: ({ on }) => on,
  idle: ({ on }) => !on,
  concretise: (_, picture) => ({ steps: [{ op: 'grayscale', epoch: EPOCH, params: {} }], picture }),
  apply: toGrey,
})
