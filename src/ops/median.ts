import { z } from 'zod'
import { operation } from './operation.ts'

type Median = { size: number }

const EPOCH = 1
/** 165 ms per megapixel, so that 50 MP stay within the soft limit; sharp goes on to 1000. */
const MAX_SIZE = 9

/** Each pixel becomes the median of its surroundings: specks go, edges stay. */
export const median = operation<Median, Median>({
  name: 'median',
  epoch: EPOCH,
  place: 'stage',
  schema: z
    .int()
    .min(1)
    .max(MAX_SIZE)
    .describe('Side of the square around a pixel; 1: as it is.')
    .transform(size => ({ size })),
  spell: ({ size }) => size,
  idle: ({ size }) => size === 1,
  zoom: ({ size }, factor) => ({ size: Math.min(MAX_SIZE, Math.round(size * factor)) }),
  concretise: (asked, picture) => {
    // The engine takes no window larger than the picture.
    const size = Math.min(asked.size, picture.width, picture.height)
    return { steps: size === 1 ? [] : [{ op: 'median', epoch: EPOCH, params: { size } }], picture }
  },
  apply: (pipeline, { size }) => pipeline.median(size),
})
