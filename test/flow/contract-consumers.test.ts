/** Products say what they read of a contract, and a change names those whom it would break. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { expectJson, expectRefusal } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Verdict {
  readonly compatible: boolean
  readonly mode: string
  readonly breaks: readonly {
    readonly pointer: string
    readonly rule: string
    readonly versions: readonly string[]
    readonly consumers: readonly string[]
  }[]
}
interface Schema {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, object>>
  readonly required: readonly string[]
}

let system: System
let published: Schema
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WEBHOOK_ALLOW: '127.0.0.1' } })
  published = await expectJson<Schema>(system.app.request('/v1/contracts/asset.published/1.0.0'), 200)
})
afterAll(() => system.close())

const SHOP = '/v1/products/shop-web/contracts/asset.published'
const say = (key: string, path: string, schema: unknown, headers = {}) =>
  system.call('PUT', path, { key, body: { schema }, headers })
const check = (key: string, schema: object, subject = 'asset.published') =>
  expectJson<Verdict>(system.call('POST', '/v1/contracts/check', { key, body: { subject, schema } }), 200)
const without = (name: string): Schema => {
  const { [name]: _, ...properties } = published.properties
  return { ...published, properties, required: published.required.filter(one => one !== name) }
}
const reads = (...names: string[]) => ({
  type: 'object',
  properties: Object.fromEntries(names.map(name => [name, published.properties[name] ?? {}])),
  required: names,
})

/** What is told of it, oldest first. */
const told = async (key: string): Promise<unknown[]> => {
  await sequenceEvents(system.core.database)
  const path = '/v1/events?types=contract.registered&limit=500'
  const { items } = await expectJson<{ items: { subject: string; data: object }[] }>(
    system.call('GET', path, { key }),
    200,
  )
  return items.map(({ subject, data }) => [subject, data])
}

test('what is not written cannot be read, and leaves nothing behind', async () => {
  const { errors } = await expectRefusal(
    say(system.keys['shop-web'], SHOP, {
      type: 'object',
      properties: { version: { type: 'string' } },
      required: ['price'],
    }),
    409,
    'contract-incompatible',
  )
  expect(errors).toEqual([
    { pointer: '/price', rule: 'required', message: 'is not written' },
    { pointer: '/version', rule: 'type', message: 'may be integer where string is expected' },
  ])
  await expectRefusal(system.call('GET', SHOP, { key: system.keys['shop-web'] }), 404, 'not-found')
  expect(await told(ADMIN_KEY)).toEqual([])
})

test.each<[string, unknown]>([
  ['a reference', { properties: { a: { $ref: '#/$defs/a' } } }],
  ['no schema', { properties: { a: 7 } }],
  ['alternatives that are none', { anyOf: 'text' }],
  ['a NUL', { enum: ['\u0000'] }],
  ['too much', { enum: ['x'.repeat(20_000)] }],
  ['too deep', JSON.parse(`${'{"not":'.repeat(2_000)}{}${'}'.repeat(2_000)}`)],
  ['too many', { anyOf: Array.from({ length: 600 }, () => true) }],
])('%s is refused', async (_name, schema) => {
  await expectRefusal(say(system.keys['shop-web'], SHOP, schema), 422, 'contract-violation')
})

test('what has too many alternatives is refused, and tried, without being compared to the end', async () => {
  const schema = Array.from({ length: 18 }).reduce<object>(inner => ({ anyOf: [{}, {}, {}], oneOf: [inner] }), {})
  const message = 'has too many alternatives to be compared'
  const path = '/v1/products/shop-web/contracts/get-v1-events.request'
  const { errors } = await expectRefusal(say(system.keys['shop-web'], path, schema), 409, 'contract-incompatible')
  expect(errors).toEqual([{ pointer: '', rule: 'unsupported', message }])
  const { breaks } = await check(system.keys['shop-web'], schema)
  expect(breaks).toEqual([{ pointer: '', rule: 'unsupported', message, versions: ['1.0.0'], consumers: [] }])
})

test('what a product needs is said, changed under a condition, tried, and taken back', async () => {
  const key = system.keys['shop-web']
  const said = await say(key, SHOP, { ...reads('publication', 'digest'), description: 'What we read' })
  const etag = said.headers.get('etag') ?? ''
  expect(await expectJson(said, 200)).toMatchObject({
    product: 'shop-web',
    subject: 'asset.published',
    schema: reads('publication', 'digest'),
  })
  await expectJson(say(key, `${SHOP}?validate_only=true`, reads('asset')), 200)
  await expectRefusal(say(key, SHOP, reads('asset'), { 'If-Match': '"other"' }), 412, 'precondition-failed')
  const shown = await system.call('GET', SHOP, { key, headers: { 'If-None-Match': etag } })
  expect(shown.status).toBe(304)
  await expectRefusal(system.call('GET', SHOP, { key: system.keys.mobile }), 404, 'not-found')
  const list = await expectJson<{ items: object[] }>(
    system.call('GET', '/v1/products/shop-web/contracts', { key }),
    200,
  )
  expect(list.items).toHaveLength(1)
})

