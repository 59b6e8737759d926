import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Page<T> {
  readonly items: readonly T[]
  readonly next_cursor?: string
}

let system: System
let send: Send
beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
})
afterAll(() => system.close())

const admin = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
const RENDITIONS = '/v1/collections/product-photo/products/shop-web/renditions'
const shop = (method: string, path: string, body?: object, headers = {}) =>
  send(method, path, { key: system.keys['shop-web'], ...(body && { body }), headers })
const ANY = { 'If-Match': '*' }

describe('products', () => {
  test('are created and renamed', async () => {
    await expectJson(admin('PUT', '/v1/products/kiosk', { display_name: 'Kiosk' }), 201)
    expect(await expectJson(admin('PUT', '/v1/products/kiosk', { display_name: 'Grüße 🌸' }), 200)).toEqual({
      product: 'kiosk',
      display_name: 'Grüße 🌸',
      share: 1,
    })
    const { items } = await expectJson<Page<{ product: string }>>(admin('GET', '/v1/products'), 200)
    expect(items).toContainEqual({
      product: 'kiosk',
      display_name: 'Grüße 🌸',
      share: 1,
      created_at: expect.stringMatching(/Z$/),
    })
  })

  test.each([
    {},
    { display_name: '' },
    { display_name: 7 },
    { display_name: 'x'.repeat(201) },
    { display_name: 'a\u0000b' },
    { display_name: 'a', colour: 'red' },
    { display_name: null },
  ])('are not described by %j', async body => {
    await leavesNothing(system, async () => {
      const problem = await expectRefusal(admin('PUT', '/v1/products/other', body), 422, 'contract-violation')
      expect(problem.errors).not.toEqual([])
    })
  })

  test.each(['', '[]', '7', 'null', '"x"', '{', '{"display_name":"a"}}', '\u0000', '{"display_name":"\\ud800"'])(
    'are not described by the text %j',
    async body => {
      const options = { key: ADMIN_KEY, body, headers: { 'Content-Type': 'application/json' } }
      await leavesNothing(system, () =>
        expectRefusal(send('PUT', '/v1/products/other', options), 422, 'contract-violation'),
      )
    },
  )

  test('are described in JSON, of a bounded size', async () => {
    const body = JSON.stringify({ display_name: 'a', padding: 'x'.repeat(1024 * 1024) })
    const options = { key: ADMIN_KEY, body, headers: { 'Content-Type': 'application/json' } }
    const stream = { ...options, body: new Blob([body]).stream() }
    await leavesNothing(system, async () => {
      await expectRefusal(send('PUT', '/v1/products/other', options), 413, 'payload-too-large')
      await expectRefusal(send('PUT', '/v1/products/other', stream), 413, 'payload-too-large')
      const text = { ...options, body: '{"display_name":"a"}', headers: { 'Content-Type': 'text/plain' } }
      await expectRefusal(send('PUT', '/v1/products/other', text), 415, 'unsupported-media')
    })
  })
})

describe('lists', () => {
  test('come in pages that meet without gap or overlap', async () => {
    for (let i = 0; i < 7; i++) await admin('PUT', `/v1/products/page-${i}`, { display_name: `Page ${i}` })
    const all = await expectJson<Page<{ product: string }>>(admin('GET', '/v1/products?limit=500'), 200)
    expect(all.next_cursor).toBeUndefined()
    const walked: string[] = []
    let cursor = ''
    do {
      const page = await expectJson<Page<{ product: string }>>(admin('GET', `/v1/products?limit=3${cursor}`), 200)
      expect(page.items.length).toBeLessThanOrEqual(3)
      walked.push(...page.items.map(({ product }) => product))
      cursor = page.next_cursor === undefined ? '' : `&cursor=${page.next_cursor}`
    } while (cursor !== '')
    expect(walked).toEqual(all.items.map(({ product }) => product))
    expect(walked).toEqual([...walked].sort())
  })

  test('of assets run from the oldest, and follow the pages', async () => {
    const made: string[] = []
    for (let i = 0; i < 5; i++) made.push((await system.upload(Buffer.from(`text ${i}`))).asset)
    const first = await expectJson<Page<{ id: string }>>(
      shop('GET', '/v1/assets?collection=product-photo&limit=2'),
      200,
    )
    const rest = await expectJson<Page<{ id: string }>>(
      shop('GET', `/v1/assets?collection=product-photo&cursor=${first.next_cursor}`),
      200,
    )
    expect([...first.items, ...rest.items].map(({ id }) => id)).toEqual(made)
    expect(rest.next_cursor).toBeUndefined()
  })

  test('limits above the maximum are coerced, others refused', async () => {
    for (const limit of ['501', '1000000000']) await expectJson(admin('GET', `/v1/products?limit=${limit}`), 200)
    for (const limit of ['0', '-1', '1.5', 'NaN', 'abc', '', '1e999', '1&limit=2'])
      await expectRefusal(admin('GET', `/v1/products?limit=${limit}`), 400, 'invalid-request')
  })

  test('take only cursors that were issued for them', async () => {
    const encoded = (text: string): string => Buffer.from(text).toString('base64url')
    const bad = ['', 'x', '%00', '..', encoded('A B'), encoded(`a' or 1=1`), encoded('\u0000'), encoded('é')]
    for (const path of ['/v1/products', '/v1/collections', '/v1/assets?collection=product-photo']) {
      for (const cursor of bad) {
        const sign = path.includes('?') ? '&' : '?'
        await expectRefusal(admin('GET', `${path}${sign}cursor=${cursor}`), 400, 'invalid-cursor')
      }
    }
    await expectRefusal(
      admin('GET', `/v1/assets?collection=product-photo&cursor=${encoded('shop-web')}`),
      400,
      'invalid-cursor',
    )
    await expectRefusal(admin('GET', `/v1/products?cursor=${'x'.repeat(201)}`), 400, 'invalid-request')
    await expectRefusal(admin('GET', '/v1/products?colour=red'), 400, 'invalid-request')
  })
})

