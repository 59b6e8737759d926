/** What is kept in sight: cut by it from the start, planned anew where it changes, and never a moment without a picture. */
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Worker } from '../../src/transform/worker.ts'
import { openWorker } from '../../src/worker.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { paint } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Moving {
  readonly focal_point?: object
  readonly focal_points: Readonly<Record<string, object>>
  readonly moving: { readonly outputs: number; readonly open: number; readonly dead: number }
}

let system: System
let send: Send
let worker: Worker | undefined
let asset = ''
let seed = 0

const LEFT = [200, 20, 20]
const RIGHT = [20, 20, 200]
const shop = () => ({ key: system.keys['shop-web'] })
const rows = <T extends object>(text: string, values: readonly unknown[] = []) =>
  system.core.database.rows<T>({ name: `focal ${text.slice(0, 50)}`, text }, values)

const square = (width: number) => ({ crop: { ratio: '1:1', gravity: 'auto' }, resize: { width }, formats: ['png'] })
const named = async (product: string, name: string, recipe: object, lane = 'eager') =>
  expectJson(
    send('PUT', `/v1/collections/aimed/products/${product}/renditions/${name}`, {
      key: ADMIN_KEY,
      body: { recipe, lane },
    }),
    201,
  )

beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  await expectJson(send('PUT', '/v1/collections/aimed', { key: ADMIN_KEY, body: { owner: 'shop-web' } }), 201)
  await expectJson(
    send('PUT', '/v1/collections/aimed/grants/mobile', {
      key: ADMIN_KEY,
      body: { role: 'editor', attributes: ['focal_point'] },
    }),
    201,
  )
  await named('shop-web', 'card', square(40))
  await named('shop-web', 'whole', { resize: { width: 80 }, formats: ['png'] })
  await named('shop-web', 'later', square(20), 'lazy')
  await named('mobile', 'tile', square(30))
})
afterAll(() => system.close())

const work = async (): Promise<void> => {
  worker ??= await openWorker(system.core)
}
const rest = async (): Promise<void> => {
  await worker?.drain()
  worker = undefined
}
afterEach(rest)

const patch = (body: object, { key = system.keys['shop-web'], tag = '*' } = {}) =>
  send('PATCH', `/v1/assets/${asset}`, { key, body, headers: { 'If-Match': tag } })
const aim = async (body: object, options = {}) => expectJson<{ focal_point?: object }>(patch(body, options), 200)
const points = (key = system.keys['shop-web']) =>
  expectJson<Moving>(send('GET', `/v1/assets/${asset}/focal-points`, { key }), 200)
const still = async (): Promise<void> =>
  void (await until('everything has moved', async () => (await points()).moving.outputs === 0, { withinMs: 30_000 }))

const place = async (product: 'shop-web' | 'mobile', rendition: string): Promise<string> => {
  const response = await send('GET', `/v1/products/${product}/assets/${asset}/renditions/${rendition}`, {
    key: system.keys[product],
  })
  expect(response.status).toBe(302)
  return response.headers.get('location') ?? ''
}
const colour = async (product: 'shop-web' | 'mobile', rendition: string): Promise<number[]> => {
  const bytes = Buffer.from(await (await fetch(await place(product, rendition))).arrayBuffer())
  return [...(await sharp(bytes).resize(1, 1).removeAlpha().raw().toBuffer())]
}
const near = (actual: readonly number[], expected: readonly number[]): void => {
  for (const [index, value] of expected.entries())
    expect(Math.abs((actual[index] ?? -1) - value), `${actual}`).toBeLessThan(12)
}
/** Red on the left, blue on the right; no two alike. */
const twoHalves = (): Promise<Buffer> => {
  const height = 100 + seed++
  return paint({ width: 400, height }, x => (x < 200 ? LEFT : RIGHT))
    .png()
    .toBuffer()
}
const upload = async (to = 'collection=aimed') => (await system.upload(await twoHalves(), to)).asset

beforeEach(async () => {
  asset = await upload()
  await work()
  await until(
    'the version is published',
    async () =>
      (await send('GET', `/v1/products/mobile/assets/${asset}/renditions/tile`, { key: system.keys.mobile })).status ===
      302,
    { withinMs: 30_000 },
  )
  await aim({ focal_point: { x: 0, y: 0.5 } })
  await still()
  near(await colour('shop-web', 'card'), LEFT)
  near(await colour('mobile', 'tile'), LEFT)
  await rest()
})

