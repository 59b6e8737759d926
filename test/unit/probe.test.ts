import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MatrixError } from '../../src/model/errors.ts'
import { readCredit } from '../../src/transform/credit.ts'
import { isSrgbProfile } from '../../src/transform/icc.ts'
import { DEFAULT_INPUT_LIMITS } from '../../src/transform/limits.ts'
import { probeImage } from '../../src/transform/probe.ts'
import {
  animation,
  corruptHeader,
  disc,
  hugeExif,
  paint,
  photo,
  pngBomb,
  quadrants,
  svgWithScript,
  truncated,
} from '../support/images.ts'

const probe = (bytes: Buffer, limits = DEFAULT_INPUT_LIMITS) => probeImage(bytes, bytes.length, limits)

const refusal = async (bytes: Buffer, limits = DEFAULT_INPUT_LIMITS): Promise<MatrixError> => {
  const facts = await probe(bytes, limits).catch((error: MatrixError) => error)
  if (!(facts instanceof Error)) throw new Error('Expected a refusal')
  return facts
}

describe('probe', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'matrix-probe-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('reads what the header says, of a path as of bytes', async () => {
    const bytes = await photo({
      width: 90,
      height: 60,
      orientation: 6,
      icc: 'srgb',
      copyright: '(c) Ada',
      artist: 'Ada',
      gps: true,
    })
    const path = join(folder, 'photo.jpg')
    await writeFile(path, bytes)
    const facts = await probe(bytes)
    expect(facts).toEqual({
      format: 'jpeg',
      width: 90,
      height: 60,
      orientation: 6,
      frames: 1,
      hasAlpha: false,
      space: 'srgb',
      icc: 'srgb',
      credit: { copyright: '(c) Ada', artist: 'Ada' },
    })
    expect(await probeImage(path, bytes.length)).toEqual(facts)
  })

  it.each(['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const)('knows %s', async format => {
    const bytes = await quadrants({ width: 32, height: 24 }).toFormat(format).toBuffer()
    expect(await probe(bytes)).toMatchObject({
      format,
      width: 32,
      height: 24,
      frames: 1,
      orientation: 1,
      icc: 'none',
      credit: {},
    })
  })

  it('sees alpha, grey, 16 bits and CMYK', async () => {
    expect(await probe(await disc({ width: 20, height: 20 }).png().toBuffer())).toMatchObject({ hasAlpha: true })
    const grey = quadrants({ width: 20, height: 20 }).toColourspace('b-w')
    expect(await probe(await grey.png().toBuffer())).toMatchObject({ space: 'b-w' })
    const deep = quadrants({ width: 20, height: 20 }).toColourspace('rgb16')
    expect(await probe(await deep.png().toBuffer())).toMatchObject({ space: 'rgb16' })
    const print = quadrants({ width: 20, height: 20 }).toColourspace('cmyk')
    expect(await probe(await print.jpeg().toBuffer())).toMatchObject({ space: 'cmyk' })
  })

  it.each(['gif', 'webp'] as const)('counts the frames of %s and measures one', async format => {
    const bytes = await animation(format, { count: 4, width: 40, height: 30 })
    expect(await probe(bytes)).toMatchObject({ format, frames: 4, width: 40, height: 30 })
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['noise', Buffer.alloc(1000, 'x')],
    ['text', Buffer.from('hello')],
  ])('refuses %s as corrupt', async (_, bytes) => {
    expect((await refusal(bytes)).code).toBe('corrupt-media')
  })

  it('refuses a corrupt header without a word of the decoder', async () => {
    const { code, publicMessage } = await refusal(corruptHeader(await photo({ width: 40, height: 30 })))
    expect([code, publicMessage]).toEqual(['corrupt-media', 'The image cannot be read.'])
    const path = join(folder, 'secret-name.jpg')
    await writeFile(path, 'nonsense')
    const error = await probeImage(path, 8).catch((caught: MatrixError) => caught)
    expect(error).toMatchObject({ code: 'corrupt-media', publicMessage: 'The image cannot be read.' })
    expect((error as MatrixError).message).not.toContain('secret-name')
  })

  it('leaves a truncated body to the decoder: the header is whole', async () => {
    expect(await probe(truncated(await photo({ width: 400, height: 300 }), 0.6))).toMatchObject({
      width: 400,
      height: 300,
    })
  })

  it('refuses SVG', async () => {
    expect((await refusal(svgWithScript())).code).toBe('unsupported-media')
  })

  it('refuses a PNG of 256 megapixels from its header', async () => {
    const started = performance.now()
    const bomb = pngBomb()
    const made = performance.now()
    expect(await refusal(bomb)).toMatchObject({
      code: 'decompression-bomb',
      publicMessage: expect.stringContaining('256000000 pixels'),
    })
    // Decoding takes seconds, and longer than packing the same pixels did.
    expect(performance.now() - made).toBeLessThan(Math.max(500, made - started))
  })

  it.each([
    ['a side', { width: 16_384, height: 1 }, {}],
    ['all', { width: 8000, height: 7000 }, {}],
    ['all, with lower limits', { width: 100, height: 101 }, { maxPixels: 10_000 }],
  ])('refuses too many pixels in %s', async (_, size, limits) => {
    expect((await refusal(pngBomb(size), { ...DEFAULT_INPUT_LIMITS, ...limits })).code).toBe('decompression-bomb')
  })

  it('refuses too many frames, and too many pixels in all frames', async () => {
    const bytes = await animation('gif', { count: 5, width: 10, height: 10 })
    expect((await refusal(bytes, { ...DEFAULT_INPUT_LIMITS, maxFrames: 4 })).code).toBe('decompression-bomb')
    expect((await refusal(bytes, { ...DEFAULT_INPUT_LIMITS, maxTotalPixels: 499 })).code).toBe('decompression-bomb')
    expect(await probe(bytes, { ...DEFAULT_INPUT_LIMITS, maxFrames: 5, maxTotalPixels: 500 })).toMatchObject({
      frames: 5,
    })
  })

  it('refuses a file that is larger than is held in memory', async () => {
    expect((await refusal(hugeExif(60_000_000))).code).toBe('payload-too-large')
  })

  it('reads nothing from EXIF that is larger than anyone means', async () => {
    expect(await probe(hugeExif(2 * 1024 ** 2))).toMatchObject({ format: 'png', credit: {} })
  })
})

