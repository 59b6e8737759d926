/** Labels and attributes: merged, bounded, written by whom the grant says, told as an event, and seen in the ETag. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Shown {
  labels: string[]
  attributes: Record<string, unknown>
}

let system: System
let send: Send
let asset: string
const keys: Record<'owner' | 'editor' | 'reader', string> = { owner: '', editor: '', reader: '' }

const admin = (method: string, path: string, body: object) => send(method, path, { key: ADMIN_KEY, body })
const grant = (product: string, edge: object) => admin('PUT', `/v1/collections/words/grants/${product}`, edge)

beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  for (const product of ['owner', 'editor', 'reader'] as const) {
    await expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product }), 201)
    keys[product] = (
      await expectJson<{ secret: string }>(admin('POST', `/v1/products/${product}/keys`, {}), 201)
    ).secret
  }
  await expectJson(admin('PUT', '/v1/collections/words', { owner: 'owner' }), 201)
})
afterAll(() => system.close())

beforeEach(async () => {
  for (const role of ['editor', 'reader']) await grant(role, { role })
  const body = new TextEncoder().encode(crypto.randomUUID())
  asset = (
    await expectJson<{ asset: string }>(send('POST', '/v1/assets?collection=words', { key: keys.owner, body }), 201)
  ).asset
})

const patch = (
  body: object,
  { who = 'owner', ifMatch = '*', type }: { who?: keyof typeof keys; ifMatch?: string; type?: string } = {},
) =>
  send('PATCH', `/v1/assets/${asset}`, {
    key: keys[who],
    body: JSON.stringify(body),
    headers: { 'If-Match': ifMatch, 'Content-Type': type ?? 'application/merge-patch+json' },
  })
const get = (headers = {}) => send('GET', `/v1/assets/${asset}`, { key: keys.reader, headers })
const changes = async (): Promise<unknown[]> =>
  (
    await system.core.database.rows<{ data: unknown }>(
      {
        name: 'test_metadata_events',
        text: `select data from event where tenant_id = 'demo' and asset_id = $1 and type = 'asset.metadata_changed' order by asset_event_no`,
      },
      [asset],
    )
  ).map(({ data }) => data)

test('what is named is replaced, null takes away, the rest stays; every change is an event that names its paths', async () => {
  expect(await expectJson<Shown>(get(), 200)).toMatchObject({ labels: [], attributes: {} })
  await expectJson(
    patch({
      labels: ['press', 'campaign:spring', 'press'],
      attributes: { caption: 'A shoe', seo: { title: 'x', text: 'y' } },
    }),
    200,
  )
  const shown = {
    labels: ['campaign:spring', 'press'],
    attributes: { caption: 'A shoe', seo: { title: 'x', text: 'y' } },
  }
  expect(await expectJson<Shown>(get(), 200)).toMatchObject(shown)
  const after = await expectJson<Shown>(patch({ attributes: { seo: { title: 'z', text: null }, tags: ['a'] } }), 200)
  expect(after).toMatchObject({ ...shown, attributes: { caption: 'A shoe', seo: { title: 'z' }, tags: ['a'] } })
  expect(
    await expectJson<Shown>(patch({ labels: null, attributes: null }, { type: 'application/json' }), 200),
  ).toMatchObject({
    labels: [],
    attributes: {},
  })
  expect(await changes()).toEqual([
    { asset, metadata: 1, changed: ['caption', 'labels', 'seo.text', 'seo.title'] },
    { asset, metadata: 2, changed: ['seo.text', 'seo.title', 'tags'] },
    { asset, metadata: 3, changed: ['caption', 'labels', 'seo.title', 'tags'] },
  ])
})

describe('conditions', () => {
  test('an If-Match is required, and names a state that is still there', async () => {
    const before = (await get()).headers.get('etag') ?? ''
    expect(before).toBe('"p1"')
    await leavesNothing(system, () =>
      expectRefusal(
        send('PATCH', `/v1/assets/${asset}`, { key: keys.owner, body: { labels: ['a'] } }),
        428,
        'precondition-required',
      ),
    )
    const changed = await patch({ labels: ['a'] }, { ifMatch: before })
    const now = changed.headers.get('etag')
    expect({ status: changed.status, now }).toEqual({ status: 200, now: '"p1.m1"' })
    expect((await get()).headers.get('etag')).toBe(now)
    expect((await get({ 'If-None-Match': before })).status).toBe(200)
    expect((await get({ 'If-None-Match': now ?? '' })).status).toBe(304)
    await leavesNothing(system, async () => {
      for (const stale of [before, '"p2"', 'W/"p1.m1"', '"p1.m2"'])
        await expectRefusal(patch({ labels: ['b'] }, { ifMatch: stale }), 412, 'precondition-failed')
    })
  })

  test('a change that is asked for again is answered again, and happens once', async () => {
    const before = (await get()).headers.get('etag') ?? ''
    const wish = { labels: ['a'], attributes: { seo: { title: 'x' }, gone: null } }
    const first = await expectJson(patch(wish, { ifMatch: before }), 200)
    expect(await expectJson(patch(wish, { ifMatch: before }), 200)).toEqual(first)
    expect(await changes()).toHaveLength(1)
  })

  test('of two who saw the same state one succeeds', async () => {
    const before = (await get()).headers.get('etag') ?? ''
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, i) => patch({ attributes: { caption: `by ${i}` } }, { ifMatch: before })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412])
    expect(await changes()).toHaveLength(1)
  })

  test('of many who do not look all are merged', async () => {
    await Promise.all(Array.from({ length: 6 }, (_, i) => patch({ attributes: { [`by-${i}`]: i } })))
    expect(Object.keys((await expectJson<Shown>(get(), 200)).attributes)).toHaveLength(6)
  })

  test('a publish takes the tag of whoever has seen the metadata, and gives the tag that a read gives', async () => {
    await patch({ labels: ['a'] })
    const headers = { 'If-Match': '"p1.m1"' }
    const published = await send('POST', `/v1/assets/${asset}/publish`, {
      key: keys.owner,
      body: { version: 1 },
      headers,
    })
    expect({ status: published.status, etag: published.headers.get('etag') }).toEqual({ status: 200, etag: '"p1.m1"' })
  })
})

describe('who may write', () => {
  test('an editor: everything, until the grant lists what', async () => {
    await expectJson(
      patch({ labels: ['a'], attributes: { caption: 'x', seo: { title: 'x' } } }, { who: 'editor' }),
      200,
    )
    const edge = { role: 'editor', attributes: ['caption', 'seo.*'] }
    expect(await expectJson(grant('editor', edge), 200)).toMatchObject(edge)
    await expectJson(patch({ attributes: { caption: 'y', seo: { title: 'y', text: 'y' } } }, { who: 'editor' }), 200)
    const refused = await leavesNothing(system, () =>
      expectRefusal(
        patch({ labels: [], attributes: { caption: 'z', price: 1, seo: 'none' } }, { who: 'editor' }),
        403,
        'attribute-forbidden',
      ),
    )
    expect(refused.attributes).toEqual(['labels', 'price', 'seo'])
    // What is said as it is, is not written.
    const same = { labels: ['a'], attributes: { caption: 'z' } }
    expect(await expectJson<Shown>(patch(same, { who: 'editor' }), 200)).toMatchObject(same)
  })

  test('an owner: everything; a reader never: nothing can be listed for them', async () => {
    await expectJson(patch({ attributes: { price: 1 } }), 200)
    await expectRefusal(patch({ attributes: { price: 2 } }, { who: 'reader' }), 403, 'forbidden')
    for (const role of ['owner', 'reader'])
      await expectRefusal(grant('reader', { role, attributes: ['caption'] }), 422, 'contract-violation')
    await expectRefusal(grant('editor', { role: 'editor', attributes: ['se*'] }), 422, 'contract-violation')
  })

  test('a grant that lists nothing is shown as one that lists nothing', async () => {
    const none = await expectJson<Record<string, unknown>>(grant('editor', { role: 'editor', attributes: [] }), 200)
    expect(none.attributes).toEqual([])
    await expectRefusal(patch({ labels: ['x'] }, { who: 'editor' }), 403, 'attribute-forbidden')
    const all = await expectJson<Record<string, unknown>>(grant('editor', { role: 'editor' }), 200)
    expect(all).not.toHaveProperty('attributes')
  })
})

describe('an upload with labels', () => {
  const upload = (labels: string, who: keyof typeof keys = 'owner') => {
    const body = new TextEncoder().encode(crypto.randomUUID())
    return send('POST', `/v1/assets?collection=words&labels=${encodeURIComponent(labels)}`, { key: keys[who], body })
  }

  test('makes the asset with them', async () => {
    asset = (await expectJson<{ asset: string }>(upload('press,embargo,press'), 201)).asset
    const response = await get()
    expect(response.headers.get('etag')).toBe('"p1"')
    expect(await expectJson<Shown>(response, 200)).toMatchObject({ labels: ['embargo', 'press'] })
    asset = (await expectJson<{ asset: string }>(upload(''), 201)).asset
    expect(await expectJson<Shown>(get(), 200)).toMatchObject({ labels: [] })
  })

  test('is refused where the grant does not list labels', async () => {
    await grant('editor', { role: 'editor', attributes: ['caption'] })
    const refused = await leavesNothing(system, () =>
      expectRefusal(upload('press', 'editor'), 403, 'attribute-forbidden'),
    )
    expect(refused.attributes).toEqual(['labels'])
    await expectJson(upload('', 'editor'), 201)
    await grant('editor', { role: 'editor', attributes: ['labels'] })
    await expectJson(upload('press', 'editor'), 201)
  })

  test('is for a product whose grant asks for labels', async () => {
    await grant('editor', { role: 'editor', conditions: { labels: { all: ['press'] } } })
    await leavesNothing(system, () => expectRefusal(upload('', 'editor'), 404, 'not-found'))
    await expectJson(upload('press,x', 'editor'), 201)
  })

  test.each(['A', 'a b', ',', 'a,,b', 'x'.repeat(64), Array.from({ length: 33 }, (_, i) => `l${i}`).join()])(
    'is refused with %j',
    async labels => {
      await leavesNothing(system, () => expectRefusal(upload(labels), 400, 'invalid-request'))
    },
  )
})

describe('bounds', () => {
  test.each<[string, object]>([
    ['a label with a space', { labels: ['a b'] }],
    ['a label with a comma', { labels: ['a,b'] }],
    ['33 labels', { labels: Array.from({ length: 33 }, (_, i) => `l${i}`) }],
    ['NUL', { attributes: { a: '\0' } }],
    ['a number out of Postgres', { attributes: { a: 1e-300 } }],
    ['a name of another language', { attributes: { ключ: 1 } }],
    ['another member', { caption: 'x' }],
  ])('%s is refused', async (_, body) => {
    await leavesNothing(system, () => expectRefusal(patch(body), 422, 'contract-violation'))
  })

  test('a hundred thousand levels are refused', async () => {
    const body = `{"attributes":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_001)}`
    const headers = { 'If-Match': '*', 'Content-Type': 'application/json' }
    await leavesNothing(system, () =>
      expectRefusal(
        send('PATCH', `/v1/assets/${asset}`, { key: keys.owner, body, headers }),
        422,
        'contract-violation',
      ),
    )
  })

  test('what is within bounds alone and not together is refused', async () => {
    const text = 'x'.repeat(8_000)
    await expectJson(patch({ attributes: { a: text } }), 200)
    await expectJson(patch({ attributes: { b: text } }), 200)
    await leavesNothing(system, () => expectRefusal(patch({ attributes: { c: text } }), 422, 'contract-violation'))
  })

  test('as much as is allowed is kept as it came', async () => {
    const labels = Array.from({ length: 32 }, (_, i) => `${'l'.repeat(60)}${i}`.slice(0, 63)).sort()
    const attributes = Object.fromEntries(Array.from({ length: 255 }, (_, i) => [`n${i}`, `ж"\\\u0001${i}`]))
    await expectJson(patch({ labels, attributes }), 200)
    expect(await expectJson<Shown>(get(), 200)).toMatchObject({ labels: [...new Set(labels)], attributes })
  })
})

test('an archived asset keeps what is said of it', async () => {
  await expectJson(send('POST', `/v1/assets/${asset}/archive`, { key: keys.owner, headers: { 'If-Match': '*' } }), 200)
  await leavesNothing(system, () => expectRefusal(patch({ labels: ['a'] }), 410, 'asset-archived'))
})

test('of an asset elsewhere nothing is said', async () => {
  const stranger = system.keys['shop-web']
  const headers = { 'If-Match': '*' }
  for (const id of [asset, crypto.randomUUID()])
    await expectRefusal(
      send('PATCH', `/v1/assets/${id}`, { key: stranger, body: { labels: ['a'] }, headers }),
      404,
      'not-found',
    )
})
