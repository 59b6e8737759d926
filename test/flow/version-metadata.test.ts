/** What bytes say of themselves: kept as it is, read in one shape, shown to those whom it concerns, and read anew. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NORMALISER, normalise, readAtOnce } from '../../src/reading/normalise.ts'
import { advanceErasures } from '../../src/reconcile/erase.ts'
import { type Normaliser, startReadings } from '../../src/transform/readings.ts'
import { IIM_UTF8, iim, packet, photoshop, withBlocks } from '../support/blocks.ts'
import { tellingExif } from '../support/exif.ts'
import { expectJson, expectRefusal, settled } from '../support/http.ts'
import { paint, photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Shown {
  readonly state: string
  readonly edition?: number
  readonly reading: Readonly<Record<string, unknown>>
  readonly from: Readonly<Record<string, string>>
  readonly withheld: readonly string[]
  readonly blocks: Readonly<Record<string, { bytes: number; kept: boolean }>>
  readonly icc?: { name?: string; space: string }
  readonly colours?: readonly { colour: string; share: number }[]
}

let system: System
const EXIF = tellingExif()
const XMP = packet(
  '<photoshop:Headline>A &lt;b&gt;shoe&lt;/b&gt;</photoshop:Headline><photoshop:City>Vienna</photoshop:City>' +
    '<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>',
)
const IPTC = photoshop(iim([IIM_UTF8, [2, 25, 'Füße']]))

beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.close())

let seed = 0
/** No two alike. */
const telling = async (blocks: Parameters<typeof withBlocks>[1]): Promise<Buffer> =>
  withBlocks(await photo({ width: 300 + seed++, height: 200 }), blocks)
const path = (asset: string, rest = '') => `/v1/assets/${asset}/versions/1/metadata${rest}`
const show = (asset: string, key = system.keys['shop-web']): Promise<Shown> =>
  expectJson<Shown>(system.call('GET', path(asset), { key }), 200)
const raw = async (asset: string, block: string, key = system.keys['shop-web']): Promise<Buffer> => {
  const response = await system.call('GET', path(asset, `/${block}`), { key })
  expect(response.status).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}
const rows = (sql: string, values: unknown[] = []) =>
  system.core.database.rows({ name: `test_${seed++}`, text: sql }, values)

describe('an upload', () => {
  test('is read when it is answered: all three blocks in one shape, and raw as they were', async () => {
    const { asset } = await system.upload(await telling({ exif: EXIF, xmp: XMP, iptc: IPTC }))
    const shown = await show(asset)
    expect(shown).toMatchObject({
      state: 'read',
      edition: NORMALISER,
      reading: {
        headline: 'A <b>shoe</b>',
        creators: ['Ada'],
        keywords: ['Füße'],
        copyright: '(c) Somebody',
        camera: { make: 'Test Camera', model: 'Model X' },
        lens: { model: 'Lens 50mm' },
        exposure: { time: 0.004 },
        taken_at: '2024-05-06T07:08:09',
        position: { latitude: 48.8583333, longitude: 2.2944444 },
        place: { city: 'Vienna' },
      },
      from: { headline: 'xmp', keywords: 'iptc', copyright: 'exif', position: 'exif', place: 'xmp' },
      withheld: [],
    })
    expect(shown.blocks).toEqual({
      exif: { bytes: EXIF.length, kept: true },
      iptc: { bytes: IPTC.length, kept: true },
      xmp: { bytes: XMP.length, kept: true },
    })
    expect([await raw(asset, 'exif'), await raw(asset, 'iptc'), await raw(asset, 'xmp')]).toEqual([EXIF, IPTC, XMP])
    // What names a person, a device or nobody's business is in no reading.
    expect(JSON.stringify(shown)).not.toMatch(/SERIAL|LENS-0815|Owner Person|MAKERSECRET|UNIQUE|private comment/)
  })

  test('is unchanged to who has it, and a raw block is a download that runs nothing', async () => {
    const { asset } = await system.upload(await telling({ xmp: XMP }))
    const first = await until('colours', async () => {
      const response = await system.call('GET', path(asset), { key: system.keys['shop-web'] })
      return ((await response.clone().json()) as Shown).colours && response
    })
    const headers = { 'If-None-Match': first.headers.get('etag') ?? '' }
    expect((await system.call('GET', path(asset), { key: system.keys['shop-web'], headers })).status).toBe(304)
    const block = await system.call('GET', path(asset, '/xmp'), { key: system.keys['shop-web'] })
    expect(Object.fromEntries(block.headers)).toMatchObject({
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-store',
    })
    expect(block.headers.get('content-disposition')).toMatch(/^attachment/)
  })

  test('without any of it, and of what is no image, says so', async () => {
    const bare = await system.upload(await telling({}))
    expect(await show(bare.asset)).toMatchObject({ state: 'read', reading: {}, blocks: {}, withheld: [] })
    const text = await system.upload(Buffer.from('no image'), 'collection=product-photo', {
      key: system.keys['shop-web'],
      headers: { 'Content-Type': 'text/plain' },
    })
    expect(await show(text.asset)).toMatchObject({ state: 'none', reading: {}, blocks: {} })
    await expectRefusal(
      system.call('GET', path(text.asset, '/exif'), { key: system.keys['shop-web'] }),
      404,
      'not-found',
    )
    await expectRefusal(
      system.call('GET', path(text.asset, '/icc'), { key: system.keys['shop-web'] }),
      404,
      'not-found',
    )
  })

  test('with more than is kept is taken, read as far as it goes, and keeps it in the original alone', async () => {
    const large = await paint({ width: 40, height: 30 + seed++ }, () => [1, 2, 3])
      .withXmp(
        packet(
          `<photoshop:Headline>Large</photoshop:Headline><dc:format>${'x'.repeat(1024 ** 2)}</dc:format>`,
        ).toString(),
      )
      .png()
      .toBuffer()
    const { asset } = await system.upload(large)
    const { blocks, reading } = await show(asset)
    expect(blocks.xmp?.kept).toBe(false)
    expect(blocks.xmp?.bytes).toBeGreaterThan(1024 ** 2)
    expect(reading).toEqual({})
    await expectRefusal(system.call('GET', path(asset, '/xmp'), { key: system.keys['shop-web'] }), 404, 'not-found')
  })
})

