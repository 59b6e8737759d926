/** Pictures that move: what keeps them moving treats every frame as if it were the only one, and keeps their pace. */
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { planRendition } from '../../src/graph/plan.ts'
import { parseRecipe } from '../../src/graph/recipe.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { type Format, MEDIA_TYPE, MOVING } from '../../src/model/recipe.ts'
import { probeImage } from '../../src/transform/probe.ts'
import { paint } from '../support/images.ts'
import { decode, execute, planNodes, render } from '../support/render.ts'

const SIZE = { width: 60, height: 40 }
const PACE = { delay: [100, 250, 40, 60], loop: 3 }
const LOSSLESS = { format: 'webp', lossless: true }

type Paint = (x: number, y: number, frame: number) => readonly number[]

/** A block that moves over a gradient that changes. */
const moving: Paint = (x, y, frame) =>
  x >= frame * 12 && x < frame * 12 + 10 && y >= 10 && y < 25
    ? [230, 40 + frame * 30, 30]
    : [x * 4, y * 6, 60 + frame * 40]

const stillFrames = (at: Paint): Promise<Buffer[]> =>
  Promise.all(
    PACE.delay.map((_, frame) =>
      paint(SIZE, (x, y) => at(x, y, frame))
        .png()
        .toBuffer(),
    ),
  )

const animate = async (format: 'gif' | 'webp', at: Paint = moving): Promise<Buffer> => {
  const joined = sharp(await stillFrames(at), { join: { animated: true } })
  return format === 'gif'
    ? joined.gif({ ...PACE, dither: 0 }).toBuffer()
    : joined.webp({ ...PACE, lossless: true }).toBuffer()
}

const renderTo = async (bytes: Buffer, recipe: object, output: object | string): Promise<Buffer> => {
  const nodes = await planNodes(bytes, [{ ...recipe, formats: [output] }])
  const { done, failed } = await execute(bytes, nodes)
  const result = done.get(nodes[0]!.key)
  if (!result) throw new Error(`Expected a derivative but received ${[...failed.values()]}`)
  const { width, height, pageHeight = height } = await sharp(result.bytes, { pages: -1 }).metadata()
  expect([result.width, result.height]).toEqual([width, pageHeight])
  return result.bytes
}

const headerOf = async (bytes: Buffer) => {
  const { pages = 1, delay, loop, width, height, pageHeight = height } = await sharp(bytes, { pages: -1 }).metadata()
  return { frames: pages, delay, loop, width, height: pageHeight }
}

/** Every frame as its own picture. */
const framesOf = async (bytes: Buffer): Promise<Buffer[]> => {
  const { frames } = await headerOf(bytes)
  return Promise.all(Array.from({ length: frames }, (_, page) => sharp(bytes, { page }).png().toBuffer()))
}

/** Greatest difference of levels where something shows. */
const difference = async (a: Buffer, b: Buffer): Promise<number> => {
  const [one, other] = await Promise.all(
    [a, b].map(async bytes => decode(await sharp(bytes).ensureAlpha().png().toBuffer())),
  )
  expect([one!.width, one!.height]).toEqual([other!.width, other!.height])
  let worst = 0
  for (let at = 0; at < one!.data.length; at += 4) {
    const [own, its] = [one!.data.subarray(at, at + 4), other!.data.subarray(at, at + 4)]
    worst = Math.max(worst, Math.abs(own[3]! - its[3]!))
    if (own[3]! > 0) for (const channel of [0, 1, 2]) worst = Math.max(worst, Math.abs(own[channel]! - its[channel]!))
  }
  return worst
}

