/** Effects against pixels computed here in plain arithmetic. Flat fields tell colours, steps tell surroundings. */
import type { Sharp } from 'sharp'
import { describe, expect, it } from 'vitest'
import { gradient, paint, photo, QUADRANTS, quadrants } from '../support/images.ts'
import { type Decoded, decode, render, ssim } from '../support/render.ts'

const png = (picture: Sharp): Promise<Buffer> => picture.png().toBuffer()
const flat = (...colour: number[]): Promise<Buffer> => png(paint({ width: 16, height: 12 }, () => colour))
const made = async (source: Buffer, recipe: object): Promise<Decoded> => decode(await render(source, recipe))
const middle = ({ at, width, height }: Decoded): number[] => at(width >> 1, height >> 1)

const expectNear = (actual: readonly number[], expected: readonly number[], levels = 2): void => {
  expect(actual).toHaveLength(expected.length)
  const worst = Math.max(...expected.map((value, index) => Math.abs(value - (actual[index] ?? Number.NaN))))
  expect(worst, `${actual} is not ${expected}`).toBeLessThanOrEqual(levels)
}

/** sRGB and CIE L*a*b* (D65), from their definitions. */
const linear = (level: number): number =>
  level / 255 <= 0.04045 ? level / 255 / 12.92 : ((level / 255 + 0.055) / 1.055) ** 2.4
const lab = ([red = 0, green = 0, blue = 0]: readonly number[]): { l: number; a: number; b: number } => {
  const [r, g, b] = [linear(red), linear(green), linear(blue)]
  const f = (t: number): number => (t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29)
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505)
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b)
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089)
  return { l: 116 * y - 16, a: 500 * (x - y), b: 200 * (y - z) }
}

describe('flip', () => {
  const source = { width: 30, height: 20 }
  it.each([
    ['horizontal', (x: number, y: number) => [29 - x, y]],
    ['vertical', (x: number, y: number) => [x, 19 - y]],
    ['both', (x: number, y: number) => [29 - x, 19 - y]],
  ] as const)('%s moves every pixel to its place', async (flip, from) => {
    const before = await decode(await png(gradient(source)))
    const after = await made(await png(gradient(source)), { flip })
    for (let y = 0; y < 20; y++) {
      for (let x = 0; x < 30; x++) expect(after.at(x, y)).toEqual(before.at(...(from(x, y) as [number, number])))
    }
  })
})

describe('rotate', () => {
  const source = { width: 30, height: 20 }
  it.each([
    [90, 20, 30, (x: number, y: number) => [y, 19 - x]],
    [-270, 20, 30, (x: number, y: number) => [y, 19 - x]],
    [180, 30, 20, (x: number, y: number) => [29 - x, 19 - y]],
    [270, 20, 30, (x: number, y: number) => [29 - y, x]],
  ] as const)('%i degrees moves every pixel to its place', async (angle, width, height, from) => {
    const before = await decode(await png(gradient(source)))
    const after = await made(await png(gradient(source)), { rotate: { angle } })
    expect([after.width, after.height, after.channels]).toEqual([width, height, 3])
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) expect(after.at(x, y)).toEqual(before.at(...(from(x, y) as [number, number])))
    }
  })

  it('turns clockwise by any angle about the middle and fills the corners', async () => {
    const size = { width: 120, height: 80 }
    const out = await made(await png(gradient(size)), { rotate: { angle: 30, background: '#010203' } })
    const [cosine, sine] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)]
    expect([out.width, out.height]).toEqual([
      Math.round(120 * cosine + 80 * sine),
      Math.round(120 * sine + 80 * cosine),
    ])
    expect(out.at(0, 0)).toEqual([1, 2, 3])
    expect(out.at(out.width - 1, out.height - 1)).toEqual([1, 2, 3])
    for (const [dx, dy] of [
      [0, 0],
      [30, 10],
      [-25, 20],
      [10, -30],
    ] as const) {
      // Where the output pixel came from: turned back, anticlockwise.
      const [x, y] = [dx * cosine + dy * sine + 60, -dx * sine + dy * cosine + 40]
      const at = out.at(Math.floor(out.width / 2 + dx), Math.floor(out.height / 2 + dy))
      expectNear(at, [(255 * x) / 120, (255 * y) / 80, 128], 5)
    }
  })

  it('gives alpha where the background is translucent, and white corners otherwise', async () => {
    const source = await flat(9, 8, 7)
    expect((await made(source, { rotate: { angle: 45, background: '#ff000000' } })).at(0, 0)[3]).toBe(0)
    expect((await made(source, { rotate: { angle: 45 } })).at(0, 0)).toEqual([255, 255, 255])
  })
})

