/** Placeholders: what they say is true of the picture, whoever made them and whatever else was asked for. */
import type { Sharp } from 'sharp'
import { thumbHashToAverageRGBA, thumbHashToRGBA } from 'thumbhash'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Look } from '../../src/model/look.ts'
import { openDecodePool } from '../../src/transform/decode-pool.ts'
import { startLooks } from '../../src/transform/looks.ts'
import { expectJson, settled } from '../support/http.ts'
import { disc, paint, photo, quadrants, storedAs, truncated } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
  // A collection in which nobody wants a rendition.
  await expectJson(system.call('PUT', '/v1/collections/bare', { key: ADMIN_KEY, body: { owner: 'shop-web' } }), 201)
})
afterAll(() => system.close())

const get = <T>(path: string) =>
  expectJson<T>(
    system.call('GET', path, { key: system.keys['shop-web'], headers: { Accept: 'application/json' } }),
    200,
  )
type Shown = { placeholder?: Look }

/** Waits for the look of an upload's first version. */
const looked = (asset: string): Promise<Look> =>
  until('a look', async () => (await get<Shown>(`/v1/assets/${asset}/versions/1`)).placeholder)

const lookAt = async (bytes: Buffer): Promise<Look> => looked((await system.upload(bytes)).asset)

const near = (actual: readonly number[], expected: readonly number[], within: number): void => {
  for (const [index, value] of expected.entries())
    expect(Math.abs((actual[index] ?? -1) - value), `${actual}`).toBeLessThanOrEqual(within)
}
const rgbOf = (colour: string): number[] => [1, 3, 5].map(at => Number.parseInt(colour.slice(at, at + 2), 16))
const hashOf = ({ thumbhash }: Look): Buffer => Buffer.from(thumbhash, 'base64')

