/** Operations in a path: where an edge allows them, in few sizes, and never more of them than a product may have. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { query } from '../faults/intact.ts'
import {
  expectJson,
  expectRefusal,
  leavesNothing,
  openClient,
  openSocketClient,
  type Send,
  settled,
} from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'

const MOST = 24

let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
const grant = (product: string, more: object = {}) =>
  send('PUT', `/v1/collections/product-photo/grants/${product}`, { key: ADMIN_KEY, body: { role: 'editor', ...more } })
beforeAll(async () => {
  system = await startSystem({ env: { MAX_VARIANTS: String(MOST) } })
  send = await openClient(system)
  socket = await openSocketClient(system)
  asset = (await system.upload(await photo({ width: 1700, height: 900 }))).asset
  await settled(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})
beforeEach(async () => {
  await grant('mobile', { ad_hoc: {} })
})

const open = (
  file: string,
  { product = 'mobile', version = 'v1', ...options }: CallOptions & { product?: string; version?: string } = {},
) =>
  send('GET', `/i/${product}/${asset}/${version}/${file}`, {
    key: product === 'mobile' ? system.keys.mobile : system.keys['shop-web'],
    ...options,
    headers: { Prefer: 'wait=25', ...options.headers },
  })
interface Leaf {
  readonly product: string
  readonly rendition: string
  readonly revision: number
  readonly format: string
  readonly node: string
  readonly width: number
  readonly height: number
}
const leaves = () =>
  query<Leaf>(
    system.core,
    `select l.product_id as product, l.rendition, l.revision, l.format, encode(l.node_id, 'hex') as node, d.width, d.height
     from leaf l join node n on n.node_id = l.node_id join derivative d on d.sha256 = n.output order by 1, 2, 4`,
  )
const leafOf = async (rendition: string, format = 'jpeg') =>
  (await leaves()).find(leaf => leaf.rendition === rendition && leaf.format === format)

describe('who may', () => {
  test('nobody, unless the edge says so: who may see renditions is told, and strangers see nothing', async () => {
    await grant('mobile')
    await leavesNothing(system, async () => {
      const problem = await expectRefusal(open('x/w_400.jpg'), 403, 'forbidden')
      expect(problem.reasons).toEqual(['ad-hoc'])
      await expectRefusal(open('x/w_401.jpg'), 403, 'forbidden')
      await expectRefusal(open('x/w_400.jpg', { key: undefined }), 404, 'not-found')
      await expectRefusal(open('x/w_400.jpg', { key: system.keys['shop-web'] }), 404, 'not-found')
    })
    await grant('mobile', { ad_hoc: false })
    await expectRefusal(open('x/w_400.jpg'), 403, 'forbidden')
  })

  test('the edge is shown as it was said, and heeded at once', async () => {
    const ad_hoc = { formats: ['webp'], sides: [500, 100] }
    const { ad_hoc: said } = await expectJson<{ ad_hoc: object }>(grant('mobile', { ad_hoc }), 200)
    expect(said).toEqual({ formats: ['webp'], sides: [100, 500] })
    const path = '/v1/collections/product-photo/grants/mobile'
    expect(await expectJson(send('GET', path, { key: ADMIN_KEY }), 200)).toMatchObject({ ad_hoc: said })
    expect((await open('x/w_500.webp')).status).toBe(302)
    await expectRefusal(open('x/w_500.jpg'), 404, 'not-found')
    await expectRefusal(open('x/w_501.webp'), 400, 'invalid-request')
    await grant('mobile')
    await expectRefusal(open('x/w_500.webp'), 403, 'forbidden')
  })

  test.each([
    { formats: [] },
    { formats: ['webp', 'webp'] },
    { formats: ['tiff'] },
    { sides: [] },
    { sides: [0] },
    { sides: [5000] },
    { widths: [1] },
    true,
  ])('an edge cannot say %j', async ad_hoc => {
    await expectRefusal(grant('mobile', { ad_hoc }), 422, 'contract-violation')
  })
})

describe('what', () => {
  test('sides are those of the ladder, and who asks for others is sent on', async () => {
    const response = await open('x/c_cover,h_290,w_390.jpg/name')
    expect(response.status).toBe(308)
    expect(response.headers.get('location')).toBe(`/i/mobile/${asset}/v1/x/c_cover,h_300,w_400.jpg/name`)
    expect(response.headers.get('cache-control')).toBe('private, max-age=60')
    const found = await open('x/c_cover,h_300,w_400.jpg')
    expect(found.status).toBe(302)
    expect(await leafOf('x/c_cover,h_300,w_400')).toMatchObject({ revision: 0, width: 400, height: 300 })
  })

  test('spellings are folded before anybody is asked', async () => {
    const response = await open('x/w_0400,h_300,c_cover,rotate_0.jpeg', { key: undefined })
    expect(response.status).toBe(308)
    expect(response.headers.get('location')).toBe(`/i/mobile/${asset}/v1/x/c_cover,h_300,w_400.jpg`)
  })

  test('T2: what cannot be is refused and sets nothing in motion', async () => {
    await leavesNothing(system, async () => {
      for (const file of [
        'x/w_16000.avif',
        'x/w_0.jpg',
        'x/w_-1.jpg',
        'x/w_1e9.jpg',
        'x/w_NaN.jpg',
        'x/w_100,w_200.jpg',
        'x/zoom_2,w_100.jpg',
        'x/w_4000.jpg',
        'x/w_3840.avif',
      ])
        await expectRefusal(open(file), 400, 'invalid-request')
      await expectRefusal(open('x/w_400.jpg?w=100'), 400, 'invalid-request')
      for (const file of ['x/.jpg', 'x/w_100', 'x/w_100.tiff', 'x']) await expectRefusal(open(file), 404, 'not-found')
    })
  })

  test('of every operation what a recipe makes of it', async () => {
    expect(
      (
        await open(
          'x/ar_1x1,c_cover,flip_horizontal,g_0.25x0.5,grayscale,q_60,rotate_90,w_200/-/blur_2,sharpen_1,w_160.webp',
        )
      ).status,
    ).toBe(400)
    const path = 'x/ar_2x1,c_cover,flip_horizontal,g_0.25x0.5,grayscale,rotate_90,w_200/-/blur_2,q_60,sharpen_1,w_48'
    expect((await open(`${path}.webp`)).status).toBe(302)
    expect(await leafOf(path, 'webp')).toMatchObject({ width: 48, height: 96 })
    expect((await open('x/c_contain,h_160,w_160.png')).status).toBe(302)
    expect(await leafOf('x/c_contain,h_160,w_160', 'png')).toMatchObject({ width: 160, height: 160 })
  })

  test('of the current version, by HEAD, and never larger than the original', async () => {
    expect((await open('x/w_3840.jpg', { version: 'current' })).status).toBe(302)
    expect(await leafOf('x/w_3840')).toMatchObject({ width: 1700, height: 900 })
  })

  test('`auto` is one format for each class of Accept, and complete at once', async () => {
    const accepts = { webp: 'image/webp,*/*', jpeg: '*/*' }
    for (const [format, Accept] of Object.entries(accepts)) {
      const response = await open('x/w_64.auto', { headers: { Accept } })
      expect(response.status).toBe(302)
      expect(response.headers.get('vary')).toContain('Accept')
      expect(await leafOf('x/w_64', format)).toBeDefined()
    }
    expect(await leafOf('x/w_64', 'png')).toBeUndefined()
  })

  test('each format is made when it is asked for, through the lane too', async () => {
    const get = (file: string) =>
      socket.send('GET', `/i/mobile/${asset}/v1/${file}`, { key: system.keys.mobile, headers: { Prefer: 'wait=25' } })
    const warm = (file: string) => socket.send('GET', `/i/mobile/${asset}/v1/${file}`, { key: system.keys.mobile })
    expect((await get('x/w_96.webp')).status).toBe(302)
    expect((await warm('x/w_96.webp')).status).toBe(302)
    expect((await warm('x/w_95.webp')).status).toBe(308)
    expect((await get('x/w_96.jpg')).status).toBe(302)
    expect((await warm('x/w_96.jpg')).headers.get('location')).not.toBe(
      (await warm('x/w_96.webp')).headers.get('location'),
    )
    await grant('mobile')
    await expectRefusal(warm('x/w_96.webp'), 403, 'forbidden')
  })
})

test('a preset, a screen, operations and the preset of another product that come to the same pixels are one node', async () => {
  await grant('shop-web', { role: 'owner', original_access: true, ad_hoc: {} })
  expect((await open('card@2x.jpg', { product: 'shop-web' })).status).toBe(302)
  expect((await open('x/w_800.jpg', { product: 'shop-web' })).status).toBe(302)
  expect((await open('x/w_800.jpg')).status).toBe(302)
  expect((await open('x/q_80,w_800.auto', { headers: { Accept: '*/*' } })).status).toBe(302)
  const same = (await leaves()).filter(({ width, format }) => width === 800 && format === 'jpeg')
  expect(same.map(({ product, rendition }) => `${product}/${rendition}`)).toEqual([
    'mobile/x/q_80,w_800',
    'mobile/x/w_800',
    'partner-api/feed',
    'shop-web/card@2x',
    'shop-web/x/w_800',
  ])
  expect(new Set(same.map(({ node }) => node)).size).toBe(1)
  expect(await query(system.core, 'select 1 from node where executions > 1')).toEqual([])
})

