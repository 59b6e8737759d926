/** One wish, one key: whatever the spelling, the defaults and what has no effect. And one key, one file. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { estimateChain } from '../../src/graph/cost.ts'
import { planRendition } from '../../src/graph/plan.ts'
import { parseRecipe, recipeHash } from '../../src/graph/recipe.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import type { MatrixError } from '../../src/model/errors.ts'
import type { ImageFacts } from '../../src/model/original.ts'
import { probeImage } from '../../src/transform/probe.ts'
import { photo } from '../support/images.ts'
import { anyRecipe } from '../support/recipes.ts'
import { execute } from '../support/render.ts'

const image: ImageFacts = {
  format: 'png',
  width: 1200,
  height: 900,
  orientation: 1,
  frames: 1,
  hasAlpha: false,
  space: 'srgb',
  icc: 'none',
  credit: {},
}
const sha256 = sha256Hex('an original')
const nodeOf = (recipe: object) => {
  const [leaf] = planRendition(parseRecipe({ formats: ['webp'], ...recipe }), { sha256, image })
  if (!leaf?.node) throw new Error(`Expected a node but received ${leaf?.refusal?.code}`)
  return leaf.node
}

describe('two spellings', () => {
  it.each<[object, object]>([
    [{ greyscale: true }, { grayscale: true }],
    [{ normalize: {} }, { normalise: { upper: 99, lower: 1 } }],
    [{ trim: {} }, { trim: { threshold: 10 } }],
    [{ trim: { background: '#FFF' } }, { trim: { background: '#ffffffff', threshold: 10 } }],
    [{ crop: { w: 10, h: 20, gravity: 'center' } }, { crop: { gravity: 'centre', height: 20, width: 10 } }],
    [{ crop: { ratio: '16:9' } }, { crop: { ratio: '1600:900', gravity: 'centre' } }],
    [
      { crop: { ratio: '1:1', gravity: 'focal', focal: { x: 0.5, y: 1 } } },
      { crop: { ratio: '2:2', focal: { x: 0.5, y: 1 } } },
    ],
    [{ rotate: { angle: -90 } }, { rotate: { background: '#123', angle: 270 } }],
    [{ rotate: { angle: 10 } }, { rotate: { angle: -350, background: '#fff' } }],
    [{ sharpen: {} }, { sharpen: { y3: 20, y2: 10, x1: 2, m2: 2, m1: 1, sigma: 1 } }],
    [{ sharpen: { m1: 3 } }, { sharpen: { flat: 3 } }],
    [{ modulate: { hue: -90 } }, { modulate: { saturation: 1, hue: 270, brightness: 1, lightness: 0 } }],
    [{ threshold: {} }, { threshold: { value: 128, greyscale: true } }],
    [{ tint: '#F80' }, { tint: '#ff8800' }],
    [
      { blur: 2, tint: '#f80' },
      { tint: '#f80', blur: 2.001 },
    ],
  ])('%j and %j are one recipe', (one, other) => {
    const [a, b] = [one, other].map(recipe => recipeHash(parseRecipe({ formats: ['webp'], ...recipe })))
    expect(a).toBe(b)
    expect(nodeOf(one).key).toBe(nodeOf(other).key)
  })

  it.each<[object, object]>([
    [{ flip: 'both' }, { rotate: { angle: 180 } }],
    [{ round: 'max' }, { round: 450 }],
    [{ round: 'max' }, { round: 4000 }],
    [{ crop: { ratio: '1:1' } }, { crop: { left: 150, width: 900, height: 900 } }],
    [{ crop: { width: 300, height: 90, gravity: 'southeast' } }, { crop: { x: 900, y: 810, w: 300, h: 90 } }],
    [
      { crop: { ratio: '1:1', gravity: 'west' }, resize: { w: 100 } },
      { crop: { width: 900, height: 900 }, resize: { w: 100, h: 100, fit: 'cover' } },
    ],
  ])('%j and %j are one node of this picture', (one, other) => {
    expect(nodeOf(one).key).toBe(nodeOf(other).key)
  })
})

describe('what changes nothing is no step', () => {
  it.each<object>([
    { blur: 0 },
    { rotate: { angle: 0 } },
    { rotate: { angle: 360, background: '#f00' } },
    { rotate: { angle: -0.001 } },
    { flip: 'none' },
    { median: 1 },
    { sharpen: { flat: 0, jagged: 0 } },
    { gamma: 1 },
    { modulate: {} },
    { modulate: { brightness: 1, hue: 360 } },
    { grayscale: false },
    { round: 0 },
    { pad: { top: 0 } },
    { trim: { threshold: 255 } },
  ])('%j on any picture', idle => {
    const nothing = parseRecipe({ formats: ['webp'] })
    expect(parseRecipe({ formats: ['webp'], ...idle })).toEqual(nothing)
    expect(nodeOf({ trim: {}, ...idle }).key).toBe(nodeOf('trim' in idle ? {} : { trim: {} }).key)
  })

  it.each<object>([
    { crop: { width: 1200, height: 900, gravity: 'attention' } },
    { crop: { width: 5000, height: 5000, gravity: 'entropy' } },
    { crop: { ratio: '4:3', gravity: 'attention' } },
    { resize: { w: 1200, h: 900, fit: 'cover', gravity: 'entropy' } },
  ])('%j on a picture of that size', idle => {
    expect(nodeOf(idle).chain.map(({ op }) => op)).toEqual(['decode', 'encode'])
  })
})

describe('what follows a trim', () => {
  it('keeps what was asked, with every operation told apart', () => {
    const { chain } = nodeOf({ trim: {}, resize: { w: 100 }, flatten: {} })
    expect(chain.map(({ op }) => op)).toEqual(['decode', 'trim', 'resize', 'flatten', 'encode'])
    expect(chain[2]).toEqual({
      op: 'resize',
      epoch: 1,
      params: { late: { width: 100, fit: 'inside', enlarge: false, kernel: 'lanczos3' } },
    })
    const keys = [{}, { resize: { w: 100 } }, { resize: { w: 101 } }, { blur: 1 }, { crop: { ratio: '1:1' } }].map(
      rest => nodeOf({ trim: {}, ...rest }).key,
    )
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('comes to one node for JPEG, flattened by request or by need', () => {
    const jpeg = { formats: ['jpeg'], trim: {}, round: 9 }
    expect(nodeOf({ ...jpeg, flatten: {} }).key).toBe(nodeOf(jpeg).key)
  })
})

describe('what is out of range', () => {
  it.each<[object, Record<string, string>]>([
    [{ blur: 0.1 }, { '/blur': 'custom' }],
    [{ blur: 100.5 }, { '/blur': 'too_big' }],
    [{ blur: '2' }, { '/blur': 'invalid_type' }],
    [{ blur: Number.POSITIVE_INFINITY }, { '/blur': 'invalid_type' }],
    [{ median: 10 }, { '/median': 'too_big' }],
    [{ median: 2.5 }, { '/median': 'invalid_type' }],
    [{ sharpen: { sigma: 0 } }, { '/sharpen/sigma': 'too_small' }],
    [{ sharpen: { sigma: 11, m1: -1 } }, { '/sharpen/sigma': 'too_big', '/sharpen/flat': 'too_small' }],
    [{ sharpen: { m1: 1, flat: 1 } }, { '/sharpen/m1': 'unknown-key' }],
    [{ rotate: { angle: 361 } }, { '/rotate/angle': 'too_big' }],
    [{ rotate: { angle: 5, background: 'red' } }, { '/rotate/background': 'invalid_format' }],
    [{ rotate: 90 }, { '/rotate': 'invalid_type' }],
    [{ flip: 'x' }, { '/flip': 'invalid_value' }],
    [{ gamma: 3.1 }, { '/gamma': 'too_big' }],
    [{ gamma: 0.3 }, { '/gamma': 'too_small' }],
    [
      { modulate: { brightness: -1, hue: 0.5 } },
      { '/modulate/brightness': 'too_small', '/modulate/hue': 'invalid_type' },
    ],
    [{ normalise: { lower: 50, upper: 50 } }, { '/normalise/upper': 'custom' }],
    [{ normalise: {}, normalize: {} }, { '/normalize': 'unknown-key' }],
    [{ tint: 'blue' }, { '/tint': 'invalid_format' }],
    [{ tint: '#11223344' }, { '/tint': 'invalid_format' }],
    [{ threshold: { value: 0 } }, { '/threshold/value': 'too_small' }],
    [{ threshold: { value: 256 } }, { '/threshold/value': 'too_big' }],
    [{ grayscale: 1 }, { '/grayscale': 'invalid_type' }],
    [{ round: -1 }, { '/round': 'too_small' }],
    [{ round: 'full' }, { '/round': 'invalid_union' }],
    [{ trim: { threshold: 256 } }, { '/trim/threshold': 'too_big' }],
    [{ trim: { background: '#12' } }, { '/trim/background': 'invalid_format' }],
    [{ crop: { ratio: '16/9' } }, { '/crop/ratio': 'invalid_format' }],
    [{ crop: { ratio: '0:9' } }, { '/crop/ratio': 'invalid_format' }],
    [{ crop: { ratio: '1:1', width: 5, height: 5 } }, { '/crop/ratio': 'custom' }],
    [{ crop: { ratio: '1:1', left: 5 } }, { '/crop/left': 'custom' }],
    [{ crop: { width: 5, height: 5, top: 0, gravity: 'north' } }, { '/crop/top': 'custom' }],
    [{ crop: { width: 5, height: 5, gravity: 'focal' } }, { '/crop/focal': 'custom' }],
    [{ crop: { width: 5, height: 5, gravity: 'east', focal: { x: 0, y: 0 } } }, { '/crop/gravity': 'custom' }],
    [{ crop: {} }, { '/crop/width': 'custom' }],
    [{ resize: { w: 5, h: 5, gravity: 'attention' } }, { '/resize/gravity': 'custom' }],
    [{ resize: { w: 5, h: 5, fit: 'contain', gravity: 'entropy' } }, { '/resize/gravity': 'custom' }],
  ])('%j is refused with pointers', (recipe, expected) => {
    try {
      parseRecipe({ formats: ['webp'], ...recipe })
    } catch (error) {
      const { code, violations } = error as MatrixError
      expect(code).toBe('invalid-recipe')
      return expect(Object.fromEntries(violations.map(({ pointer, rule }) => [pointer, rule]))).toEqual(expected)
    }
    throw new Error('Expected a refusal')
  })

  it('for one source only is refused when it is planned', () => {
    const refusalOf = (recipe: object, facts: Partial<ImageFacts>) =>
      planRendition(parseRecipe({ formats: ['webp'], ...recipe }), { sha256, image: { ...image, ...facts } })[0]
        ?.refusal?.code
    const large = { width: 7000, height: 7000 }
    expect(refusalOf({ rotate: { angle: 45 } }, large)).toBe('output-too-large')
    expect(refusalOf({ stages: [{ rotate: { angle: 45 } }, { resize: { w: 10 } }] }, large)).toBe('output-too-large')
    expect(refusalOf({ stages: [{ rotate: { angle: 90 } }, { resize: { w: 10 } }] }, large)).toBeUndefined()
    expect(refusalOf({ stages: [{ pad: { top: 4096, left: 4096 } }, { resize: { w: 10 } }] }, large)).toBe(
      'output-too-large',
    )
  })
})

describe('cost', () => {
  const costOf = (recipe: object, op: string): number => {
    const { chain } = nodeOf(recipe)
    return estimateChain(chain, image)[chain.findIndex(step => step.op === op)] ?? Number.NaN
  }
  it('knows what is dear', () => {
    expect(costOf({ blur: 100 }, 'blur')).toBeGreaterThan(10 * costOf({ blur: 3 }, 'blur'))
    expect(costOf({ median: 9 }, 'median')).toBeGreaterThan(2 * costOf({ median: 3 }, 'median'))
    expect(costOf({ rotate: { angle: 7 } }, 'rotate')).toBeGreaterThan(3 * costOf({ rotate: { angle: 90 } }, 'rotate'))
  })
  it('follows sizes through turns, and behind a trim what was asked', () => {
    const encode = costOf({ resize: { w: 300 } }, 'encode')
    expect(costOf({ resize: { w: 300 }, rotate: { angle: 45 } }, 'encode')).toBeGreaterThan(1.5 * encode)
    expect(costOf({ trim: {}, resize: { w: 300 } }, 'encode')).toBeCloseTo(encode)
    expect(costOf({ trim: {}, resize: { w: 300 }, blur: 9 }, 'blur')).toBeCloseTo(
      costOf({ resize: { w: 300 }, blur: 9 }, 'blur'),
    )
  })
})

describe('one key, one file', () => {
  it('whatever siblings are made beside it, in whatever order', async () => {
    const bytes = await photo({ width: 150, height: 100 })
    const facts = await probeImage(bytes, bytes.length)
    const outputs = parseRecipe({ formats: ['webp'] }).outputs
    const nodesOf = (recipe: object) =>
      planRendition({ ...parseRecipe(recipe), outputs }, { sha256: sha256Hex(bytes), image: facts }).flatMap(
        ({ node }) => (node && (node.width ?? 0) * (node.height ?? 0) < 1e6 ? [node] : []),
      )
    await fc.assert(
      fc.asyncProperty(fc.array(anyRecipe, { minLength: 2, maxLength: 4 }), async recipes => {
        const nodes = recipes.flatMap(nodesOf)
        const together = await execute(bytes, [...nodes].reverse())
        for (const node of nodes) {
          const alone = await execute(bytes, [node])
          expect(together.done.get(node.key)?.sha256).toBe(alone.done.get(node.key)?.sha256)
          expect(together.failed.get(node.key)).toBe(alone.failed.get(node.key))
        }
      }),
      { numRuns: 12, interruptAfterTimeLimit: 12_000 },
    )
  }, 30_000)

  it('for each operation that looks at the picture, with those around it', async () => {
    const bytes = await photo({ width: 900, height: 600 })
    const facts = await probeImage(bytes, bytes.length)
    const recipes = ['attention', 'entropy'].flatMap(gravity => [
      { crop: { width: 300, height: 300, gravity } },
      { resize: { w: 200, h: 200, fit: 'cover', gravity } },
      { trim: {}, resize: { w: 120, h: 200, fit: 'cover', gravity }, round: 'max' },
      { trim: { threshold: 40 }, normalise: {}, rotate: { angle: 3 } },
    ])
    const nodes = recipes.flatMap(recipe =>
      planRendition(parseRecipe({ ...recipe, formats: ['webp', 'jpeg'] }), { sha256, image: facts }).flatMap(
        ({ node }) => node ?? [],
      ),
    )
    const together = await execute(bytes, nodes)
    for (const node of nodes) {
      const alone = await execute(bytes, [node])
      expect(together.done.get(node.key)?.sha256).toBe(alone.done.get(node.key)!.sha256)
    }
  })
})
