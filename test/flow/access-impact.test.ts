/** What a change of the matrix would come to: said before it is made, true after, and without effect. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectJson, leavesNothing, openClient, type Send } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Change {
  who: string
  action: string
  access: string
  from?: string
  before: { effect: string; rule: string }
  after: { effect: string; rule: string }
  assets: number
  sample?: string
}
interface Impact {
  assets: number
  changes: Change[]
  urls?: { stop: string[]; assets: number; presigned_until: string; cached_until: string }
}

const NOW = Date.UTC(2126, 0, 1)
let system: System
let send: Send
let key: string
const assets: string[] = []

const admin = (method: string, path: string, body?: object) =>
  send(method, path, { key: ADMIN_KEY, headers: { 'If-Match': '*' }, ...(body && { body }) })
const make = (path: string, body: object) => send('PUT', path, { key: ADMIN_KEY, body })
const GRANT = '/v1/collections/words/grants/press'
const grantOf = (asset: string): string => `/v1/assets/${asset}/grants/press`
const TRY = '?validate_only=true'

beforeAll(async () => {
  system = await startSystem({ worker: false, clock: { now: () => NOW } })
  send = await openClient(system)
  for (const product of ['owner', 'press']) await make(`/v1/products/${product}`, { display_name: product })
  key = (
    await expectJson<{ secret: string }>(send('POST', '/v1/products/press/keys', { key: ADMIN_KEY, body: {} }), 201)
  ).secret
  await expectJson(make('/v1/collections/words', { owner: 'owner' }), 201)
  for (const type of ['text/plain', 'text/plain', 'text/csv']) {
    const body = new TextEncoder().encode(crypto.randomUUID())
    const upload = { key: ADMIN_KEY, body, headers: { 'Content-Type': type } }
    assets.push((await expectJson<{ asset: string }>(send('POST', '/v1/assets?collection=words', upload), 201)).asset)
  }
})
afterAll(() => system.close())
beforeEach(async () => {
  await make(GRANT, { role: 'reader' })
  for (const asset of assets) await admin('DELETE', grantOf(asset))
})

const impactOf = async (answer: Promise<Response>): Promise<Impact> =>
  (await expectJson<{ impact: Impact }>(answer, 200)).impact
const tried = (edge: object, path = GRANT): Promise<Impact> => impactOf(make(`${path}${TRY}`, edge))
/** `lost read 3: allow role:reader -> hide no-grant` */
const lines = ({ changes }: Impact): string[] =>
  changes.map(
    ({ who, action, access, from, before, after, assets: count }) =>
      `${who} ${access} ${action}${from ? ` ${from}` : ''} ${count}: ${before.rule} > ${after.rule}`,
  )

test('taking a grant back says what is lost, which URLs stop and when the last of them has ended', async () => {
  let impact: Impact | undefined
  await leavesNothing(system, async () => {
    impact = await impactOf(admin('DELETE', `${GRANT}${TRY}`))
  })
  expect(impact?.assets).toBe(3)
  expect(lines(impact!)).toEqual(
    expect.arrayContaining([
      'product lost resolve 3: role:reader > no-grant',
      'product lost read 3: role:reader > no-grant',
    ]),
  )
  expect(impact?.changes.map(({ access }) => access)).not.toContain('gained')
  const { presignSeconds, presignWindowSeconds } = system.config
  expect(impact?.urls).toMatchObject({
    stop: ['/i/press/{asset}/', '/v1/products/press/assets/{asset}/renditions/'],
    assets: 3,
  })
  const until = Date.parse(impact?.urls?.presigned_until ?? '')
  expect(until).toBeGreaterThanOrEqual(NOW + presignSeconds * 1000)
  expect(until).toBeLessThanOrEqual(NOW + (presignSeconds + 2 * presignWindowSeconds) * 1000)
  expect((await send('GET', `/v1/assets/${assets[0]}`, { key })).status).toBe(200)
  const done = await admin('DELETE', GRANT)
  expect([done.status, done.headers.get('matrix-max-exposure-until')]).toEqual([204, impact?.urls?.presigned_until])
  expect((await send('GET', `/v1/assets/${assets[0]}`, { key })).status).toBe(404)
})

describe('a change', () => {
  test('of nothing that decides touches nobody', async () => {
    expect(await tried({ role: 'reader', delivery: 'stream', private_metadata: true })).toEqual({
      assets: 3,
      changes: [],
    })
  })

  test('of the role, to a wider one and to the public', async () => {
    const impact = await tried({ role: 'editor', original_access: true, visibility: 'public' })
    expect(lines(impact)).toEqual(
      expect.arrayContaining([
        'product gained original 3: originals-closed > role:editor',
        'product gained write 3: reader-never-mutates > role:editor',
        'product gained publish 3: reader-never-mutates > role:editor',
        'public gained resolve 3: anonymous > public-edge',
      ]),
    )
    expect(impact.urls).toBeUndefined()
  })

  test('of conditions counts the assets that they part', async () => {
    const impact = await tried({ role: 'reader', conditions: { media_types: ['text/plain'] } })
    expect(lines(impact)).toContain('product lost resolve 1: role:reader > media-type-outside')
    expect(impact.changes[0]?.sample).toBe(assets[2])
  })

  test('of networks: who is inside keeps what those elsewhere lose', async () => {
    const impact = await tried({ role: 'reader', conditions: { networks: ['10.0.0.0/8'] } })
    expect(impact.changes.map(({ from }) => from)).not.toContain('inside')
    expect(lines(impact)).toContain('product lost resolve elsewhere 3: role:reader > network-outside')
  })

  test('of the time', async () => {
    expect(lines(await tried({ role: 'reader', expires_at: new Date(NOW).toISOString() }))).toContain(
      'product lost read 3: role:reader > grant-expired',
    )
    expect(lines(await tried({ role: 'reader', not_before: new Date(NOW + 1).toISOString() }))).toContain(
      'product lost read 3: role:reader > grant-not-begun',
    )
  })

  test('heeds what was said of single assets', async () => {
    await expectJson(make(grantOf(assets[0]!), { role: 'editor' }), 201)
    expect(lines(await impactOf(admin('DELETE', `${GRANT}${TRY}`)))).toContain(
      'product lost read 2: role:reader > no-grant',
    )
  })

  test('of a single asset touches that one', async () => {
    const impact = await tried({ role: 'none' }, grantOf(assets[1]!))
    expect(impact).toMatchObject({
      assets: 1,
      urls: { stop: [`/i/press/${assets[1]}/`, expect.any(String)], assets: 1 },
    })
    expect(lines(impact)).toContain('product lost read 1: role:reader > asset-withheld')
    await expectJson(make(grantOf(assets[1]!), { role: 'none' }), 201)
    const back = await impactOf(admin('DELETE', `${grantOf(assets[1]!)}${TRY}`))
    expect(lines(back)).toContain('product gained read 1: asset-withheld > role:reader')
  })

  test('of the owner', async () => {
    const impact = await impactOf(make(`/v1/collections/words${TRY}`, { owner: 'press' }))
    expect(lines(impact)).toEqual(
      expect.arrayContaining(['product gained publish 3: reader-never-mutates > role:owner']),
    )
    expect(lines(await impactOf(make(`/v1/collections/words${TRY}`, { owner: 'owner' })))).toEqual([])
  })
})
