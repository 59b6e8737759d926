/** What a collection asks of originals: written, shown, asked of every upload, and what breaks it leaves nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type CallOptions, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
})
afterAll(() => system.close())

const PATH = '/v1/collections/strict'
const put = (rules: object | undefined, options: CallOptions = {}) =>
  send('PUT', PATH, { key: ADMIN_KEY, body: { owner: 'shop-web', ...(rules && { rules }) }, ...options })
const upload = (bytes: Uint8Array, query = '') =>
  send('POST', `/v1/assets?collection=strict${query}`, { key: system.keys['shop-web'], body: bytes })
const brokenBy = async (response: Promise<Response>): Promise<string[]> => {
  const { errors = [] } = (await expectRefusal(response, 422, 'contract-violation')) as {
    errors?: { rule: string }[]
  }
  return errors.map(({ rule }) => rule)
}

describe('as configuration', () => {
  test('they are shown as written, have one tag whoever tells it, and go with a write that has none', async () => {
    const rules = { required: ['alias'], max_width: 4_000, min_width: 100, media_types: ['image/jpeg'] }
    const written = await put(rules)
    expect(written.status).toBe(201)
    expect(await written.json()).toEqual({ collection: 'strict', owner: 'shop-web', publish_gate: 'all', rules })
    const seen = await send('GET', PATH, { key: ADMIN_KEY })
    expect(seen.headers.get('etag')).toBe(written.headers.get('etag'))
    expect(await seen.json()).toMatchObject({ rules })
    const { items } = await expectJson<{ items: { collection: string }[] }>(
      send('GET', '/v1/collections', { key: ADMIN_KEY }),
      200,
    )
    expect(items.find(({ collection }) => collection === 'strict')).toMatchObject({ rules })
    await expectJson(put({}), 200)
    expect(await expectJson(send('GET', PATH, { key: ADMIN_KEY }), 200)).not.toHaveProperty('rules')
  })

  test('a try has no effect', async () => {
    const path = `${PATH}?validate_only=true`
    const body = { owner: 'shop-web', rules: { max_bytes: 10 } }
    expect(await expectJson(send('PUT', path, { key: ADMIN_KEY, body }), 200)).toMatchObject({ rules: body.rules })
    expect(await expectJson(send('GET', PATH, { key: ADMIN_KEY }), 200)).not.toHaveProperty('rules')
  })

  test.each([
    { max_bytes: 0 },
    { max_bytes: 1.5 },
    { min_width: 'x' },
    { min_width: 10, max_width: 9 },
    { min_aspect: 2, max_aspect: 1 },
    { min_aspect: 0 },
    { media_types: [] },
    { media_types: ['jpeg'] },
    { alias_prefixes: [''] },
    { alias_prefixes: ['a b'] },
    { required: ['attributes'] },
    { unknown: 1 },
    [],
  ])('%j is refused', async rules => {
    await expectRefusal(put(rules), 422, 'contract-violation')
  })
})

describe('of an upload', () => {
  test('all that is broken is told, and nothing is left', async () => {
    const picture = await photo({ width: 300, height: 200 })
    await expectJson(put({ min_width: 400, max_aspect: 1.2, media_types: ['image/png'], required: ['filename'] }), 200)
    await leavesNothing(system, async () => {
      expect(await brokenBy(upload(picture))).toEqual(['media_types', 'required', 'min_width', 'max_aspect'])
    })
    await expectJson(put({ max_width: 300, required: ['filename', 'artist'] }), 200)
    expect(await brokenBy(upload(picture, '&filename=a.jpg'))).toEqual(['required'])
    const signed = await photo({ width: 300, height: 200, artist: 'A. Photographer' })
    await expectJson(upload(signed, '&filename=a.jpg'), 201)
  })

  test('names are asked for before the bytes are read', async () => {
    await expectJson(put({ alias_prefixes: ['sku:'], required: ['alias', 'labels'] }), 200)
    await leavesNothing(system, async () => {
      expect(await brokenBy(upload(Buffer.from('never read'), '&alias=x:1'))).toEqual(['alias_prefixes', 'required'])
    })
    await expectJson(upload(await photo({ width: 90, height: 60 }), '&alias=sku:1&labels=new'), 201)
  })

  test('beyond its bytes it is not read on', async () => {
    await expectJson(put({ max_bytes: 1_000 }), 200)
    await leavesNothing(system, async () => {
      const problem = await expectRefusal(upload(Buffer.alloc(5_000, 1)), 413, 'payload-too-large')
      expect(problem).toMatchObject({ limit: 1_000 })
    })
    await expectJson(upload(Buffer.alloc(1_000, 1)), 201)
  })

  test('and of each version; what is there stays', async () => {
    await expectJson(put(undefined), 200)
    const wide = await photo({ width: 600, height: 100 })
    const { asset } = await expectJson<{ asset: string }>(upload(wide), 201)
    await expectJson(put({ max_aspect: 2, required: ['alias'] }), 200)
    const add = (bytes: Uint8Array) =>
      send('POST', `/v1/assets/${asset}/versions`, { key: system.keys['shop-web'], body: bytes })
    expect(await brokenBy(add(wide))).toEqual(['max_aspect'])
    await expectJson(add(await photo({ width: 200, height: 100 })), 201)
    await expectJson(send('GET', `/v1/assets/${asset}`, { key: system.keys['shop-web'] }), 200)
  })
})
