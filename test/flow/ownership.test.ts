/** The matrix as a whole and for one asset, and cases put to it: what is shown is what is decided. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let asset: string
const admin = (method: string, path: string, body?: object) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }) })

const LATER = '2126-01-01T00:00:00.000Z'
const CONDITIONS = { networks: ['10.0.0.0/8'], media_types: ['text/plain'] }

beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  for (const product of ['owner', 'press', 'guest', 'over'])
    await expectJson(admin('PUT', `/v1/products/${product}`, { display_name: product }), 201)
  await expectJson(admin('PUT', '/v1/collections/words', { owner: 'owner' }), 201)
  const grants = {
    press: { role: 'editor', visibility: 'public', conditions: CONDITIONS },
    over: { role: 'reader', expires_at: '2026-01-01T00:00:00.000Z' },
  }
  for (const [product, edge] of Object.entries(grants))
    await expectJson(admin('PUT', `/v1/collections/words/grants/${product}`, edge), 201)
  const upload = await send('POST', '/v1/assets?collection=words', {
    key: ADMIN_KEY,
    body: new TextEncoder().encode('words'),
    headers: { 'Content-Type': 'text/plain' },
  })
  asset = (await expectJson<{ asset: string }>(upload, 201)).asset
  await expectJson(admin('PUT', `/v1/assets/${asset}/grants/guest`, { role: 'reader', not_before: LATER }), 201)
})
afterAll(() => system.close())

interface Row {
  collection: string
  edges: { product: string; holds: string }[]
  single_assets: object[]
}

test('all of it, collection by collection', async () => {
  const { items } = await expectJson<{ items: Row[] }>(admin('GET', '/v1/matrix'), 200)
  expect(items.map(({ collection }) => collection)).toEqual(['avatar', 'product-photo', 'words'])
  const words = items[2]
  expect(words?.edges.map(({ product, holds }) => `${product} ${holds}`)).toEqual([
    'over over',
    'owner now',
    'press now',
  ])
  expect(words?.edges[2]).toMatchObject({ role: 'editor', visibility: 'public', conditions: CONDITIONS })
  expect(words?.single_assets).toEqual([{ product: 'guest', role: 'reader', assets: 1 }])
  const pages: string[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const query = cursor === '' ? '' : `&cursor=${cursor}`
    const page: { items: Row[]; next_cursor?: string } = await expectJson(
      admin('GET', `/v1/matrix?limit=1${query}`),
      200,
    )
    pages.push(...page.items.map(({ collection }) => collection))
    cursor = page.next_cursor
  }
  expect(pages).toEqual(['avatar', 'product-photo', 'words'])
})

test('what it comes to for one asset', async () => {
  const shown = await expectJson<{ cells: { product: string; from: string; holds: string; may: string[] }[] }>(
    admin('GET', `/v1/matrix?asset=${asset}`),
    200,
  )
  expect(shown).toMatchObject({ asset, collection: 'words', media_type: 'text/plain', labels: [] })
  expect(shown.cells.map(({ product, from, holds, may }) => [product, from, holds, may.join(' ')])).toEqual([
    ['guest', 'asset', 'later', ''],
    ['over', 'collection', 'over', ''],
    ['owner', 'collection', 'now', expect.stringMatching(/^resolve original read write publish/)],
    ['press', 'collection', 'now', expect.stringMatching(/^resolve read write publish/)],
  ])
  await expectRefusal(admin('GET', `/v1/matrix?asset=${crypto.randomUUID()}`), 404, 'not-found')
})

describe('cases', () => {
  const put = (cases: object[], edges?: object[]) =>
    admin('POST', '/v1/policy/test', { cases, ...(edges && { edges }) })
  interface Tested {
    passed: number
    failed: number
    results: { effect: string; rule: string; passed: boolean; trail: object[] }[]
  }
  const answers = ({ results }: Tested): string[] => results.map(({ effect, rule }) => `${effect} ${rule}`)

  test('are asked of the live matrix, with what the asset is', async () => {
    const press = { principal: { product: 'press' }, action: 'write', asset, expect: 'allow' }
    const tested = await expectJson<Tested>(
      put([
        { ...press, context: { address: '10.0.0.1' } },
        press,
        {
          ...press,
          context: { address: '10.0.0.1', media_type: 'image/png' },
          expect: { effect: 'hide', rule: 'media-type-outside' },
        },
        {
          ...press,
          principal: { product: 'press', scopes: ['resolve'] },
          context: { address: '10.0.0.1' },
          expect: 'forbid',
        },
        {
          principal: 'anonymous',
          product: 'press',
          action: 'resolve',
          asset,
          context: { address: '10.0.0.1' },
          expect: 'allow',
        },
        { principal: { product: 'guest' }, action: 'read', asset, expect: { effect: 'hide', rule: 'grant-not-begun' } },
        {
          principal: { product: 'guest' },
          action: 'read',
          asset,
          context: { at: '2126-01-02T00:00:00Z' },
          expect: 'allow',
        },
        { principal: { product: 'guest' }, action: 'read', collection: 'words', expect: 'hide' },
        { principal: 'administrator', product: 'guest', action: 'publish', asset, expect: 'allow' },
      ]),
      200,
    )
    expect(answers(tested)).toEqual([
      'allow role:editor',
      'hide network-outside',
      'hide media-type-outside',
      'forbid scope-missing:assets:write',
      'allow public-edge',
      'hide grant-not-begun',
      'allow role:reader',
      'hide no-grant',
      'allow administrator',
    ])
    expect([tested.passed, tested.failed, tested.results[1]?.passed]).toEqual([8, 1, false])
  })

  test('or of edges of their own; nothing is done either way', async () => {
    const one = { principal: { product: 'nobody' }, action: 'resolve', asset: 'a picture', expect: 'allow' }
    const edges = [{ product: 'nobody', collection: 'nowhere', asset: 'a picture', role: 'reader' }]
    await leavesNothing(system, async () => {
      expect(answers(await expectJson<Tested>(put([one], edges), 200))).toEqual(['allow role:reader'])
    })
  })

  test('about what is not there are refused: they would pass for the wrong reason', async () => {
    const one = { principal: { product: 'press' }, action: 'read', expect: 'hide' }
    for (const place of [{ asset: crypto.randomUUID() }, { asset: 'a name' }, { collection: 'nowhere' }])
      await expectRefusal(put([{ ...one, ...place }]), 422, 'contract-violation')
    await expectRefusal(put([{ ...one, principal: { product: 'nobody' }, asset }]), 422, 'contract-violation')
  })
})
