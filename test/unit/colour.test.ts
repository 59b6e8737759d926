/** Colours, against arithmetic that shares nothing with the engine: matrices of the standards and files written by hand. */
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { DEFAULT_FACTORS } from '../../src/graph/cost.ts'
import { explainVersion } from '../../src/graph/explain-version.ts'
import { planRendition } from '../../src/graph/plan.ts'
import { parseRecipe } from '../../src/graph/recipe.ts'
import { FORMATS, type Format } from '../../src/model/recipe.ts'
import { isMatrixProfile, isSrgbProfile, rewriteProfile } from '../../src/transform/icc.ts'
import { probeImage } from '../../src/transform/probe.ts'
import { paint } from '../support/images.ts'
import { decode, render } from '../support/render.ts'

type Rgb = readonly [number, number, number]
const toLinear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
const toCoded = (v: number): number => (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055)

/** Display P3 to sRGB, both with D65 and the curve of sRGB (SMPTE EG 432-1, IEC 61966-2-1), clipped to what there is. */
const P3_TO_SRGB: readonly (readonly number[])[] = [
  [1.2249401, -0.2249402, 0],
  [-0.0420569, 1.0420571, 0],
  [-0.0196376, -0.0786361, 1.0982735],
]
const p3ToSrgb = (rgb: Rgb): number[] => {
  const linear = rgb.map(value => toLinear(value / 255))
  return P3_TO_SRGB.map(row => {
    const sum = row.reduce((total, factor, index) => total + factor * linear[index]!, 0)
    return Math.round(255 * toCoded(Math.min(1, Math.max(0, sum))))
  })
}

const PATCHES: readonly Rgb[] = [
  [128, 128, 128],
  [200, 120, 100],
  [90, 140, 70],
  [60, 80, 160],
  [240, 230, 220],
  [20, 25, 30],
  [255, 0, 0],
  [0, 255, 0],
]
const SIDE = 16
const patches = () => paint({ width: SIDE * PATCHES.length, height: SIDE }, x => PATCHES[Math.floor(x / SIDE)]!)

/** The middle of each patch. */
const patchesOf = async (bytes: Buffer): Promise<number[][]> => {
  // As stored: whoever decodes by the tag would see something else.
  const { data, info } = await sharp(bytes, { ignoreIcc: true })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return PATCHES.map((_, index) => {
    const at = ((SIDE / 2) * info.width + index * SIDE + SIDE / 2) * info.channels
    return [...data.subarray(at, at + 3)]
  })
}
const expectNear = (actual: readonly number[][], expected: readonly (readonly number[])[], within: number): void => {
  for (const [index, patch] of expected.entries())
    for (const [channel, value] of patch.entries())
      expect(
        Math.abs(actual[index]![channel]! - value),
        `patch ${index}: ${actual[index]} for ${patch}`,
      ).toBeLessThanOrEqual(within)
}

/** A profile as the engine has it. */
const profileOf = async (name: 'p3' | 'srgb'): Promise<Buffer> =>
  (await sharp(await patches().withIccProfile(name).png().toBuffer()).metadata()).icc!

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type), data])
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32BE(data.length, 0)
  numbers.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([numbers.subarray(0, 4), body, numbers.subarray(4)])
}

