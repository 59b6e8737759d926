import { z } from 'zod'
import { uprightSize } from '../model/original.ts'
import { operation } from './operation.ts'

/** Turns the picture as its EXIF orientation says. Never a step of its own: decoding does it on the way. */
export const orient = operation<{ mode: 'exif' | 'none' }, never>({
  name: 'orient',
  epoch: 1,
  place: 'source',
  schema: z
    .enum(['exif', 'none'])
    .describe('`exif` turns the picture upright, `none` leaves it as stored.')
    .transform(mode => ({ mode })),
  spell: ({ mode }) => mode,
  whenAbsent: { mode: 'exif' },
  concretise: ({ mode }, picture) => ({
    steps: [],
    picture:
      mode === 'exif'
        ? { ...picture, ...uprightSize(picture) }
        : { ...picture, orientation: 1, focal: picture.orientation === 1 ? picture.focal : undefined },
  }),
  apply: pipeline => pipeline,
})
