/** Two majors of one event: who reads the one and who reads the other are told the same fact, each in its own shape. */
import { type Schema, Validator } from '@cfworker/json-schema'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Envelope } from '../../src/events/envelope.ts'
import { openRelay } from '../../src/events/relay.ts'
import { startTelling } from '../../src/events/start-telling.ts'
import { takeSubscriptions } from '../../src/manifest/carrying.ts'
import { appendFacts, sequenceEvents } from '../../src/manifest/events.ts'
import { streamKey } from '../../src/model/event-streams.ts'
import { newId } from '../../src/model/ids.ts'
import { type AnyEvent, type Client, createClient, createConsumer, memoryInbox } from '../../src/sdk/index.ts'
import type { EventStreams } from '../../src/streams/streams.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send } from '../support/http.ts'
import { openReceiver, type Receiver } from '../support/receiver.ts'
import { findRedis, startRedis, type TestRedis } from '../support/redis.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const binary = await findRedis()
const FIRST = 'asset.version_failed'
const SECOND = 'asset.version_failed.v2'
const WIRE = { [FIRST]: `io.matrix.${FIRST}.v1`, [SECOND]: `io.matrix.${SECOND}` }

let redis: TestRedis | undefined
let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let client: Client
let telling: ReturnType<typeof startTelling>
const opened: Receiver[] = []

beforeAll(async () => {
  redis = 'missing' in binary ? undefined : await startRedis(binary)
  const env = { WEBHOOK_ALLOW: '127.0.0.1', ...(redis && { REDIS_URL: redis.url }) }
  system = await startSystem({ worker: false, env })
  send = await openClient(system)
  socket = await openSocketClient(system)
  client = createClient({ baseUrl: socket.address, key: ADMIN_KEY })
  telling = startTelling(system.gateway)
})
afterAll(async () => {
  await telling?.stop()
  await Promise.all(opened.map(receiver => receiver.close()))
  await socket?.close()
  await system?.close()
  await redis?.remove()
})

const subscribe = async (types?: readonly string[]): Promise<Receiver & { readonly id: string }> => {
  const hook = await openReceiver()
  opened.push(hook)
  const body = { url: hook.url, ...(types && { types }) }
  const { id } = await expectJson<{ id: string }>(send('POST', '/v1/subscriptions', { key: ADMIN_KEY, body }), 201)
  return { ...hook, id }
}
const uploaded = async (): Promise<string> => {
  const bytes = new TextEncoder().encode(crypto.randomUUID())
  const { asset } = await system.upload(bytes, 'collection=product-photo')
  return asset
}
const broken = (product: string) => ({
  ...{ product, rendition: 'card', format: 'jpeg', node: null, state: 'REFUSED', code: 'too-costly' },
})
const FAILED = [broken('shop-web'), broken('mobile'), { code: 'infected', signature: 'Eicar' }]
const NAMED = [
  { cause: 'rendition-failed', ...broken('shop-web') },
  { cause: 'rendition-failed', ...broken('mobile') },
  { cause: 'infected', signature: 'Eicar' },
]
/** What a gate or a scan says. */
const fail = async (): Promise<string> => {
  const asset = await uploaded()
  const data = { asset, version: 1, failed: NAMED } as never
  const cause = { actor: 'test', correlationId: 'test' }
  await system.core.database.transaction(tx =>
    appendFacts(tx, { tenant: 'demo', asset, cause, facts: [{ type: FIRST, data }] }),
  )
  await sequenceEvents(system.core.database)
  return asset
}
const BEFORE = {
  name: 'test_as_the_release_before',
  text: `with taken as (update asset set next_event_no = next_event_no + 1 where tenant_id = 'demo' and asset_id = $2 returning next_event_no - 1 as no)
         insert into event (event_id, tenant_id, type, asset_id, asset_event_no, data, actor, correlation_id)
         select $1, 'demo', '${FIRST}', $2, taken.no, $3, 'test', 'test' from taken`,
}
/** By a process that knows one major alone, and none of their columns. */
const failAsBefore = async (): Promise<string> => {
  const asset = await uploaded()
  const data = JSON.stringify({ asset, version: 1, failed: FAILED })
  await system.core.database.rows(BEFORE, [newId(), asset, data])
  await sequenceEvents(system.core.database)
  return asset
}
const page = async (asset: string, types: string, key = ADMIN_KEY): Promise<readonly Envelope[]> => {
  const path = `/v1/events?subject=assets/${asset}&limit=500&types=${types}`
  return (await expectJson<{ items: Envelope[] }>(send('GET', path, { key }), 200)).items
}
const shapeOf = ({ type, data }: { type: string; data: { failed?: unknown } }) => [type, data.failed]
const about = ({ heard }: Receiver, asset: string) =>
  heard.map(({ event }) => event).filter(({ subject, type }) => subject === `assets/${asset}` && type.includes(FIRST))