describe('a picture that moves', () => {
  it.each(['gif', 'webp'] as const)('%s goes on moving in its own pace where it can', async source => {
    const bytes = await animate(source)
    for (const format of Object.keys(MEDIA_TYPE) as Format[]) {
      const header = await headerOf(await renderTo(bytes, { resize: { width: 30 } }, format))
      expect(header, format).toMatchObject({ width: 30, height: 20, frames: MOVING.includes(format) ? 4 : 1 })
      if (MOVING.includes(format)) expect(header, format).toMatchObject(PACE)
    }
  })

  it('stands still where it is asked to, as the same node as what shows nothing but its first frame', async () => {
    const bytes = await animate('webp')
    const out = await renderTo(bytes, {}, { ...LOSSLESS, animated: false })
    expect((await headerOf(out)).frames).toBe(1)
    expect(await difference(out, (await stillFrames(moving))[0]!)).toBe(0)
    const still = await stillFrames(moving)
    const [asked, not] = await Promise.all(
      [{ animated: false }, {}].map(how => planNodes(still[0]!, [{ formats: [{ ...LOSSLESS, ...how }] }])),
    )
    expect(asked![0]!.key).toBe(not![0]!.key)
  })

  it.each<object>([
    { resize: { width: 30 } },
    { resize: { width: 90, enlarge: true } },
    { resize: { w: 20, h: 30, fit: 'cover' } },
    { resize: { w: 50, h: 50, fit: 'contain', background: '#123456' } },
    { crop: { left: 7, top: 5, width: 31, height: 23 } },
    { crop: { ratio: '1:1', gravity: 'east' } },
    { pad: { top: 3, left: 5, bottom: 1, background: '#00ff0080' } },
    { rotate: { angle: 90 } },
    { rotate: { angle: 20 } },
    { flip: 'vertical' },
    { flip: 'horizontal' },
    { blur: 3 },
    { sharpen: { sigma: 2 } },
    { median: 3 },
    { gamma: 2 },
    { modulate: { saturation: 0.3, hue: 80 } },
    { tint: '#f80' },
    { grayscale: true },
    { threshold: { value: 100 } },
    { round: 12 },
    { stages: [{ resize: { width: 30 } }, { crop: { left: 3, top: 2, width: 20, height: 9 }, pad: { top: 4 } }] },
  ])('has %j done to each frame as if it were the only one', async recipe => {
    const out = await framesOf(await renderTo(await animate('webp'), recipe, LOSSLESS))
    const alone = await Promise.all((await stillFrames(moving)).map(frame => render(frame, recipe)))
    expect(out.length).toBe(alone.length)
    for (const [index, frame] of out.entries()) expect(await difference(frame, alone[index]!), `frame ${index}`).toBe(0)
  })

  it.each([2, 3, 4, 5, 6, 7, 8])('stored in orientation %i is upright in every frame', async orientation => {
    const upright = await animate('webp')
    const { data, info } = await sharp(upright, { pages: -1 }).raw().toBuffer({ resolveWithObject: true })
    const raw = { width: info.width, height: info.height, channels: info.channels, pageHeight: SIZE.height }
    const turned = await sharp(data, { raw })
      .withMetadata({ orientation })
      .webp({ ...PACE, lossless: true })
      .toBuffer()
    expect((await probeImage(turned, turned.length)).orientation).toBe(orientation)
    const out = await framesOf(await renderTo(turned, {}, LOSSLESS))
    for (const [index, frame] of (await framesOf(upright)).entries()) {
      const plain = await sharp(frame).withMetadata({ orientation }).png().toBuffer()
      expect(await difference(out[index]!, await render(plain, {})), `frame ${index}`).toBe(0)
    }
  })

  it('is trimmed to what any frame shows, whatever begins or ends with nothing', async () => {
    const bytes = await animate('webp', (x, y, frame) =>
      frame > 0 && x >= 10 + frame * 5 && x < 15 + frame * 5 && y >= 8 && y < 20 ? [200, 0, 0] : [255, 255, 255],
    )
    const out = await renderTo(bytes, { trim: {} }, LOSSLESS)
    expect(await headerOf(out)).toMatchObject({ frames: 4, width: 15, height: 12 })
    const small = await renderTo(bytes, { trim: {}, resize: { w: 10, h: 10, fit: 'cover' } }, LOSSLESS)
    expect(await headerOf(small)).toMatchObject({ frames: 4, width: 10, height: 10 })
  })

  it('is cut at one place, that of its first frame', async () => {
    const bytes = await animate('webp', (x, y, frame) =>
      (frame === 0 ? x > 44 : x < 16) && y > 10 && y < 30 ? [250, 20, 20] : [100, 104, 108],
    )
    const out = await framesOf(await renderTo(bytes, { crop: { ratio: '1:2', gravity: 'attention' } }, LOSSLESS))
    const first = await render((await framesOf(bytes))[0]!, { crop: { ratio: '1:2', gravity: 'attention' } })
    expect(await difference(out[0]!, first)).toBe(0)
    const later = await decode(out[1]!)
    for (const x of [0, 10, later.width - 1]) expect(later.at(x, 20).slice(0, 3)).toEqual([100, 104, 108])
  })

  it('is normalised as one: what is darker than the rest stays darker', async () => {
    const bytes = await animate('webp', (x, _, frame) => [60 + frame * 30, 60 + frame * 30, 60 + frame * 30 + (x % 2)])
    const out = await Promise.all((await framesOf(await renderTo(bytes, { normalise: {} }, LOSSLESS))).map(decode))
    const levels = out.map(frame => frame.at(20, 20)[0]!)
    expect(levels[0]).toBeLessThan(40)
    expect(levels[3]).toBeGreaterThan(215)
    expect(levels[1]! - levels[0]!).toBeGreaterThan(50)
    expect(levels[2]! - levels[1]!).toBeGreaterThan(50)
  })

  it('is the same bytes whatever is made beside it', async () => {
    const bytes = await animate('gif')
    const recipe = { resize: { width: 30 }, blur: 1, formats: ['webp', 'gif', 'avif', 'jpeg'] }
    const nodes = await planNodes(bytes, [recipe, { resize: { width: 40 }, formats: ['webp'] }])
    const together = (await execute(bytes, nodes)).done
    for (const node of nodes) {
      const alone = (await execute(bytes, [node])).done.get(node.key)
      expect(together.get(node.key)?.sha256, node.format).toBe(alone?.sha256)
    }
  })
})

