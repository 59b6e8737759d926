import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRecipe, recipeHash, recipeText, spellRecipe } from '../../src/graph/recipe.ts'
import type { MatrixError } from '../../src/model/errors.ts'
import { anyRecipe } from '../support/recipes.ts'

interface Vector {
  readonly spellings: readonly unknown[]
  readonly text: string
  readonly hash: string
}
const { recipes } = JSON.parse(readFileSync(new URL('../vectors/recipes.json', import.meta.url), 'utf8')) as {
  recipes: Vector[]
}

const violationsOf = (input: unknown): Record<string, string> => {
  try {
    parseRecipe(input)
  } catch (error) {
    const { code, violations } = error as MatrixError
    expect(code).toBe('invalid-recipe')
    return Object.fromEntries(violations.map(({ pointer, rule }) => [pointer, rule]))
  }
  throw new Error('Expected a refusal')
}

describe('recipe', () => {
  it.each(
    recipes.flatMap(({ spellings, ...rest }) =>
      spellings.map(spelling => [JSON.stringify(spelling), spelling, rest] as const),
    ),
  )('vector %s', (_, spelling, { text, hash }) => {
    expect(recipeText(parseRecipe(spelling))).toBe(text)
    expect(recipeHash(parseRecipe(spelling))).toBe(hash)
  })

  it('is the same recipe when its canonical spelling is read again', () => {
    fc.assert(
      fc.property(anyRecipe, input => {
        const recipe = parseRecipe(input)
        expect(parseRecipe(spellRecipe(recipe))).toEqual(recipe)
        expect(JSON.parse(recipeText(recipe))).toEqual(recipe)
      }),
    )
  })

  it('does not depend on the order of keys', () => {
    const shuffle = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, inner]) => [key, shuffle(inner)]),
          )
        : value
    fc.assert(
      fc.property(anyRecipe, input => {
        expect(recipeHash(parseRecipe(shuffle(input)))).toBe(recipeHash(parseRecipe(input)))
      }),
    )
  })

  it.each<[unknown, Record<string, string>]>([
    [undefined, { '': 'type', '/formats': 'required' }],
    [[], { '': 'type', '/formats': 'required' }],
    [{ formats: [] }, { '/formats': 'required' }],
    [{ formats: ['bmp'] }, { '/formats/0': 'format' }],
    [{ formats: ['constructor'] }, { '/formats/0': 'format' }],
    [{ formats: ['jpeg', 'jpg'] }, { '/formats/1': 'duplicate' }],
    [{ formats: ['avif', 'webp', 'jpeg', 'png', 'avif'] }, { '/formats/4': 'duplicate' }],
    [{ formats: [{ format: 'webp', quality: 101 }] }, { '/formats/0/quality': 'too_big' }],
    [{ formats: [{ format: 'webp', required: 'yes' }] }, { '/formats/0/required': 'type' }],
    [{ formats: [{ format: 'png', quality: 80 }] }, { '/formats/0/quality': 'unknown-key' }],
    [{ formats: ['webp'], emboss: 1 }, { '/emboss': 'unknown-key' }],
    [{ formats: ['webp'], toString: {} }, { '/toString': 'unknown-key' }],
    [JSON.parse('{"formats":["webp"],"__proto__":{"width":1}}'), { '/__proto__': 'unknown-key' }],
    [{ formats: ['webp'], resize: {} }, { '/resize/width': 'custom' }],
    [{ formats: ['webp'], resize: { 'a/b~c': 1, width: 1 } }, { '/resize/a~1b~0c': 'unknown-key' }],
    [{ formats: ['webp'], resize: { width: 100, w: 100 } }, { '/resize/w': 'unknown-key' }],
    [{ formats: ['webp'], resize: { width: 16_000 } }, { '/resize/width': 'too_big' }],
    [{ formats: ['webp'], resize: { width: 0 } }, { '/resize/width': 'too_small' }],
    [{ formats: ['webp'], resize: { width: -1 } }, { '/resize/width': 'too_small' }],
    [{ formats: ['webp'], resize: { width: 1.5 } }, { '/resize/width': 'invalid_type' }],
    [{ formats: ['webp'], resize: { width: Number.NaN } }, { '/resize/width': 'invalid_type' }],
    [{ formats: ['webp'], resize: { width: '100' } }, { '/resize/width': 'invalid_type' }],
    [{ formats: ['webp'], resize: { width: [100, 200] } }, { '/resize/width': 'invalid_type' }],
    [{ formats: ['webp'], resize: { width: 10, fit: 'fill' } }, { '/resize/fit': 'custom' }],
    [{ formats: ['webp'], resize: { width: 10, gravity: 'north' } }, { '/resize/gravity': 'custom' }],
    [
      { formats: ['webp'], resize: { width: 10, height: 5, fit: 'cover', gravity: 'focal' } },
      { '/resize/focal': 'custom' },
    ],
    [
      { formats: ['webp'], resize: { width: 10, height: 5, fit: 'cover', focal: { x: 2, y: 0 } } },
      { '/resize/focal/x': 'too_big' },
    ],
    [{ formats: ['webp'], flatten: { background: 'red' } }, { '/flatten/background': 'invalid_format' }],
    [{ formats: ['webp'], flatten: { background: '#11223344' } }, { '/flatten/background': 'invalid_format' }],
    [{ formats: ['webp'], crop: { width: 10 } }, { '/crop/height': 'custom' }],
    [
      { formats: ['webp'], crop: null, orient: 'left' },
      { '/crop': 'invalid_type', '/orient': 'invalid_value' },
    ],
    [{ formats: ['avif'], resize: { width: 2049 } }, { '/formats/0': 'avif-limit' }],
    [{ formats: ['webp', 'avif'], resize: { width: 2048, height: 2048 } }, { '/formats/1': 'avif-limit' }],
    [{ formats: ['webp'], stages: [] }, { '/stages': 'size' }],
    [{ formats: ['webp'], stages: [{}, {}, {}, {}, {}] }, { '/stages': 'size' }],
    [{ formats: ['webp'], stages: [{}], resize: { width: 1 } }, { '/resize': 'unknown-key' }],
    [{ formats: ['webp'], stages: [{}, { orient: 'exif' }] }, { '/stages/1/orient': 'place' }],
    [
      { formats: ['webp'], stages: [{ metadata: 'strip' }, { resize: { width: 0 } }] },
      { '/stages/0/metadata': 'place', '/stages/1/resize/width': 'too_small' },
    ],
    [{ formats: ['webp'], stages: [3] }, { '/stages/0': 'type' }],
  ])('%j is refused with pointers', (input, expected) => {
    expect(violationsOf(input)).toEqual(expected)
  })
})
