import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { estimateChain } from '../../src/graph/cost.ts'
import { explainPlan } from '../../src/graph/explain.ts'
import { explanationText } from '../../src/graph/explain-text.ts'
import { assertEngine, chainKeys, nodeKey } from '../../src/graph/key.ts'
import { type PlannedRendition, planRendition } from '../../src/graph/plan.ts'
import { parseRecipe } from '../../src/graph/recipe.ts'
import { rungFor } from '../../src/graph/rungs.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { type ImageFacts, SOURCE_FORMATS } from '../../src/model/original.ts'
import type { PlannedNode, Step } from '../../src/model/recipe.ts'
import { knowsStep } from '../../src/ops/registry.ts'
import { anyRecipe } from '../support/recipes.ts'

const sha256 = sha256Hex('an original')
const camera: ImageFacts = {
  format: 'jpeg',
  width: 4032,
  height: 3024,
  orientation: 1,
  frames: 1,
  hasAlpha: false,
  space: 'srgb',
  icc: 'none',
  credit: {},
}
const plan = (recipe: object, image: Partial<ImageFacts> = {}): readonly PlannedRendition[] =>
  planRendition(parseRecipe({ formats: ['webp'], ...recipe }), { sha256, image: { ...camera, ...image } })
const nodeOf = (recipe: object, image: Partial<ImageFacts> = {}): PlannedNode => {
  const [leaf] = plan(recipe, image)
  if (!leaf?.node) throw new Error(`Expected a node but received ${leaf?.refusal?.code}`)
  return leaf.node
}
const opsOf = (recipe: object, image: Partial<ImageFacts> = {}): string[] =>
  nodeOf(recipe, image).chain.map(({ op }) => op)
const refusalOf = (recipe: object, image: Partial<ImageFacts> = {}) => plan(recipe, image)[0]?.refusal?.code

describe('node keys', () => {
  // A change here empties every store: it needs a new epoch or engine line and a word in the changelog.
  it('are what they were', () => {
    const { key, keys } = nodeOf({ resize: { width: 400 } })
    expect(keys).toMatchInlineSnapshot(`
      [
        "5ca90ec7c3f6ec486ba3f49bab4c1bc33e291ca82c09a72cff82351044895ec0",
        "00520ea10da70683a57133cb698ecf6866a7d950b3ed96d4e803aab700fbf322",
        "6710cf8560e2656f3d2296eb1d83fb248c8a5718acc86224226708b41dc01ad5",
      ]
    `)
    expect(keys.at(-1)).toBe(key)
  })

  it('name operation, epoch, parameters, inputs and engine line', () => {
    const step: Step = { op: 'resize', epoch: 1, params: { width: 4, height: 3, kernel: 'cubic' } }
    const text =
      '{"engine":"vips8.18/1","in":["aa"],"k":"node/1","op":["resize",1,{"height":3,"kernel":"cubic","width":4}]}'
    expect(nodeKey(step, ['aa'])).toBe(sha256Hex(text))
  })

  it('of equal prefixes are equal, of other originals are not', () => {
    const [webp, jpeg] = plan({ resize: { width: 400 }, formats: ['webp', 'jpeg'] })
    expect(webp?.node?.keys.slice(0, -1)).toEqual(jpeg?.node?.keys.slice(0, -1))
    expect(webp?.node?.key).not.toBe(jpeg?.node?.key)
    const chain = webp?.node?.chain ?? []
    const other = chainKeys(chain, sha256Hex('another'))
    expect(other.filter(key => webp?.node?.keys.includes(key))).toEqual([])
  })

  it('are made on the engine of the line only', () => {
    expect(() => assertEngine(sharp.versions)).not.toThrow()
    expect(() => assertEngine({ vips: '8.17.3' })).toThrow(expect.objectContaining({ code: 'internal' }))
  })
})