describe('a changed point', () => {
  test('leaves what is shown until what takes its place is made, and what is not cut by it for ever', async () => {
    const [before, whole] = [await place('shop-web', 'card'), await place('shop-web', 'whole')]
    const nodes = async () => (await rows<{ n: number }>('select count(*)::int as n from node'))[0]?.n ?? 0
    const had = await nodes()
    await aim({ focal_point: { x: 1, y: 0.5 } })
    expect((await points()).moving).toEqual({ outputs: 2, open: 2, dead: 0 })
    // One for each of the two that are made; the lazy one was never made, and is noted anew.
    expect((await nodes()) - had).toBe(3)
    expect([await place('shop-web', 'card'), await place('shop-web', 'whole')]).toEqual([before, whole])
    await work()
    await still()
    near(await colour('shop-web', 'card'), RIGHT)
    near(await colour('mobile', 'tile'), RIGHT)
    expect(await place('shop-web', 'whole')).toBe(whole)
  })

  test('changes all products in one instant', async () => {
    const shown = async () =>
      (
        await rows<{ node: string }>(
          `select encode(node_id, 'hex') as node from leaf where asset_id = $1 and rendition in ('card', 'tile') order by rendition`,
          [asset],
        )
      ).map(({ node }) => node)
    const before = await shown()
    await aim({ focal_point: { x: 1, y: 0.5 } })
    await work()
    await until(
      'both have moved',
      async () => {
        const now = await shown()
        const moved = now.filter((node, index) => node !== before[index]).length
        expect([0, 2]).toContain(moved)
        return moved === 2
      },
      { withinMs: 30_000 },
    )
  })

  test('tells who follows events and caches in front, and is audited', async () => {
    await aim({ focal_point: { x: 1, y: 0.5 } })
    await work()
    await still()
    const events = await rows<{ type: string; data: { changed?: string[]; rendition?: string } }>(
      'select type, data from event where asset_id = $1 order by asset_event_no desc limit 6',
      [asset],
    )
    expect(
      events
        .slice(0, 2)
        .map(({ type, data }) => `${type} ${data.rendition}`)
        .sort(),
    ).toEqual(['rendition.ready card', 'rendition.ready tile'])
    expect(events.find(({ type }) => type === 'asset.metadata_changed')?.data.changed).toEqual(['focal_point'])
    expect(await rows('select 1 from purge where tags = array[$1]', [`a:${asset}`])).not.toHaveLength(0)
    const [row] = await rows<{ before: object; after: object }>(
      `select before, after from audit where resource = $1 and action = 'asset.patch' order by insert_no desc limit 1`,
      [`assets/${asset}`],
    )
    expect(row).toMatchObject({
      before: { focal: { all: { x: 0, y: 0.5 } } },
      after: { focal: { all: { x: 1, y: 0.5 } } },
    })
  })

  test('taken back before anything was made leaves everything as it is', async () => {
    const before = await place('shop-web', 'card')
    await aim({ focal_point: { x: 1, y: 0.5 } })
    await aim({ focal_point: { x: 0, y: 0.5 } })
    expect((await points()).moving).toEqual({ outputs: 0, open: 0, dead: 0 })
    expect(await place('shop-web', 'card')).toBe(before)
  })

  test('back to one that was made before is there at once', async () => {
    const before = await place('shop-web', 'card')
    await aim({ focal_point: { x: 1, y: 0.5 } })
    await work()
    await still()
    await rest()
    await aim({ focal_point: { x: 0, y: 0.5 } })
    expect((await points()).moving.outputs).toBe(0)
    expect(new URL(await place('shop-web', 'card')).pathname).toBe(new URL(before).pathname)
  })

  test('that cannot be made for one of them moves the others, and that one when it is made after all', async () => {
    await aim({ focal_point: { x: 1, y: 0.5 } })
    await rows(
      `update node set state = 'RUNNING', lease_owner = 'nobody', lease_until = now() + interval '1 hour' where node_id = (select node_id from leaf_move where asset_id = $1 and rendition = 'card')`,
      [asset],
    )
    await rows(
      `update node set state = 'DEAD', lease_owner = null, lease_until = null, finished_at = now(), failure = '{"code":"worker-lost"}' where node_id = (select node_id from leaf_move where asset_id = $1 and rendition = 'card')`,
      [asset],
    )
    await work()
    await until('the other has moved', async () => (await points()).moving.outputs === 1, { withinMs: 30_000 })
    expect((await points()).moving).toEqual({ outputs: 1, open: 0, dead: 1 })
    near(await colour('shop-web', 'card'), LEFT)
    near(await colour('mobile', 'tile'), RIGHT)
    await rows(
      `update node set state = 'QUEUED', attempts = 0, crashes = 0, queued_at = now() where node_id = (select node_id from leaf_move where asset_id = $1 and rendition = 'card')`,
      [asset],
    )
    await still()
    near(await colour('shop-web', 'card'), RIGHT)
  })

  test('of what nobody has been shown is the plan itself: a draft, a lazy rendition, operations in a path', async () => {
    await expectJson(
      send('PUT', '/v1/collections/aimed/grants/shop-web', {
        key: ADMIN_KEY,
        body: { role: 'owner', original_access: true, ad_hoc: { formats: ['png'] } },
      }),
      200,
    )
    await expectJson(
      send('POST', `/v1/assets/${asset}/versions?publish=manual`, {
        ...shop(),
        body: new Uint8Array(await twoHalves()),
      }),
      201,
    )
    await aim({ focal_point: { x: 1, y: 0.5 } })
    const moves = await rows<{ version: number }>('select distinct version from leaf_move where asset_id = $1', [asset])
    expect(moves).toEqual([{ version: 1 }])
    await work()
    await still()
    const lazy = await send('GET', `/v1/products/shop-web/assets/${asset}/renditions/later`, {
      ...shop(),
      headers: { Prefer: 'wait=20' },
    })
    expect(lazy.status).toBe(302)
    near(await colour('shop-web', 'later'), RIGHT)
    const adHoc = await until(
      'operations',
      async () => {
        const answer = await send('GET', `/i/shop-web/${asset}/v1/x/ar_1x1,c_cover,g_auto,w_64.png`, {
          ...shop(),
          headers: { Prefer: 'wait=20' },
        })
        return answer.status === 302 && answer
      },
      { withinMs: 60_000 },
    )
    const bytes = Buffer.from(await (await fetch(adHoc.headers.get('location') ?? '')).arrayBuffer())
    near([...(await sharp(bytes).resize(1, 1).removeAlpha().raw().toBuffer())], RIGHT)
  })
})

