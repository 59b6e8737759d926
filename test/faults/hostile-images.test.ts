/** Attacks T1, T9, T10 and T20: what a picture may do to who reads it, and what may leave with it. */
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SVG_DISGUISES } from '../support/documents.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send, settled } from '../support/http.ts'
import {
  animation,
  corruptHeader,
  hugeExif,
  photo,
  pngBomb,
  polyglots,
  quadrants,
  truncated,
} from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const MIB = 1024 * 1024
let system: System
let send: Send
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  const edge = { role: 'owner', original_access: true, delivery: 'stream' }
  await expectJson(send('PUT', '/v1/collections/product-photo/grants/shop-web', { key: ADMIN_KEY, body: edge }), 200)
})
afterAll(() => system.close())

const key = (): string => system.keys['shop-web']
const upload = (bytes: Uint8Array, headers: Record<string, string> = {}) =>
  send('POST', '/v1/assets?collection=product-photo', { key: key(), body: new Uint8Array(bytes), headers })
const stored = async (bytes: Uint8Array) =>
  expectJson<{ asset: string; media_type: string; digest: string }>(upload(bytes), 201)
const bytesOf = async (asset: string, file: string): Promise<Buffer> => {
  const response = await send('GET', `/i/shop-web/${asset}/v1/${file}`, { key: key(), headers: { Prefer: 'wait=10' } })
  expect(response.status, file).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}

describe('T1: a picture that is larger than it looks', () => {
  test('is refused by its header, before anything is decoded', async () => {
    const bomb = Buffer.concat([pngBomb(), Buffer.alloc(2 * MIB)])
    await upload(pngBomb({ width: 16_384, height: 1 })) // the probe's code is loaded by now
    await leavesNothing(system, async () => {
      const startedAt = performance.now()
      const problem = await expectRefusal(upload(bomb), 422, 'decompression-bomb')
      // Decoding it takes 7 s and 2 GB.
      expect(performance.now() - startedAt).toBeLessThan(2_000)
      expect(problem.detail).toContain('256000000 pixels')
    })
  })

  test('is refused for its longest side, its frames and all of them together', async () => {
    const wide = pngBomb({ width: 16_384, height: 1 })
    const long = await animation('gif', { count: 201, width: 2, height: 2 })
    await leavesNothing(system, async () => {
      await expectRefusal(upload(wide), 422, 'decompression-bomb')
      await expectRefusal(upload(long), 422, 'decompression-bomb')
    })
    await stored(pngBomb({ width: 16_383, height: 1 }))
  })
})

describe('a picture whose other parts unpack without end', () => {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const numbers = Buffer.alloc(8)
    numbers.writeUInt32BE(data.length, 0)
    numbers.writeUInt32BE(crc32(body), 4)
    return Buffer.concat([numbers.subarray(0, 4), body, numbers.subarray(4)])
  }
  const packed = deflateSync(Buffer.alloc(200 * MIB))

  test.each([
    ['a profile', 'iCCP', 'x\0\0'],
    ['a text', 'zTXt', 'x\0\0'],
    ['XMP', 'iTXt', 'XML:com.adobe.xmp\0\u0001\0\0\0'],
    ['pixels', 'IDAT', ''],
  ])('%s', async (_name, type, head) => {
    const png = await quadrants({ width: 64, height: 48 }).png().toBuffer()
    const extra = chunk(type, Buffer.concat([Buffer.from(head, 'latin1'), packed]))
    // Behind the header; pixels behind the pixels.
    const at = type === 'IDAT' ? png.length - 12 : 33
    const before = process.memoryUsage.rss()
    const { asset } = await stored(Buffer.concat([png.subarray(0, at), extra, png.subarray(at)]))
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * MIB)
    await settled(system)
    expect((await sharp(await bytesOf(asset, 'card.jpg')).metadata()).width).toBe(64)
  })
})

describe('what is no picture inside', () => {
  test('is refused where its header shows it', async () => {
    const jpeg = await photo({ width: 64, height: 48 })
    await leavesNothing(system, async () => {
      for (const bytes of [
        corruptHeader(jpeg),
        jpeg.subarray(0, 20),
        Buffer.concat([jpeg.subarray(0, 4), Buffer.alloc(5000)]),
      ])
        await expectRefusal(upload(bytes), 422, 'corrupt-media')
    })
  })

  test('fails with a class and no decoder text where only decoding shows it', async () => {
    const { asset } = await stored(truncated(await photo({ width: 640, height: 480 })))
    await settled(system)
    const ask = (query = '') =>
      send('GET', `/v1/products/shop-web/assets/${asset}/renditions/card${query}`, { key: key() })
    for (const query of ['', '?version=1']) {
      const problem = await expectRefusal(ask(query), 424, 'rendition-failed')
      if (query !== '') expect(problem.class).toMatch(/^[a-z-]+$/)
    }
    expect(await expectJson(send('GET', `/v1/assets/${asset}/versions/1`, { key: key() }), 200)).toMatchObject({
      state: 'FAILED',
    })
  })
})

