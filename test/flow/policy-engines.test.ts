/** A whole gateway with both engines behind its matrix: asked wherever something is allowed, and closed when they do not answer. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Step } from '../../src/policy/decide.ts'
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
import { startOpa } from '../support/opa.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let folder: string
let opa: Awaited<ReturnType<typeof startOpa>>
let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
let aheadMs = 0

const owner = () => system.keys['shop-web']
const admin = (method: string, path: string, body?: object) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers: { 'If-Match': '*' } })
const label = (...labels: string[]) => expectJson(admin('PATCH', `/v1/assets/${asset}`, { labels }), 200)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-policies-'))
  await writeFile(
    join(folder, 'closed.cedar'),
    `@id("closed") forbid (principal, action, resource is Asset) when { resource.labels.contains("closed") }
     unless { principal.scopes.contains("matrix:admin") && [Action::"write", Action::"read"].contains(action) };
     @id("no-thumbs") forbid (principal, action, resource) when { context has rendition && context.rendition == "thumb" };`,
  )
  opa = await startOpa(() => true)
  system = await startSystem({
    env: { POLICY_CEDAR: folder, POLICY_OPA_URL: opa.url, POLICY_OPA_MS: '5000' },
    clock: { now: () => Date.now() + aheadMs },
  })
  send = await openClient(system)
  socket = await openSocketClient(system)
  const edge = { role: 'owner', original_access: true, visibility: 'public' }
  await expectJson(admin('PUT', '/v1/collections/product-photo/grants/shop-web', edge), 200)
  asset = (await system.upload(await photo({ width: 300, height: 200 }))).asset
  await settled(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
  await opa.close()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  opa.decide(() => true)
  await label()
  opa.asked.length = 0
})

const card = () => `/v1/products/shop-web/assets/${asset}/renditions/card`
const body = () => new TextEncoder().encode(crypto.randomUUID())
const ifMatch = { 'If-Match': '*' }

/** Everything that a product does to an asset. */
const ASSET_REQUESTS: Readonly<Record<string, (ask: Send) => Promise<Response>>> = {
  resolve: ask => ask('GET', card(), { key: owner() }),
  'resolve as a document': ask => ask('GET', card(), { key: owner(), headers: { Accept: 'application/json' } }),
  'the original': ask => ask('GET', `/v1/products/shop-web/assets/${asset}/renditions/original`, { key: owner() }),
  delivery: ask => ask('GET', `/i/shop-web/${asset}/current/card.auto`, { key: owner() }),
  'delivery of a version': ask => ask('GET', `/i/shop-web/${asset}/v1/card.jpg`, { key: owner() }),
  read: ask => ask('GET', `/v1/assets/${asset}`, { key: owner() }),
  versions: ask => ask('GET', `/v1/assets/${asset}/versions`, { key: owner() }),
  completeness: ask => ask('GET', `/v1/assets/${asset}/versions/1/completeness`, { key: owner() }),
  plan: ask => ask('GET', `/v1/assets/${asset}/versions/1/plan`, { key: owner() }),
  'a new version': ask => ask('POST', `/v1/assets/${asset}/versions?publish=manual`, { key: owner(), body: body() }),
  'a change of labels': ask =>
    ask('PATCH', `/v1/assets/${asset}`, { key: owner(), body: { labels: ['open'] }, headers: ifMatch }),
  publish: ask => ask('POST', `/v1/assets/${asset}/publish`, { key: owner(), body: { version: 1 }, headers: ifMatch }),
  rollback: ask => ask('POST', `/v1/assets/${asset}/rollback`, { key: owner(), body: { to: 1 }, headers: ifMatch }),
  archive: ask => ask('POST', `/v1/assets/${asset}/archive`, { key: owner(), headers: ifMatch }),
  restore: ask => ask('POST', `/v1/assets/${asset}/restore`, { key: owner(), headers: ifMatch }),
}
/** And to a collection. */
const COLLECTION_REQUESTS: Readonly<Record<string, (ask: Send) => Promise<Response>>> = {
  'an upload': ask => ask('POST', '/v1/assets?collection=product-photo', { key: owner(), body: body() }),
  list: ask => ask('GET', '/v1/assets?collection=product-photo', { key: owner() }),
  'a rendition': ask => ask('GET', '/v1/collections/product-photo/products/shop-web/renditions/card', { key: owner() }),
}