test('completeness and publishes know nothing of it', async () => {
  expect((await open('x/w_24.jpg')).status).toBe(302)
  const text = await (await send('GET', `/v1/assets/${asset}/versions/1/completeness`, { key: ADMIN_KEY })).text()
  expect(text).not.toContain('x/')
  expect(await query(system.core, `select 1 from leaf where rendition like 'x/%' and (required or eager)`)).toEqual([])
})

test('T5: thousands of sizes of one asset, by anybody, come to a few derivatives and then to 429', async () => {
  await grant('partner-api', { role: 'reader', visibility: 'public', ad_hoc: {} })
  const ask = (path: string) => system.call('GET', path, { headers: { Prefer: 'wait=0' } })
  const statuses = new Set<number>()
  const limits = new Set<string>()
  for (let from = 1; from <= 2_000; from += 100) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const size = from + index
        const first = await ask(`/i/partner-api/${asset}/v1/x/c_cover,h_${((size * 7) % 3_840) + 1},w_${size}.jpg`)
        const moved = first.status === 308 ? first.headers.get('location') : null
        const response = moved === null ? first : await ask(moved)
        statuses.add(response.status)
        if (response.status === 429) limits.add(((await response.json()) as { limit: { name: string } }).limit?.name)
      }),
    )
  }
  await settled(system)
  const made = (await leaves()).filter(({ product }) => product === 'partner-api')
  expect(new Set(made.map(({ node }) => node)).size).toBeLessThanOrEqual(MOST)
  expect([...limits]).toContain('variants')
  for (const status of statuses) expect([200, 202, 302, 308, 429, 503]).toContain(status)
}, 180_000)
