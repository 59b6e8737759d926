/** Whatever makes a copy in a cache wrong is a purge of the tags that the copy was given with; nothing else is one. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { query } from '../faults/intact.ts'
import { expectJson, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let asset: string
const ifMatch = { 'If-Match': '*' }
const admin = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
const GRANT = '/v1/collections/product-photo/grants/mobile'

beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  asset = (await system.upload(await photo({ width: 96, height: 64 }))).asset
  await settled(system)
  await expectJson(admin('PUT', GRANT, { role: 'reader', delivery: 'stream', visibility: 'public' }), 200)
})
afterAll(() => system.close())
beforeEach(() => query(system.core, 'delete from purge'))

const purges = async () =>
  (
    await query<{ reason: string; subject: string; tags: string[] }>(
      system.core,
      'select reason, subject, tags from purge',
    )
  ).map(({ reason, subject, tags }) => [reason, subject, tags])
/** Of the bytes that a cache would keep. */
const tagsOf = async (path: string): Promise<string[]> => {
  const response = await send('GET', path)
  expect(response.status).toBe(200)
  return (response.headers.get('cache-tag') ?? '').split(',')
}

test('another recipe under a name that pinned paths have: the name is a tag of what was answered under it', async () => {
  const path = '/v1/collections/product-photo/products/mobile/renditions/tile'
  const kept = await tagsOf(`/i/mobile/${asset}/v1/tile.jpg`)
  const recipe = { recipe: { resize: { width: 40 }, formats: ['jpeg'] } }
  await expectJson(admin('PUT', `${path}?validate_only=true`, recipe), 200)
  expect(await purges()).toEqual([])
  await expectJson(admin('PUT', path, recipe), 201)
  const subject = 'collections/product-photo/products/mobile/renditions/tile'
  expect(await purges()).toEqual([['rendition', subject, ['r:mobile.tile']]])
  expect(kept).toContain('r:mobile.tile')
  await expectJson(admin('PUT', path, recipe), 200)
  expect(await purges()).toHaveLength(1)
  expect((await admin('DELETE', path, undefined, ifMatch)).ok).toBe(true)
  expect(await purges()).toHaveLength(2)
  await expectJson(admin('PUT', path, recipe), 201)
  expect(await purges()).toHaveLength(2)
})

test('other labels, which conditions go by, where a cache may have something', async () => {
  const patch = (body: object) => admin('PATCH', `/v1/assets/${asset}`, body, ifMatch)
  await expectJson(patch({ attributes: { colour: 'red' } }), 200)
  expect(await purges()).toEqual([])
  await expectJson(patch({ labels: ['embargo'] }), 200)
  expect(await purges()).toEqual([['labels', `assets/${asset}`, [`a:${asset}`]]])
  await expectJson(admin('PUT', GRANT, { role: 'reader', delivery: 'redirect', visibility: 'public' }), 200)
  await query(system.core, 'delete from purge')
  await expectJson(patch({ labels: [] }), 200)
  expect(await purges()).toEqual([])
  await expectJson(admin('PUT', GRANT, { role: 'reader', delivery: 'stream', visibility: 'public' }), 200)
})

test('a signing key that is revoked, or ends at once; one that goes on for a while ends by itself', async () => {
  const make = () => expectJson<{ kid: string }>(admin('POST', '/v1/products/mobile/signing-keys', {}), 201)
  const [one, two] = [await make(), await make()]
  expect(await purges()).toEqual([])
  await expectJson(admin('POST', `/v1/signing-keys/${one.kid}/rotate`, { overlap: '1h' }, ifMatch), 201)
  expect(await purges()).toEqual([])
  expect((await admin('DELETE', `/v1/signing-keys/${one.kid}`, undefined, ifMatch)).status).toBe(204)
  expect((await admin('DELETE', `/v1/signing-keys/${one.kid}`, undefined, ifMatch)).status).toBe(204)
  expect(await purges()).toEqual([['signing-key', `signing-keys/${one.kid}`, ['p:mobile']]])
  await expectJson(admin('POST', `/v1/signing-keys/${two.kid}/rotate`, { overlap: '0s' }, ifMatch), 201)
  expect(await purges()).toHaveLength(2)
})

test('a share link that is taken back', async () => {
  const shared = await expectJson<{ id: string; links: { url: string }[] }>(
    admin('POST', `/v1/assets/${asset}/shares`, { product: 'shop-web', renditions: ['card'] }),
    201,
  )
  expect((await admin('DELETE', `/v1/shares/${shared.id}`, undefined, ifMatch)).status).toBe(204)
  expect(await purges()).toEqual([['share', `assets/${asset}/shares/${shared.id}`, [`a:${asset}`]]])
})

test('what a product lets browsers do: copies carry the headers of before', async () => {
  const put = (body: object) =>
    expectJson(admin('PUT', '/v1/products/mobile', { display_name: 'Mobile', ...body }), 200)
  await put({ origins: ['https://m.example'] })
  expect(await purges()).toEqual([['product', 'products/mobile', ['p:mobile']]])
  await put({ origins: ['https://m.example'] })
  expect(await purges()).toHaveLength(1)
  await put({ origins: [] })
  expect(await purges()).toHaveLength(2)
})