describe('a policy refuses', () => {
  test.each(Object.entries(ASSET_REQUESTS))('%s, in process and through a socket', async (_, request) => {
    await label('closed')
    const asked = opa.asked.length
    for (const ask of [send, socket.send]) {
      const problem = await leavesNothing(system, () => expectRefusal(request(ask), 403, 'forbidden'))
      expect(problem.reasons).toEqual(['cedar:closed'])
    }
    // What the first engine refuses is not asked of the second.
    expect(opa.asked).toHaveLength(asked)
  })

  test.each(Object.entries({ ...ASSET_REQUESTS, ...COLLECTION_REQUESTS }))(
    '%s, as the agent says',
    async (name, request) => {
      opa.decide(() => ({ allow: false, reasons: ['night', 'rain'] }))
      const response = await leavesNothing(system, () => request(send))
      const { reasons } = (await response.json()) as { reasons?: unknown }
      // A product that may not read a collection is told nothing of its list and its renditions.
      const isHidden = ['list', 'a rendition'].includes(name)
      expect({ status: response.status, reasons }).toEqual(
        isHidden ? { status: 404, reasons: undefined } : { status: 403, reasons: ['opa:night,rain'] },
      )
      expect(opa.asked.length).toBeGreaterThan(0)
    },
  )

  test('the public hears of what is refused as of what is not there', async () => {
    const anonymous = (ask: Send, id = asset) => ask('GET', `/i/shop-web/${id}/current/card.auto`)
    expect((await anonymous(socket.send)).status).toBe(302)
    await label('closed')
    for (const ask of [send, socket.send]) {
      const [refused, missing] = await Promise.all([
        expectRefusal(anonymous(ask), 404, 'not-found'),
        expectRefusal(anonymous(ask, crypto.randomUUID()), 404, 'not-found'),
      ])
      expect({ ...refused, instance: '' }).toEqual({ ...missing, instance: '' })
    }
  })

  test('an administrator, too', async () => {
    await label('closed')
    const problem = await expectRefusal(send('GET', card(), { key: ADMIN_KEY }), 403, 'forbidden')
    expect(problem.reasons).toEqual(['cedar:closed'])
  })

  test('from the request after the label was set, whatever was answered and kept before', async () => {
    for (let i = 0; i < 3; i++) {
      expect((await socket.send('GET', card(), { key: owner() })).status).toBe(302)
      await label('closed')
      expect((await socket.send('GET', card(), { key: owner() })).status).toBe(403)
      await label()
    }
  })

  test('by what is asked for', async () => {
    const thumb = `/v1/products/shop-web/assets/${asset}/renditions/thumb`
    expect(await expectRefusal(send('GET', thumb, { key: owner() }), 403, 'forbidden')).toMatchObject({
      reasons: ['cedar:no-thumbs'],
    })
  })
})

test('a list leaves out what may not be read, for an administrator as well', async () => {
  const other = (await system.upload(body())).asset
  const listed = async (key: string) => {
    const path = '/v1/assets?collection=product-photo&limit=500'
    const { items } = await expectJson<{ items: { id: string }[] }>(send('GET', path, { key }), 200)
    return items.map(({ id }) => id)
  }
  opa.decide(({ resource }) => resource.id !== asset)
  for (const key of [owner(), ADMIN_KEY]) {
    const ids = await listed(key)
    expect(ids).toContain(other)
    expect(ids).not.toContain(asset)
  }
})