/** A PNG, written by hand: 8 or 16 bits of these patches, with a profile. */
const handmade = ({ bits, icc }: { bits: 8 | 16; icc?: Buffer }): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(SIDE * PATCHES.length, 0)
  header.writeUInt32BE(SIDE, 4)
  header.set([bits, 2], 8)
  const line = Buffer.concat([
    Buffer.from([0]),
    ...PATCHES.flatMap(rgb =>
      Array.from({ length: SIDE }, () => Buffer.from(rgb.flatMap(v => (bits === 16 ? [v, v] : [v])))),
    ),
  ])
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    ...(icc ? [chunk('iCCP', Buffer.concat([Buffer.from('x\0\0'), deflateSync(icc)]))] : []),
    chunk('IDAT', deflateSync(Buffer.concat(Array.from({ length: SIDE }, () => line)))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const LOSSLESS: Partial<Record<Format, object>> = {
  webp: { lossless: true },
  avif: { lossless: true, chroma: '4:4:4' },
  jpeg: { quality: 100, chroma: '4:4:4' },
}
const output = (format: Format) => ({ format, ...LOSSLESS[format] }) as unknown as Format

describe.each([8, 16] as const)('Display P3 in %i bits', bits => {
  test.each(['jpeg', 'png', 'webp', 'avif'] as const)('%s: converted to sRGB', async format => {
    const bytes = await render(handmade({ bits, icc: await profileOf('p3') }), {}, output(format))
    expect((await sharp(bytes).metadata()).icc).toBeUndefined()
    expectNear(await patchesOf(bytes), PATCHES.map(p3ToSrgb), 3)
  })

  test.each(['jpeg', 'png', 'webp', 'avif'] as const)('%s: kept, and tagged as what it is', async format => {
    const bytes = await render(handmade({ bits, icc: await profileOf('p3') }), { icc: 'keep' }, output(format))
    expectNear(await patchesOf(bytes), PATCHES, 2)
    const { icc } = await sharp(bytes).metadata()
    expect(isMatrixProfile(icc!)).toBe(true)
    expect(isSrgbProfile(icc!)).toBe(false)
    // To whoever heeds the tag it is the same picture.
    const seen = await sharp(bytes).toColourspace('srgb').png().toBuffer()
    expectNear(await patchesOf(seen), PATCHES.map(p3ToSrgb), 4)
  })
})

test('kept colours go through operations', async () => {
  const source = handmade({ bits: 8, icc: await profileOf('p3') })
  const bytes = await render(source, { icc: 'keep', flip: 'vertical', pad: { top: 4 } }, 'png')
  const { data } = await decode(
    await sharp(bytes, { ignoreIcc: true })
      .extract({ left: 0, top: 4, width: SIDE * PATCHES.length, height: SIDE })
      .png()
      .toBuffer(),
  )
  expect([...data.subarray(3 * SIDE, 3 * SIDE + 3)]).toEqual([...PATCHES[1]!])
})

test('16 bits without a profile are rounded to 8', async () => {
  expectNear(await patchesOf(await render(handmade({ bits: 16 }), {}, 'png')), PATCHES, 1)
})

describe('a 16-bit TIFF', () => {
  test('is sRGB in 8 bits', async () => {
    const tiff = await sharp(handmade({ bits: 16 }))
      .toColourspace('rgb16')
      .tiff({ compression: 'deflate' })
      .toBuffer()
    expect((await sharp(tiff).metadata()).depth).toBe('ushort')
    expectNear(await patchesOf(await render(tiff, {}, 'png')), PATCHES, 1)
  })
})

describe('CMYK', () => {
  /** Ink from 0 to 255 and what anybody expects to see, roughly: no two presses agree on more. */
  const INKS: readonly [name: string, ink: readonly [number, number, number, number], see: Rgb, within: number][] = [
    ['paper', [0, 0, 0, 0], [255, 255, 255], 4],
    ['cyan', [255, 0, 0, 0], [0, 160, 225], 35],
    ['magenta', [0, 255, 0, 0], [225, 0, 130], 35],
    ['yellow', [0, 0, 255, 0], [255, 235, 0], 30],
    ['red', [0, 255, 255, 0], [230, 30, 35], 35],
    ['black', [255, 255, 255, 255], [0, 0, 0], 20],
  ]
  /** A TIFF, written by hand (TIFF 6.0 section 16): one strip of one ink. */
  const cmykTiff = (ink: readonly number[]): Buffer => {
    const pixels = Buffer.alloc(32 * 32 * 4)
    for (let at = 0; at < pixels.length; at += 4) pixels.set(ink, at)
    const bits = Buffer.from('0800080008000800', 'hex')
    const [bitsAt, pixelsAt] = [8, 16]
    const entries = [
      [256, 3, 1, 32],
      [257, 3, 1, 32],
      [258, 3, 4, bitsAt],
      [259, 3, 1, 1],
      [262, 3, 1, 5],
      [273, 4, 1, pixelsAt],
      [277, 3, 1, 4],
      [278, 3, 1, 32],
      [279, 4, 1, pixels.length],
    ].map(([tag = 0, type = 0, count = 0, value = 0]) => {
      const entry = Buffer.alloc(12)
      entry.writeUInt16LE(tag, 0)
      entry.writeUInt16LE(type, 2)
      entry.writeUInt32LE(count, 4)
      entry.writeUInt32LE(value, 8)
      return entry
    })
    const head = Buffer.from('49492a0000000000', 'hex')
    head.writeUInt32LE(pixelsAt + pixels.length, 4)
    return Buffer.concat([head, bits, pixels, Buffer.from([entries.length, 0]), ...entries, Buffer.alloc(4)])
  }
  const jpegOf = (ink: readonly number[]): Promise<Buffer> =>
    sharp(cmykTiff(ink))
      .pipelineColourspace('cmyk')
      .toColourspace('cmyk')
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toBuffer()

  test.each(INKS)('%s', async (_, ink, see, within) => {
    for (const source of [cmykTiff(ink), await jpegOf(ink)]) {
      expect((await sharp(source).metadata()).space).toBe('cmyk')
      const { at, channels } = await decode(await render(source, {}, 'png'))
      expect(channels).toBe(3)
      expectNear([at(16, 16)], [see], within)
      // No profile to keep: what is asked for is sRGB then too.
      expect((await decode(await render(source, { icc: 'keep' }, 'png'))).at(16, 16)).toEqual(at(16, 16))
    }
  })
})

describe('profiles', () => {
  test('are written anew by their numbers, without their words', async () => {
    for (const name of ['p3', 'srgb'] as const) {
      const profile = await profileOf(name)
      const written = rewriteProfile(profile)!
      expect(isSrgbProfile(written)).toBe(name === 'srgb')
      expect(written.readUInt32BE(0)).toBe(written.length)
      expect(written.includes('facebook') || written.includes(Buffer.from('Display', 'utf16le').swap16())).toBe(false)
      expect(rewriteProfile(written)).toEqual(written)
    }
  })

  test('that are broken anywhere are kept whole or not at all', async () => {
    const profile = await profileOf('p3')
    for (let at = 0; at < profile.length; at++) {
      const broken = Buffer.from(profile)
      broken[at] = 0xff
      const written = rewriteProfile(broken)
      if (written) expect(isMatrixProfile(written)).toBe(true)
      expect(() => rewriteProfile(profile.subarray(0, at))).not.toThrow()
    }
  })

  test('a recipe that keeps them plans the same node where there is nothing to keep', async () => {
    const bytes = await patches().png().toBuffer()
    const image = await probeImage(bytes, bytes.length)
    const keyOf = (recipe: object) =>
      planRendition(parseRecipe({ ...recipe, formats: ['png'] }), { sha256: 'ab', image })[0]?.node?.key
    expect(keyOf({ icc: 'keep' })).toBe(keyOf({}))
    expect(keyOf({ icc: 'srgb' })).toBe(keyOf({}))
    expect(FORMATS.length).toBeGreaterThan(3)
  })
})

test('grey by the curve of sRGB needs no conversion, by another it does', async () => {
  const grey = (gamma: number): Buffer => {
    const curve = Buffer.from('6375727600000000000000010000', 'hex')
    curve.writeUInt16BE(Math.round(gamma * 256), 12)
    const parametric = Buffer.alloc(32)
    parametric.write('para', 0)
    parametric.writeUInt16BE(3, 8)
    for (const [index, value] of [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045].entries())
      parametric.writeInt32BE(Math.round(value * 65_536), 12 + 4 * index)
    const data = gamma === 0 ? parametric : curve
    const profile = Buffer.alloc(144 + data.length)
    profile.write('GRAYXYZ ', 16)
    profile.writeUInt32BE(1, 128)
    profile.write('kTRC', 132)
    profile.writeUInt32BE(144, 136)
    profile.writeUInt32BE(data.length, 140)
    profile.set(data, 144)
    return profile
  }
  expect(isSrgbProfile(grey(0))).toBe(true)
  expect(isSrgbProfile(grey(1.8))).toBe(false)
})

describe('a gain map', () => {
  const segment = (marker: number, payload: Buffer): Buffer => {
    const head = Buffer.from([0xff, marker, 0, 0])
    head.writeUInt16BE(payload.length + 2, 2)
    return Buffer.concat([head, payload])
  }
  const xmp = (attributes: string, inside = ''): Buffer =>
    segment(
      0xe1,
      Buffer.from(
        `http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" ${attributes}>${inside}</rdf:Description></rdf:RDF></x:xmpmeta>`,
      ),
    )
  /** Two JPEGs one behind the other, as Ultra HDR has them (version 1.1). */
  const ultraHdr = async (): Promise<{ base: Buffer; file: Buffer }> => {
    const base = await patches().jpeg({ quality: 95 }).toBuffer()
    const map = await paint({ width: SIDE, height: 4 }, () => [200, 200, 200])
      .jpeg()
      .toBuffer()
    const second = Buffer.concat([
      map.subarray(0, 2),
      xmp('hdrgm:Version="1.0" hdrgm:GainMapMax="2.0" hdrgm:HDRCapacityMax="2.0"'),
      map.subarray(2),
    ])
    const items = `<Container:Directory xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/"><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="${second.length}"/></rdf:li></rdf:Seq></Container:Directory>`
    const first = Buffer.concat([base.subarray(0, 2), xmp('hdrgm:Version="1.0"', items), base.subarray(2)])
    return { base, file: Buffer.concat([first, second]) }
  }

  test('is said to be left behind where the plan is explained', async () => {
    const { file } = await ultraHdr()
    const image = await probeImage(file, file.length)
    const source = { sha256: 'ab', image, mediaType: 'image/jpeg', bytes: file.length, objectKey: 'x' }
    const told = explainVersion(source, {
      leaves: [],
      existing: new Set(),
      factors: DEFAULT_FACTORS,
      viewer: undefined,
    })
    expect(told).toMatchObject({
      left_behind: ['gain-map'],
      text: expect.stringContaining('gain map that is left behind'),
    })
  })

  test('is noticed, and left behind by derivatives whose pixels are right', async () => {
    const { base, file } = await ultraHdr()
    expect(await probeImage(file, file.length)).toMatchObject({ gainMap: true, width: SIDE * PATCHES.length })
    expect((await probeImage(base, base.length)).gainMap).toBeUndefined()
    for (const format of ['jpeg', 'webp', 'avif', 'png'] as const) {
      const bytes = await render(file, { metadata: 'all-but-private' }, format)
      expect(bytes.equals(await render(base, { metadata: 'all-but-private' }, format)), format).toBe(true)
      expect(bytes.includes('hdrgm')).toBe(false)
      expect((await sharp(bytes).metadata()).gainMap).toBeUndefined()
    }
  })
})
