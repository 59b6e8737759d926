import { z } from 'zod'
import { operation } from './operation.ts'
import { rotated } from './rotate.ts'

type Mirror = { axis: 'none' | 'horizontal' | 'vertical' | 'both' }

const EPOCH = 1

/** Mirrors the picture. Both ways is half a turn, and is made and named as one. */
export const flip = operation<Mirror, Mirror>({
  name: 'flip',
  epoch: EPOCH,
  place: 'stage',
  schema: z
    .enum(['none', 'horizontal', 'vertical', 'both'])
    .describe('`horizontal` swaps left and right, `vertical` top and bottom.')
    .transform(axis => ({ axis })),
  spell: ({ axis }) => axis,
  idle: ({ axis }) => axis === 'none',
  concretise: ({ axis }, picture) =>
    axis === 'both'
      ? rotated({ angle: 180 }, picture)
      : { steps: [{ op: 'flip', epoch: EPOCH, params: { axis } }], picture },
  apply: (pipeline, { axis }) => (axis === 'horizontal' ? pipeline.flop() : pipeline.flip()),
})