describe('collections', () => {
  test('give their owner an edge, and keep one owner', async () => {
    await expectJson(admin('PUT', '/v1/collections/banner', { owner: 'mobile' }), 201)
    const matrix = () =>
      expectJson<{ edges: { product: string; role: string }[] }>(admin('GET', '/v1/collections/banner/matrix'), 200)
    expect((await matrix()).edges).toEqual([
      {
        product: 'mobile',
        role: 'owner',
        original_access: true,
        private_metadata: false,
        visibility: 'private',
        delivery: 'redirect',
      },
    ])
    const grants = '/v1/collections/banner/grants'
    await leavesNothing(system, async () => {
      await expectRefusal(admin('DELETE', `${grants}/mobile`, undefined, ANY), 409, 'last-owner')
      await expectRefusal(admin('PUT', `${grants}/mobile`, { role: 'reader' }), 409, 'last-owner')
      const ending = { role: 'owner', expires_at: '2999-01-01T00:00:00Z' }
      await expectRefusal(admin('PUT', `${grants}/mobile`, ending), 409, 'last-owner')
    })
    await expectJson(admin('PUT', `${grants}/shop-web`, { role: 'owner' }), 201)
    expect((await admin('DELETE', `${grants}/mobile`, undefined, ANY)).status).toBe(204)
    await expectRefusal(admin('DELETE', `${grants}/mobile`, undefined, ANY), 404, 'not-found')
    expect((await matrix()).edges.map(({ product }) => product)).toEqual(['shop-web'])
  })

  test.each([
    ['PUT', '/v1/collections/other', { owner: 'nobody' }],
    ['PUT', '/v1/collections/other', { owner: 'Mobile' }],
    ['PUT', '/v1/collections/other', { owner: 'mobile', publish_gate: 'some' }],
    ['PUT', '/v1/collections/other', { owner: 'mobile', colour: 'red' }],
    ['PUT', '/v1/collections/banner/grants/nobody', { role: 'reader' }],
    ['PUT', '/v1/collections/banner/grants/mobile', { role: 'king' }],
    ['PUT', '/v1/collections/banner/grants/mobile', { role: 'reader', delivery: 'fax' }],
    ['PUT', '/v1/collections/banner/grants/mobile', { role: 'reader', original_access: 'yes' }],
    ['PUT', '/v1/collections/banner/grants/mobile', { role: 'reader', expires_at: 'tomorrow' }],
    ['PUT', '/v1/collections/banner/grants/mobile', { role: 'reader', expires_at: '0000-01-01T00:00:00Z' }],
    ['PUT', '/v1/collections/banner/grants/mobile', { role: 'reader', expires_at: '2020-02-31T00:00:00Z' }],
    ['PUT', '/v1/collections/banner/grants/mobile', { role: 'reader', originalAccess: true }],
  ] as const)('%s %s refuses %j', async (method, path, body) => {
    await leavesNothing(system, () => expectRefusal(admin(method, path, body), 422, 'contract-violation'))
  })
})

