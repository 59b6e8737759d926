/** What encoders are asked, what a search finds, and what is refused. */
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseRecipe } from '../../src/graph/recipe.ts'
import type { MatrixError } from '../../src/model/errors.ts'
import { FORMATS, type Format } from '../../src/model/recipe.ts'
import { likeness } from '../../src/ops/likeness.ts'
import { MAX_OUTPUT_BYTES, OUTPUT_LIMITS, refuseOutput } from '../../src/ops/limits.ts'
import type { Pixels } from '../../src/ops/pixels.ts'
import { animation, disc, paint, photo } from '../support/images.ts'
import { decode, execute, planNodes, ssim } from '../support/render.ts'

let source: Buffer
beforeAll(async () => {
  source = await sharp(await photo({ width: 480, height: 320 }))
    .png()
    .toBuffer()
})

type Asked = { format: Format } & Record<string, unknown>

const attempt = async (asked: Asked, bytes = source) => {
  const nodes = await planNodes(bytes, [{ formats: [asked] }])
  const { done, failed } = await execute(bytes, nodes)
  return { result: done.get(nodes[0]!.key), code: failed.get(nodes[0]!.key) }
}
const encode = async (asked: Asked, bytes = source): Promise<Buffer> => {
  const { result, code } = await attempt(asked, bytes)
  if (!result) throw new Error(`Expected a derivative but received ${code}`)
  return result.bytes
}
const paramsOf = (asked: object) => parseRecipe({ formats: [asked] }).outputs[0]?.params
const pointersOf = (asked: object): string[] => {
  try {
    parseRecipe({ formats: [asked] })
  } catch (error) {
    return (error as MatrixError).violations.map(({ pointer }) => pointer.replace('/formats/0/', ''))
  }
  return []
}

describe('a setting', () => {
  it.each<[Asked, Record<string, unknown>, 'smaller' | 'another']>([
    [{ format: 'jpeg' }, { mozjpeg: true }, 'smaller'],
    [{ format: 'png', palette: true }, { colours: 16 }, 'smaller'],
    [{ format: 'png', palette: true, colours: 16 }, { dither: 0 }, 'smaller'],
    [{ format: 'webp', lossless: true }, { lossless: false, nearLossless: true, quality: 40 }, 'smaller'],
    [{ format: 'webp' }, { smartSubsample: true }, 'another'],
    [{ format: 'avif' }, { bitdepth: 10 }, 'another'],
    [{ format: 'gif' }, { colours: 16 }, 'smaller'],
    [{ format: 'gif', effort: 1 }, { effort: 8 }, 'smaller'],
    [{ format: 'gif', colours: 16 }, { dither: 0 }, 'smaller'],
  ])('%j heeds %j', async (asked, changed, how) => {
    const [one, other] = [await encode(asked), await encode({ ...asked, ...changed })]
    if (how === 'smaller') expect(other.length).toBeLessThan(one.length)
    expect(other.equals(one)).toBe(false)
  })

  it('of alpha and of frames is heeded', async () => {
    const soft = await disc({ width: 200, height: 200 }).png().toBuffer()
    const [exact, rough] = [
      await encode({ format: 'webp' }, soft),
      await encode({ format: 'webp', alphaQuality: 0 }, soft),
    ]
    expect(rough.length).toBeLessThan(exact.length)
    const restless = (frame: number) =>
      paint({ width: 120, height: 90 }, (x, y) => [x * 2, y * 2, 90 + (((x + frame) * 7919 + y * 104_729) % 12)])
    const frames = await Promise.all([0, 1, 2].map(frame => restless(frame).png().toBuffer()))
    const film = await sharp(frames, { join: { animated: true } })
      .webp({ lossless: true })
      .toBuffer()
    const [same, lossy] = await Promise.all(
      [0, 32].map(interFrameMaxError => encode({ format: 'gif', interFrameMaxError }, film)),
    )
    expect(lossy!.length).toBeLessThan(same!.length)
  })

  it('mozjpeg is progressive, 12 bits are 12 bits', async () => {
    expect((await sharp(await encode({ format: 'jpeg', mozjpeg: true })).metadata()).isProgressive).toBe(true)
    expect((await sharp(await encode({ format: 'avif', bitdepth: 12 })).metadata()).bitsPerSample).toBe(12)
  })

  it.each<[object, object]>([
    [{ format: 'jpeg', mozjpeg: false }, { format: 'jpg' }],
    [
      { format: 'jpeg', mozjpeg: true },
      { format: 'jpeg', mozjpeg: true, progressive: true },
    ],
    [
      { format: 'png', palette: true, colours: 256, dither: 1 },
      { format: 'png', palette: true },
    ],
    [
      { format: 'webp', quality: 80, animated: true, alphaQuality: 100 },
      { format: 'webp', smartSubsample: false },
    ],
    [{ format: 'avif', bitdepth: 8 }, { format: 'avif' }],
  ])('%j and %j are one wish', (one, other) => {
    expect(paramsOf(one)).toEqual(paramsOf(other))
  })

  it.each<[object, string]>([
    [{ format: 'jpeg', quality: 80, targetQuality: 0.95 }, 'quality'],
    [{ format: 'webp', lossless: true, targetQuality: 0.95 }, 'targetQuality'],
    [{ format: 'webp', lossless: true, nearLossless: true }, 'nearLossless'],
    [{ format: 'png', colours: 16 }, 'colours'],
    [{ format: 'png', dither: 0 }, 'dither'],
    [{ format: 'png', targetQuality: 0.95 }, 'targetQuality'],
    [{ format: 'jpeg', animated: true }, 'animated'],
    [{ format: 'avif', bitdepth: 9 }, 'bitdepth'],
    [{ format: 'gif', colours: 64 }, 'colours'],
    [{ format: 'gif', effort: 0 }, 'effort'],
    [{ format: 'jpeg', maxBytes: 99 }, 'maxBytes'],
    [{ format: 'jpeg', maxBytes: MAX_OUTPUT_BYTES + 1 }, 'maxBytes'],
    [{ format: 'jpeg', targetQuality: 1 }, 'targetQuality'],
  ])('%j is refused at its place', (asked, pointer) => {
    expect(pointersOf(asked)).toContain(pointer)
  })
})

