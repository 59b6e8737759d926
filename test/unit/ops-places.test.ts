/** Operations that decide what is kept: trim, crop and the gravities that look at the picture. */
import type { Sharp } from 'sharp'
import { describe, expect, it } from 'vitest'
import { FOCUSES, focusOffset } from '../../src/ops/focus.ts'
import { contentOf } from '../../src/ops/trim.ts'
import { gradient, paint, photo } from '../support/images.ts'
import { decode, execute, planNodes, render } from '../support/render.ts'

const png = (picture: Sharp): Promise<Buffer> => picture.png().toBuffer()
const sizeOf = async (source: Buffer, recipe: object): Promise<number[]> => {
  const { width, height } = await decode(await render(source, recipe))
  return [width, height]
}

/** A gradient of 60 x 40 at 20,10 in a field of 100 x 70. */
const framed = (border: readonly number[], inner: (x: number, y: number) => readonly number[]): Sharp =>
  paint({ width: 100, height: 70 }, (x, y) => (x >= 20 && x < 80 && y >= 10 && y < 50 ? inner(x - 20, y - 10) : border))
const ramp = (x: number, y: number): readonly number[] => [100 + x, 50 + y, 20]

describe('trim', () => {
  it('cuts the border off, exactly', async () => {
    const out = await decode(await render(await png(framed([255, 255, 255], ramp)), { trim: {} }))
    expect([out.width, out.height]).toEqual([60, 40])
    expect(out.at(0, 0)).toEqual([100, 50, 20])
    expect(out.at(59, 39)).toEqual([159, 89, 20])
  })

  it('takes what differs by no more than the threshold for border', async () => {
    const noisy = await png(
      paint({ width: 40, height: 30 }, (x, y) =>
        x >= 10 && x < 20 && y >= 5 && y < 25 ? [0, 0, 0] : (x + y) % 2 ? [200, 200, 200] : [190, 200, 210],
      ),
    )
    expect(await sizeOf(noisy, { trim: {} })).toEqual([10, 20])
    expect(await sizeOf(noisy, { trim: { threshold: 9 } })).toEqual([40, 30])
  })

  it('knows the border by its colour where it is told', async () => {
    const corner = await png(
      paint({ width: 40, height: 30 }, (x, y) =>
        x === 0 && y === 0 ? [0, 0, 0] : x < 5 || y < 5 ? [255, 255, 255] : [10, 90, 10],
      ),
    )
    expect(await sizeOf(corner, { trim: {} })).toEqual([40, 30])
    expect(await sizeOf(corner, { trim: { background: '#fff' } })).toEqual([40, 30])
    const clean = await png(
      paint({ width: 40, height: 30 }, (x, y) => (x < 5 || y < 5 ? [255, 255, 255] : [10, 90, 10])),
    )
    expect(await sizeOf(clean, { trim: { background: '#fff' } })).toEqual([35, 25])
    expect(await sizeOf(clean, { trim: { background: '#0a5a0a' } })).toEqual([40, 30])
  })

  it('takes everything unseen for one border, whatever colour it hides', async () => {
    const hidden = await png(framed([0, 0, 0, 0], (x, y) => [...ramp(x, y), 255]))
    expect(await sizeOf(hidden, { trim: {} })).toEqual([60, 40])
    const mottled = paint({ width: 30, height: 30 }, (x, y) =>
      x > 9 && x < 20 && y > 9 && y < 20 ? [255, 0, 0, 255] : [(x * 40) % 256, (y * 70) % 256, 0, 0],
    )
    expect(await sizeOf(await png(mottled), { trim: {} })).toEqual([10, 10])
  })

  it('leaves what is all border', async () => {
    expect(await sizeOf(await png(paint({ width: 9, height: 7 }, () => [3, 4, 5])), { trim: {} })).toEqual([9, 7])
  })

  it('finds any box, by every border pixel being border and every side touching content', () => {
    let seed = 7
    const next = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed % below
    }
    for (let round = 0; round < 300; round++) {
      const [width, height] = [1 + next(12), 1 + next(12)]
      const dots = new Set(Array.from({ length: 1 + next(4) }, () => next(width * height)))
      dots.delete(0)
      const data = Buffer.from(
        Array.from({ length: width * height }, (_, i) => (dots.has(i) ? [255, 0, 0] : [9, 9, 9])).flat(),
      )
      const box = contentOf({ data, raw: { width, height, channels: 3 } }, { threshold: 10 })
      const xs = [...dots].map(i => i % width)
      const ys = [...dots].map(i => Math.floor(i / width))
      const expected = dots.size
        ? {
            left: Math.min(...xs),
            top: Math.min(...ys),
            width: Math.max(...xs) - Math.min(...xs) + 1,
            height: Math.max(...ys) - Math.min(...ys) + 1,
          }
        : { left: 0, top: 0, width, height }
      expect(box).toEqual(expected)
    }
  })
})