test('many blocks are read by a worker, not while the upload waits', async () => {
  const long = packet(
    `<photoshop:Headline>Long</photoshop:Headline><dc:format>${'x'.repeat(70_000)}</dc:format>`,
  ).toString()
  const { asset } = await system.upload(
    await paint({ width: 41, height: 30 + seed++ }, () => [1, 2, 3])
      .withXmp(long)
      .png()
      .toBuffer(),
  )
  expect(readAtOnce({ kept: { xmp: Buffer.from(long) } }).normaliser).toBe(0)
  const answers: Shown[] = []
  await until('a worker to read them', async () => answers[answers.push(await show(asset)) - 1]?.state === 'read')
  expect(answers.at(-1)).toMatchObject({
    edition: NORMALISER,
    reading: { headline: 'Long' },
    blocks: { xmp: { kept: true } },
  })
  for (const { state, reading } of answers.slice(0, -1)) expect([state, reading]).toEqual(['pending', {}])
})

describe('where it was taken', () => {
  test('is for those who may have the original', async () => {
    const { asset } = await system.upload(await telling({ exif: EXIF, xmp: XMP }))
    await settled(system)
    const partner = await show(asset, system.keys['partner-api'])
    expect(partner.withheld).toEqual(['position', 'place'])
    expect(partner.reading).toMatchObject({ headline: 'A <b>shoe</b>', camera: { make: 'Test Camera' } })
    expect(JSON.stringify(partner)).not.toMatch(/latitude|Vienna/)
    await expectRefusal(system.call('GET', path(asset, '/exif'), { key: system.keys['partner-api'] }), 403, 'forbidden')
    expect((await show(asset, ADMIN_KEY)).reading.position).toBeDefined()
  })

  test('is not in info.json, which has whose it is and its colours', async () => {
    const { asset } = await system.upload(await telling({ exif: EXIF, xmp: XMP }))
    await until('colours', async () => (await show(asset)).colours)
    await settled(system)
    const info = await expectJson<{ colours?: object[]; credit?: object }>(
      system.call('GET', `/i/shop-web/${asset}/current/info.json`, { key: system.keys['shop-web'] }),
      200,
    )
    expect(info.colours?.length).toBeGreaterThan(0)
    expect(info.credit).toEqual({ creators: ['Ada'], copyright: '(c) Somebody' })
    expect(JSON.stringify(info)).not.toMatch(/latitude|Vienna|Test Camera/)
  })
})