describe('a placeholder', () => {
  test('is in the documents of the version, the asset and the resolution, and stays the same', async () => {
    const { asset } = await system.upload(await photo({ width: 500, height: 300 }))
    const look = await looked(asset)
    await settled(system)
    expect(look.colour).toMatch(/^#[0-9a-f]{6}$/)
    const resolve = `/v1/products/shop-web/assets/${asset}/renditions/card`
    const list = await get<{ items: (Shown & { id: string })[] }>('/v1/assets?collection=product-photo&limit=100')
    for (const shown of [
      await get<Shown>(`/v1/assets/${asset}`),
      await get<Shown>(resolve),
      await get<Shown>(resolve),
      await get<Shown>(`/v1/products/shop-web/assets/${asset}/renditions/original`),
      (await get<{ items: Shown[] }>(`/v1/assets/${asset}/versions`)).items[0],
      list.items.find(({ id }) => id === asset),
    ])
      expect(shown?.placeholder).toEqual(look)
  })

  test('has the shape and the colours of the picture, upright', async () => {
    // Left red, right blue, and a third of it.
    const upright = paint({ width: 300, height: 200 }, x => (x < 100 ? [200, 30, 30] : [30, 40, 210]))
    const stored = await (await storedAs(upright, 6)).png().toBuffer()
    const look = await lookAt(stored)
    near(rgbOf(look.colour), [30, 40, 210], 2)
    const { w, h, rgba } = thumbHashToRGBA(hashOf(look))
    expect(Math.abs(w / h - 1.5)).toBeLessThan(0.3)
    const at = (x: number): number[] => [...rgba.subarray((Math.floor(h / 2) * w + x) * 4).subarray(0, 3)]
    const [left, right] = [at(1), at(w - 2)]
    expect(left[0]).toBeGreaterThan(Number(left[2]) + 60)
    expect(right[2]).toBeGreaterThan(Number(right[0]) + 60)
  })

  test('knows what is transparent', async () => {
    const look = await lookAt(await disc({ width: 200, height: 200 }).png().toBuffer())
    near(rgbOf(look.colour), [200, 20, 20], 4)
    expect(thumbHashToAverageRGBA(hashOf(look)).a).toBeLessThan(0.8)
    const nothing = await lookAt(
      await paint({ width: 60, height: 40 }, () => [9, 9, 9, 0])
        .png()
        .toBuffer(),
    )
    expect(nothing.colour).toBe('#ffffff')
  })

  test.each([
    ['grey', (image: Sharp) => image.grayscale().png(), [120, 120, 120]],
    ['CMYK', (image: Sharp) => image.toColourspace('cmyk').jpeg({ quality: 95 }), [120, 150, 110]],
    ['a line', (image: Sharp) => image.resize(4000, 1, { fit: 'fill' }).png(), [120, 150, 110]],
  ] as const)('of %s', async (_, make, expected) => {
    const colour = expected[0] === expected[1] ? expected : ([120, 150, 110] as const)
    const bytes = await make(paint({ width: 80, height: 80 }, () => colour)).toBuffer()
    near(rgbOf((await lookAt(bytes)).colour), expected, 12)
  })
})

describe('an original that no rendition wants', () => {
  const make = async () => {
    const pool = openDecodePool({ size: 1 })
    const { database, originals, log } = system.core
    const looks = startLooks({ database, originals, pool, concurrency: 2, everyMs: 1e6, log })
    return { looks, pool }
  }
  const due = (asset: string) =>
    system.core.database.rows(
      {
        name: 'test_look_due',
        text: `update original_look set not_before = now() where sha256 = (select sha256 from asset_version where asset_id = $1)`,
      },
      [asset],
    )

  test('is found and looked at, with the same result', async () => {
    const bytes = await photo({ width: 420, height: 300 })
    const { asset } = await system.upload(bytes, 'collection=bare')
    await due(asset)
    const { looks, pool } = await make()
    await looks.round()
    const alone = await looked(asset)
    await looks.stop()
    await pool.close()
    // The same picture in other bytes, this time at hand for its renditions.
    expect(await lookAt(Buffer.concat([bytes, Buffer.alloc(1)]))).toEqual(alone)
  })

  test('is left alone when it cannot be decoded, and nothing else fails for it', async () => {
    const { asset } = await system.upload(truncated(await photo({ width: 640, height: 480 })), 'collection=bare')
    await due(asset)
    const { looks, pool } = await make()
    await looks.round()
    await looks.stop()
    await pool.close()
    expect(await get<Shown & { state: string }>(`/v1/assets/${asset}/versions/1`)).toMatchObject({ state: 'ACTIVE' })
    const [row] = await system.core.database.rows<{ tries: number; made_at: null }>(
      {
        name: 'test_look_row',
        text: 'select tries, made_at from original_look where sha256 = (select sha256 from asset_version where asset_id = $1)',
      },
      [asset],
    )
    expect(row).toEqual({ tries: 2, made_at: null })
  })
})

test('a store that is away costs no try', async () => {
  const { asset } = await system.upload(await photo({ width: 410, height: 300 }), 'collection=bare')
  const due = {
    name: 'test_look_due_away',
    text: `update original_look set not_before = now() where sha256 = (select sha256 from asset_version where asset_id = $1)`,
  }
  await system.core.database.rows(due, [asset])
  const pool = openDecodePool({ size: 1 })
  const { database, originals, log } = system.core
  const away = { ...originals, get: () => Promise.reject(new Error('away')) }
  for (const store of [away, away, away, originals]) {
    await system.core.database.rows(due, [asset])
    const looks = startLooks({ database, originals: store, pool, concurrency: 9, everyMs: 1e6, log })
    await looks.round()
    await looks.stop()
  }
  await pool.close()
  await looked(asset)
})

test('while it is pending the asset is not to be kept, for its tag will not change', async () => {
  const { asset } = await system.upload(await quadrants({ width: 33, height: 33 }).png().toBuffer(), 'collection=bare')
  const before = await system.call('GET', `/v1/assets/${asset}`, { key: system.keys['shop-web'] })
  expect(before.headers.get('cache-control')).toBe('private, no-store')
  const after = await system.call(
    'GET',
    `/v1/assets/${(await system.upload(Buffer.from('text'), 'collection=bare')).asset}`,
    {
      key: system.keys['shop-web'],
    },
  )
  expect(after.headers.get('cache-control')).toBe('private, no-cache')
})