/** Little-endian TIFF with one directory: the shape of every EXIF block. */
const exifWith = (entries: readonly (readonly [tag: number, value: Buffer])[]): Buffer => {
  const start = 8 + 2 + entries.length * 12 + 4
  const head = Buffer.alloc(start)
  head.write('II', 0, 'latin1')
  head.writeUInt16LE(42, 2)
  head.writeUInt32LE(8, 4)
  head.writeUInt16LE(entries.length, 8)
  let offset = start
  entries.forEach(([tag, value], index) => {
    const at = 10 + index * 12
    head.writeUInt16LE(tag, at)
    head.writeUInt16LE(2, at + 2)
    head.writeUInt32LE(value.length, at + 4)
    head.writeUInt32LE(offset, at + 8)
    offset += value.length
  })
  return Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), head, ...entries.map(([, value]) => value)])
}
const COPYRIGHT = 0x8298
const ARTIST = 0x013b

describe('credit', () => {
  it.each([
    ['ASCII', Buffer.from('(c) 2026 Ada Lovelace\0'), '(c) 2026 Ada Lovelace'],
    ['UTF-8', Buffer.from('© Łukasz 写真\0'), '© Łukasz 写真'],
    ['Latin-1', Buffer.from('© Åsa Öberg\0', 'latin1'), '© Åsa Öberg'],
    ['two holders', Buffer.from('Photographer\0Editor\0'), 'Photographer Editor'],
    ['line breaks and escapes', Buffer.from('a\r\nSet-Cookie: x\u001b[31m\0'), 'a Set-Cookie: x [31m'],
    ['bidirectional overrides', Buffer.from('abc\u202edef\0'), 'abc def'],
    ['markup, which is text', Buffer.from('<script>\0'), '<script>'],
    ['too much', Buffer.from(`${'😀'.repeat(600)}\0`), '😀'.repeat(500)],
    ['blanks', Buffer.from('   \0  '), undefined],
  ])('of %s', (_, bytes, expected) => {
    expect(readCredit(exifWith([[COPYRIGHT, bytes]]))).toEqual(expected === undefined ? {} : { copyright: expected })
    expect(readCredit(exifWith([[ARTIST, bytes]]))).toEqual(expected === undefined ? {} : { artist: expected })
  })

  it.each([
    ['nothing', undefined],
    ['noise', Buffer.from('not exif at all')],
    ['an offset beyond the end', exifWith([[COPYRIGHT, Buffer.from('long enough\0')]]).subarray(0, 30)],
    [
      'more than a camera writes',
      Buffer.concat([exifWith([[COPYRIGHT, Buffer.from('text here\0')]]), Buffer.alloc(1024 ** 2)]),
    ],
  ])('of %s is none', (_, exif) => {
    expect(readCredit(exif)).toEqual({})
  })
})

