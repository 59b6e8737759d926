/**
 * A rendition for screens with more pixels: the same picture with `dpr` times as many of them a side. What is said in pixels
 * from the first resize on is multiplied: boxes, padding, radii, blur, specks, offsets. What stands before it (trim, a first
 * crop) speaks of the original, and sharpening of the screen's own pixels: these stay.
 *
 * Nothing grows that would not have grown anyway. Where the original has not that many pixels the factor is as large as it
 * allows and everything is multiplied by that, so that a small picture in a large box, its padding and its corners look alike
 * on every screen. What that comes to is an ordinary recipe: `card@2x` of 400 px and a rendition of 800 px are one node.
 */
import type { Dpr } from '../model/delivery-path.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Params, Recipe } from '../model/recipe.ts'
import { concretise } from '../ops/late.ts'
import { MAX_SIDE } from '../ops/limits.ts'
import type { Concrete, Picture } from '../ops/operation.ts'
import { findOperation } from '../ops/registry.ts'
import { type Asked, resizeGeometry } from '../ops/resize-geometry.ts'
import { pictureOf } from './picture.ts'

type Step = Recipe['stages'][number][number]

/** What the first resize would find. Where only the pixels tell how much a trim leaves, all of it. */
const pictureAt = (before: readonly Step[], image: ImageFacts): Picture =>
  before.reduce<Concrete>(({ picture }, { op, params }) => concretise(op, params, picture), {
    steps: [],
    picture: pictureOf(image, 1),
  }).picture

/** How many times as large the resize may make it without adding a pixel that the original has not. */
const roomFor = ({ params }: Step, picture: Picture): number => {
  const asked = params as unknown as Asked
  const { image } = resizeGeometry(asked, picture)
  const side = Math.max(asked.width ?? 1, asked.height ?? 1)
  return Math.max(1, Math.min(picture.width / image.width, picture.height / image.height, MAX_SIDE / side))
}

const zoomed = ({ op, params }: Step, factor: number): Step => ({
  op,
  params: findOperation(op)?.zoom?.(params, factor) ?? (params as Params),
})

/** The recipe for one original on such a screen. Pure; without `dpr` the recipe itself. */
export const recipeAt = (recipe: Recipe, dpr: Dpr | undefined, image: ImageFacts): Recipe => {
  if (dpr === undefined) return recipe
  const steps = recipe.stages.flat()
  const first = steps.findIndex(({ op }) => op === 'resize')
  const resize = steps[first]
  if (resize === undefined) return recipe
  const factor = Math.min(dpr, roomFor(resize, pictureAt(steps.slice(0, first), image)))
  const from = new Set(steps.slice(first))
  return {
    ...recipe,
    stages: recipe.stages.map(stage => stage.map(step => (from.has(step) ? zoomed(step, factor) : step))),
  }
}