describe('a recipe resolved against a source', () => {
  const small = { width: 1200, height: 900 }

  it.each<[string, object, object, Partial<ImageFacts>]>([
    ['larger boxes than the source', { resize: { width: 1600 } }, { resize: { width: 2000 } }, small],
    [
      'cover boxes of one aspect that are too large',
      { resize: { w: 2400, h: 2400, fit: 'cover' } },
      { resize: { w: 3000, h: 3000, fit: 'cover' } },
      small,
    ],
    ['resizing to what it is', { resize: { width: 1200 } }, {}, small],
    ['a crop of everything', { crop: { width: 1200, height: 900 } }, {}, small],
    [
      'a crop that reaches outside',
      { crop: { left: 1000, width: 900, height: 900 } },
      { crop: { left: 1000, width: 200, height: 900 } },
      small,
    ],
    ['flatten on what is opaque', { flatten: { background: '#ff0000' } }, {}, small],
    ['copyright of what has none', { metadata: 'copyright' }, { metadata: 'strip' }, small],
    ['no padding', { pad: { top: 0 } }, {}, small],
    ['orientation of what is upright', { orient: 'none' }, { orient: 'exif' }, small],
    ['cover of the same aspect', { resize: { w: 400, h: 300, fit: 'cover' } }, { resize: { w: 400 } }, small],
    ['contain of the same aspect', { resize: { w: 400, h: 300, fit: 'contain' } }, { resize: { h: 300 } }, small],
    ['a profile that is sRGB by content', {}, {}, { ...small, icc: 'srgb' }],
    [
      'two roads to jpeg',
      { flatten: { background: '#fff' }, formats: ['jpeg'] },
      { formats: ['jpg'] },
      { ...small, hasAlpha: true },
    ],
  ])('%s: one node', (_, one, other, image) => {
    expect(nodeOf(one, image).key).toBe(nodeOf(other, image).key)
  })

  it('has no steps that do nothing', () => {
    expect(opsOf({}, small)).toEqual(['decode', 'encode'])
    expect(opsOf({ resize: { width: 300 } }, small)).toEqual(['decode', 'encode'])
    expect(opsOf({ resize: { width: 300 } })).toEqual(['decode', 'resize', 'encode'])
    expect(opsOf({ crop: { width: 50, height: 50 }, resize: { width: 20 } }, small)).toEqual([
      'decode',
      'crop',
      'resize',
      'encode',
    ])
  })

  it('is flattened on white where JPEG cannot keep alpha, and nowhere else', () => {
    const alpha = { ...small, hasAlpha: true }
    const [jpeg, png] = plan({ formats: ['jpeg', 'png'], metadata: 'copyright' }, { ...alpha, credit: { artist: 'A' } })
    expect(jpeg?.node?.chain.map(({ op }) => op)).toEqual(['decode', 'flatten', 'metadata', 'encode'])
    expect(jpeg?.node?.chain[1]?.params).toEqual({ background: '#ffffff' })
    expect(png?.node?.chain.map(({ op }) => op)).toEqual(['decode', 'metadata', 'encode'])
  })

  it('keeps the credit that the source has, as numbers and text of the step', () => {
    const { chain } = nodeOf({ metadata: 'copyright' }, { ...small, credit: { copyright: '© Ada', artist: 'Ada' } })
    expect(chain.find(({ op }) => op === 'metadata')?.params).toEqual({ copyright: '© Ada', artist: 'Ada' })
  })

  it.each<[object, object]>([
    [{ resize: { width: 1000 } }, { width: 1000, height: 750 }],
    [{ resize: { width: 1000, height: 100 } }, { width: 133, height: 100 }],
    [{ resize: { width: 1000, height: 100, fit: 'outside' } }, { width: 1000, height: 750 }],
    [{ resize: { width: 1000, height: 100, fit: 'fill' } }, { width: 1000, height: 100 }],
    [{ resize: { width: 1000, height: 100, fit: 'cover' } }, { width: 1000, height: 100 }],
    [{ resize: { width: 1000, height: 100, fit: 'contain' } }, { width: 1000, height: 100 }],
    [{ resize: { width: 1600, height: 1600, fit: 'cover' } }, { width: 900, height: 900 }],
    [{ resize: { width: 1600, height: 1600, fit: 'contain' } }, { width: 1600, height: 1600 }],
    [{ resize: { width: 1600, height: 1600, fit: 'fill' } }, { width: 1200, height: 900 }],
    [{ resize: { width: 2400, enlarge: true } }, { width: 2400, height: 1800 }],
    [{ resize: { width: 2400 } }, { width: 1200, height: 900 }],
    [{ resize: { width: 1 } }, { width: 1, height: 1 }],
    [{ crop: { left: 1199, top: 899, width: 50, height: 50 } }, { width: 1, height: 1 }],
    [{ pad: { top: 1, left: 2 } }, { width: 1202, height: 901 }],
    [
      { stages: [{ resize: { width: 600 } }, { crop: { left: 100, width: 900, height: 100 } }] },
      { width: 500, height: 100 },
    ],
  ])('%j of 1200 x 900 is %j', (recipe, size) => {
    expect(nodeOf(recipe, small)).toMatchObject(size)
  })

  it('is measured upright', () => {
    expect(nodeOf({ resize: { width: 300 } }, { ...small, orientation: 6 })).toMatchObject({ width: 300, height: 400 })
    expect(nodeOf({ resize: { width: 300 }, orient: 'none' }, { ...small, orientation: 6 })).toMatchObject({
      width: 300,
      height: 225,
    })
  })

  it('is refused where it gives nothing for this source', () => {
    expect(refusalOf({ crop: { left: 1200, width: 5, height: 5 } }, small)).toBe('crop-outside')
    expect(refusalOf({}, { width: 5000 })).toBe('output-too-large')
    expect(refusalOf({ formats: ['avif'] }, { width: 2049, height: 100 })).toBe('output-too-large')
    expect(refusalOf({ formats: ['avif'] }, { width: 2001, height: 2000 })).toBe('output-too-large')
    expect(refusalOf({ formats: ['avif'] }, { width: 2000, height: 2000 })).toBeUndefined()
    expect(
      refusalOf({ resize: { w: 4000, h: 4000, fit: 'cover', enlarge: true } }, { width: 16_000, height: 10 }),
    ).toBe('output-too-large')
    expect(refusalOf({ pad: { top: 4096 } }, small)).toBe('output-too-large')
    const [avif, webp] = plan({ formats: ['avif', 'webp'] }, { width: 3000 })
    expect(avif).toMatchObject({ format: 'avif', required: false, refusal: { code: 'output-too-large' } })
    expect(webp).toMatchObject({ format: 'webp', required: true, node: { width: 3000, height: 3024 } })
  })

  const sizeAfter = (step: Step, { width, height }: { width: number; height: number }) => {
    const p = step.params as Record<string, number>
    if (step.op === 'pad') return { width: width + p.left! + p.right!, height: height + p.top! + p.bottom! }
    if (step.op === 'crop' && p.by !== undefined) expect([p.width! <= width, p.height! <= height]).not.toContain(false)
    else if (step.op === 'crop')
      expect([p.left! >= 0, p.top! >= 0, p.left! + p.width! <= width, p.top! + p.height! <= height]).not.toContain(
        false,
      )
    return p.width === undefined ? { width, height } : { width: p.width, height: p.height! }
  }

  it('never loses a side, never cuts outside, and is as large as it says', () => {
    const image = fc.record({
      width: fc.integer({ min: 1, max: 6000 }),
      height: fc.integer({ min: 1, max: 6000 }),
      orientation: fc.integer({ min: 1, max: 8 }),
      hasAlpha: fc.boolean(),
      format: fc.constantFrom(...SOURCE_FORMATS),
    })
    fc.assert(
      fc.property(anyRecipe, image, (recipe, facts) => {
        for (const { node, refusal } of plan(recipe, facts)) {
          expect(node === undefined).toBe(refusal !== undefined)
          expect(node?.chain.every(knowsStep) ?? true).toBe(true)
          // What follows a trim is resolved when its pixels are there.
          if (node?.width === undefined) continue
          let size = { width: 0, height: 0 }
          for (const step of node.chain) {
            size = sizeAfter(step, size)
            expect(Math.min(size.width, size.height)).toBeGreaterThanOrEqual(1)
            expect(Number.isInteger(size.width) && Number.isInteger(size.height)).toBe(true)
          }
          expect(size).toEqual({ width: node.width, height: node.height })
          expect(node.keys).toHaveLength(node.chain.length)
          expect(estimateChain(node.chain, { ...camera, ...facts }).every(ms => Number.isFinite(ms) && ms >= 0)).toBe(
            true,
          )
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('the rung', () => {
  const jpeg = { width: 4032, height: 3024, format: 'jpeg' as const }

  it('is one for all small targets', () => {
    const rungs = [64, 200, 400, 800, 960].map(width => rungFor(jpeg, { width, height: (width * 3) / 4 }))
    expect(new Set(rungs.map(rung => JSON.stringify(rung)))).toEqual(
      new Set(['{"width":1344,"height":1008,"scaledLoad":true}']),
    )
  })

  it('is the target itself where a third would be too near', () => {
    expect(rungFor(jpeg, { width: 1600, height: 1200 })).toEqual({ width: 1600, height: 1200, scaledLoad: true })
  })

  it('is everything where nothing shrinks, and for every other format', () => {
    expect(rungFor(jpeg, { width: 5000, height: 3750 })).toEqual({ width: 4032, height: 3024, scaledLoad: false })
    expect(rungFor({ ...jpeg, format: 'png' }, { width: 100, height: 75 })).toEqual({
      width: 4032,
      height: 3024,
      scaledLoad: false,
    })
  })

  it('is not scaled while loading where the sides do not divide', () => {
    expect(rungFor({ ...jpeg, width: 4031 }, { width: 400, height: 300 }).scaledLoad).toBe(false)
  })
})

describe('explain', () => {
  const shop = { product: 'shop', rendition: 'card', leaves: plan({ resize: { w: 400 }, formats: ['webp', 'jpeg'] }) }
  const mobile = {
    product: 'mobile',
    rendition: 'tile',
    leaves: plan({ resize: { w: 400, fit: 'cover' }, formats: ['jpg'] }),
  }
  const zoom = { product: 'shop', rendition: 'zoom', leaves: plan({ formats: ['avif', 'png'] }) }
  const shared = shop.leaves[1]?.node?.key
  const explanation = explainPlan({
    original: sha256,
    image: camera,
    asks: [shop, mobile, zoom],
    stateOf: key => (key === shared ? 'DONE' : undefined),
  })

  it('shows what is shared and with whom', () => {
    const [third, full] = explanation.rungs
    expect(third?.sharedBy).toEqual(['shop/card.webp', 'shop/card.jpeg', 'mobile/tile.jpeg'])
    const leaves = third?.children[0]?.children
    expect(leaves?.map(({ sharedBy }) => sharedBy.length)).toEqual([1, 2])
    expect(leaves?.map(({ state }) => state)).toEqual([undefined, 'DONE'])
    expect(full?.sharedBy).toEqual(['shop/zoom.png'])
    expect(explanation.refused).toEqual([expect.objectContaining({ wish: 'shop/zoom.avif', code: 'output-too-large' })])
    expect(explanation.totals).toMatchObject({ asked: 4, distinct: 3 })
    expect(explanation.totals.plannedCpuMs).toBeLessThan(explanation.totals.aloneCpuMs)
  })

  it('prints as a tree', () => {
    expect(explanationText(explanation)).toMatchInlineSnapshot(`
      "original 853487a765f9  jpeg 4032 x 3024
      ├─ decode 1344 x 1008 scaledLoad=true orientation=1 icc=ignore kernel=cubic  5ca90ec7c3f6  ~48.8 ms  for 3
      │  └─ resize 400 x 300 kernel=lanczos3  00520ea10da7  ~4.1 ms  for 3
      │     ├─ encode webp quality=80 effort=2 lossless=false  6710cf8560e2  ~4.4 ms  shop/card.webp
      │     └─ encode jpeg quality=80 progressive=false chroma=4:2:0  1e2c72b52f63  ~1.1 ms  DONE  shop/card.jpeg, mobile/tile.jpeg
      └─ decode 4032 x 3024 scaledLoad=false orientation=1 icc=ignore kernel=lanczos3  2d82937cd6ac  ~73.2 ms  for 1
         └─ encode png compression=6 palette=false  b8199586adfc  ~597.4 ms  shop/zoom.png
      refused shop/zoom.avif  output-too-large: The output would be 4032 x 3024; AVIF goes to 2048 pixels a side and 4000000 in all.
      asked 4, distinct 3; CPU ~729 ms shared, ~835.7 ms one by one
      "
    `)
  })
})