const profileOf = async (name: string): Promise<Buffer> => {
  const bytes = await quadrants({ width: 8, height: 8 }).withIccProfile(name).png().toBuffer()
  return (await sharp(bytes).metadata()).icc!
}

describe('profiles', () => {
  it('are sRGB by content', async () => {
    expect(isSrgbProfile(await profileOf('srgb'))).toBe(true)
    expect(isSrgbProfile(await profileOf('p3'))).toBe(false)
    const print = await quadrants({ width: 8, height: 8 }).withIccProfile('cmyk').jpeg().toBuffer()
    expect(isSrgbProfile((await sharp(print).metadata()).icc!)).toBe(false)
  })

  it('are not sRGB when a primary or a curve is another, or when they are cut', async () => {
    const profile = await profileOf('srgb')
    const tagAt = (name: string): number => profile.readUInt32BE(profile.indexOf(name, 128, 'latin1') + 4)
    const changed = (change: (copy: Buffer) => void): Buffer => {
      const copy = Buffer.from(profile)
      change(copy)
      return copy
    }
    const primary = tagAt('gXYZ') + 8
    expect(isSrgbProfile(changed(copy => copy.writeInt32BE(copy.readInt32BE(primary) + 0.01 * 65_536, primary)))).toBe(
      false,
    )
    const curve = tagAt('rTRC')
    expect(isSrgbProfile(changed(copy => copy.fill(0x33, curve + 12, curve + 20)))).toBe(false)
    for (const length of [0, 100, 131, 200, profile.length - 40]) {
      expect(isSrgbProfile(profile.subarray(0, length))).toBe(false)
    }
    expect(isSrgbProfile(Buffer.alloc(600, 0xff))).toBe(false)
  })

  it('that are skipped would have changed no pixel by more than a level', async () => {
    // Every 17th value of each channel in all combinations: 4,096 colours.
    const cube = paint({ width: 64, height: 64 }, (x, y) => [
      (x % 16) * 17,
      (y % 16) * 17,
      (Math.floor(x / 16) + 4 * Math.floor(y / 16)) * 17,
    ])
    const tagged = await cube.withIccProfile('srgb').png().toBuffer()
    const through = await sharp(tagged).raw().toBuffer()
    const past = await sharp(tagged, { ignoreIcc: true }).raw().toBuffer()
    expect(Math.max(...through.map((value, index) => Math.abs(value - past[index]!)))).toBeLessThanOrEqual(1)
  })
})
