import { z } from 'zod'
import { operation } from './operation.ts'

type Blur = { sigma: number }

const EPOCH = 1
const MIN_SIGMA = 0.3
/** 95 ms per megapixel, so that 50 MP stay within the soft limit; sharp goes on to 1000, which takes minutes. */
const MAX_SIGMA = 100

/** Gaussian blur. */
export const blur = operation<Blur, Blur>({
  name: 'blur',
  epoch: EPOCH,
  place: 'stage',
  schema: z
    .number()
    .min(0)
    .max(MAX_SIGMA)
    .refine(sigma => sigma === 0 || sigma >= MIN_SIGMA, `Expected 0 or at least ${MIN_SIGMA}`)
    .describe(`Sigma of the Gaussian in pixels, from ${MIN_SIGMA}; 0: none.`)
    .transform(sigma => ({ sigma: Math.round(sigma * 100) / 100 })),
  spell: ({ sigma }) => sigma,
  idle: ({ sigma }) => sigma === 0,
  zoom: ({ sigma }, factor) => ({ sigma: Math.min(MAX_SIGMA, Math.round(sigma * factor * 100) / 100) }),
  concretise: ({ sigma }, picture) => ({ steps: [{ op: 'blur', epoch: EPOCH, params: { sigma } }], picture }),
  apply: (pipeline, { sigma }) => pipeline.blur(sigma),
})