describe('what follows a trim', () => {
  const source = () => png(framed([255, 255, 255], ramp))

  it.each<[object, number[]]>([
    [{ resize: { width: 30 } }, [30, 20]],
    [{ resize: { width: 500 } }, [60, 40]],
    [{ resize: { w: 20, h: 20, fit: 'cover', gravity: 'attention' } }, [20, 20]],
    [{ resize: { w: 50, h: 50, fit: 'contain' } }, [50, 50]],
    [{ crop: { left: 50, top: 30, width: 90, height: 90 } }, [10, 10]],
    [{ crop: { ratio: '1:1' } }, [40, 40]],
    [{ pad: { left: 3, bottom: 2 } }, [63, 42]],
    [{ rotate: { angle: 90 } }, [40, 60]],
    [{ resize: { width: 30 }, round: 'max', blur: 1, grayscale: true }, [30, 20]],
    [{ stages: [{ trim: {} }, { pad: { top: 5, background: '#f00' } }, { trim: {} }] }, [60, 40]],
  ])('%j is measured by what is left', async (recipe, size) => {
    const asked = 'stages' in recipe ? recipe : { trim: {}, ...recipe }
    expect(await sizeOf(await source(), asked)).toEqual(size)
    expect((await planNodes(await source(), [{ ...asked, formats: ['webp'] }]))[0]).not.toHaveProperty('width')
  })

  it('is the same pixels as of a picture that never had the border', async () => {
    const bare = await png(paint({ width: 60, height: 40 }, ramp))
    for (const recipe of [{ resize: { width: 17, height: 13, fit: 'cover' } }, { rotate: { angle: 10 }, blur: 2 }]) {
      const [with_, without] = [await render(await source(), { trim: {}, ...recipe }), await render(bare, recipe)]
      expect(with_.equals(without)).toBe(true)
    }
  })

  it('is refused with the codes of a plan, and alone', async () => {
    const bytes = await source()
    const nodes = await planNodes(bytes, [
      { trim: {}, crop: { left: 70, width: 5, height: 5 }, formats: ['webp'] },
      { trim: {}, resize: { w: 4096, h: 4096, fit: 'outside', enlarge: true }, formats: ['webp'] },
      { trim: {}, formats: ['webp', 'avif'] },
    ])
    const { done, failed } = await execute(bytes, nodes)
    expect(nodes.map(({ key }) => failed.get(key) ?? done.has(key))).toEqual([
      'crop-outside',
      'output-too-large',
      true,
      true,
    ])
  })

  it('is flattened for JPEG where it has alpha', async () => {
    const out = await decode(await render(await source(), { trim: {}, round: 'max' }, 'jpeg'))
    expect([out.width, out.height, out.channels]).toEqual([60, 40, 3])
    expect(out.at(0, 0)[0]).toBeGreaterThan(230)
  })
})

describe('crop', () => {
  const source = { width: 400, height: 300 }
  /** Top left of what a crop of the gradient shows, in pixels of the source. */
  const cornerOf = async (crop: object): Promise<number[]> => {
    const out = await decode(await render(await png(gradient(source)), { crop }))
    const [red = 0, green = 0] = out.at(0, 0)
    return [out.width, out.height, Math.round((red * 400) / 255 - 0.5), Math.round((green * 300) / 255 - 0.5)]
  }

  it.each<[object, number[]]>([
    [{ width: 100, height: 60, gravity: 'centre' }, [100, 60, 150, 120]],
    [{ width: 100, height: 60, gravity: 'southeast' }, [100, 60, 300, 240]],
    [{ width: 100, height: 60, focal: { x: 0.25, y: 0.5 } }, [100, 60, 50, 120]],
    [{ width: 100, height: 60, focal: { x: 1, y: 0 } }, [100, 60, 300, 0]],
    [{ width: 900, height: 60, gravity: 'north' }, [400, 60, 0, 0]],
    [{ ratio: '1:1' }, [300, 300, 50, 0]],
    [{ ratio: '1:1', gravity: 'west' }, [300, 300, 0, 0]],
    [{ ratio: '16:9' }, [400, 225, 0, 37]],
    [{ ratio: '32:18', focal: { x: 0.5, y: 1 } }, [400, 225, 0, 75]],
    [{ ratio: '1:2' }, [150, 300, 125, 0]],
  ])('%j', async (crop, expected) => {
    const [width, height, left, top] = await cornerOf(crop)
    expect([width, height]).toEqual(expected.slice(0, 2))
    expect(Math.abs(left! - expected[2]!)).toBeLessThanOrEqual(1)
    expect(Math.abs(top! - expected[3]!)).toBeLessThanOrEqual(1)
  })
})