describe('T9: a picture that is a program too', async () => {
  test.each(await polyglots())('$name', async ({ bytes, payload }) => {
    const unique = Buffer.concat([bytes, Buffer.from(crypto.randomUUID())])
    const { asset, media_type } = await stored(unique)
    expect(media_type).toBe(bytes[0] === 0xff ? 'image/jpeg' : 'image/png')
    const original = await send('GET', `/i/shop-web/${asset}/v1/original`, { key: key() })
    expect(original.headers.get('content-type')).toBe(media_type)
    expect(original.headers.get('content-disposition')).toMatch(/^attachment; /)
    expect(original.headers.get('x-content-type-options')).toBe('nosniff')
    expect(original.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox")
    expect(Buffer.from(await original.arrayBuffer()).equals(unique)).toBe(true)
    await settled(system)
    for (const file of ['card.jpg', 'hero.webp', 'hero.avif']) {
      const derivative = await bytesOf(asset, file)
      expect(derivative.includes(payload.slice(0, 16)), file).toBe(false)
    }
  })
})

describe('T10: SVG is not taken in', () => {
  const CLAIMS = [undefined, 'image/svg+xml', 'image/png', 'application/octet-stream', 'text/xml', 'text/plain']

  test.each(Object.entries(SVG_DISGUISES))('%s', async (_name, bytes) => {
    await leavesNothing(system, async () => {
      for (const claim of CLAIMS)
        await expectRefusal(
          upload(bytes, claim === undefined ? {} : { 'Content-Type': claim }),
          415,
          'unsupported-media',
        )
    })
  })

  test('and nothing else is taken for it', async () => {
    const texts = [
      '<?xml version="1.0"?><rss><title>svg</title></rss>',
      '<html><body>about <b>svg</b></body></html>',
      'svg',
      '<p>',
      `<?php ${'x();'.repeat(30_000)}`,
      `${'a '.repeat(50_000)}<svg/>`,
    ]
    for (const text of texts) await stored(Buffer.from(text))
  })
})

describe('T20: what a picture says besides', () => {
  const sensitive = async (bytes: Buffer) => {
    const { exif, xmp, iptc, comments } = await sharp(bytes).metadata()
    return { exif, xmp, iptc, comments }
  }

  test('does not leave with its derivatives', async () => {
    const source = await photo({ gps: true, copyright: '(c) Somebody', artist: 'An Artist' })
    expect(source.includes('GPS') || (await sharp(source).metadata()).exif).toBeTruthy()
    const { asset } = await stored(source)
    await settled(system)
    for (const file of ['card.jpg', 'hero.jpg', 'hero.webp', 'hero.avif']) {
      const bytes = await bytesOf(asset, file)
      expect(await sensitive(bytes), file).toEqual({})
      for (const word of ['Test Camera', 'An Artist', 'Exif'])
        expect(bytes.includes(word), `${file}: ${word}`).toBe(false)
    }
  })

  test('but for who made it, where a recipe keeps that', async () => {
    const path = '/v1/collections/product-photo/products/shop-web/renditions/credited'
    const recipe = { resize: { width: 200 }, metadata: 'copyright', formats: ['jpeg', 'webp', 'avif', 'png'] }
    await expectJson(send('PUT', path, { key: key(), body: { recipe } }), 201)
    const { asset } = await stored(
      await photo({ width: 640, gps: true, copyright: '(c) Somebody', artist: 'An Artist' }),
    )
    await settled(system)
    const { default: readExif } = await import('exif-reader')
    for (const file of ['credited.jpg', 'credited.webp', 'credited.avif', 'credited.png']) {
      const bytes = await bytesOf(asset, file)
      const { exif } = await sharp(bytes).metadata()
      const {
        Image: image,
        GPSInfo,
        Photo,
        ThumbnailTags,
      } = readExif(exif ?? Buffer.alloc(0)) as unknown as Record<string, Record<string, unknown>>
      expect(image, file).toMatchObject({ Copyright: '(c) Somebody', Artist: 'An Artist' })
      expect(image?.Make, file).toBeUndefined()
      expect(GPSInfo, file).toBeUndefined()
      expect(ThumbnailTags, file).toBeUndefined()
      expect(
        Object.keys(Photo ?? {}).filter(name => !/Version|ColorSpace|Pixel|Components/.test(name)),
        file,
      ).toEqual([])
      expect(bytes.includes('Test Camera'), file).toBe(false)
    }
    expect((await send('DELETE', path, { key: key(), headers: { 'If-Match': '*' } })).status).toBe(204)
  })

  test('may not be larger than a picture may be', async () => {
    await leavesNothing(system, () => expectRefusal(upload(hugeExif(60 * MIB)), 413, 'payload-too-large'))
    const large = await upload(hugeExif(30 * MIB))
    if (large.status !== 201) expect((await expectJson(large, 422)).code).toBe('corrupt-media')
  })

  test('is neither HTML nor a header in its name', async () => {
    const bytes = await quadrants({ width: 16, height: 16 }).png().toBuffer()
    for (const name of [
      '<img src=x onerror=alert(1)>.png',
      'a"\r\nSet-Cookie: a=b\r\n\r\n<script>.png',
      '\u202egnp.exe',
      '../../../x.png',
    ]) {
      const form = new FormData()
      form.set('file', new Blob([new Uint8Array(bytes)]), name)
      const options = { key: key(), body: form }
      const { asset } = await expectJson<{ asset: string }>(
        send('POST', '/v1/assets?collection=product-photo', options),
        201,
      )
      const response = await send('GET', `/i/shop-web/${asset}/v1/original`, { key: key() })
      const disposition = response.headers.get('content-disposition') ?? ''
      expect(disposition).toMatch(
        /^attachment; filename="[\x20-\x21\x23-\x5b\x5d-\x7e]*"; filename\*=UTF-8''[\w!#$&+.^`|~%-]*$/,
      )
      expect(response.headers.get('set-cookie')).toBeNull()
    }
  })
})