describe('keys', () => {
  const make = (body: object = {}, product = 'mobile') =>
    expectJson<{ id: string; secret: string }>(admin('POST', `/v1/products/${product}/keys`, body), 201)
  const list = () => expectJson<Page<object>>(admin('GET', '/v1/products/mobile/keys'), 200)

  test('show their secret once', async () => {
    const request = { 'Idempotency-Key': crypto.randomUUID() }
    const response = await admin('POST', '/v1/products/mobile/keys', { label: 'build' }, request)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const { secret, ...shown } = await expectJson<{ id: string; secret: string }>(response, 201)
    expect(secret).toMatch(/^mtx_live_[0-9A-Za-z]{46}$/)
    expect(shown).toEqual({
      id: expect.stringMatching(/^key_/),
      product: 'mobile',
      scopes: ['resolve', 'assets:read', 'assets:write', 'publish', 'share', 'events:read'],
    })
    const replayed = await admin('POST', '/v1/products/mobile/keys', { label: 'build' }, request)
    expect(replayed.headers.get('idempotent-replayed')).toBe('true')
    const again = await replayed.text()
    expect(again).not.toContain(secret)
    expect(JSON.parse(again)).toEqual(shown)
    await expectRefusal(
      admin('POST', '/v1/products/mobile/keys', { label: 'other' }, request),
      422,
      'idempotency-key-reused',
    )
    expect(JSON.stringify(await list())).not.toContain(secret)
    const hashes = {
      name: 'secrets',
      text: `select count(*)::int as n from api_key a, idempotency i where i.body like '%' || $1 || '%' or a.label like '%' || $1 || '%'`,
    }
    expect(await system.core.database.rows(hashes, [secret])).toEqual([{ n: 0 }])
  })

  test('do what their scopes say, and nothing else', async () => {
    const { secret } = await make({ scopes: ['resolve'] })
    expect(
      await expectRefusal(send('GET', '/v1/assets?collection=avatar', { key: secret }), 403, 'forbidden'),
    ).toMatchObject({
      reasons: ['scope-missing:assets:read'],
    })
    const upload = send('POST', '/v1/assets?collection=avatar', { key: secret, body: new Uint8Array(3) })
    await leavesNothing(system, async () => {
      expect(await expectRefusal(upload, 403, 'forbidden')).toMatchObject({ reasons: ['scope-missing:assets:write'] })
    })
  })

  test('end when they are revoked, with the next request', async () => {
    const { id, secret } = await make()
    const ask = () => send('GET', '/v1/assets?collection=avatar', { key: secret })
    const resolve = () =>
      send('GET', `/v1/products/mobile/assets/${crypto.randomUUID()}/renditions/face`, { key: secret })
    await expectJson(ask(), 200)
    await expectRefusal(resolve(), 404, 'not-found')
    expect((await admin('DELETE', `/v1/keys/${id}`, undefined, ANY)).status).toBe(204)
    await expectRefusal(ask(), 401, 'unauthenticated')
    await expectRefusal(resolve(), 401, 'unauthenticated')
    expect((await admin('DELETE', `/v1/keys/${id}`, undefined, ANY)).status).toBe(204)
    expect((await list()).items).toContainEqual(expect.objectContaining({ id, revoked_at: expect.any(String) }))
  })

  test('end when they expire', async () => {
    const { secret } = await make({ expires_at: '2020-01-01T00:00:00Z' })
    await expectRefusal(send('GET', '/v1/assets?collection=avatar', { key: secret }), 401, 'unauthenticated')
    const living = await make({ expires_at: '2999-01-01T00:00:00Z' })
    await expectJson(send('GET', '/v1/assets?collection=avatar', { key: living.secret }), 200)
  })

  test('are asked for in a sane way', async () => {
    await leavesNothing(system, async () => {
      await expectRefusal(admin('POST', '/v1/products/mobile/keys', { scopes: ['matrix:admin'] }), 403, 'forbidden')
      await expectRefusal(admin('POST', '/v1/products/nobody/keys', {}), 404, 'not-found')
      for (const body of [
        { scopes: [] },
        { scopes: ['all'] },
        { label: 'a\u0000' },
        { expires_at: '0000-01-01T00:00:00Z' },
        { secret: 'x' },
      ])
        await expectRefusal(admin('POST', '/v1/products/mobile/keys', body), 422, 'contract-violation')
      await expectRefusal(
        admin('POST', '/v1/products/mobile/keys', {}, { 'Idempotency-Key': '' }),
        400,
        'invalid-request',
      )
      for (const id of ['key_nothing', 'nothing', '%00', 'key_%27'])
        await expectRefusal(admin('DELETE', `/v1/keys/${id}`, undefined, ANY), 404, 'not-found')
    })
  })

  test.each(['Bearer', 'Bearer ', 'Basic YTpi', 'Bearer a b', `Bearer ${'x'.repeat(5000)}`, 'mtx_live_x', 'Bearer ä'])(
    'are not read from %j',
    async authorization => {
      const headers = { Authorization: authorization }
      await expectRefusal(send('GET', '/v1/products', { headers }), 401, 'unauthenticated')
    },
  )

  test('that were mistyped by one character are nobody', async () => {
    const { secret } = await make()
    for (let at = 0; at < secret.length; at++) {
      const other = secret[at] === 'x' ? 'y' : 'x'
      const key = secret.slice(0, at) + other + secret.slice(at + 1)
      await expectRefusal(send('GET', '/v1/assets?collection=avatar', { key }), 401, 'unauthenticated')
    }
  })
})

