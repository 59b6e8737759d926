/** Kinds of images that are not transformed, and files of every kind that is, broken off: named, stored or refused, never stuck. */
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SOURCE_FORMATS } from '../../src/model/original.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send, settled } from '../support/http.ts'
import { animation, gradient, svgWithScript } from '../support/images.ts'
import { type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
})
afterAll(() => system.close())

const key = (): string => system.keys['shop-web']
const upload = (bytes: Uint8Array, headers: Record<string, string> = {}) =>
  send('POST', '/v1/assets?collection=product-photo', { key: key(), body: new Uint8Array(bytes), headers })
const card = (asset: string) =>
  send('GET', `/v1/products/shop-web/assets/${asset}/renditions/card?version=1`, {
    key: key(),
    headers: { Prefer: 'wait=10' },
  })
const stateOf = async (asset: string) =>
  (await expectJson<{ state: string }>(send('GET', `/v1/assets/${asset}/versions/1`, { key: key() }), 200)).state

const hex = (start: string, length = 200): Buffer => {
  const bytes = Buffer.from(start.replaceAll(' ', ''), 'hex')
  return Buffer.concat([bytes, Buffer.alloc(length)])
}
const bmp = (): Buffer => {
  const bytes = Buffer.alloc(54 + 4 * 4 * 3, 0x7f)
  bytes.write('BM', 0, 'latin1')
  for (const [at, value] of [
    [2, bytes.length],
    [6, 0],
    [10, 54],
    [14, 40],
    [18, 4],
    [22, 4],
    [26, 0x18_0001],
    [30, 0],
  ] as const)
    bytes.writeUInt32LE(value, at)
  return bytes
}

/** Each with the type that it is known by. */
const FOREIGN: readonly [string, string, Buffer][] = [
  ['HEIC', 'image/heic', hex('00000018 66747970 68656963 00000000 6d696631 68656963')],
  ['HEIF', 'image/heif', hex('00000018 66747970 6d696631 00000000 6d696631 68656963')],
  ['JPEG XL, naked', 'image/jxl', hex('ff0a fa7f')],
  ['JPEG XL, boxed', 'image/jxl', hex('0000000c 4a584c20 0d0a870a 00000014 66747970 6a786c20')],
  ['JPEG 2000', 'image/jp2', hex('0000000c 6a502020 0d0a870a 00000014 66747970 6a703220')],
  ['PDF', 'application/pdf', Buffer.from('%PDF-1.7\n1 0 obj\nendobj\n%%EOF\n')],
  ['BMP', 'image/bmp', bmp()],
  ['ICO', 'image/x-icon', hex('00000100 0100 1010 0000 0100 2000')],
  ['PSD', 'image/vnd.adobe.photoshop', hex('38425053 0001 000000000000 0003 00000010 00000010 0008 0003')],
]

describe('an image of a kind that is not transformed', () => {
  test.each(FOREIGN)('%s is stored as %s, and renditions do not apply', async (_name, mediaType, bytes) => {
    for (const headers of [{}, { 'Content-Type': mediaType }] as Record<string, string>[]) {
      const fresh = Buffer.concat([bytes, Buffer.from(crypto.randomUUID())])
      const made = await expectJson<{ asset: string; media_type: string }>(upload(fresh, headers), 201)
      expect(made.media_type).toBe(mediaType)
      await settled(system)
      expect(await stateOf(made.asset)).toBe('ACTIVE')
      await expectRefusal(card(made.asset), 422, 'unsupported-transform')
    }
  })

  test('is refused where it says that it is another', async () => {
    await leavesNothing(system, async () => {
      for (const [name, mediaType, bytes] of FOREIGN)
        for (const claim of ['image/jpeg', 'image/avif', 'image/png'])
          if (claim !== mediaType)
            await expectRefusal(upload(bytes, { 'Content-Type': claim }), 422, 'content-mismatch').catch(cause => {
              throw new Error(`${name} as ${claim}`, { cause })
            })
      await expectRefusal(upload(svgWithScript()), 415, 'unsupported-media')
    })
  })

  test('and that calls itself one that is, is named when its header is read', async () => {
    const brand = '00000018 66747970 61766966 00000000 6d696631 61766966'
    await leavesNothing(system, () => expectRefusal(upload(hex(brand)), 422, 'corrupt-media'))
  })
})

describe('a file broken off', () => {
  const sources: readonly [string, () => Promise<Buffer>][] = [
    ...SOURCE_FORMATS.map(
      format =>
        [format, () => gradient({ width: 300, height: 200 }).toFormat(format).toBuffer()] as [
          string,
          () => Promise<Buffer>,
        ],
    ),
    ['animated gif', () => animation('gif', { count: 6 })],
    ['animated webp', () => animation('webp', { count: 6 })],
    ['progressive jpeg', () => gradient({ width: 300, height: 200 }).jpeg({ progressive: true }).toBuffer()],
    ['16 bit png', () => gradient({ width: 90, height: 60 }).toColourspace('rgb16').png().toBuffer()],
  ]

  test.each(sources)(
    '%s is refused, or fails with a class, or is shown: nothing waits for ever',
    async (_name, make) => {
      const whole = await make()
      expect((await sharp(whole).metadata()).width).toBeGreaterThan(0)
      const outcomes = new Set<string>()
      for (const length of [1, 4, 12, 30, 100, 0.25, 0.5, 0.75, 0.95, whole.length - 1]) {
        const bytes = whole.subarray(0, length < 1 ? Math.floor(whole.length * length) : length)
        const answer = await upload(bytes)
        const made = (await answer.json()) as { asset: string; code?: string; media_type?: string }
        if (answer.status !== 201) {
          expect(['corrupt-media', 'unsupported-media'], `${length}`).toContain(made.code)
          outcomes.add('refused')
          continue
        }
        await settled(system)
        expect(['ACTIVE', 'FAILED'], `${length}`).toContain(await stateOf(made.asset))
        const shown = await card(made.asset)
        expect([200, 302, 422, 424], `${length}`).toContain(shown.status)
        if (shown.status === 424) {
          const problem = (await shown.json()) as { class?: string }
          expect(problem.class, `${length}`).toMatch(/^[a-z-]+$/)
          outcomes.add('failed')
        }
      }
      expect(outcomes.size, 'all of it cannot be shown').toBeGreaterThan(0)
    },
  )
})
