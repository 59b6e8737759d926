/** Writes of the configuration under conditions, and tried without effect. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepare } from '../../src/prepare.ts'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
})
afterAll(() => system.close())

const admin = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
const tagOf = (response: Response): string => {
  const tag = response.headers.get('etag') ?? ''
  expect(tag).toMatch(/^"[^"]+"$/)
  return tag
}

const ISSUER = {
  iss: 'https://login.example/',
  audience: 'matrix',
  jwks_uri: 'https://login.example/keys',
  algorithms: ['ES256'],
  subjects: [{ value: 'robot', product: 'mobile' }],
}
const RENDITION = '/v1/collections/product-photo/products/shop-web/renditions/small'
const recipe = (width: number) => ({ recipe: { resize: { width }, formats: ['jpeg'] } })

describe.each([
  { what: 'a product', path: '/v1/products/kiosk', one: { display_name: 'Kiosk' }, two: { display_name: 'Stand' } },
  {
    what: 'a collection',
    path: '/v1/collections/banner',
    one: { owner: 'mobile' },
    two: { owner: 'mobile', publish_gate: 'none' },
  },
  {
    what: 'a grant',
    path: '/v1/collections/avatar/grants/partner-api',
    one: { role: 'reader' },
    two: { role: 'reader', expires_at: '2999-01-01T00:00:00.000Z' },
  },
  { what: 'a rendition', path: RENDITION, one: recipe(50), two: recipe(60) },
  { what: 'an issuer', path: '/v1/issuers/idp', one: ISSUER, two: { ...ISSUER, subjects: [] } },
])('$what', ({ what, path, one, two }) => {
  test('is tried first, which does nothing', async () => {
    await leavesNothing(system, async () => {
      const tried = await admin('PUT', `${path}?validate_only=true`, one)
      expect(tried.headers.get('etag')).toBeNull()
      await expectJson(tried, 200)
      await expectRefusal(admin('GET', path), 404, 'not-found')
      await expectRefusal(admin('PUT', `${path}?validate_only=yes`, one), 400, 'invalid-request')
      await expectRefusal(admin('PUT', `${path}?validate_only=true`, { nothing: 1 }), 422, 'contract-violation')
    })
  })

  test('is made, and the answer says that it is new', async () => {
    await expectRefusal(admin('PUT', path, one, { 'If-Match': '*' }), 412, 'precondition-failed')
    const tried = await expectJson(admin('PUT', `${path}?validate_only=true`, one), 200)
    // What a trial tells of the matrix is no part of the thing.
    if (what !== 'a rendition') delete tried.impact
    const made = await admin('PUT', path, one, { 'If-None-Match': '*' })
    const tag = tagOf(made)
    expect(await expectJson(made, 201)).toEqual(tried)
    await expectRefusal(admin('PUT', path, one, { 'If-None-Match': '*' }), 412, 'precondition-failed')
    const read = await admin('GET', path)
    expect(tagOf(read)).toBe(tag)
    await expectJson(read, 200)
    expect((await admin('GET', path, undefined, { 'If-None-Match': tag })).status).toBe(304)
  })

  test('is replaced by who has seen it as it is', async () => {
    const before = tagOf(await admin('GET', path))
    const replaced = await admin('PUT', path, two, { 'If-Match': before })
    expect(replaced.status).toBe(what === 'a rendition' ? 201 : 200)
    const after = tagOf(replaced)
    expect(after).not.toBe(before)
    const stale = await expectRefusal(admin('PUT', path, one, { 'If-Match': before }), 412, 'precondition-failed')
    expect(stale.etag).toBe(after)
    const weak = { 'If-Match': `W/${after}` }
    await expectRefusal(admin('PUT', path, one, weak), 412, 'precondition-failed')
    await expectRefusal(
      admin('PUT', `${path}?validate_only=true`, one, { 'If-Match': before }),
      412,
      'precondition-failed',
    )
    expect(tagOf(await admin('GET', path))).toBe(after)
    expect(tagOf(await admin('PUT', path, two, { 'If-Match': `"x", ${after}` }))).toBe(after)
  })

  test('is written by one of those who saw the same', async () => {
    const seen = { 'If-Match': tagOf(await admin('GET', path)) }
    const statuses = await Promise.all(
      [one, one, one, one].map(async body => (await admin('PUT', path, body, seen)).status),
    )
    expect(statuses.filter(status => status < 300)).toHaveLength(1)
    expect(statuses.filter(status => status === 412)).toHaveLength(3)
  })
})

describe.each([
  { what: 'a grant', path: '/v1/collections/avatar/grants/partner-api' },
  { what: 'a rendition', path: RENDITION },
  { what: 'an issuer', path: '/v1/issuers/idp' },
])('$what goes', ({ what, path }) => {
  test('under a condition, and only then', async () => {
    await leavesNothing(system, async () => {
      await expectRefusal(admin('DELETE', path), 428, 'precondition-required')
      await expectRefusal(admin('DELETE', path, undefined, { 'If-Match': '"other"' }), 412, 'precondition-failed')
      const tried = await admin('DELETE', `${path}?validate_only=true`, undefined, { 'If-Match': '*' })
      expect(tried.status).toBe(what === 'a grant' ? 200 : 204)
    })
    const seen = { 'If-Match': tagOf(await admin('GET', path)) }
    expect((await admin('DELETE', path, undefined, seen)).status).toBe(204)
    await expectRefusal(admin('GET', path), 404, 'not-found')
    await expectRefusal(admin('DELETE', path, undefined, seen), 404, 'not-found')
  })
})

test('what a trial may not do it is told', async () => {
  const grant = '/v1/collections/avatar/grants/mobile?validate_only=true'
  await leavesNothing(system, async () => {
    await expectRefusal(admin('PUT', grant, { role: 'reader' }), 409, 'last-owner')
    await expectRefusal(admin('DELETE', grant, undefined, { 'If-Match': '*' }), 409, 'last-owner')
    const nobody = '/v1/collections/other?validate_only=true'
    await expectRefusal(admin('PUT', nobody, { owner: 'nobody' }), 422, 'contract-violation')
  })
})

test('the matrix has a tag too', async () => {
  const path = '/v1/collections/product-photo/matrix'
  const tag = tagOf(await admin('GET', path))
  expect((await admin('GET', path, undefined, { 'If-None-Match': tag })).status).toBe(304)
  await expectJson(admin('PUT', RENDITION, recipe(70)), 201)
  expect(tagOf(await admin('GET', path))).not.toBe(tag)
})

describe('keys', () => {
  const path = '/v1/products/mobile/keys'

  test('are tried without being made', async () => {
    await leavesNothing(system, async () => {
      const wish = { label: 'tried', scopes: ['resolve'] }
      const told = await expectJson(admin('POST', `${path}?validate_only=true`, wish), 200)
      expect(told).toEqual({ product: 'mobile', label: 'tried', scopes: ['resolve'] })
      await expectRefusal(admin('POST', '/v1/products/nobody/keys?validate_only=true', wish), 404, 'not-found')
      const tooMuch = { scopes: ['matrix:admin'] }
      await expectRefusal(admin('POST', `${path}?validate_only=true`, tooMuch), 403, 'forbidden')
    })
  })

  test('are revoked under a condition', async () => {
    const made = await admin('POST', path, {})
    const tag = tagOf(made)
    const { id } = await expectJson<{ id: string }>(made, 201)
    const { items } = await expectJson<{ items: { id: string; etag: string }[] }>(admin('GET', path), 200)
    expect(items.find(key => key.id === id)?.etag).toBe(tag)
    await leavesNothing(system, async () => {
      await expectRefusal(admin('DELETE', `/v1/keys/${id}`), 428, 'precondition-required')
      await expectRefusal(
        admin('DELETE', `/v1/keys/${id}`, undefined, { 'If-Match': '"x"' }),
        412,
        'precondition-failed',
      )
    })
    const tried = `/v1/keys/${id}?validate_only=true`
    expect((await admin('DELETE', tried, undefined, { 'If-Match': tag })).status).toBe(204)
    expect((await admin('DELETE', `/v1/keys/${id}`, undefined, { 'If-Match': tag })).status).toBe(204)
    await expectRefusal(admin('DELETE', `/v1/keys/${id}`, undefined, { 'If-Match': tag }), 412, 'precondition-failed')
  })

  test('of the administrator are replaced, not revoked, and the answer says how', async () => {
    const answer = admin('DELETE', '/v1/keys/key_admin_demo', undefined, { 'If-Match': '*' })
    const { detail } = await expectRefusal(answer, 409, 'conflict')
    expect(detail).toMatch(/ASSET_MATRIX_ADMIN_KEY.*admin\.key/)
    await expectJson(admin('GET', '/v1/products'), 200)
    await prepare(system.core, 'another-admin-key')
    await expectRefusal(admin('GET', '/v1/products'), 401, 'unauthenticated')
    await prepare(system.core, ADMIN_KEY)
    await expectJson(admin('GET', '/v1/products'), 200)
  })
})

test('a recipe tells what it would come to', async () => {
  interface Impact {
    readonly impact: Record<string, number>
  }
  const of = (product: string) => `/v1/collections/product-photo/products/${product}/renditions/trial`
  const card = { recipe: { resize: { width: 400 }, formats: [{ format: 'jpeg', quality: 80 }] } }
  await system.upload(await photo({ width: 900, height: 600 }))
  await system.upload(await photo({ width: 700, height: 500 }))
  await system.upload(await photo({ width: 700, height: 500 }))
  await system.upload(Buffer.from('no picture'))
  await settled(system)
  const tried = async (body: object, product = 'partner-api') =>
    (await expectJson<Impact>(admin('PUT', `${of(product)}?validate_only=true`, body), 200)).impact
  await leavesNothing(system, async () => {
    const same = { versions_affected: 3, versions_planned: 3, refused: 0 }
    const nothing = { estimated_cpu_seconds: 0, estimated_bytes: 0 }
    // What the shop's card made is there for whoever asks; equal pictures are one node.
    expect(await tried(card)).toEqual({ ...same, ...nothing, nodes_new: 0, nodes_existing: 2 })
    const small = await tried({ ...recipe(123), lane: 'lazy' })
    expect(small).toMatchObject({ ...same, nodes_new: 2, nodes_existing: 0 })
    const large = await tried({ ...recipe(600), lane: 'lazy' })
    for (const figure of ['estimated_cpu_seconds', 'estimated_bytes'] as const) {
      expect(small[figure]).toBeGreaterThan(0)
      expect(large[figure]).toBeGreaterThan(small[figure] as number)
    }
    // In the light of what the shop's cards weigh, a JPEG of so many pixels.
    const [{ weight } = { weight: 0 }] = await query<{ weight: number }>(
      system.core,
      `select (sum(byte_length)::float8 / sum(width * height)) as weight from derivative where media_type = 'image/jpeg'`,
    )
    expect(small.estimated_bytes).toBeCloseTo(weight * 123 * (82 + 88), -2)
    const both = { recipe: { resize: { width: 400 }, formats: ['png', { format: 'jpeg', quality: 80 }] } }
    expect(await tried(both)).toMatchObject({ ...same, nodes_new: 2, nodes_existing: 2 })
    const corner = { recipe: { crop: { left: 800, top: 0, width: 100, height: 100 }, formats: ['jpeg'] } }
    expect(await tried(corner)).toMatchObject({ ...same, nodes_new: 1, nodes_existing: 0, refused: 2 })
  })
  const made = await expectJson<Impact>(admin('PUT', of('mobile'), card), 201)
  expect(made.impact).toMatchObject({ nodes_new: 0, nodes_existing: 2 })
  const equal = await expectJson<Impact>(admin('PUT', of('mobile'), card), 200)
  expect(equal.impact).toMatchObject({ versions_affected: 0, nodes_existing: 0 })
})
