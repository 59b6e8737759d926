/** What a collection says that attributes are: asked by every entrance and of every change, and what does not fit leaves nothing. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { carryToEnd } from '../support/sagas.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let key = ''
beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  key = system.keys['shop-web']
  await put(SCHEMA)
})
afterAll(() => system.close())

const SCHEMA = {
  properties: { caption: { type: 'string', maxLength: 20 }, price: { type: 'number', minimum: 0 } },
  required: ['caption'],
  additionalProperties: false,
}
const FIT = { caption: 'A shoe', price: 9.5 }
const UNFIT = { price: -1, size: 4 }
const TOLD = ['required', 'minimum', 'additionalProperties']

const PATH = '/v1/collections/described'
const put = (attribute_schema: object | undefined, { query = '', rules = {} } = {}) =>
  send('PUT', `${PATH}${query}`, {
    key: ADMIN_KEY,
    body: { owner: 'shop-web', rules, ...(attribute_schema && { attribute_schema }) },
  })
const text = (): string => `a text ${randomUUID()}`
const direct = (attributes?: object, by = key) => {
  const said = attributes === undefined ? '' : `&attributes=${encodeURIComponent(JSON.stringify(attributes))}`
  return send('POST', `/v1/assets?collection=described${said}`, { key: by, body: text() })
}
const brokenBy = async (response: Promise<Response>): Promise<string[]> => {
  const problem = await expectRefusal(response, 422, 'contract-violation')
  return (problem.errors as { rule: string }[]).map(({ rule }) => rule)
}
const attributesOf = async (asset: string) =>
  (await expectJson<{ attributes: object }>(send('GET', `/v1/assets/${asset}`, { key }), 200)).attributes
const patch = (asset: string, attributes: object) =>
  send('PATCH', `/v1/assets/${asset}`, { key, body: { attributes }, headers: { 'If-Match': '*' } })

describe('as configuration', () => {
  test('it is shown as it was written, and goes with a write that has none', async () => {
    const written = await put(SCHEMA)
    const seen = await send('GET', PATH, { key: ADMIN_KEY })
    expect(seen.headers.get('etag')).toBe(written.headers.get('etag'))
    expect(await seen.json()).toMatchObject({ attribute_schema: SCHEMA })
    await expectJson(put(undefined), 200)
    expect(await expectJson(send('GET', PATH, { key: ADMIN_KEY }), 200)).not.toHaveProperty('attribute_schema')
    await put(SCHEMA)
  })

  test('what is not of the subset is refused where it stands', async () => {
    const problem = await expectRefusal(put({ properties: { a: { $ref: '#' } } }), 422, 'contract-violation')
    expect(problem.errors).toMatchObject([{ pointer: '/attribute_schema/properties/a' }])
  })

  test('says how many assets it finds wrong, tried or set, and leaves them as they are', async () => {
    const { asset } = await expectJson<{ asset: string }>(direct(FIT), 201)
    const other = { ...SCHEMA, properties: { ...SCHEMA.properties, price: { maximum: 9 } } }
    const tried = await expectJson<{ breaks: object }>(put(other, { query: '?validate_only=true' }), 200)
    expect(tried.breaks).toEqual({
      assets: 1,
      checked: 1,
      of: 1,
      sample: [{ asset, pointer: '/attributes/price', rule: 'maximum' }],
    })
    expect(await brokenBy(direct({ caption: 'x', price: -1 }))).toEqual(['minimum'])
    expect(await expectJson(put(other), 200)).toMatchObject({ breaks: tried.breaks })
    expect(await expectJson(put(other), 200)).not.toHaveProperty('breaks')
    expect(await attributesOf(asset)).toEqual(FIT)
    // And may be mended piece by piece.
    await expectJson(patch(asset, { caption: 'Another shoe' }), 200)
    expect(await brokenBy(patch(asset, { price: 8, caption: null }))).toEqual(['required'])
    await expectJson(patch(asset, { price: 8 }), 200)
    expect(await brokenBy(patch(asset, { price: 10 }))).toEqual(['maximum'])
    await put(SCHEMA)
  })
})

describe('of a new asset, by every entrance', () => {
  const begun = async (body: object) => {
    const bytes = new TextEncoder().encode(text())
    return send('POST', '/v1/uploads', { key, body: { collection: 'described', bytes: bytes.length, ...body } })
  }
  const tus = (attributes: object) =>
    send('POST', '/v1/tus', {
      key,
      headers: {
        'Tus-Resumable': '1.0.0',
        'Upload-Length': '5',
        'Upload-Metadata': `collection ${btoa('described')},attributes ${btoa(JSON.stringify(attributes))}`,
      },
    })
  const imported = async (attributes: object) => {
    const known = await system.upload(new TextEncoder().encode(text()), 'collection=product-photo')
    const sha256 = known.digest.slice('sha256:'.length)
    const line = { collection: 'described', sha256, attributes }
    const headers = { 'Content-Type': 'application/x-ndjson' }
    const { id } = await expectJson<{ id: string }>(
      send('POST', '/v1/assets/import', { key, body: JSON.stringify(line), headers }),
      202,
    )
    await carryToEnd(system.gateway, { tenant: system.config.tenant, id })
    const results = await expectJson<{ items: { asset?: string; code?: string }[] }>(
      send('GET', `/v1/operations/${id}/results`, { key }),
      200,
    )
    return results.items[0]
  }

  test('what does not fit is refused, told whole, and nothing is left', async () => {
    await leavesNothing(system, async () => {
      expect(await brokenBy(direct(UNFIT))).toEqual(TOLD)
      expect(await brokenBy(direct())).toEqual(['required'])
      expect(await brokenBy(begun({ attributes: UNFIT }))).toEqual(TOLD)
      const url = 'http://127.0.0.1:1/never'
      const body = { source_url: url, collection: 'described', attributes: UNFIT }
      expect(await brokenBy(send('POST', '/v1/assets', { key, body }))).toEqual(TOLD)
      expect(await brokenBy(tus(UNFIT))).toEqual(TOLD)
    })
    expect(await imported(UNFIT)).toMatchObject({ code: 'contract-violation' })
  })

  test('what fits is there from its first moment on, and the event names the paths', async () => {
    const { asset } = await expectJson<{ asset: string }>(direct(FIT), 201)
    expect(await attributesOf(asset)).toEqual(FIT)
    const line = await imported(FIT)
    expect(await attributesOf(line?.asset ?? '')).toEqual(FIT)
    const text = `select data->'attributes' as paths from event where type = 'asset.created' and asset_id = $1`
    expect(await query(system.core, text, [asset])).toEqual([{ paths: ['caption', 'price'] }])
  })

  test('attributes are bounded as they are in a patch, and of a query JSON', async () => {
    await expectRefusal(direct({ 'a.b': 1 }), 400, 'invalid-request')
    await expectRefusal(
      send('POST', '/v1/assets?collection=described&attributes=x', { key, body: text() }),
      400,
      'invalid-request',
    )
    await expectRefusal(begun({ attributes: { labels: 1 } }), 422, 'contract-violation')
    const { asset } = await expectJson<{ asset: string }>(direct(FIT), 201)
    await expectRefusal(begun({ collection: undefined, asset, attributes: FIT }), 422, 'contract-violation')
  })

  test('who may not write them may not upload with them', async () => {
    const grant = (attributes: string[]) =>
      send('PUT', `${PATH}/grants/mobile`, { key: ADMIN_KEY, body: { role: 'editor', attributes } })
    const mobile = system.keys.mobile
    await grant(['caption'])
    const problem = await expectRefusal(direct(FIT, mobile), 403, 'attribute-forbidden')
    expect(problem.attributes).toEqual(['price'])
    await expectJson(direct({ caption: 'x' }, mobile), 201)
  })

  test('required by a rule, without a schema', async () => {
    const rules = { required_attributes: ['caption', 'seo.title'] }
    expect(await expectJson(put(undefined, { rules }), 200)).toMatchObject({ rules })
    expect(await brokenBy(direct({ seo: { text: 'x' } }))).toEqual(['required_attributes', 'required_attributes'])
    await expectJson(direct({ caption: '', seo: { title: null } }), 201)
    await put(SCHEMA)
  })
})