describe('what is planned of a picture that moves', () => {
  const image = {
    format: 'gif',
    width: 500,
    height: 500,
    orientation: 1,
    frames: 100,
    hasAlpha: false,
    space: 'srgb',
    icc: 'none',
    credit: {},
  } as const
  const plan = (recipe: object) => planRendition(parseRecipe(recipe), { sha256: sha256Hex('film'), image })

  it('prefers what keeps it moving, then the order of the recipe', () => {
    const formats = ['avif', 'jpeg', 'webp', 'gif']
    const order = (recipe: object) => plan({ resize: { w: 50 }, ...recipe }).map(({ format }) => format)
    expect(order({ formats })).toEqual(['webp', 'gif', 'avif', 'jpeg'])
    expect(order({ formats: ['avif', { format: 'webp', animated: false }, 'gif'] })).toEqual(['gif', 'avif', 'webp'])
  })

  it('knows frames from pages', () => {
    const leaves = (format: 'tiff' | 'webp') =>
      planRendition(parseRecipe({ formats: ['jpeg', 'webp'] }), {
        sha256: sha256Hex('pages'),
        image: { ...image, format },
      })
    expect(leaves('tiff').map(leaf => [leaf.format, leaf.node?.chain[0]?.params.frames])).toEqual([
      ['jpeg', undefined],
      ['webp', undefined],
    ])
    expect(leaves('webp')[0]?.node?.chain[0]?.params.frames).toBe(100)
  })

  it('is refused where all frames together are too many pixels, format by format', () => {
    const codes = (recipe: object) => plan(recipe).map(({ format, refusal }) => [format, refusal?.code])
    // 25 MP in all: more than a GIF may have.
    expect(codes({ formats: ['webp', 'gif', 'jpeg'] })).toEqual([
      ['webp', undefined],
      ['gif', 'output-too-large'],
      ['jpeg', undefined],
    ])
    // 100 MP between two steps, although one frame is only one.
    const grown = { resize: { width: 1000, enlarge: true }, crop: { width: 10, height: 10 }, formats: ['webp', 'jpeg'] }
    const padded = { pad: { top: 500, bottom: 100 }, formats: ['webp', 'jpeg'] }
    for (const recipe of [
      { stages: [{ resize: grown.resize }, { crop: grown.crop }], formats: grown.formats },
      padded,
    ]) {
      expect(codes(recipe)).toEqual([
        ['webp', 'output-too-large'],
        ['jpeg', undefined],
      ])
    }
    expect(plan({ formats: ['gif'] })[0]?.refusal?.message).toContain('100 frames of 500 x 500')
  })
})
