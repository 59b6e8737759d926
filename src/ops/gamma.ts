import { z } from 'zod'
import { operation } from './operation.ts'

type Gamma = { gamma: number }

const EPOCH = 1
/** The engine's range, and its reciprocal. */
const [MIN, MAX] = [0.34, 3]

/** Lightens (above 1) or darkens (below 1) the middle; black and white stay. */
export const gamma = operation<Gamma, Gamma>({
  name: 'gamma',
  epoch: EPOCH,
  place: 'stage',
  schema: z
    .number()
    .min(MIN)
    .max(MAX)
    .describe('Exponent: above 1 lightens, below 1 darkens.')
    .transform(value => ({ gamma: Math.round(value * 100) / 100 })),
  spell: ({ gamma: value }) => value,
  idle: ({ gamma: value }) => value === 1,
  concretise: (asked, picture) => ({ steps: [{ op: 'gamma', epoch: EPOCH, params: asked }], picture }),
  // The engine's first number darkens before it works and its second lightens after: one of them is left at 1.
  apply: (pipeline, { gamma: value }) => (value > 1 ? pipeline.gamma(1, value) : pipeline.gamma(1 / value, 1)),
})
