/** What a derivative tells besides its pixels, read by a walker of its own: nothing private, in no format, whatever is done to it. */
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { FORMATS } from '../../src/model/recipe.ts'
import { rewriteExif } from '../../src/transform/exif.ts'
import { SECRETS, TELLING_XMP, tellingExif, walkExif, withBlocks } from '../support/exif.ts'
import { quadrants } from '../support/images.ts'
import { decode, render } from '../support/render.ts'

const PRIVATE = /^(place|thumbnail)\/|^photo\/(927c|9286|a420|a430|a431|a435)$/
const OPERATIONS: Readonly<Record<string, object>> = {
  nothing: {},
  resize: { resize: { width: 60 } },
  'crop, rotate and blur': { crop: { left: 5, top: 5, width: 80, height: 60 }, rotate: { angle: 10 }, blur: 2 },
  'trim and flip': { trim: {}, flip: 'both' },
  'two stages': { stages: [{ grayscale: true }, { resize: { width: 50 } }] },
  'with its profile': { icc: 'keep' },
}

const telling = async (): Promise<Buffer> => {
  const base = quadrants({ width: 120, height: 90 }).withIccProfile('p3')
  return withBlocks(await base.jpeg({ quality: 95 }).toBuffer(), { exif: tellingExif(), xmp: TELLING_XMP })
}
const withMetadata = (recipe: object, metadata: string): object => {
  const { stages, ...rest } = recipe as { stages?: object[] }
  return stages ? { stages: [...stages.slice(0, -1), { ...stages.at(-1), metadata }] } : { ...rest, metadata }
}
const saidBy = async (bytes: Buffer) => {
  const { exif, xmp, iptc, comments } = await sharp(bytes).metadata()
  return { ...walkExif(exif), xmp: xmp?.toString() ?? '', iptc, comments }
}

test('the source tells everything', async () => {
  const { tags, xmp } = await saidBy(await telling())
  expect([...tags.keys()].filter(name => PRIVATE.test(name)).length).toBeGreaterThan(9)
  expect(xmp).toContain('GPSLatitude')
})

/** GIF has no room for any of it. */
const CARRIERS = FORMATS.filter(format => format !== 'gif')

test('GIF tells nothing at all', async () => {
  const bytes = await render(await telling(), { metadata: 'all', icc: 'keep' }, 'gif')
  expect(await saidBy(bytes)).toEqual({ tags: new Map(), xmp: '' })
  expect((await sharp(bytes).metadata()).icc).toBeUndefined()
  expect(bytes.equals(await render(await telling(), {}, 'gif'))).toBe(true)
})

describe.each(CARRIERS)('%s', format => {
  test.each(Object.entries(OPERATIONS))('tells nothing private: %s', async (_, recipe) => {
    const source = await telling()
    for (const metadata of ['strip', 'copyright', 'all-but-private']) {
      const bytes = await render(source, withMetadata(recipe, metadata), format)
      const { tags, xmp, iptc, comments } = await saidBy(bytes)
      expect(
        [...tags.keys()].filter(name => PRIVATE.test(name)),
        metadata,
      ).toEqual([])
      expect({ iptc, comments }).toEqual({})
      expect(xmp).not.toMatch(/GPS|SERIAL/i)
      for (const secret of SECRETS) expect(bytes.includes(secret), `${metadata}: ${secret}`).toBe(false)
      expect(tags.has('image/10f'), metadata).toBe(metadata === 'all-but-private')
      expect(tags.has('image/8298'), metadata).toBe(metadata !== 'strip')
    }
  })

  test('keeps what was kept as it was', async () => {
    const source = await telling()
    const { tags, xmp } = await saidBy(await render(source, { metadata: 'all-but-private' }, format))
    const original = (await saidBy(source)).tags
    for (const name of ['image/10f', 'image/110', 'image/13b', 'photo/829a', 'photo/9003', 'photo/a434'])
      expect(tags.get(name), name).toEqual(original.get(name))
    expect(xmp).toContain('(c) Somebody')
  })

  test('tells all where all is kept, but for the thumbnail', async () => {
    const source = await telling()
    const { tags, xmp } = await saidBy(await render(source, { metadata: 'all' }, format))
    const original = (await saidBy(source)).tags
    for (const name of ['place/2', 'place/4', 'photo/a431', 'photo/a435', 'photo/9286'])
      expect(tags.get(name), name).toEqual(original.get(name))
    expect([...tags.keys()].filter(name => name.startsWith('thumbnail'))).toEqual([])
    expect(xmp).toContain('GPSLatitude')
  })

  test('is not turned twice', async () => {
    const upright = quadrants({ width: 60, height: 40 })
    const stored = await upright.clone().rotate(90).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer()
    const source = withBlocks(stored, { exif: tellingExif({ orientation: 8 }) })
    for (const metadata of ['all-but-private', 'all']) {
      const bytes = await render(source, { metadata }, format)
      const shown = await decode(await sharp(bytes).autoOrient().png().toBuffer())
      expect([shown.width, shown.height]).toEqual([60, 40])
      expect(shown.at(5, 5)[0]).toBeGreaterThan(180)
      expect(shown.at(5, 35)[2]).toBeGreaterThan(180)
    }
  })
})

test('the pixels are the same, whatever is kept', async () => {
  const source = await telling()
  const plain = await decode(await render(source, { resize: { width: 60 } }))
  const kept = await decode(await render(source, { resize: { width: 60 }, metadata: 'all' }))
  expect(kept.data.equals(plain.data)).toBe(true)
})

test('EXIF that is broken anywhere gives EXIF or none, and never anything else', () => {
  const block = tellingExif()
  for (let at = 0; at < block.length; at++) {
    for (const value of [0, 0xff, 0x7f]) {
      const broken = Buffer.from(block)
      broken[at] = value
      for (const keep of ['public', 'all'] as const) {
        const written = rewriteExif(broken, keep)
        if (written) expect(() => walkExif(written)).not.toThrow()
      }
    }
    expect(() => rewriteExif(block.subarray(0, at), 'all')).not.toThrow()
  }
})
