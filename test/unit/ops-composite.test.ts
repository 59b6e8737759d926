import { describe, expect, test } from 'vitest'
import { chainKeys } from '../../src/graph/key.ts'
import { pinSeconds } from '../../src/graph/pin.ts'
import { parseRecipe, recipeHash, spellRecipe } from '../../src/graph/recipe.ts'
import { secondOf, secondOriginals } from '../../src/ops/composite.ts'
import { paint, quadrants, storedAs, truncated } from '../support/images.ts'
import { decode, execute, planNodes, render } from '../support/render.ts'

const ASSET = '00000000-0000-7000-8000-000000000000'
const flat = (width: number, height: number, colour: readonly number[]) => paint({ width, height }, () => colour)
const png = (width: number, height: number, colour: readonly number[]) => flat(width, height, colour).png().toBuffer()
const laid = (more: object = {}) => ({ composite: { asset: ASSET, ...more } })
const WHITE = await png(100, 60, [255, 255, 255])
const RED = await png(20, 10, [200, 0, 0])

/** Where red begins and ends. */
const boxOf = async (bytes: Buffer) => {
  const { width, height, at } = await decode(bytes)
  const hits: [number, number][] = []
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if ((at(x, y)[1] ?? 255) < 100) hits.push([x, y])
  const [xs, ys] = [hits.map(([x]) => x), hits.map(([, y]) => y)]
  return { left: Math.min(...xs), top: Math.min(...ys), width: new Set(xs).size, height: new Set(ys).size }
}

describe('where it lies', () => {
  test.each([
    [{}, { left: 40, top: 25 }],
    [{ gravity: 'northwest' }, { left: 0, top: 0 }],
    [{ gravity: 'southeast' }, { left: 80, top: 50 }],
    [
      { gravity: 'southeast', x: 5, y: 7 },
      { left: 75, top: 43 },
    ],
    [
      { gravity: 'north', x: -10, y: 3 },
      { left: 30, top: 3 },
    ],
    [
      { gravity: 'west', x: 4, y: -5 },
      { left: 4, top: 20 },
    ],
    [
      { gravity: 'northwest', x: 4000, y: 4000 },
      { left: 80, top: 50 },
    ],
  ])('%j', async (wish, place) => {
    expect(await boxOf(await render(WHITE, laid(wish), 'png', RED))).toEqual({ ...place, width: 20, height: 10 })
  })

  test.each([
    [0.5, { width: 50, height: 25 }],
    [1, { width: 100, height: 50 }],
    [0.001, { width: 1, height: 1 }],
  ])('a share of %j of the width', async (scale, size) => {
    expect(await boxOf(await render(WHITE, laid({ scale, gravity: 'northwest' }), 'png', RED))).toMatchObject(size)
  })

  test('what is larger than the picture is made to fit', async () => {
    const large = await png(400, 400, [200, 0, 0])
    expect(await boxOf(await render(WHITE, laid(), 'png', large))).toEqual({ left: 20, top: 0, width: 60, height: 60 })
  })
})

describe('how it is mixed', () => {
  const pixel = async (wish: object, second: Buffer, first = WHITE) => {
    const { at, channels } = await decode(await render(first, laid(wish), 'png', second))
    return { pixel: at(50, 30), channels }
  }

  test.each([
    [1, [200, 0, 0]],
    [0.5, [228, 128, 128]],
    [0.25, [241, 191, 191]],
  ])('opacity %j', async (opacity, expected) => {
    const { pixel: found, channels } = await pixel({ opacity }, RED)
    expect(channels).toBe(3)
    for (const [i, value] of expected.entries()) expect(Math.abs((found[i] ?? 0) - value)).toBeLessThanOrEqual(2)
  })

  test('its own alpha counts, and opacity times that', async () => {
    const half = await png(20, 10, [200, 0, 0, 128])
    expect((await pixel({}, half)).pixel[1]).toBeGreaterThanOrEqual(125)
    expect((await pixel({}, half)).pixel[1]).toBeLessThanOrEqual(129)
    expect((await pixel({ opacity: 0.5 }, half)).pixel[1]).toBeGreaterThanOrEqual(189)
  })

  test('multiply and screen are what they are called', async () => {
    const grey = await png(100, 60, [128, 128, 128])
    const second = await png(20, 10, [128, 128, 128])
    expect((await pixel({ blend: 'multiply' }, second, grey)).pixel[0]).toBe(64)
    expect(Math.abs(((await pixel({ blend: 'screen' }, second, grey)).pixel[0] ?? 0) - 192)).toBeLessThanOrEqual(1)
  })

  test('a transparent picture stays transparent where nothing was laid', async () => {
    const clear = await png(100, 60, [10, 20, 30, 0])
    const { at, channels } = await decode(await render(clear, laid(), 'png', RED))
    expect(channels).toBe(4)
    expect(at(0, 0)[3]).toBe(0)
    expect(at(50, 30)).toEqual([200, 0, 0, 255])
  })

  test('a second picture that lies on its side is laid on upright', async () => {
    const upright = await decode(
      await render(WHITE, laid(), 'png', await quadrants({ width: 40, height: 20 }).png().toBuffer()),
    )
    const turned = await (await storedAs(quadrants({ width: 40, height: 20 }), 6)).png().toBuffer()
    expect((await decode(await render(WHITE, laid(), 'png', turned))).data.equals(upright.data)).toBe(true)
  })

  test('behind a trim, whose size only the pixels tell', async () => {
    const framed = await paint({ width: 140, height: 100 }, (x, y) =>
      x < 20 || x >= 120 || y < 20 || y >= 80 ? [0, 0, 255] : [255, 255, 255],
    )
      .png()
      .toBuffer()
    const bytes = await render(framed, { trim: {}, ...laid({ gravity: 'southeast' }) }, 'png', RED)
    expect(await boxOf(bytes)).toEqual({ left: 80, top: 50, width: 20, height: 10 })
  })
})

