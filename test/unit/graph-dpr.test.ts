import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recipeAt } from '../../src/graph/dpr.ts'
import { planRendition } from '../../src/graph/plan.ts'
import { parseRecipe, spellRecipe } from '../../src/graph/recipe.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { DPRS } from '../../src/model/delivery-path.ts'
import type { ImageFacts } from '../../src/model/original.ts'
import { anyRecipe } from '../support/recipes.ts'

const sha256 = sha256Hex('an original')
const camera: ImageFacts = {
  format: 'jpeg',
  width: 4000,
  height: 3000,
  orientation: 1,
  frames: 1,
  hasAlpha: false,
  space: 'srgb',
  icc: 'none',
  credit: {},
}
const asked = (recipe: object) => parseRecipe({ formats: ['webp'], ...recipe })
const at = (recipe: object, dpr: (typeof DPRS)[number] | undefined, image: Partial<ImageFacts> = {}) =>
  spellRecipe(recipeAt(asked(recipe), dpr, { ...camera, ...image }))
const spelled = (recipe: object) => spellRecipe(asked(recipe))
const nodesOf = (recipe: object, dpr: (typeof DPRS)[number] | undefined, image: Partial<ImageFacts> = {}) => {
  const facts = { ...camera, ...image }
  return planRendition(recipeAt(asked(recipe), dpr, facts), { sha256, image: facts }).map(({ node }) => node?.key)
}

describe('a rendition for screens with more pixels', () => {
  test('has as many of everything that is said in pixels', () => {
    const card = {
      resize: { width: 400, height: 300, fit: 'cover' },
      pad: { top: 10, left: 3 },
      blur: 1.25,
      median: 3,
      round: 12,
    }
    expect(at(card, 2)).toEqual(
      spelled({
        resize: { width: 800, height: 600, fit: 'cover' },
        pad: { top: 20, left: 6 },
        blur: 2.5,
        median: 6,
        round: 24,
      }),
    )
    expect(at(card, 1.5)).toMatchObject({ resize: { width: 600, height: 450 }, pad: { top: 15, left: 5 }, round: 18 })
    expect(at(card, undefined)).toEqual(spelled(card))
  })

  test('keeps what speaks of the original, of shares, of the pixels of the screen, and of the file', () => {
    const recipe = {
      trim: { threshold: 20 },
      crop: { left: 100, top: 50, width: 2000, height: 1500 },
      resize: { width: 400 },
      sharpen: { sigma: 1.5 },
      round: 'max',
      formats: [{ format: 'webp', quality: 60, maxBytes: 20_000 }],
    }
    expect(at(recipe, 2)).toEqual(spelled({ ...recipe, resize: { width: 800 } }))
  })

  test('has what comes after the first resize as large as that', () => {
    const recipe = {
      stages: [
        { resize: { width: 400 } },
        { crop: { left: 10, top: 20, width: 200, height: 100 } },
        { resize: { width: 100 } },
      ],
    }
    expect(at(recipe, 2)).toMatchObject({
      stages: [
        { resize: { width: 800 } },
        { crop: { left: 20, top: 40, width: 400, height: 200 }, resize: { width: 200 } },
      ],
    })
  })

  test('is as large as the original allows, and nothing of it any larger', () => {
    const card = { resize: { width: 400 }, pad: { top: 10 } }
    expect(at(card, 2, { width: 600, height: 600 })).toMatchObject({ resize: { width: 600 }, pad: { top: 15 } })
    for (const image of [{ width: 400 }, { width: 300 }])
      expect(nodesOf(card, 3, { ...image, height: 300 })).toEqual(nodesOf(card, undefined, { ...image, height: 300 }))
  })

  test('goes by the upright picture', () => {
    expect(at({ resize: { width: 400 } }, 3, { width: 3000, height: 600, orientation: 6 })).toMatchObject({
      resize: { width: 600 },
    })
  })

  test('goes by what the first cut leaves', () => {
    const recipe = { crop: { left: 0, top: 0, width: 500, height: 500 }, resize: { width: 400 } }
    expect(at(recipe, 2)).toMatchObject({ resize: { width: 500 } })
  })

  test('is the ordinary one where a picture is asked to grow', () => {
    const icon = { resize: { width: 400, enlarge: true } }
    expect(nodesOf(icon, 2, { width: 300, height: 300 })).toEqual(nodesOf(icon, undefined, { width: 300, height: 300 }))
  })

  test('leaves a small picture in a large box where it is', () => {
    const box = { resize: { width: 400, height: 400, fit: 'contain' } }
    expect(nodesOf(box, 2, { width: 300, height: 200 })).toEqual(nodesOf(box, undefined, { width: 300, height: 200 }))
    expect(at(box, 2, { width: 600, height: 300 })).toMatchObject({ resize: { width: 600, height: 600 } })
  })

  test('stays within the sides that an output may have', () => {
    expect(at({ resize: { width: 3000 } }, 2, { width: 16_000, height: 12_000 })).toMatchObject({
      resize: { width: 4096 },
    })
  })

  test('without a resize is the rendition itself', () => {
    const recipe = { crop: { width: 100, height: 100 }, blur: 3 }
    expect(at(recipe, 3)).toEqual(spelled(recipe))
  })

  test('is one node with a rendition of that size', () => {
    const small = { resize: { width: 400, height: 300, fit: 'cover' }, formats: ['webp', 'jpeg'] }
    const large = { resize: { width: 800, height: 600, fit: 'cover' }, formats: ['webp', 'jpeg'] }
    expect(nodesOf(small, 2)).toEqual(nodesOf(large, undefined))
    expect(nodesOf(small, undefined)).not.toEqual(nodesOf(large, undefined))
  })
})

test('of every recipe the variant is a recipe, and no larger than the original where the rendition is not', () => {
  const sides = fc.record({ width: fc.integer({ min: 1, max: 5000 }), height: fc.integer({ min: 1, max: 5000 }) })
  fc.assert(
    fc.property(anyRecipe, fc.constantFrom(...DPRS), sides, (recipe, dpr, size) => {
      // AVIF has less room than the others: of a large variant there is none, which the plan says.
      const variant = recipeAt(parseRecipe({ ...recipe, formats: ['webp'] }), dpr, { ...camera, ...size })
      const isLaid = variant.stages.flat().some(({ op }) => op === 'composite')
      if (!isLaid) expect(parseRecipe(spellRecipe(variant))).toEqual(variant)
      const [resize] = variant.stages.flat().filter(({ op }) => op === 'resize')
      for (const side of ['width', 'height'] as const)
        expect(Number(resize?.params[side] ?? 1)).toBeLessThanOrEqual(4096)
    }),
    { numRuns: 300 },
  )
})
