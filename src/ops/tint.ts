import { opaqueColour } from './colour.ts'
import { operation } from './operation.ts'

type Tint = { colour: string }

const EPOCH = 1

/** Gives everything the hue and colourfulness of one colour; lightness stays. */
export const tint = operation<Tint, Tint>({
  name: 'tint',
  epoch: EPOCH,
  place: 'stage',
  schema: opaqueColour.describe('The colour.').transform(colour => ({ colour })),
  spell: ({ colour }) => colour,
  concretise: (asked, picture) => ({ steps: [{ op: 'tint', epoch: EPOCH, params: asked }], picture }),
  apply: (pipeline, { colour }) => pipeline.tint(colour),
})
