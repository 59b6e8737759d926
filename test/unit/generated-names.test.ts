/** A recipe that a mock is given comes to the same as the one that was kept, whatever was wished for. */
import { expect, test } from 'vitest'
import { setOf } from '../../src/cli/generated-names.ts'
import { parseRecipe, recipeHash } from '../../src/graph/recipe.ts'
import { SAMPLES } from '../support/samples.ts'

const setWith = (recipe: unknown) => {
  const kept = JSON.parse(JSON.stringify(recipe)) as Record<string, unknown>
  const renditions = [{ product: 'a', name: 'r', lane: 'eager', recipe: kept }]
  return setOf(['a'], [{ collection: 'c', owner: 'a', edges: [], renditions }]).collections.c?.renditions?.a?.r?.recipe
}

test.each(Object.entries(SAMPLES).map(([name, { recipe }]) => [name, recipe] as const))('%s', (_, wish) => {
  const recipe = parseRecipe({ formats: ['webp', 'jpeg'], ...wish })
  expect(recipeHash(parseRecipe(setWith(recipe)))).toBe(recipeHash(recipe))
})