test('that is told once for each thing that is said, to the product and to administrators', async () => {
  const key = system.keys['shop-web']
  const before = await told(ADMIN_KEY)
  const data = { product: 'shop-web', subject: 'asset.published', version: '1.0.0' }
  expect(before).toEqual([['products/shop-web/contracts/asset.published', data]])
  // The same once more, as a deployment says it with each start.
  await expectJson(say(key, SHOP, reads('publication', 'digest')), 200)
  expect(await told(ADMIN_KEY)).toEqual(before)
  await expectJson(say(key, SHOP, reads('publication')), 200)
  expect(await told(ADMIN_KEY)).toEqual([...before, ...before])
  await expectJson(say(ADMIN_KEY, SHOP, reads('publication', 'digest')), 200)
  expect(await told(key)).toEqual([...before, ...before, ...before])
  expect(await told(system.keys.mobile)).toEqual([])
})

test('a change names those whom it would break: by what they said, or by what they are told', async () => {
  const subscribe = (key: string, types?: string[]) =>
    expectJson(
      system.call('POST', '/v1/subscriptions', {
        key,
        body: { url: 'http://127.0.0.1:9/hook', ...(types && { types }) },
        headers: { 'Idempotency-Key': crypto.randomUUID() },
      }),
      201,
    )
  await subscribe(system.keys['shop-web'], ['asset.published'])
  await subscribe(system.keys.mobile)
  await subscribe(system.keys['partner-api'], ['asset.erased'])

  expect(await check(ADMIN_KEY, published)).toEqual({ compatible: true, mode: 'FULL_TRANSITIVE', breaks: [] })
  const optional = { ...published, properties: { ...published.properties, note: { type: 'string' } } }
  expect(await check(ADMIN_KEY, optional)).toMatchObject({ compatible: true })

  // The shop has said that it reads the digest, and not the reason.
  const { breaks, compatible } = await check(ADMIN_KEY, without('digest'))
  expect(compatible).toBe(false)
  expect(breaks).toMatchObject([
    { pointer: '/digest', rule: 'required', versions: ['1.0.0'], consumers: ['mobile', 'shop-web'] },
  ])
  const reason = await check(ADMIN_KEY, without('reason'))
  expect(reason.breaks).toMatchObject([{ pointer: '/reason', rule: 'required', consumers: ['mobile'] }])

  // Each is told of itself alone.
  expect((await check(system.keys['shop-web'], without('digest'))).breaks[0]?.consumers).toEqual(['shop-web'])
  expect((await check(system.keys['partner-api'], without('digest'))).breaks[0]?.consumers).toEqual([])

  const path = '/v1/contracts/asset.published/consumers'
  const { items } = await expectJson<{ items: object[] }>(system.call('GET', path, { key: ADMIN_KEY }), 200)
  expect(items).toEqual([
    { product: 'shop-web', major: 1, reads: 'registered' },
    { product: 'shop-web', subscription: expect.stringMatching(/^sub_/), major: 1, reads: 'registered' },
    { product: 'mobile', subscription: expect.stringMatching(/^sub_/), major: 1, reads: 'all' },
  ])
})

test('of requests a product says what it sends, and of answers what it reads', async () => {
  const at = (subject: string) => `/v1/products/mobile/contracts/${subject}`
  const key = system.keys.mobile
  const sends = (kind: object) => ({
    type: 'object',
    properties: { query: { type: 'object', properties: { kind } } },
  })
  const list = at('get-v1-contracts.request')
  const { errors } = await expectRefusal(say(key, list, sends({ type: 'string' })), 409, 'contract-incompatible')
  expect(errors).toEqual([{ pointer: '/query/kind', rule: 'enum', message: 'may be anything' }])
  await expectJson(say(key, list, sends({ enum: ['event', 'request'] })), 200)
  await expectRefusal(say(key, at('asset.unknown'), {}), 404, 'not-found')

  const answer = await expectJson<Schema>(
    system.app.request('/v1/contracts/get-v1-contracts-subject.response/1.0.0'),
    200,
  )
  const wider = structuredClone(answer) as { properties: Record<string, { required: string[] }> }
  wider.properties['200']?.required.splice(0)
  expect(await check(key, wider, 'get-v1-contracts-subject.response')).toMatchObject({
    mode: 'FORWARD_TRANSITIVE',
    compatible: false,
  })
})

test('and it is taken back', async () => {
  const key = system.keys['shop-web']
  await expectRefusal(system.call('DELETE', SHOP, { key }), 428, 'precondition-required')
  const gone = await system.call('DELETE', SHOP, { key, headers: { 'If-Match': '*' } })
  expect(gone.status).toBe(204)
  expect((await check(ADMIN_KEY, without('reason'))).breaks[0]?.consumers).toEqual(['shop-web', 'mobile'])
})
