import fc from 'fast-check'
import type { Sharp } from 'sharp'
import { describe, expect, it } from 'vitest'
import { planRendition } from '../../src/graph/plan.ts'
import { parseRecipe } from '../../src/graph/recipe.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { probeImage } from '../../src/transform/probe.ts'
import { paint, photo } from '../support/images.ts'
import { anyRecipe } from '../support/recipes.ts'
import { type Decoded, decode, execute, render } from '../support/render.ts'

const png = (picture: Sharp): Promise<Buffer> => picture.png().toBuffer()
const made = async (source: Buffer, recipe: object): Promise<Decoded> => decode(await render(source, recipe))

/** The widest that a schema lets through, and pictures as small as can be: nothing is left for the engine to refuse. */
describe('the extremes of every range', () => {
  const WIDEST: readonly object[] = [
    { rotate: { angle: 0.01 } },
    { rotate: { angle: 359.99, background: '#00000000' } },
    { flip: 'both' },
    { median: 9 },
    { median: 2 },
    { blur: 0.3 },
    { blur: 100 },
    { sharpen: { sigma: 0.01, m1: 1_000_000, m2: 1_000_000, x1: 1_000_000, y2: 1_000_000, y3: 1_000_000 } },
    { sharpen: { sigma: 10, m1: 0, m2: 1, x1: 0, y2: 0, y3: 0 } },
    { normalise: { lower: 0, upper: 1 } },
    { normalise: { lower: 99, upper: 100 } },
    { gamma: 3 },
    { gamma: 0.34 },
    { modulate: { brightness: 0, saturation: 10, hue: -360, lightness: 100 } },
    { modulate: { brightness: 10, saturation: 0, hue: 359, lightness: -100 } },
    { tint: '#000' },
    { grayscale: true },
    { threshold: { value: 1 } },
    { threshold: { value: 255, grayscale: false } },
    { round: 4096 },
    { round: 'max' },
    { trim: { threshold: 0 } },
    { trim: { threshold: 254, background: '#00000000' } },
    { crop: { ratio: '9999:1', gravity: 'entropy' } },
    { crop: { ratio: '1:9999', gravity: 'attention' } },
    { resize: { w: 1, h: 9, fit: 'cover', gravity: 'attention', enlarge: true } },
  ]
  const SMALL = [
    [1, 1],
    [2, 2],
    [1, 40],
    [40, 2],
  ] as const

  it.each(WIDEST)('%j', async recipe => {
    for (const [width, height] of SMALL) {
      for (const alpha of [[], [200]]) {
        const source = await png(paint({ width, height }, (x, y) => [x * 3, y * 3, 90, ...alpha]))
        const out = await made(source, recipe)
        expect(Math.min(out.width, out.height)).toBeGreaterThanOrEqual(1)
      }
    }
  })

  it('and anything in between', async () => {
    const bytes = await photo({ width: 90, height: 60 })
    const image = await probeImage(bytes, bytes.length)
    await fc.assert(
      fc.asyncProperty(anyRecipe, async recipe => {
        const wanted = { ...parseRecipe(recipe), outputs: parseRecipe({ formats: ['webp', 'jpeg'] }).outputs }
        const leaves = planRendition(wanted, { sha256: sha256Hex(bytes), image })
        const { done, failed } = await execute(
          bytes,
          leaves.flatMap(({ node }) => node ?? []),
        )
        // Only what a trim left open may be refused now, and then for the reasons of a plan.
        for (const code of failed.values()) expect(['crop-outside', 'output-too-large']).toContain(code)
        for (const { node } of leaves) {
          const result = node && done.get(node.key)
          if (result && node.width !== undefined) {
            expect([result.width, result.height]).toEqual([node.width, node.height])
          }
        }
      }),
      { numRuns: 30, interruptAfterTimeLimit: 10_000 },
    )
  }, 30_000)
})
