/** A logo that one product keeps, laid on the pictures of another, through the whole system. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { paint } from '../support/images.ts'
import { decode } from '../support/render.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let logo: string
let asset: string
const RENDITIONS = '/v1/collections/product-photo/products'

const flat = (width: number, height: number, colour: readonly number[]): Promise<Buffer> =>
  paint({ width, height }, () => colour)
    .png()
    .toBuffer()
const put = (product: 'shop-web' | 'mobile', name: string, composite: object) =>
  send('PUT', `${RENDITIONS}/${product}/renditions/${name}`, {
    key: system.keys[product],
    body: { recipe: { resize: { width: 200 }, composite, formats: ['png'] } },
  })
const admin = (method: string, path: string, body?: object) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }) })
const middleOf = async (product: 'shop-web' | 'mobile', name: string): Promise<number[]> => {
  const found = await expectJson<{ delivery: { url: string } }>(
    send('GET', `/v1/products/${product}/assets/${asset}/renditions/${name}`, {
      key: system.keys[product],
      headers: { Accept: 'application/json', Prefer: 'wait=10' },
    }),
    200,
  )
  const { at } = await decode(Buffer.from(await (await fetch(found.delivery.url)).arrayBuffer()))
  return at(100, 75)
}

beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  await expectJson(admin('PUT', '/v1/collections/logos', { owner: 'shop-web' }), 201)
  logo = (await system.upload(await flat(40, 20, [200, 0, 0]), 'collection=logos&publish=now')).asset
  asset = (await system.upload(await flat(400, 300, [255, 255, 255]))).asset
  await settled(system)
})
afterAll(() => system.close())

test('is laid on, and its version is pinned', async () => {
  const made = await expectJson<{ recipe: { stages: { op: string; params: object }[][] }; revision: number }>(
    put('shop-web', 'stamped', { asset: logo }),
    201,
  )
  expect(made.recipe.stages.flat().find(({ op }) => op === 'composite')?.params).toMatchObject({
    asset: logo,
    version: 1,
  })
  expect(await middleOf('shop-web', 'stamped')).toEqual([200, 0, 0])

  const newer = await system.call('POST', `/v1/assets/${logo}/versions?publish=now`, {
    key: system.keys['shop-web'],
    body: new Uint8Array(await flat(40, 20, [0, 0, 200])),
  })
  expect(newer.status).toBe(201)
  expect(await middleOf('shop-web', 'stamped')).toEqual([200, 0, 0])
  // Said once more, it is the newer one; with its version, the older.
  expect((await expectJson<{ revision: number }>(put('shop-web', 'stamped', { asset: logo }), 201)).revision).toBe(2)
  expect(await middleOf('shop-web', 'stamped')).toEqual([0, 0, 200])
  await expectJson(put('shop-web', 'older', { asset: logo, version: 1 }), 201)
  expect(await middleOf('shop-web', 'older')).toEqual([200, 0, 0])
})

test('cannot be deleted while something is made of it', async () => {
  const inputs = await query<{ count: number }>(system.core, 'select count(*)::int as count from node_input')
  expect(inputs[0]?.count).toBeGreaterThanOrEqual(2)
  await expect(
    query(system.core, 'delete from original where sha256 in (select original from node_input)'),
  ).rejects.toThrow()
})

test('a product that may not see it is told that it is not there, until it may', async () => {
  const hidden = await expectRefusal(put('mobile', 'stamped', { asset: logo }), 422, 'invalid-recipe')
  expect(hidden.errors).toEqual([expect.objectContaining({ pointer: '/composite/asset', rule: 'not-found' })])
  const missing = await expectRefusal(put('mobile', 'stamped', { asset: crypto.randomUUID() }), 422, 'invalid-recipe')
  expect(missing.errors).toEqual(hidden.errors)
  await admin('PUT', '/v1/collections/logos/grants/mobile', { role: 'reader' })
  await expectJson(put('mobile', 'stamped', { asset: logo, version: 1, opacity: 0.5 }), 201)
  const [red, green] = await middleOf('mobile', 'stamped')
  expect(red).toBeGreaterThan(200)
  expect(Math.abs((green ?? 0) - 128)).toBeLessThanOrEqual(2)
})

test('what is no image, and a version that is not there, cannot be laid on', async () => {
  const text = (await system.upload(Buffer.from('plain words'), 'collection=logos&publish=now')).asset
  await expectRefusal(put('shop-web', 'worded', { asset: text }), 422, 'invalid-recipe')
  await expectRefusal(put('shop-web', 'worded', { asset: logo, version: 99 }), 422, 'invalid-recipe')
})
