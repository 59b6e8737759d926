import { z } from 'zod'
import { operation } from './operation.ts'

type Normalise = { lower: number; upper: number }

const EPOCH = 1

/** Stretches lightness so that it uses the whole range. */
export const normalise = operation<Normalise, Normalise>({
  name: 'normalise',
  epoch: EPOCH,
  place: 'stage',
  schema: z
    .strictObject({
      lower: z.int().min(0).max(99).default(1).describe('Percentile that becomes black.'),
      upper: z.int().min(1).max(100).default(99).describe('Percentile that becomes white.'),
    })
    .refine(({ lower, upper }) => lower < upper, { path: ['upper'], error: 'Expected more than `lower`' }),
  concretise: (asked, picture) => ({ steps: [{ op: 'normalise', epoch: EPOCH, params: asked }], picture }),
  whole: true,
  apply: (pipeline, range) => pipeline.normalise(range),
})