describe('renditions', () => {
  const CARD = { resize: { width: 120 }, formats: ['jpeg'] }

  test('get a revision for each recipe, and none for the same wish', async () => {
    const path = `${RENDITIONS}/small`
    const first = await expectJson(shop('PUT', path, { recipe: CARD }), 201)
    expect(first).toMatchObject({
      revision: 1,
      lane: 'eager',
      name: 'small',
      product: 'shop-web',
      collection: 'product-photo',
    })
    expect(await expectJson(shop('PUT', path, { recipe: CARD }), 200)).toEqual(first)
    const spelled = { recipe: { formats: [{ format: 'jpg' }], resize: { w: 120, fit: 'inside' } } }
    expect(await expectJson(shop('PUT', path, spelled), 200)).toEqual(first)
    expect(await expectJson(shop('PUT', path, { recipe: { ...CARD, formats: ['png'] } }), 201)).toMatchObject({
      revision: 2,
    })
    expect(await expectJson(shop('PUT', path, { recipe: CARD }), 201)).toMatchObject({
      revision: 3,
      recipe_hash: first.recipe_hash,
    })
    expect(await expectJson(shop('GET', path), 200)).toMatchObject({ revision: 3, recipe_hash: first.recipe_hash })
    expect((await shop('DELETE', path, undefined, ANY)).status).toBe(204)
    await expectRefusal(shop('GET', path), 404, 'not-found')
    await expectRefusal(shop('DELETE', path, undefined, ANY), 404, 'not-found')
    expect(await expectJson(shop('PUT', path, { recipe: CARD }), 201)).toMatchObject({ revision: 4 })
  })

  test('may be tried without effect', async () => {
    const path = `${RENDITIONS}/tried?validate_only=true`
    await leavesNothing(system, async () => {
      expect(await expectJson(shop('PUT', path, { recipe: CARD }), 200)).toMatchObject({ revision: 1, name: 'tried' })
      await expectRefusal(shop('PUT', path, { recipe: { formats: [] } }), 422, 'invalid-recipe')
    })
    const made = await expectJson(shop('PUT', `${RENDITIONS}/tried?validate_only=false`, { recipe: CARD }), 201)
    await leavesNothing(system, async () => {
      expect(await expectJson(shop('PUT', path, { recipe: CARD }), 200)).toEqual(made)
      const other = { recipe: CARD, lane: 'lazy' }
      expect(await expectJson(shop('PUT', path, other), 200)).toMatchObject({ revision: 2, lane: 'lazy' })
      await expectRefusal(
        shop('PUT', `${RENDITIONS}/tried?validate_only=yes`, { recipe: CARD }),
        400,
        'invalid-request',
      )
      await expectRefusal(shop('PUT', `${RENDITIONS}/tried?dry_run=true`, { recipe: CARD }), 400, 'invalid-request')
    })
  })

  test('are not described by anything else', async () => {
    await leavesNothing(system, async () => {
      for (const body of [
        {},
        { recipe: [] },
        { recipe: null },
        { recipe: CARD, lane: 'fast' },
        { recipe: CARD, name: 'x' },
      ])
        await expectRefusal(shop('PUT', `${RENDITIONS}/other`, body), 422, 'contract-violation')
      await expectRefusal(shop('PUT', `${RENDITIONS}/original`, { recipe: CARD }), 422, 'contract-violation')
    })
  })

  test('belong to their product', async () => {
    const of = (product: string) => `/v1/collections/product-photo/products/${product}/renditions/mine`
    await leavesNothing(system, async () => {
      await expectRefusal(shop('PUT', of('mobile'), { recipe: CARD }), 404, 'not-found')
      await expectRefusal(shop('GET', of('mobile')), 404, 'not-found')
      await expectRefusal(
        shop('PUT', '/v1/collections/nothing/products/shop-web/renditions/mine', { recipe: CARD }),
        404,
        'not-found',
      )
    })
    await expectJson(admin('PUT', of('mobile'), { recipe: CARD }), 201)
  })
})
