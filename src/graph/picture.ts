/** What is known of an original before anything is done to it. */
import type { Point } from '../model/focal.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Picture } from '../ops/operation.ts'

export const pictureOf = (
  { width, height, hasAlpha, orientation, credit, matrixProfile = false }: ImageFacts,
  frames: number,
  focal?: Point,
): Picture => ({
  width,
  height,
  frames,
  sized: true,
  // The header tells of the first frame; a later one may let something through.
  hasAlpha: hasAlpha || frames > 1,
  orientation,
  credit,
  matrixProfile,
  focal,
})
