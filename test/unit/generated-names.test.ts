/** A recipe that a mock is given comes to the same as the one that was kept, whatever was wished for. */
import { expect, test } from 'vitest'
import { setOf } from '../../src/cli/generated-names.ts'
import { parseRecipe, recipeHash } from '../../src/graph/recipe.ts'
import { SAMPLES } from '../support/samples.ts'

const setWith = (recipe: unknown) => {
  const kept = JSON.parse(JSON.stringify(recipe)) as Record<string, unknown>
  const renditions = [{ product: 'a', name: 'r', lane: 'eager', recipe: kept }]
  const { set } = setOf(['a'], [{ collection: 'c', owner: 'a', edges: [], renditions }])
  return set.collections.c?.renditions?.a?.r?.recipe
}

test.each(Object.entries(SAMPLES).map(([name, { recipe }]) => [name, recipe] as const))('%s', (_, wish) => {
  const recipe = parseRecipe({ formats: ['webp', 'jpeg'], ...wish })
  expect(recipeHash(parseRecipe(setWith(recipe)))).toBe(recipeHash(recipe))
})

test('a rendition that lays on an asset of the deployment is left out and named, the others are there', () => {
  const plain = parseRecipe({ resize: { width: 40 }, formats: ['jpeg'] })
  const asset = '00000000-0000-7000-8000-000000000000'
  const space = { width: 100, height: 100, orientation: 1, icc: null, space: 'srgb' } as const
  const laid = parseRecipe({ resize: { width: 40 }, composite: { asset }, formats: ['jpeg'] })
  // As it is kept: with the version that the asset had, and what is known of it.
  const pinned = JSON.parse(JSON.stringify(laid), (_, value) =>
    value?.op === 'composite'
      ? { ...value, params: { ...value.params, version: 1, second: { sha256: 'a'.repeat(64), ...space } } }
      : value,
  )
  const renditions = Object.entries({ badge: pinned, card: plain }).map(([name, recipe]) => ({
    ...{ product: 'a', name, lane: 'eager' },
    recipe: JSON.parse(JSON.stringify(recipe)) as Record<string, unknown>,
  }))
  const { set, leftOut } = setOf(['a'], [{ collection: 'c', owner: 'a', edges: [], renditions }])
  expect(leftOut).toEqual([{ rendition: 'c/a/badge', op: 'composite' }])
  expect(Object.keys(set.collections.c?.renditions?.a ?? {})).toEqual(['card'])
})
