import { z } from 'zod'
import { operation } from './operation.ts'

type Sharpen = { sigma: number; flat: number; jagged: number; join: number; brighten: number; darken: number }

const EPOCH = 1
const strength = z.number().min(0).max(1_000_000)

/** Unsharp mask on lightness, with its own strength where the picture is flat and where it is jagged. */
export const sharpen = operation<Sharpen, Sharpen>({
  name: 'sharpen',
  epoch: EPOCH,
  place: 'stage',
  aliases: { m1: 'flat', m2: 'jagged', x1: 'join', y2: 'brighten', y3: 'darken' },
  schema: z.strictObject({
    sigma: z.number().min(0.01).max(10).default(1).describe('Sigma of the Gaussian mask in pixels.'),
    flat: strength.default(1).describe('Strength where the picture is flat.'),
    jagged: strength.default(2).describe('Strength where the picture is jagged.'),
    join: strength.default(2).describe('Difference at which jagged begins.'),
    brighten: strength.default(10).describe('Most that anything becomes lighter.'),
    darken: strength.default(20).describe('Most that anything becomes darker.'),
  }),
  idle: ({ flat, jagged }) => flat === 0 && jagged === 0,
  concretise: (asked, picture) => ({ steps: [{ op: 'sharpen', epoch: EPOCH, params: asked }], picture }),
  apply: (pipeline, { sigma, flat, jagged, join, brighten, darken }) =>
    pipeline.sharpen({ sigma, m1: flat, m2: jagged, x1: join, y2: brighten, y3: darken }),
})