test('the agent is told who asks what about which asset', async () => {
  await label('press')
  opa.asked.length = 0
  await send('GET', card(), { key: owner() })
  expect(opa.asked.map(({ input }) => input)).toMatchObject([
    {
      tenant: 'demo',
      principal: { kind: 'key', product: 'shop-web', scopes: expect.arrayContaining(['resolve']) },
      action: 'resolve',
      product: 'shop-web',
      resource: { type: 'asset', id: asset, collection: 'product-photo', labels: ['press'], media_type: 'image/jpeg' },
      context: { role: 'owner', rendition: 'card' },
    },
  ])
  expect(opa.asked[0]?.input.principal.id).toMatch(/^key_/)
})

test('explain names the engine and what it said, behind the rules of the matrix', async () => {
  const explain = async () => {
    const path = '/v1/products/shop-web/resolve/explain'
    const { steps, outcome } = await expectJson<{
      outcome: string
      steps: { step: string; result: { rules: Step[] } }[]
    }>(send('POST', path, { key: owner(), body: { asset, rendition: 'card' } }), 200)
    return { outcome, rules: steps.find(({ step }) => step === 'policy')?.result.rules ?? [] }
  }
  const calm = await explain()
  expect(calm.outcome).toMatch(/^ready/)
  expect(calm.rules.slice(-3)).toEqual([
    { rule: 'role:owner', result: 'allow' },
    { rule: 'cedar', result: 'passed' },
    { rule: 'opa', result: 'passed' },
  ])
  await label('closed')
  const strict = await explain()
  expect(strict.outcome).toBe('forbidden')
  expect(strict.rules.at(-1)).toEqual({ rule: 'cedar:closed', result: 'forbid' })
})

test('cases that are put to the live matrix are put to the engines, too', async () => {
  const cases = (expected: object) => ({
    cases: [{ principal: { product: 'shop-web' }, action: 'resolve', asset, expect: expected }],
  })
  const tested = (expected: object) =>
    expectJson<{ passed: number; results: { trail: Step[] }[] }>(admin('POST', '/v1/policy/test', cases(expected)), 200)
  expect(await tested({ effect: 'allow', rule: 'role:owner' })).toMatchObject({ passed: 1 })
  await label('closed')
  const { passed, results } = await tested({ effect: 'forbid', rule: 'cedar:closed' })
  expect(passed).toBe(1)
  expect(results[0]?.trail.at(-1)).toEqual({ rule: 'cedar:closed', result: 'forbid' })
})

describe('without a decision', () => {
  const unanswered = async (response: Response) => {
    const problem = await expectJson(response, 503)
    expect(problem).toMatchObject({ code: 'dependency-unavailable', retryable: true })
    expect(response.headers.get('cache-control')).toBe('no-store')
    return problem
  }
  const ask: Send = (method, path, options) => system.call(method, path, options)

  test.each(Object.entries({ ...ASSET_REQUESTS, ...COLLECTION_REQUESTS }))(
    'nothing is allowed: %s',
    async (_, request) => {
      opa.misbehave(response => response.destroy())
      aheadMs += 60_000 // a breaker that another request opened is closed again
      await leavesNothing(system, async () => unanswered(await request(ask)))
    },
  )

  test('the agent is left alone after some failures, and answers count again when it is back', async () => {
    aheadMs += 60_000
    opa.misbehave(response => response.destroy())
    for (let i = 0; i < 5; i++) await unanswered(await ask('GET', card(), { key: owner() }))
    const state = async () =>
      /circuit_breaker_state\{dependency="opa"\} (\d)/.exec(await (await ask('GET', '/metrics')).text())?.[1]
    expect(await state()).toBe('2')
    const { length } = opa.asked
    const problem = await unanswered(await ask('GET', card(), { key: owner() }))
    expect(problem.retry_after).toBe(5)
    expect(opa.asked).toHaveLength(length)
    opa.decide(() => true)
    aheadMs += 5_000
    for (let i = 0; i < 3; i++) expect((await ask('GET', card(), { key: owner() })).status).toBe(302)
    expect(await state()).toBe('0')
  })

  test('what the matrix refuses is refused as ever', async () => {
    opa.misbehave(response => response.destroy())
    await expectRefusal(ask('GET', card(), { key: system.keys.mobile }), 404, 'not-found')
    expect(opa.asked).toEqual([])
  })
})