describe('blur', () => {
  it('spreads a step as the integral of the Gaussian does', async () => {
    const out = await made(await png(paint({ width: 81, height: 9 }, x => (x < 40 ? [40, 40, 40] : [200, 200, 200]))), {
      blur: 5,
    })
    // erf by Abramowitz and Stegun 7.1.26.
    const erf = (x: number): number => {
      const t = 1 / (1 + 0.3275911 * Math.abs(x))
      const tail =
        t *
        (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
        Math.exp(-x * x)
      return Math.sign(x) * (1 - tail)
    }
    for (const x of [20, 33, 37, 40, 43, 47, 60]) {
      const expected = 120 + 80 * erf((x - 39.5) / (5 * Math.SQRT2))
      // The engine cuts the Gaussian off where it falls below a fifth of its peak.
      expectNear(out.at(x, 4), [expected, expected, expected], 8)
    }
  })

  it('does not let hidden colours bleed in', async () => {
    const half = paint({ width: 40, height: 8 }, x => (x < 20 ? [200, 20, 20, 255] : [0, 255, 0, 0]))
    const out = await made(await png(half), { blur: 3 })
    const [red, green, , alpha] = out.at(21, 4)
    expect(alpha).toBeGreaterThan(30)
    expect(red).toBeGreaterThan(180)
    expect(green).toBeLessThan(40)
  })
})

describe('sharpen', () => {
  it('overshoots at a step and leaves the rest', async () => {
    const step = paint({ width: 40, height: 8 }, x => (x < 20 ? [100, 100, 100] : [160, 160, 160]))
    const out = await made(await png(step), { sharpen: {} })
    expect(out.at(19, 4)[0]).toBeLessThan(98)
    expect(out.at(20, 4)[0]).toBeGreaterThan(162)
    expectNear(out.at(4, 4), [100, 100, 100], 1)
  })

  it('brings back what a blur took', async () => {
    const source = await photo({ width: 200, height: 160 })
    const blurred = await render(source, { blur: 1 })
    const original = await render(source, {})
    const sharper = await render(blurred, { sharpen: { sigma: 1 } })
    expect(await ssim(sharper, original)).toBeGreaterThan(await ssim(blurred, original))
  })
})

describe('median', () => {
  it('takes specks away and keeps edges', async () => {
    const specks = paint({ width: 40, height: 20 }, (x, y) =>
      x % 7 === 3 && y % 5 === 2 ? [255, 255, 255] : x < 20 ? [50, 60, 70] : [150, 60, 70],
    )
    const out = await made(await png(specks), { median: 3 })
    for (let y = 1; y < 19; y++) {
      for (const x of [3, 10, 17, 18, 21, 24, 31]) expect(out.at(x, y)).toEqual([x < 20 ? 50 : 150, 60, 70])
    }
  })
})

describe('gamma', () => {
  it.each([2.2, 1.5, 0.5, 0.34, 3])('%f is the power that it says', async gamma => {
    for (const levels of [
      [200, 100, 30],
      [0, 255, 128],
    ]) {
      const out = await made(await flat(...levels), { gamma })
      expectNear(
        middle(out),
        levels.map(level => 255 * (level / 255) ** (1 / gamma)),
      )
    }
  })
})

describe('normalise', () => {
  it('stretches what is there to all there is', async () => {
    const dull = paint({ width: 256, height: 8 }, x => [90 + x / 4, 90 + x / 4, 90 + x / 4])
    const out = await made(await png(dull), { normalise: { lower: 0, upper: 100 } })
    expectNear(out.at(0, 4), [0, 0, 0], 6)
    expectNear(out.at(255, 4), [255, 255, 255], 6)
    expect(out.at(128, 4)[0]).toBeGreaterThan(100)
    expect(out.at(128, 4)[0]).toBeLessThan(155)
  })

  it('leaves a flat field alone', async () => {
    expectNear(middle(await made(await flat(90, 90, 90), { normalise: {} })), [90, 90, 90], 1)
  })
})

describe('grayscale', () => {
  it('is the luma of each pixel, in three channels or four', async () => {
    for (const alpha of [[], [128]]) {
      for (const colour of QUADRANTS) {
        const luma = 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]
        expectNear(
          middle(await made(await flat(...colour, ...alpha), { grayscale: true })),
          [luma, luma, luma, ...alpha],
          1,
        )
      }
    }
  })
})