describe('maxBytes', () => {
  it.each<Asked>([
    { format: 'jpeg' },
    { format: 'webp' },
    { format: 'avif', effort: 0 },
    { format: 'gif' },
    { format: 'png', palette: true },
  ])('makes %j fit, and not tiny', async asked => {
    const whole = await encode(asked)
    const maxBytes = Math.round(whole.length * 0.6)
    const fitted = await encode({ ...asked, maxBytes })
    expect(fitted.length).toBeLessThanOrEqual(maxBytes)
    expect(fitted.length).toBeGreaterThan(maxBytes * (asked.format === 'gif' || asked.palette ? 0.2 : 0.75))
    expect(await ssim(fitted, source)).toBeGreaterThan(0.5)
  })

  it('finds the highest quality that fits', async () => {
    const sizes = await Promise.all(
      Array.from({ length: 79 }, (_, index) => encode({ format: 'jpeg', quality: index + 1 })),
    )
    const maxBytes = sizes[40]!.length
    expect((await encode({ format: 'jpeg', maxBytes })).equals(sizes[40]!)).toBe(true)
    const lower = await encode({ format: 'jpeg', maxBytes: maxBytes - 1 })
    expect(lower.equals(sizes[39]!)).toBe(true)
  })

  it('changes nothing of what fits', async () => {
    expect((await encode({ format: 'webp', maxBytes: 1_000_000 })).equals(await encode({ format: 'webp' }))).toBe(true)
  })

  it('keeps what moves moving', async () => {
    const film = await animation('webp', { count: 4, width: 120, height: 90 })
    const whole = await encode({ format: 'webp' }, film)
    const fitted = await encode({ format: 'webp', maxBytes: Math.round(whole.length * 0.7) }, film)
    expect(fitted.length).toBeLessThanOrEqual(whole.length * 0.7)
    expect((await sharp(fitted).metadata()).pages).toBe(4)
  })

  it.each<Asked>([
    { format: 'jpeg', maxBytes: 300 },
    { format: 'gif', maxBytes: 300 },
    { format: 'png', maxBytes: 5_000 },
    { format: 'webp', lossless: true, maxBytes: 5_000 },
  ])('%j cannot be, and is refused', async asked => {
    expect((await attempt(asked)).code).toBe('output-too-large')
  })
})

