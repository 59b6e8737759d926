/** Second pictures of a recipe, from the names that a product gave to what a plan needs. */
import { refuse, type Violation } from '../model/errors.ts'
import type { Params, Recipe } from '../model/recipe.ts'
import type { SecondPicture } from '../ops/composite.ts'

export interface Pinned {
  readonly version: number
  readonly second: SecondPicture
}

/** `undefined`: there is none that the product may see, or it is no image. */
export type FindSecond = (wish: { asset: string; version: number | undefined }) => Promise<Pinned | undefined>

/** The recipe with every second picture fixed to one version. Throws `invalid-recipe` for those that cannot be had. */
export const pinSeconds = async (recipe: Recipe, find: FindSecond): Promise<Recipe> => {
  const violations: Violation[] = []
  const pin = async ({ op, params }: { op: string; params: Params }) => {
    if (op !== 'composite') return { op, params }
    const { asset, version } = params as { asset: string; version?: number }
    const pinned = await find({ asset, version })
    if (pinned) return { op, params: { ...params, ...pinned } }
    const message = 'There is no such image that the product may see, or nothing of it is published'
    violations.push({ pointer: '/composite/asset', rule: 'not-found', message })
    return { op, params }
  }
  const stages = await Promise.all(recipe.stages.map(stage => Promise.all(stage.map(pin))))
  if (violations.length > 0) throw refuse('invalid-recipe', 'The recipe is not valid.', { violations })
  return { ...recipe, stages }
}