describe('threshold', () => {
  it('cuts at the level exactly, and leaves alpha alone', async () => {
    const ramp = await png(paint({ width: 256, height: 4 }, x => [x, x, x, 77]))
    const out = await made(ramp, { threshold: { value: 100, grayscale: false } })
    for (let x = 0; x < 256; x++) {
      const level = x < 100 ? 0 : 255
      expect(out.at(x, 2)).toEqual([level, level, level, 77])
    }
  })

  it('takes colour away first, unless it is kept', async () => {
    const source = await flat(200, 20, 200)
    expect(middle(await made(source, { threshold: { value: 100 } }))).toEqual([0, 0, 0])
    expect(middle(await made(source, { threshold: { value: 100, grayscale: false } }))).toEqual([255, 0, 255])
  })
})

describe('tint', () => {
  it('gives the colour its hue and keeps lightness and alpha', async () => {
    for (const grey of [60, 128, 170]) {
      const out = middle(await made(await flat(grey, grey, grey, 90), { tint: '#c07840' }))
      expect(out[3]).toBe(90)
      const [before, after, colour] = [lab([grey, grey, grey]), lab(out), lab([0xc0, 0x78, 0x40])]
      expect(Math.abs(after.l - before.l)).toBeLessThan(6)
      expect(Math.abs(Math.atan2(after.b, after.a) - Math.atan2(colour.b, colour.a))).toBeLessThan(0.2)
    }
  })
})

describe('modulate', () => {
  const colour = [170, 90, 60]
  const chroma = ({ a, b }: { a: number; b: number }): number => Math.hypot(a, b)
  const changed = async (modulate: object) => lab(middle(await made(await flat(...colour), { modulate })))
  const before = lab(colour)

  it('multiplies and adds lightness', async () => {
    expect((await changed({ brightness: 1.2 })).l).toBeCloseTo(before.l * 1.2, -0.5)
    expect((await changed({ lightness: -15 })).l).toBeCloseTo(before.l - 15, -0.5)
  })

  it('multiplies saturation; nothing is left at 0', async () => {
    expect(Math.abs(chroma(await changed({ saturation: 0.5 })) - chroma(before) / 2)).toBeLessThan(3)
    expect(chroma(await changed({ saturation: 0 }))).toBeLessThan(2)
  })

  it('turns the hue', async () => {
    const turned = await changed({ hue: 90 })
    const angle = (Math.atan2(turned.b, turned.a) - Math.atan2(before.b, before.a)) * (180 / Math.PI)
    expect(Math.abs(((angle + 360) % 360) - 90)).toBeLessThan(12)
  })
})

describe('round', () => {
  it('hides what is outside the arcs and nothing else', async () => {
    const out = await made(await png(quadrants({ width: 60, height: 40 })), { round: 12 })
    expect(out.channels).toBe(4)
    for (let y = 0; y < 40; y++) {
      for (let x = 0; x < 60; x++) {
        const [across, down] = [Math.max(11.5 - x, x - 47.5, 0), Math.max(11.5 - y, y - 27.5, 0)]
        const distance = across > 0 && down > 0 ? Math.hypot(across, down) : 0
        const alpha = out.at(x, y)[3]!
        if (distance > 13) expect(alpha).toBe(0)
        else if (distance < 11) expect(alpha).toBe(255)
      }
    }
    expect(out.at(30, 20).slice(0, 3)).toEqual(QUADRANTS[3])
  })

  it('makes a disc of a square', async () => {
    const out = await made(await flat(10, 20, 30), {
      resize: { w: 100, h: 100, fit: 'cover', enlarge: true },
      round: 'max',
    })
    const area = Array.from({ length: 100 * 100 }, (_, i) => out.data[i * 4 + 3]! / 255).reduce((a, b) => a + b)
    expect(area).toBeCloseTo(Math.PI * 50 ** 2, -2)
  })

  it('keeps the alpha that was there, and is flattened for JPEG', async () => {
    const out = await made(await flat(10, 20, 30, 100), { round: 4 })
    expect(middle(out)).toEqual([10, 20, 30, 100])
    const jpeg = await decode(await render(await flat(0, 0, 0), { round: 'max' }, 'jpeg'))
    expect(jpeg.channels).toBe(3)
    expect(jpeg.at(0, 0)[0]).toBeGreaterThan(200)
  })
})

describe('colour and alpha', () => {
  it('survive everything that follows', async () => {
    const source = await flat(200, 30, 30, 128)
    const stages = [
      { grayscale: true },
      { pad: { left: 4, background: '#0000ff' }, blur: 0.5 },
      { resize: { width: 10 } },
    ]
    const out = await made(source, { stages })
    expect(out.channels).toBe(4)
    expectNear(out.at(0, 4), [0, 0, 255, 255], 12)
    expectNear(out.at(7, 4), [66, 66, 66, 128], 6)
  })
})