describe('targetQuality', () => {
  const pixelsOf = async (bytes: Buffer): Promise<Pixels> => {
    const { data, width, height } = await decode(bytes)
    return { data, raw: { width, height, channels: 3 } }
  }

  it.each(['jpeg', 'webp', 'avif'] as const)('of %s is reached by no higher quality than it takes', async format => {
    const pixels = await pixelsOf(source)
    for (const targetQuality of [0.85, 0.95]) {
      const found = await encode({ format, targetQuality })
      expect(likeness(pixels, await pixelsOf(found))).toBeGreaterThanOrEqual(targetQuality)
      const qualities = Array.from({ length: 100 }, (_, index) => index + 1).filter(quality => quality % 3 === 0)
      for (const quality of qualities.slice(0, 20)) {
        const near = likeness(pixels, await pixelsOf(await encode({ format, quality })))
        if (near < targetQuality - 0.005) continue
        expect(found.length, `quality ${quality}`).toBeLessThan(
          (await encode({ format, quality: quality + 3 })).length * 1.05,
        )
        break
      }
    }
  })

  it('spends little on what is plain and more on what is not', async () => {
    const plain = await paint({ width: 480, height: 320 }, x => [x / 3, 90, 90])
      .png()
      .toBuffer()
    const [easy, hard] = [
      await encode({ format: 'jpeg', targetQuality: 0.97 }, plain),
      await encode({ format: 'jpeg', targetQuality: 0.97 }),
    ]
    expect(easy.length * 3).toBeLessThan(hard.length)
  })

  it('that cannot be reached is quality 100', async () => {
    const veiled = await paint({ width: 64, height: 64 }, (x, y) => [250, 250, 250, (x * 7919 + y * 104_729) % 256])
      .png()
      .toBuffer()
    const asked: Asked = { format: 'webp', alphaQuality: 0 }
    const found = await encode({ ...asked, targetQuality: 0.999 }, veiled)
    expect(found.equals(await encode({ ...asked, quality: 100 }, veiled))).toBe(true)
  })

  it('with a limit comes as near as the limit allows', async () => {
    const [free, limited] = [
      await encode({ format: 'jpeg', targetQuality: 0.97 }),
      await encode({ format: 'jpeg', targetQuality: 0.97, maxBytes: 9_000 }),
    ]
    expect(free.length).toBeGreaterThan(9_000)
    expect(limited.length).toBeLessThanOrEqual(9_000)
  })

  it('is the same bytes every time', async () => {
    const asked: Asked = { format: 'avif', effort: 0, targetQuality: 0.9 }
    expect((await encode(asked)).equals(await encode(asked))).toBe(true)
  })
})

describe('likeness', () => {
  const noisy = (level: number) =>
    paint({ width: 90, height: 70 }, (x, y) => {
      const value = 128 + 60 * Math.sin(x / 6) * Math.cos(y / 9) + (((x * 7919 + y * 104_729) % 64) / 64 - 0.5) * level
      return [value, value, value]
    })
  const png = async (level: number) => noisy(level).png().toBuffer()
  const pixels = async (level: number): Promise<Pixels> => {
    const { data, info } = await noisy(level).raw().toBuffer({ resolveWithObject: true })
    return { data, raw: { width: info.width, height: info.height, channels: info.channels } }
  }

  it('is 1 of equals and what another measure of the same name says of the rest', async () => {
    expect(likeness(await pixels(0), await pixels(0))).toBe(1)
    for (const level of [8, 30, 80, 140]) {
      const ours = likeness(await pixels(0), await pixels(level))
      expect(Math.abs(ours - (await ssim(await png(0), await png(level)))), `noise of ${level}`).toBeLessThan(0.08)
    }
  })

  it('sees what is transparent and works on what is smaller than a window', () => {
    const four = (alpha: number): Pixels => ({
      data: Buffer.from(Array.from({ length: 9 }, (_, at) => [at * 20, 30, 40, alpha]).flat()),
      raw: { width: 3, height: 3, channels: 4 },
    })
    expect(likeness(four(255), four(255))).toBe(1)
    expect(likeness(four(255), four(0))).toBeLessThan(0.9)
    expect(likeness(four(0), four(0))).toBe(1)
  })
})

describe('limits', () => {
  it.each(FORMATS)('of %s are refused one pixel beyond', format => {
    const { side, pixels } = OUTPUT_LIMITS[format]
    expect(refuseOutput(format, { width: side, height: 1 })).toBeUndefined()
    expect(refuseOutput(format, { width: side + 1, height: 1 })?.code).toBe('output-too-large')
    const frames = Math.floor(pixels / 1000)
    expect(refuseOutput(format, { width: 100, height: 10, frames })).toBeUndefined()
    expect(refuseOutput(format, { width: 100, height: 10, frames: frames + 1 })?.code).toBe('output-too-large')
  })
})
