import { z } from 'zod'
import type { Step } from '../model/recipe.ts'
import { opaqueColour } from './colour.ts'
import { type Concrete, operation, type Picture } from './operation.ts'

const EPOCH = 1
export const FLATTEN_BACKGROUND = '#ffffff'

/** No step on an opaque picture. */
const flattened = (picture: Picture, background: string): Concrete => {
  if (!picture.hasAlpha) return { steps: [], picture }
  const step: Step = { op: 'flatten', epoch: EPOCH, params: { background } }
  return { steps: [step], picture: { ...picture, hasAlpha: false } }
}

/** Lays the picture on a colour and drops its alpha channel. */
export const flatten = operation<{ background: string }, { background: string }>({
  name: 'flatten',
  epoch: EPOCH,
  place: 'stage',
  schema: z.strictObject({
    background: opaqueColour.prefault(FLATTEN_BACKGROUND).describe('Colour that shows through.'),
  }),
  concretise: ({ background }, picture) => flattened(picture, background),
  apply: (pipeline, { background }) => pipeline.flatten({ background }),
})
