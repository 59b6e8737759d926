/** Operations of a path as a recipe: the same words, so that what comes to the same pixels is one node with a rendition. Pure. */
import { type AdHocStage, boxOf, stagesOf } from '../model/ad-hoc.ts'
import { operationsOf } from '../model/delivery-path.ts'
import type { Rendition } from '../model/product.ts'
import type { Format, Recipe } from '../model/recipe.ts'
import { parseRecipe, recipeHash } from './recipe.ts'

const placeOf = (gravity: string | undefined) => {
  if (gravity === undefined) return {}
  const [x, y] = gravity.split('x').map(Number)
  return y === undefined || Number.isNaN(y) ? { gravity } : { focal: { x, y } }
}

const stageOf = (stage: AdHocStage) => {
  const [fit = 'inside', background] = [stage.get('c'), stage.get('b')]
  const contains = fit === 'contain'
  const resize = {
    ...boxOf(stage),
    fit,
    ...placeOf(stage.get('g')),
    ...(contains && background && { background: `#${background}` }),
  }
  return {
    ...(stage.has('w') || stage.has('h') ? { resize } : {}),
    ...(stage.has('rotate') && { rotate: { angle: Number(stage.get('rotate')) } }),
    ...(stage.has('flip') && { flip: stage.get('flip') }),
    ...(stage.has('blur') && { blur: Number(stage.get('blur')) }),
    ...(stage.has('sharpen') && { sharpen: { sigma: Number(stage.get('sharpen')) } }),
    ...(stage.has('grayscale') && { grayscale: true }),
    ...(!contains && background && { flatten: { background: `#${background}` } }),
  }
}

const RATED: readonly Format[] = ['jpeg', 'webp', 'avif']

/** Of canonical operations. Throws `invalid-recipe` for what the grammar lets through and a recipe does not, which there is none of. */
export const adHocRecipe = (operations: string, format: Format): Recipe => {
  const stages = stagesOf(operations)
  const quality = stages.at(-1)?.get('q')
  const rated = quality !== undefined && RATED.includes(format)
  return parseRecipe({
    stages: stages.map(stageOf),
    formats: [{ format, ...(rated && { quality: Number(quality) }) }],
  })
}

/** As wishes take it: of no revision, and nothing of a person or a place in it. */
export const adHocRendition = ({
  collection,
  product,
  name,
  format,
}: Pick<Rendition, 'collection' | 'product' | 'name'> & { format: Format }): Rendition => {
  const recipe = adHocRecipe(operationsOf({ rendition: name }), format)
  const recipeHashed = recipeHash(recipe)
  return {
    collection,
    product,
    name,
    revision: 0,
    recipe,
    recipeHash: recipeHashed,
    lane: 'lazy',
    privateMetadata: false,
  }
}
