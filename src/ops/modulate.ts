import { z } from 'zod'
import { operation } from './operation.ts'

type Modulate = { brightness: number; saturation: number; hue: number; lightness: number }

const EPOCH = 1
const MAX_FACTOR = 10
const factor = z.number().min(0).max(MAX_FACTOR).default(1)

/** Changes brightness, saturation and hue in LCh, where they are what the eye says they are. */
export const modulate = operation<Modulate, Modulate>({
  name: 'modulate',
  epoch: EPOCH,
  place: 'stage',
  schema: z
    .strictObject({
      brightness: factor.describe('Factor of lightness.'),
      saturation: factor.describe('Factor of colourfulness; 0: none is left.'),
      hue: z.int().min(-360).max(360).default(0).describe('Degrees around the colour wheel.'),
      lightness: z.number().min(-100).max(100).default(0).describe('Added to lightness, of 100.'),
    })
    .transform(asked => ({ ...asked, hue: (asked.hue + 720) % 360 })),
  idle: ({ brightness, saturation, hue, lightness }) =>
    brightness === 1 && saturation === 1 && hue === 0 && lightness === 0,
  concretise: (asked, picture) => ({ steps: [{ op: 'modulate', epoch: EPOCH, params: asked }], picture }),
  apply: (pipeline, asked) => pipeline.modulate(asked),
})