describe('a graph, not a tree', () => {
  const recipes = [
    { resize: { width: 50 }, ...laid({ scale: 0.2 }), formats: ['png'] },
    { resize: { width: 50 }, ...laid({ scale: 0.2, gravity: 'south' }), formats: ['png', 'jpeg'] },
  ]

  test('who lays on the same in the same size has the same second parent', async () => {
    const nodes = await planNodes(WHITE, recipes, RED)
    const parents = nodes.map(({ chain }) => {
      const second = chain.map(secondOf).find(found => found !== undefined)
      return second && chainKeys(second.chain, second.original).at(-1)
    })
    expect(new Set(parents).size).toBe(1)
    expect(new Set(nodes.map(({ key }) => key)).size).toBe(3)
    for (const { chain } of nodes) expect(secondOriginals(chain)).toHaveLength(1)
  })

  test('another second picture is another node; bytes do not hang on who else asks', async () => {
    const other = await png(20, 10, [0, 0, 200])
    const [one] = await planNodes(WHITE, recipes, RED)
    const [another] = await planNodes(WHITE, recipes, other)
    expect(one?.key).not.toBe(another?.key)
    const nodes = await planNodes(WHITE, recipes, RED)
    const all = (await execute(WHITE, nodes, undefined, RED)).done
    for (const node of nodes.toReversed()) {
      const alone = (await execute(WHITE, [node], undefined, RED)).done.get(node.key)
      expect(alone?.sha256).toBe(all.get(node.key)?.sha256)
    }
  })

  test('what cannot be read fails those that lay it on, and nobody else', async () => {
    const noisy = await paint({ width: 200, height: 200 }, (x, y) => [(x * 7919 + y * 104_729) % 256, (x * y) % 256, x])
      .png()
      .toBuffer()
    const [plain] = await planNodes(WHITE, [{ resize: { width: 30 }, formats: ['png'] }])
    const [broken] = await planNodes(WHITE, [{ ...laid(), formats: ['png'] }], noisy)
    const { key } = broken!
    const cut = truncated(noisy)
    const { runChains } = await import('../../src/transform/run-chain.ts')
    const ends = new Map<string, string>()
    const tasks = [plain!, broken!].map(node => ({ id: node.key, chain: node.chain }))
    const [original] = secondOriginals(broken!.chain)
    const seconds = { [original!]: cut }
    await runChains({ original: WHITE, seconds, maxPixels: 1e6, softMs: 10_000, cpuMs: 60_000, tasks }, report => {
      if (report.kind === 'done') ends.set(report.result.id, 'done')
      if (report.kind === 'failed') for (const id of report.ids) ends.set(id, report.code)
    })
    expect(Object.fromEntries(ends)).toEqual({ [plain!.key]: 'done', [key]: 'second-unreadable' })
  })
})

describe('a recipe', () => {
  test('is spelled as it was asked, and pinned by what was found', async () => {
    const recipe = parseRecipe({ ...laid({ gravity: 'center', opacity: 0.5 }), formats: ['png'] })
    expect(parseRecipe(spellRecipe(recipe))).toEqual(recipe)
    const second = {
      sha256: 'ab'.repeat(32),
      width: 10,
      height: 10,
      orientation: 1,
      icc: 'none',
      space: 'srgb',
    } as const
    const pinned = await pinSeconds(recipe, async () => ({ version: 3, second }))
    expect(recipeHash(pinned)).not.toBe(recipeHash(recipe))
    const other = await pinSeconds(recipe, async () => ({ version: 4, second: { ...second, sha256: 'cd'.repeat(32) } }))
    expect(recipeHash(other)).not.toBe(recipeHash(pinned))
  })

  test('that cannot be seen is told as one that is not there', async () => {
    const recipe = parseRecipe({ ...laid(), formats: ['png'] })
    await expect(pinSeconds(recipe, async () => undefined)).rejects.toMatchObject({ code: 'invalid-recipe' })
  })

  test.each([
    [{ asset: 'logo' }, '/composite/asset'],
    [{ asset: ASSET, opacity: 2 }, '/composite/opacity'],
    [{ asset: ASSET, blend: 'dest-out' }, '/composite/blend'],
    [{ asset: ASSET, version: 0 }, '/composite/version'],
    [{ asset: ASSET, second: { sha256: 'ab'.repeat(32) } }, '/composite/second'],
    [{}, '/composite/asset'],
  ])('%j is refused', (composite, pointer) => {
    expect(() => parseRecipe({ composite, formats: ['png'] })).toThrowError(
      expect.objectContaining({ violations: [expect.objectContaining({ pointer })] }),
    )
  })

  test('what cannot be seen anyway is no step', () => {
    const nothing = parseRecipe({ formats: ['png'] })
    expect(parseRecipe({ ...laid({ opacity: 0 }), formats: ['png'] })).toEqual(nothing)
  })
})
