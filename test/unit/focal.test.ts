/** Focal points through everything that may be done to a picture before it is cut. */
import { describe, expect, test } from 'vitest'
import { adHocRecipe } from '../../src/graph/ad-hoc.ts'
import { planRendition } from '../../src/graph/plan.ts'
import { parseRecipe } from '../../src/graph/recipe.ts'
import { readOperations } from '../../src/model/ad-hoc.ts'
import { changedFocal, focalOf, focalPoints } from '../../src/model/focal.ts'
import type { ImageFacts } from '../../src/model/original.ts'

const image: ImageFacts = {
  format: 'jpeg',
  width: 1000,
  height: 500,
  orientation: 1,
  frames: 1,
  hasAlpha: false,
  space: 'srgb',
  icc: 'none',
  credit: {},
}
const sha256 = 'a'.repeat(64)
const plan = (recipe: object, focal?: { x: number; y: number }, facts = image) => {
  const [output] = planRendition(parseRecipe({ ...recipe, formats: ['png'] }), { sha256, image: facts, focal })
  return output?.node?.chain ?? []
}
const cropsOf = (...args: Parameters<typeof plan>) =>
  plan(...args)
    .filter(({ op }) => op === 'crop')
    .map(({ params }) => params)
const keyOf = (...args: Parameters<typeof plan>) => plan(...args).at(-1) && JSON.stringify(plan(...args))
const square = { crop: { width: 200, height: 200, gravity: 'auto' } }

describe('gravity auto', () => {
  test('is the focal point where there is one, as numbers; attention where there is none', () => {
    expect(cropsOf(square, { x: 0.25, y: 0.5 })).toEqual([{ left: 150, top: 150, width: 200, height: 200 }])
    expect(cropsOf(square)).toEqual([{ by: 'attention', width: 200, height: 200 }])
    // What comes to the same pixels is the same node, whoever asked and by which words.
    expect(keyOf(square, { x: 0.25, y: 0.5 })).toBe(
      keyOf({ crop: { width: 200, height: 200, focal: { x: 0.25, y: 0.5 } } }),
    )
    expect(keyOf(square, { x: 0.25, y: 0.5 })).toBe(keyOf({ crop: { left: 150, top: 150, width: 200, height: 200 } }))
    expect(keyOf(square)).toBe(keyOf({ crop: { width: 200, height: 200, gravity: 'attention' } }))
  })

  test('of a resize with cover, too, and of operations in a path', () => {
    const cover = { resize: { width: 100, height: 100, fit: 'cover', gravity: 'auto' } }
    expect(cropsOf(cover, { x: 1, y: 0 })).toEqual([{ left: 100, top: 0, width: 100, height: 100 }])
    const read = readOperations('c_cover,g_auto,h_100,w_100', 'png')
    expect(read).toEqual({ text: 'c_cover,g_auto,h_100,w_100' })
    const recipe = adHocRecipe('c_cover,g_auto,h_100,w_100', 'png')
    expect(JSON.stringify(recipe.stages)).toContain('"gravity":"auto"')
  })

  test('moves nothing that does not ask for it', () => {
    for (const recipe of [
      { crop: { ratio: '1:1' } },
      { resize: { width: 100 } },
      { crop: { ratio: '1:1', gravity: 'attention' } },
    ])
      expect(keyOf(recipe, { x: 0.1, y: 0.1 })).toBe(keyOf(recipe))
  })

  test('is refused where nothing is cut', () => {
    expect(() =>
      parseRecipe({ resize: { width: 10, height: 10, fit: 'contain', gravity: 'auto' }, formats: ['png'] }),
    ).toThrow()
  })
})

describe('a point follows the picture', () => {
  /** The centre of a 100 x 100 cut after these, for a point whose place is known. */
  const seen = (stages: readonly object[], point: { x: number; y: number }, facts = image) => {
    const crop = cropsOf(
      { stages: [...stages, { crop: { width: 100, height: 100, gravity: 'auto' } }] },
      point,
      facts,
    ).at(-1)
    return crop && 'left' in crop ? [Number(crop.left) + 50, Number(crop.top) + 50] : crop
  }

  test.each([
    ['nothing', [], [700, 200]],
    ['a crop', [{ crop: { left: 500, top: 100, width: 400, height: 300 } }], [200, 100]],
    [
      'a crop that leaves it out, at whose edge it is',
      [{ crop: { left: 0, top: 0, width: 400, height: 500 } }],
      [350, 200],
    ],
    ['half the size', [{ resize: { width: 500 } }], [350, 100]],
    ['a border', [{ pad: { left: 100, top: 50 } }], [800, 250]],
    ['a quarter turn', [{ rotate: 90 }], [300, 700]],
    ['half a turn', [{ rotate: 180 }], [300, 300]],
    ['a mirror', [{ flip: 'horizontal' }], [300, 200]],
    ['both mirrors', [{ flip: 'both' }], [300, 300]],
    [
      'all of it',
      [{ crop: { left: 500, top: 0, width: 500, height: 500 }, resize: { width: 250 }, rotate: 90 }],
      [150, 100],
    ],
  ])('through %s', (_, stages, expected) => {
    const spelled = stages.map(stage =>
      'rotate' in stage && typeof stage.rotate === 'number' ? { ...stage, rotate: { angle: stage.rotate } } : stage,
    )
    expect(seen(spelled, { x: 0.7, y: 0.4 })).toEqual(expected)
  })

  test('of the upright picture, however it is stored; and of one that is to stay turned nothing is known', () => {
    const turned = { ...image, width: 500, height: 1000, orientation: 6 }
    expect(seen([], { x: 0.7, y: 0.4 }, turned)).toEqual([700, 200])
    expect(cropsOf({ orient: 'none', ...square }, { x: 0.7, y: 0.4 }, turned)).toEqual([
      { by: 'attention', width: 200, height: 200 },
    ])
  })

  test('until only the pixels know: a cut by attention, and a trim', () => {
    expect(seen([{ crop: { width: 300, height: 300, gravity: 'entropy' } }], { x: 0.7, y: 0.4 })).toEqual({
      by: 'attention',
      width: 100,
      height: 100,
    })
    const trimmed = { stages: [{ trim: {}, ...square }] }
    expect(keyOf(trimmed, { x: 0.7, y: 0.4 })).toBe(keyOf(trimmed))
  })
})

test('a product has its own, or that of the asset', () => {
  const points = focalPoints({ all: { x: 0.1, y: 0.1 }, products: { mobile: { x: 0.9, y: 0.9 } } })
  expect([focalOf(points, 'mobile'), focalOf(points, 'shop-web'), focalOf(undefined, 'shop-web')]).toEqual([
    { x: 0.9, y: 0.9 },
    { x: 0.1, y: 0.1 },
    undefined,
  ])
  expect(focalPoints({ all: undefined, products: {} })).toBeUndefined()
  expect(changedFocal(points, { all: { x: 0.1, y: 0.1 } })).toEqual(['focal_points.mobile'])
  expect(changedFocal(points, undefined)).toEqual(['focal_point', 'focal_points.mobile'])
})