describe('attention and entropy', () => {
  /** Grey with a patch that draws the eye, 80 pixels wide, around (x, y). */
  const patched = (at: { x: number; y: number }, patch: (x: number, y: number) => readonly number[]): Sharp =>
    paint({ width: 600, height: 400 }, (x, y) =>
      Math.abs(x - at.x) < 40 && Math.abs(y - at.y) < 40 ? patch(x, y) : [120, 120, 120],
    )
  const red = (): readonly number[] => [220, 30, 30]
  const busy = (x: number, y: number): readonly number[] => {
    const level = (Math.floor(x / 7) * 37 + Math.floor(y / 7) * 91) % 256
    return [level, level, level]
  }
  const skin = (): readonly number[] => [224, 172, 130]
  const visible = async (bytes: Buffer): Promise<number> => {
    const { data, channels, width, height } = await decode(bytes)
    let count = 0
    for (let i = 0; i < width * height; i++) {
      const [r = 0, g = 0, b = 0] = data.subarray(i * channels, i * channels + 3)
      if (Math.max(Math.abs(r - 120), Math.abs(g - 120), Math.abs(b - 120)) > 12) count++
    }
    return count
  }
  const PLACES = [
    { x: 60, y: 60 },
    { x: 540, y: 340 },
    { x: 300, y: 200 },
    { x: 420, y: 80 },
  ]

  it.each([
    ['attention', 'colour', red],
    ['attention', 'skin', skin],
    ['attention', 'detail', busy],
    ['entropy', 'information', busy],
  ] as const)('%s finds %s', async (gravity, _, patch) => {
    for (const at of PLACES) {
      const source = await png(patched(at, patch))
      const whole = await visible(await render(source, {}))
      const cropped = await visible(await render(source, { crop: { width: 160, height: 160, gravity } }))
      expect(cropped, JSON.stringify(at)).toBeGreaterThan(0.95 * whole)
      const covered = await visible(await render(source, { resize: { w: 100, h: 200, fit: 'cover', gravity } }))
      expect(covered, JSON.stringify(at)).toBeGreaterThan(0.9 * (whole / 4))
    }
  })

  it('look at the middle where nothing is to be seen', async () => {
    const raw = { width: 300, height: 90, channels: 3 as const }
    const pixels = { data: Buffer.alloc(300 * 90 * 3, 77), raw }
    for (const focus of FOCUSES) {
      const { left, top } = await focusOffset(focus, { width: 91, height: 60 }, pixels)
      expect(Math.abs(left - 104)).toBeLessThanOrEqual(2)
      expect(Math.abs(top - 15)).toBeLessThanOrEqual(2)
    }
  })

  it('agree at every size of one picture, through whatever rung', async () => {
    const source = await patched({ x: 420, y: 200 }, red).resize(3600, 2400, { kernel: 'nearest' }).jpeg().toBuffer()
    for (const gravity of ['attention', 'entropy']) {
      const centres: number[] = []
      for (const side of [60, 200, 500, 1600]) {
        const out = await decode(await render(source, { resize: { w: side, h: side, fit: 'cover', gravity } }))
        const reds = Array.from({ length: side }, (_, x) => x).filter(x => out.at(x, side >> 1)[0]! > 180)
        expect(reds.length / side).toBeGreaterThan(0.17)
        centres.push(((reds[0] ?? 0) + (reds.at(-1) ?? 0)) / 2 / side)
      }
      expect(Math.max(...centres) - Math.min(...centres)).toBeLessThan(0.04)
    }
  })

  it('are one node with the gravity of the middle where nothing is cut', async () => {
    const bytes = await photo({ width: 300, height: 200 })
    const resize = { w: 150, h: 100, fit: 'cover' }
    const [one, other] = await planNodes(bytes, [
      { resize: { ...resize, gravity: 'attention' }, formats: ['webp'] },
      { resize, formats: ['webp'] },
    ])
    expect(one?.key).toBe(other?.key)
  })
})

describe('sources of every kind', () => {
  it.each([
    ['grey JPEG', (picture: Sharp) => picture.toColourspace('b-w').jpeg()],
    ['grey PNG', (picture: Sharp) => picture.toColourspace('b-w').png()],
    ['grey PNG with alpha', (picture: Sharp) => picture.ensureAlpha(0.5).toColourspace('b-w').png()],
    ['16-bit PNG', (picture: Sharp) => picture.toColourspace('rgb16').png()],
    ['palette PNG', (picture: Sharp) => picture.png({ palette: true })],
    ['CMYK JPEG', (picture: Sharp) => picture.toColourspace('cmyk').jpeg()],
    ['GIF', (picture: Sharp) => picture.gif()],
  ])('%s goes through everything that reads pixels itself', async (_, encode) => {
    const source = await encode(framed([250, 250, 250], ramp)).toBuffer()
    const recipe = { trim: { threshold: 25 }, crop: { ratio: '1:1', gravity: 'attention' }, round: 8, grayscale: true }
    const out = await decode(await render(source, recipe))
    expect(out.channels).toBe(4)
    // Compression blurs a border by some pixels at most.
    expect(Math.abs(out.width - 40)).toBeLessThanOrEqual(3)
    expect(out.width).toBe(out.height)
    expect(out.at(0, 0)[3]).toBe(0)
    expect(out.at(20, 20)[3]).toBeGreaterThan(120)
  })
})