describe('who may say it', () => {
  test('a product its own, an owner that of the asset, an administrator all', async () => {
    const mobile = { key: system.keys.mobile }
    await aim({ focal_points: { mobile: { x: 1, y: 0.5 } } }, mobile)
    await work()
    await still()
    near(await colour('mobile', 'tile'), RIGHT)
    near(await colour('shop-web', 'card'), LEFT)
    expect((await points(system.keys.mobile)).focal_points).toEqual({ mobile: { x: 1, y: 0.5 } })
    expect((await points()).focal_points).toEqual({})
    expect((await points(ADMIN_KEY)).focal_points).toEqual({ mobile: { x: 1, y: 0.5 } })
    await expectRefusal(patch({ focal_points: { 'shop-web': { x: 1, y: 0 } } }, mobile), 403, 'attribute-forbidden')
    await expectRefusal(patch({ focal_points: { mobile: null } }), 403, 'attribute-forbidden')
    const grant = (attributes: string[]) =>
      expectJson(
        send('PUT', '/v1/collections/aimed/grants/mobile', { key: ADMIN_KEY, body: { role: 'editor', attributes } }),
        200,
      )
    await grant(['caption'])
    for (const body of [{ focal_point: { x: 1, y: 0 } }, { focal_points: { mobile: null } }])
      await expectRefusal(patch(body, mobile), 403, 'attribute-forbidden')
    await grant(['focal_point'])
    expect((await aim({ focal_point: { x: 0.25, y: 0.1234 } }, mobile)).focal_point).toEqual({ x: 0.25, y: 0.123 })
    await aim({ focal_points: null }, { key: ADMIN_KEY })
    expect((await points(ADMIN_KEY)).focal_points).toEqual({})
  })

  test('with the tag of what was seen, in shares, for products that there are', async () => {
    const tag = (await send('GET', `/v1/assets/${asset}`, shop())).headers.get('etag') ?? ''
    await aim({ focal_point: { x: 0.5, y: 0.5 } }, { tag })
    await expectRefusal(patch({ focal_point: { x: 0.6, y: 0.5 } }, { tag }), 412, 'precondition-failed')
    for (const body of [
      { focal_point: { x: 1.1, y: 0 } },
      { focal_point: { x: 0.5 } },
      { focal_point: 'north' },
      { focal_points: { 'No Name': { x: 0, y: 0 } } },
    ])
      await expectRefusal(patch(body), 422, 'contract-violation')
    await expectRefusal(
      patch({ focal_points: { nobody: { x: 0, y: 0 } } }, { key: ADMIN_KEY }),
      422,
      'contract-violation',
    )
    expect((await points()).focal_point).toEqual({ x: 0.5, y: 0.5 })
  })
})