describe.each([
  ['this release', fail],
  ['the release before', failAsBefore],
])('a fact of %s', (_, make) => {
  test('is told by webhook, page and stream to each in the major that it asks for, under one id', async () => {
    const hooks = await Promise.all([subscribe([FIRST]), subscribe([SECOND, 'asset.created']), subscribe()])
    const stop = new AbortController()
    const { head } = await expectJson<{ head: number }>(send('GET', '/v1/events?limit=1', { key: ADMIN_KEY }), 200)
    const streams = ([FIRST, SECOND] as const).map(type =>
      client.stream({ after: head, types: [type], signal: stop.signal }),
    )
    const asset = await make()
    await until('each receiver has been told', () => hooks.every(hook => about(hook, asset).length > 0))

    const [first, second] = await Promise.all([page(asset, FIRST), page(asset, SECOND)])
    expect(first.map(shapeOf)).toEqual([[WIRE[FIRST], FAILED]])
    expect(second.map(shapeOf)).toEqual([[WIRE[SECOND], NAMED]])
    expect(second.map(({ id, sequence }) => [id, sequence])).toEqual(first.map(({ id, sequence }) => [id, sequence]))
    expect(hooks.map(hook => about(hook, asset))).toEqual([first, second, first])
    const one = (query: string) => send('GET', `/v1/events/${first[0]?.id}${query}`, { key: ADMIN_KEY })
    for (const [query, event] of [
      ['', first[0]],
      ['?major=1', first[0]],
      ['?major=2', second[0]],
    ] as const)
      expect(await expectJson(one(query), 200)).toEqual(event)
    await expectRefusal(one('?major=3'), 404, 'not-found')
    await expectRefusal(one('?major=0'), 400, 'invalid-request')
    const streamed = await Promise.all(streams.map(async stream => (await stream.next()).value))
    expect(streamed).toEqual([first[0], second[0]])
    stop.abort()

    for (const { dataschema, data, type } of [...first, ...second]) {
      expect(dataschema).toMatch(type === WIRE[SECOND] ? /\/2\.\d+\.0$/ : /\/1\.\d+\.0$/)
      const schema = (await (await system.app.request(new URL(dataschema).pathname)).json()) as Schema
      expect(new Validator(schema, '2020-12', false).validate(data).errors).toEqual([])
    }
  })

  test('a product is named its own renditions in both', async () => {
    const asset = await make()
    const key = system.keys['shop-web']
    expect((await page(asset, FIRST, key)).map(({ data }) => data.failed)).toEqual([[FAILED[0], FAILED[2]]])
    expect((await page(asset, SECOND, key)).map(({ data }) => data.failed)).toEqual([[NAMED[0], NAMED[2]]])
  })

  test.skipIf('missing' in binary)('is one entry of a stream of Redis, with both', async () => {
    const asset = await make()
    await openRelay({ ...system.core, streams: system.core.streams as EventStreams }).carry()
    const reader = new Redis(redis?.url ?? '')
    const entries = (await reader.xrange(streamKey('assets'), '-', '+')) as [string, string[]][]
    reader.disconnect()
    const [fields, ...more] = entries
      .map(([, fields]) => fields)
      .filter(([, body = '']) => body.includes(asset) && body.includes(FIRST))
    expect(more).toEqual([])
    const [first, second] = await Promise.all([page(asset, FIRST), page(asset, SECOND)])
    for (const [types, event] of [
      [[FIRST], first],
      [[SECOND], second],
      [[FIRST, SECOND], second],
    ] as const) {
      const heard: AnyEvent[] = []
      const on = Object.fromEntries(types.map(type => [type, (told: AnyEvent) => void heard.push(told)]))
      const consumer = createConsumer({ group: 'stream', inbox: memoryInbox(), on })
      expect(await consumer.entry(fields ?? [])).toBe('done')
      expect(heard).toEqual(event)
    }
    expect(fields?.filter((_, place) => place % 2 === 0)).toEqual(['e', 't', 's', 'p', 'e2'])
    expect(fields?.slice(2, 8)).toEqual(['t', WIRE[FIRST], 's', `assets/${asset}`, 'p', asset])
    expect([fields?.[1], fields?.[9]].map(body => JSON.parse(body ?? ''))).toEqual([first[0], second[0]])
  })
})