test('colours: the largest first, alike ones together, however small a striking one', async () => {
  const stripes = paint({ width: 200, height: 100 }, (x, y) =>
    y < 6 ? [220, 20, 30] : x < 60 ? [20, 90, 40] : [60 + (x % 8), 110, 200],
  )
  const { asset } = await system.upload(await stripes.png().toBuffer())
  const colours = await until('colours', async () => (await show(asset)).colours)
  expect(colours).toHaveLength(3)
  expect(colours.map(({ share }) => Math.round(share * 100))).toEqual([66, 28, 6])
  expect(colours[2]?.colour).toMatch(/^#d.[12].[12]./)
})

describe('another edition of the rules', () => {
  const second: Normaliser = {
    edition: NORMALISER + 1,
    read: (blocks: Parameters<typeof normalise>[0]) => {
      const { reading, sources } = normalise(blocks)
      return { reading: { ...reading, headline: 'read anew' }, sources }
    },
  }
  const open = (normaliser: Normaliser = second) => startReadings({ ...system.core, everyMs: 1e6, normaliser })
  const drain = async (readings: ReturnType<typeof open>): Promise<void> => {
    while ((await readings.round()).length > 0);
    await readings.stop()
  }

  test('reads the blocks that were kept anew: other metadata, the same bytes', async () => {
    const { asset } = await system.upload(await telling({ exif: EXIF, xmp: XMP }))
    const before = await show(asset)
    await drain(open())
    const after = await show(asset)
    expect(after).toMatchObject({ edition: NORMALISER + 1, reading: { headline: 'read anew', creators: ['Ada'] } })
    expect(after.blocks).toEqual(before.blocks)
    expect(await raw(asset, 'exif')).toEqual(EXIF)
    // A worker of the release before, which is still there, leaves it alone.
    await drain(open({ edition: NORMALISER, read: normalise }))
    expect((await show(asset)).edition).toBe(NORMALISER + 1)
  })

  test('takes the blocks out of the bytes where an earlier release has kept none', async () => {
    const { asset, digest } = await system.upload(await telling({ exif: EXIF }))
    const sha256 = digest.slice(7)
    await rows(
      `update original_metadata set exif = null, sizes = '{}', reading = '{}', normaliser = 0, taken_at = null where sha256 = decode($1, 'hex')`,
      [sha256],
    )
    expect(
      (
        await until('it to be read by the worker', async () => {
          const shown = await show(asset)
          return shown.state === 'read' && shown
        })
      ).reading.camera,
    ).toBeDefined()
    expect(await raw(asset, 'exif')).toEqual(EXIF)
  })

  test('bytes that cannot be had are asked for again, and not for ever', async () => {
    const { asset, digest } = await system.upload(await telling({ exif: EXIF }))
    const sha256 = digest.slice(7)
    const fail = () => Promise.reject(new Error('away'))
    const away = startReadings({
      ...system.core,
      originals: { ...system.core.originals, get: fail },
      everyMs: 1e6,
      normaliser: { edition: NORMALISER + 2, read: normalise },
    })
    await rows(
      `update original_metadata set taken_at = null, not_before = now() - interval '1 hour', tries = 0 where sha256 = decode($1, 'hex')`,
      [sha256],
    )
    for (let n = 0; n < 12; n++) {
      while ((await away.round()).length > 0);
      await rows(
        `update original_metadata set not_before = now() - interval '1 hour' where sha256 = decode($1, 'hex')`,
        [sha256],
      )
    }
    await away.stop()
    const [row] = (await rows(`select tries from original_metadata where sha256 = decode($1, 'hex')`, [sha256])) as {
      tries: number
    }[]
    expect(row?.tries).toBe(8)
    expect((await show(asset)).reading.camera).toBeDefined()
  })
})

test('an erasure takes all of it along', async () => {
  const { asset, digest } = await system.upload(await telling({ exif: EXIF }))
  const count = async () =>
    (await rows(`select 1 from original_metadata where sha256 = decode($1, 'hex')`, [digest.slice(7)])).length
  expect(await count()).toBe(1)
  await expectJson(
    system.call('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, body: { reason: 'asked for' } }),
    202,
  )
  await until('the erasure', async () => {
    await advanceErasures(system.core)
    return (await count()) === 0
  })
  await expectRefusal(system.call('GET', path(asset), { key: ADMIN_KEY }), 410, 'asset-erased')
})
