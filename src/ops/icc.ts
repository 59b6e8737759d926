import { z } from 'zod'
import { operation } from './operation.ts'

const EPOCH = 1

/**
 * Colours beyond sRGB: converted, or kept with the profile that says what they are. Kept, pixels are the original's own numbers,
 * and so are the colours of other operations (a red background is the reddest that the profile knows).
 */
export const icc = operation<{ icc: 'srgb' | 'keep' }, { profile: 'own' }>({
  name: 'icc',
  epoch: EPOCH,
  place: 'output',
  schema: z
    .enum(['srgb', 'keep'])
    .default('srgb')
    .describe(
      '`srgb` converts all colours to sRGB; `keep` leaves those of an RGB original, e.g. in Display P3, as they are, and tags the result.',
    )
    .transform(value => ({ icc: value })),
  spell: ({ icc: value }) => value,
  idle: ({ icc: value }) => value === 'srgb',
  concretise: ({ icc: value }, picture) => {
    // What is sRGB, moves, has no profile or has one that cannot be written anew (tables, CMYK, grey) becomes sRGB.
    const keeps = value === 'keep' && picture.matrixProfile === true && picture.frames === 1
    return { steps: keeps ? [{ op: 'icc', epoch: EPOCH, params: { profile: 'own' } }] : [], picture }
  },
  apply: pipeline => pipeline.keepIccProfile(),
})