test('what is told again comes in the major that the subscription asks for', async () => {
  const asset = await fail()
  const [second, all] = await Promise.all([subscribe([SECOND]), subscribe()])
  const again = (id: string, types: readonly string[]) =>
    expectJson(
      send('POST', `/v1/subscriptions/${id}/replay`, {
        key: ADMIN_KEY,
        body: { from_seq: 1, types, subject: `assets/${asset}` },
      }),
      202,
    )
  await again(second.id, [FIRST])
  await again(all.id, [SECOND])
  await until('both are told', () => [second, all].every(hook => about(hook, asset).length > 0))
  for (const hook of [second, all]) expect(about(hook, asset).map(shapeOf)).toEqual([[WIRE[SECOND], NAMED]])
  const path = `/v1/subscriptions/${second.id}/deliveries`
  const { items } = await expectJson<{ items: { type: string }[] }>(send('GET', path, { key: ADMIN_KEY }), 200)
  expect(items.map(({ type }) => type)).toEqual([WIRE[SECOND]])
})

test('a consumer that knows both takes a fact once, in whichever it comes first', async () => {
  const heard: unknown[] = []
  const hear = (event: AnyEvent) => void heard.push(shapeOf(event))
  const consumer = createConsumer({
    group: 'both',
    inbox: memoryInbox(),
    on: {
      [FIRST]: event => hear(event),
      [SECOND]: event => {
        expect(event.data.failed.map(({ cause }) => cause)).toEqual(NAMED.map(({ cause }) => cause))
        hear(event)
      },
    },
  })
  const [one, other] = [await fail(), await fail()]
  for (const event of [...(await page(one, FIRST)), ...(await page(other, SECOND))])
    expect(await consumer.handle(event as AnyEvent)).toBe('done')
  for (const event of [...(await page(one, SECOND)), ...(await page(other, FIRST))])
    expect(await consumer.handle(event as AnyEvent)).toBe('duplicate')
  expect(heard).toEqual([
    [WIRE[FIRST], FAILED],
    [WIRE[SECOND], NAMED],
  ])
})

test('nobody is told an event in two majors, or in one that it has not', async () => {
  for (const types of [`${FIRST},${SECOND}`, 'asset.version_failed.v3', 'asset.published.v2', 'asset.published.v1']) {
    for (const path of ['/v1/events', '/v1/events/stream'])
      await expectRefusal(send('GET', `${path}?types=${types}`, { key: ADMIN_KEY }), 400, 'invalid-request')
    const body = { url: 'http://127.0.0.1:9/hook', types: types.split(',') }
    await expectRefusal(send('POST', '/v1/subscriptions', { key: ADMIN_KEY, body }), 422, 'contract-violation')
  }
})

test('a subscription of what only a newer release knows is left to that', async () => {
  const hook = await subscribe([SECOND])
  await telling.stop()
  const { database } = system.core
  const ask = {
    name: 'test_newer',
    text: `update subscription set types = $2 where subscription_id = $1 returning cursor_seq as cursor`,
  }
  const now = { name: 'test_cursor', text: 'select cursor_seq as cursor from subscription where subscription_id = $1' }
  const [before] = await database.rows(ask, [hook.id, ['asset.version_failed.v7']])
  await fail()
  const taken = await takeSubscriptions(database, { carrier: newId(), leaseMs: 1, limit: 100 })
  expect(taken.length).toBeGreaterThan(0)
  expect(taken.map(({ id }) => id)).not.toContain(hook.id)
  expect(await database.rows(now, [hook.id])).toEqual([before])
})

