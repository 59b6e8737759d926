/** Every operation against pixels computed here in plain arithmetic, without the library that made them. */
import readExif from 'exif-reader'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, it } from 'vitest'
import type { Step } from '../../src/model/recipe.ts'
import { foldAliases } from '../../src/ops/aliases.ts'
import { describeOperations } from '../../src/ops/describe.ts'
import { offsetByFocal, offsetByGravity } from '../../src/ops/gravity.ts'
import { OPERATION_NAMES, OPERATIONS } from '../../src/ops/registry.ts'
import { disc, gradient, paint, photo, QUADRANTS, quadrants } from '../support/images.ts'
import { decode, execute, planNodes, render } from '../support/render.ts'

const png = (picture: Sharp): Promise<Buffer> => picture.png().toBuffer()
/** Rounding, and 8-bit steps between. */
const LEVELS = 2

const expectNear = (actual: readonly number[], expected: readonly number[], levels = LEVELS): void => {
  const worst = Math.max(...expected.map((value, index) => Math.abs(value - (actual[index] ?? Number.NaN))))
  expect(worst, `${actual} is not ${expected}`).toBeLessThanOrEqual(levels)
}

interface Window {
  /** Of the source, in source pixels, that the output shows. */
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** A gradient tells for every output pixel which place of the source it shows. */
const expectShows = async (
  output: Buffer,
  source: { width: number; height: number },
  window: Window,
): Promise<void> => {
  const picture = await decode(output)
  // Away from the border, where the kernel has no neighbours to see.
  for (const u of [0.1, 0.35, 0.5, 0.8, 0.9]) {
    for (const v of [0.1, 0.4, 0.5, 0.9]) {
      const [x, y] = [Math.floor(u * picture.width), Math.floor(v * picture.height)]
      const across = window.left + ((x + 0.5) * window.width) / picture.width
      const down = window.top + ((y + 0.5) * window.height) / picture.height
      expectNear(picture.at(x, y), [(255 * across) / source.width, (255 * down) / source.height, 128])
    }
  }
}

describe('crop', () => {
  const source = { width: 400, height: 300 }

  it('cuts exactly what was asked, pixel by pixel', async () => {
    const out = await decode(await render(await png(gradient(source)), { crop: { x: 37, y: 11, w: 100, h: 50 } }))
    expect([out.width, out.height]).toEqual([100, 50])
    const whole = await decode(await png(gradient(source)))
    for (const [x, y] of [
      [0, 0],
      [99, 49],
      [50, 25],
    ] as const)
      expect(out.at(x, y)).toEqual(whole.at(x + 37, y + 11))
  })

  it('comes before resize in a stage, whatever the order of writing', async () => {
    const out = await render(await png(gradient(source)), {
      resize: { width: 50 },
      crop: { left: 200, top: 100, width: 200, height: 100 },
    })
    await expectShows(out, source, { left: 200, top: 100, width: 200, height: 100 })
  })

  it('comes after resize in a later stage', async () => {
    const stages = [{ resize: { width: 200 } }, { crop: { left: 100, top: 50, width: 80, height: 60 } }]
    await expectShows(await render(await png(gradient(source)), { stages }), source, {
      left: 200,
      top: 100,
      width: 160,
      height: 120,
    })
  })
})

describe('resize', () => {
  const source = { width: 600, height: 300 }
  const make = async (resize: object): Promise<Buffer> => render(await png(gradient(source)), { resize })

  it.each<[object, Window]>([
    [
      { width: 200, height: 200, fit: 'inside' },
      { left: 0, top: 0, ...source },
    ],
    [
      { width: 200, height: 200, fit: 'outside' },
      { left: 0, top: 0, ...source },
    ],
    [
      { width: 200, height: 200, fit: 'fill' },
      { left: 0, top: 0, ...source },
    ],
    [
      { width: 200, height: 200, fit: 'cover' },
      { left: 150, top: 0, width: 300, height: 300 },
    ],
    [
      { width: 200, height: 200, fit: 'cover', gravity: 'west' },
      { left: 0, top: 0, width: 300, height: 300 },
    ],
    [
      { width: 200, height: 200, fit: 'cover', gravity: 'southeast' },
      { left: 300, top: 0, width: 300, height: 300 },
    ],
    [
      { width: 200, height: 200, fit: 'cover', focal: { x: 0.4, y: 0.9 } },
      { left: 90, top: 0, width: 300, height: 300 },
    ],
    [
      { width: 200, height: 200, fit: 'cover', focal: { x: 0.99, y: 0 } },
      { left: 300, top: 0, width: 300, height: 300 },
    ],
    [
      { width: 300, height: 50, fit: 'cover', gravity: 'north' },
      { left: 0, top: 0, width: 600, height: 100 },
    ],
    [
      { width: 300, height: 50, fit: 'cover', gravity: 'south' },
      { left: 0, top: 200, width: 600, height: 100 },
    ],
    [
      { width: 900, enlarge: true },
      { left: 0, top: 0, ...source },
    ],
  ])('%j shows the right part', async (resize, window) => {
    await expectShows(await make(resize), source, window)
  })

  it('contain puts the whole picture in the box and fills the rest', async () => {
    const at = async (gravity: string) =>
      decode(await make({ width: 120, height: 120, fit: 'contain', gravity, background: '#102030' }))
    const [centre, south] = [await at('centre'), await at('south')]
    expect([centre.width, centre.height]).toEqual([120, 120])
    for (const [x, y] of [
      [0, 0],
      [119, 29],
      [60, 90],
      [60, 119],
    ] as const)
      expect(centre.at(x, y)).toEqual([16, 32, 48])
    expectNear(centre.at(60, 60), [(255 * 60.5) / 120, (255 * 30.5) / 60, 128])
    expect(south.at(60, 59)).toEqual([16, 32, 48])
    expectNear(south.at(60, 90), [(255 * 60.5) / 120, (255 * 30.5) / 60, 128])
  })

  it('keeps the quadrants where they are', async () => {
    const out = await decode(
      await render(await png(quadrants({ width: 501, height: 401 })), { resize: { w: 50, h: 40, fit: 'fill' } }),
    )
    const corners = [out.at(5, 5), out.at(44, 5), out.at(5, 34), out.at(44, 34)]
    for (const [index, corner] of corners.entries()) expectNear(corner, QUADRANTS[index]!, 1)
  })

  it('does not darken what fades to nothing', async () => {
    const out = await decode(await render(await png(disc({ width: 400, height: 400 })), { resize: { width: 50 } }))
    const edge = Array.from({ length: 50 }, (_, x) => out.at(x, 25)).filter(
      ([, , , alpha]) => alpha! > 40 && alpha! < 215,
    )
    expect(edge.length).toBeGreaterThan(0)
    // A straight average with transparent black would halve the red here.
    for (const [red] of edge) expect(red).toBeGreaterThan(190)
  })
})

describe('gravity', () => {
  const boxes = { inner: { width: 10, height: 10 }, outer: { width: 25, height: 10 } }

  it('gives whole pixels inside the picture', () => {
    expect(offsetByGravity('centre', boxes)).toEqual({ left: 7, top: 0 })
    expect(offsetByGravity('northeast', boxes)).toEqual({ left: 15, top: 0 })
    expect(offsetByFocal({ x: 0.5, y: 0.5 }, boxes)).toEqual({ left: 8, top: 0 })
    expect(offsetByFocal({ x: 0, y: 1 }, boxes)).toEqual({ left: 0, top: 0 })
    expect(offsetByFocal({ x: 1, y: 0 }, boxes)).toEqual({ left: 15, top: 0 })
  })
})

describe('pad', () => {
  it('adds on each side what was asked', async () => {
    const source = await png(paint({ width: 20, height: 10 }, () => [9, 8, 7]))
    const out = await decode(
      await render(source, { pad: { top: 1, right: 2, bottom: 3, left: 4, background: '#f00' } }),
    )
    expect([out.width, out.height]).toEqual([26, 14])
    for (const [x, y] of [
      [3, 5],
      [24, 5],
      [10, 0],
      [10, 11],
    ] as const)
      expect(out.at(x, y)).toEqual([255, 0, 0])
    for (const [x, y] of [
      [4, 1],
      [23, 10],
    ] as const)
      expect(out.at(x, y)).toEqual([9, 8, 7])
  })

  it('gives an opaque picture alpha where the background is translucent', async () => {
    const source = await png(paint({ width: 20, height: 10 }, () => [9, 8, 7]))
    const out = await decode(await render(source, { pad: { left: 5, background: '#00ff0080' } }))
    expect(out.at(0, 0)).toEqual([0, 255, 0, 128])
    expect(out.at(10, 5)).toEqual([9, 8, 7, 255])
  })
})

describe('flatten', () => {
  const half = () => png(paint({ width: 16, height: 16 }, () => [200, 100, 0, 128]))
  const over = (background: number): number[] => [200, 100, 0].map(value => (value * 128 + background * 127) / 255)

  it('lays the picture on the colour', async () => {
    const out = await decode(await render(await half(), { flatten: { background: '#0000ff' } }))
    expect(out.channels).toBe(3)
    expectNear(out.at(8, 8), [(200 * 128) / 255, (100 * 128) / 255, 127])
  })

  it('is white for JPEG without being asked', async () => {
    const out = await decode(await render(await half(), {}, 'jpeg'))
    expectNear(out.at(8, 8), over(255), 4)
  })
})

describe('metadata', () => {
  const options = { width: 64, height: 48, copyright: 'Someone', artist: 'Ada', gps: true, icc: 'srgb' } as const

  it.each(['jpeg', 'png', 'webp', 'avif'] as const)('leaves nothing in %s unless asked', async format => {
    const bytes = await photo(options)
    const meta = await sharp(await render(bytes, {}, format)).metadata()
    expect([meta.exif, meta.icc, meta.xmp, meta.iptc, meta.orientation]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  it.each(['jpeg', 'png', 'webp', 'avif'] as const)('keeps the credit, and nothing else, in %s', async format => {
    const bytes = await photo(options)
    const nodes = await planNodes(bytes, [{ metadata: 'copyright', formats: [format] }])
    const credited = nodes.map(node => ({ ...node, chain: node.chain.map(withCredit) }))
    const out = (await execute(bytes, credited)).done.get(nodes[0]!.key)!.bytes
    const { exif, xmp } = await sharp(out).metadata()
    expect(readExif(exif!).Image).toMatchObject({ Copyright: '(c) Asa O. <b>', Artist: 'Ada' })
    expect(xmp?.toString('utf8')).toContain('© Åsa Ö. &lt;b&gt;')
    const text = exif!.toString('latin1')
    expect(text).not.toContain('Test Camera')
    expect(hasGps(exif!)).toBe(false)
  })
})

/** The engine can only write ASCII into a source, so what a camera may have written is put into the step. */
const withCredit = (step: Step): Step =>
  step.op === 'metadata' ? { ...step, params: { copyright: '© Åsa Ö. <b>', artist: 'Ada' } } : step

const hasGps = (exif: Buffer): boolean => Object.keys(readExif(exif).GPSInfo ?? {}).length > 0

describe('encode', () => {
  it.each([
    ['jpeg', { quality: 30 }, { quality: 95 }],
    ['jpeg', { chroma: '4:2:0' }, { chroma: '4:4:4' }],
    ['webp', { quality: 30 }, { quality: 95 }],
    ['webp', { lossless: false }, { lossless: true }],
    ['avif', { quality: 20 }, { quality: 90 }],
    ['png', { palette: true }, { palette: false }],
    ['png', { compression: 9 }, { compression: 0 }],
  ])('%s heeds %j against %j', async (format, small, large) => {
    const bytes = await photo({ width: 320, height: 240 })
    const sizes: number[] = []
    for (const settings of [small, large]) {
      const nodes = await planNodes(bytes, [{ formats: [{ format, ...settings }] }])
      sizes.push((await execute(bytes, nodes)).done.get(nodes[0]!.key)!.bytes.length)
    }
    expect(sizes[0]).toBeLessThan(sizes[1]!)
  })

  it('makes progressive JPEG where asked', async () => {
    const bytes = await photo({ width: 64, height: 48 })
    for (const progressive of [true, false]) {
      const nodes = await planNodes(bytes, [{ formats: [{ format: 'jpeg', progressive }] }])
      const out = (await execute(bytes, nodes)).done.get(nodes[0]!.key)!.bytes
      expect((await sharp(out).metadata()).isProgressive).toBe(progressive)
    }
  })
})

describe('the registry', () => {
  it('is in the fixed order and each operation has its own name', () => {
    const geometry = ['orient', 'trim', 'crop', 'resize', 'pad', 'rotate', 'flip']
    const effects = ['median', 'blur', 'sharpen', 'normalise', 'gamma', 'modulate', 'tint', 'grayscale', 'threshold']
    expect(OPERATION_NAMES).toEqual([...geometry, ...effects, 'round', 'composite', 'flatten', 'icc', 'metadata'])
    expect(Object.values(OPERATIONS).map(({ name }) => name)).toEqual(OPERATION_NAMES)
  })

  it('describes every parameter', () => {
    const rows = describeOperations()
    expect(new Set(rows.map(({ operation }) => operation))).toEqual(
      new Set([...OPERATION_NAMES, 'jpeg', 'png', 'webp', 'avif', 'gif']),
    )
    expect(rows.filter(({ description, values }) => description === '' || values === '')).toEqual([])
    expect(rows).toContainEqual({
      operation: 'webp',
      parameter: 'effort',
      values: '0 to 6',
      default: '2',
      description: 'CPU effort, 0 (fastest) to 6 (smallest).',
    })
  })
})

describe('aliases', () => {
  it('are folded, and left alone beside the full name', () => {
    const aliases = { w: 'width' }
    expect(foldAliases({ w: 1, toString: 2 }, aliases)).toEqual({ width: 1, toString: 2 })
    expect(foldAliases({ w: 1, width: 2 }, aliases)).toEqual({ w: 1, width: 2 })
    expect(foldAliases([1], aliases)).toEqual([1])
  })
})