test('a major that is to go says so: where it was asked for by name, and where contracts are listed', async () => {
  const headersOf = async (path: string) => {
    const stop = new AbortController()
    const headers = { Authorization: `Bearer ${ADMIN_KEY}` }
    const response = await fetch(`${socket.address}${path}`, { headers, signal: stop.signal })
    expect(response.status).toBe(200)
    stop.abort()
    return [response.headers.get('deprecation'), response.headers.get('sunset')]
  }
  for (const path of ['/v1/events', '/v1/events/stream']) {
    expect(await headersOf(`${path}?types=asset.published,${FIRST}`)).toEqual([
      `@${Date.UTC(2026, 10, 22) / 1000}`,
      'Mon, 22 Nov 2027 00:00:00 GMT',
    ])
    for (const query of [`?types=${SECOND}`, '?types=asset.published', ''])
      expect(await headersOf(`${path}${query}`)).toEqual([null, null])
  }
  const deprecated = [{ major: 1, since: '2026-11-22T00:00:00.000Z', sunset: '2027-11-22T00:00:00.000Z' }]
  const one = await expectJson<object>(send('GET', `/v1/contracts/${FIRST}`), 200)
  expect(one).toMatchObject({ deprecated, versions: ['1.0.0', '2.0.0'] })
  const { items } = await expectJson<{ items: { subject: string; deprecated?: object }[] }>(
    send('GET', '/v1/contracts'),
    200,
  )
  expect(items.filter(item => item.deprecated).map(({ subject }) => subject)).toEqual([FIRST])
  const asyncApi = await expectJson<{ components: { messages: Record<string, { payload: object }> } }>(
    send('GET', '/asyncapi.json'),
    200,
  )
  const { messages } = asyncApi.components
  expect(messages[`${FIRST}.v1`]?.payload).toMatchObject({ deprecated: true, 'x-sunset': '2027-11-22T00:00:00.000Z' })
  expect(messages[SECOND]?.payload).not.toHaveProperty('deprecated')
})

test('who reads which major is known, by name and by subject', async () => {
  const key = system.keys['shop-web']
  const reads = (name: string, property: object) =>
    send('PUT', `/v1/products/shop-web/contracts/${name}`, {
      key,
      body: { schema: { type: 'object', properties: { failed: property }, required: ['failed'] } },
    })
  const causes = { type: 'array', items: { type: 'object', required: ['cause'] } }
  await expectRefusal(reads(FIRST, causes), 409, 'contract-incompatible')
  await expectRefusal(reads('asset.version_failed.v1', {}), 404, 'not-found')
  await expectRefusal(reads('asset.version_failed.v3', {}), 404, 'not-found')
  await expectJson(reads(FIRST, { type: 'array' }), 200)
  expect(await expectJson(reads(SECOND, causes), 200)).toMatchObject({ subject: SECOND })
  const own = await expectJson<{ id: string }>(
    send('POST', '/v1/subscriptions', { key, body: { url: 'http://127.0.0.1:9/hook', types: [SECOND] } }),
    201,
  )
  const listed = async (name: string) =>
    (
      await expectJson<{ items: { product?: string; subscription?: string; major: number; reads: string }[] }>(
        send('GET', `/v1/contracts/${name}/consumers`, { key: ADMIN_KEY }),
        200,
      )
    ).items.filter(({ product }) => product === 'shop-web')
  const second = [
    { product: 'shop-web', major: 2, reads: 'registered' },
    { product: 'shop-web', subscription: own.id, major: 2, reads: 'registered' },
  ]
  expect(await listed(FIRST)).toEqual([{ product: 'shop-web', major: 1, reads: 'registered' }, ...second])
  expect(await listed(SECOND)).toEqual(second)

  // What would become of one major is asked of those who read that.
  const check = (subject: string) =>
    expectJson<{ breaks: { pointer: string; consumers: string[] }[] }>(
      send('POST', '/v1/contracts/check', { key, body: { subject, schema: { type: 'object' } } }),
      200,
    )
  const brokenBy = async (name: string, pointer: string) =>
    (await check(name)).breaks.find(one => one.pointer === pointer)?.consumers
  expect(await brokenBy(FIRST, '/failed')).toEqual(['shop-web'])
  expect(await brokenBy(SECOND, '/failed')).toEqual(['shop-web'])
  const gone = send('DELETE', `/v1/products/shop-web/contracts/${FIRST}`, { key, headers: { 'If-Match': '*' } })
  expect((await gone).status).toBe(204)
  expect(await brokenBy(FIRST, '/failed')).toEqual([])
  expect(await brokenBy(SECOND, '/failed')).toEqual(['shop-web'])
})
