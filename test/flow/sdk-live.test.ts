/** Consumers of the SDK on a gateway, by each of its ways out; and its events in the envelopes of others, judged by their own schemas. */
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { startTelling } from '../../src/events/start-telling.ts'
import { type Repeated, repeat } from '../../src/lib/repeat.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import {
  type AnyEvent,
  type Client,
  createClient,
  createConsumer,
  type Inbox,
  memoryInbox,
  toAssetMutationEvent,
  toDomainEvent,
  toEventEnvelope,
} from '../../src/sdk/index.ts'
import { openSocketClient } from '../support/http.ts'
import { openHttp } from '../support/sources.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let client: Client
let telling: ReturnType<typeof startTelling>
let numbering: Repeated<unknown>

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WEBHOOK_ALLOW: '127.0.0.1' } })
  socket = await openSocketClient(system)
  client = createClient({ baseUrl: socket.address, key: system.keys['shop-web'], product: 'shop-web' })
  telling = startTelling(system.gateway)
  numbering = repeat(() => sequenceEvents(system.core.database), { everyMs: 50, onError: () => undefined })
})
afterAll(async () => {
  await numbering.stop()
  await telling.stop()
  await socket.close()
  await system.close()
})

/** A text is published as it comes; each change of its labels is one event more. */
const upload = async (): Promise<string> => {
  const content = new Blob([crypto.randomUUID()], { type: 'text/plain' })
  return (await client.upload(content, { collection: 'product-photo' })).asset
}
const change = (asset: string, label: string) => client.change(asset, { labels: [label] }, { ifMatch: '*' })

type Seen = Map<string, unknown[]>
const collector = (inbox: Inbox<undefined> = memoryInbox(), seen: Seen = new Map()) => {
  const keep = (event: { readonly partitionkey?: string; readonly data: object }): void => {
    const of = event.partitionkey ?? ''
    seen.set(of, [...(seen.get(of) ?? []), (event.data as { asset_event_no: number }).asset_event_no])
  }
  const on = {
    'asset.created': keep,
    'asset.version_created': keep,
    'asset.version_ready': keep,
    'asset.published': keep,
    'asset.metadata_changed': keep,
  }
  return { consumer: createConsumer({ group: 'copy', inbox, on }), inbox, seen }
}
const running = (run: (signal: AbortSignal) => Promise<void>) => {
  const stop = new AbortController()
  const done = run(stop.signal).catch((error: Error) => error.message)
  return async () => {
    stop.abort(new Error('stopped'))
    expect(await done).toBe('stopped')
  }
}

test.each<[string, (one: ReturnType<typeof collector>, signal: AbortSignal) => Promise<void>]>([
  ['pages', ({ consumer }, signal) => consumer.followPages(client, { signal, everyMs: 100 })],
  ['the stream', ({ consumer }, signal) => consumer.followStream(client, { signal })],
])('by %s: all of it in order, and on from there after a stop', async (_, follow) => {
  const assets = await Promise.all([upload(), upload()])
  const first = collector()
  const end = running(signal => follow(first, signal))
  await until('it is told', async () => assets.every(asset => (first.seen.get(asset)?.length ?? 0) >= 4))
  await end()
  // What happens while nobody listens is told to whoever goes on.
  const [asset = ''] = assets
  for (const label of ['one', 'two', 'three']) await change(asset, label)
  const second = collector(first.inbox, first.seen)
  const endAgain = running(signal => follow(second, signal))
  await until('it goes on', async () => (first.seen.get(asset)?.length ?? 0) >= 7)
  await endAgain()
  for (const one of assets) {
    const numbers = first.seen.get(one) ?? []
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  }
})

test('by webhook: what the gateway tells is believed, and taken once', async () => {
  const { consumer, seen } = collector()
  let answer: (request: Request) => Promise<Response> = async () => new Response(null, { status: 503 })
  const server = await openHttp((request, response) => {
    const headers = new Headers(request.headers as Record<string, string>)
    const body = Readable.toWeb(request) as ReadableStream
    const asked = new Request('http://shop.example/', { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
    void answer(asked).then(({ status }) => response.writeHead(status).end())
  })
  const url = `http://127.0.0.1:${server.port}/hook`
  const { id, secret = '' } = await client.subscriptions.create({ url })
  answer = consumer.webhook(secret)
  const asset = await upload()
  await change(asset, 'told')
  await until('it is told', async () => (seen.get(asset)?.length ?? 0) >= 5)
  expect(seen.get(asset)).toEqual([1, 2, 3, 4, 5])
  expect(await client.subscriptions.test(id)).toMatchObject({ taken: true, status: 204 })
  expect(consumer.counts()).toMatchObject({ done: 5, ignored: 1 })
  await until('all of it is done', async () =>
    (await client.subscriptions.deliveries(id)).items.every(({ state }) => state === 'DONE'),
  )
  await client.subscriptions.remove(id, { headers: { 'If-Match': '*' } })
  await server.close()
})

test('in the envelopes of others', async () => {
  const id = await upload()
  await change(id, 'summer')
  const events = await until('its events are there', async () => {
    const found: AnyEvent[] = []
    for await (const { items } of client.pages({ subject: `assets/${id}` })) found.push(...items)
    return found.length >= 5 && found
  })
  const asset = await client.asset(id)
  const Mutation = z.strictObject({
    eventId: z.uuid(),
    eventType: z.enum(['CREATED', 'UPDATED', 'DELETED']),
    timestamp: z.iso.datetime(),
    traceId: z.string().min(1),
    callerId: z.string().optional(),
    asset: z.strictObject({
      assetId: z.uuid(),
      assetType: z.string().min(1),
      version: z.int().nonnegative(),
      metadata: z.record(z.string(), z.unknown()),
      ownership: z.strictObject({ owner: z.string() }),
      updatedAt: z.iso.datetime(),
    }),
  })
  const mutations = events.map(event => Mutation.parse(toAssetMutationEvent(event, asset)))
  expect(mutations[0]).toMatchObject({
    eventType: 'CREATED',
    asset: { assetId: id, assetType: 'product-photo', version: 1 },
  })
  expect(mutations.at(-1)).toMatchObject({ eventType: 'UPDATED', asset: { metadata: { labels: ['summer'] } } })
  expect(mutations.map(({ eventId }) => eventId)).toEqual(events.map(event => event.id))
  const [created] = events as [AnyEvent]
  const subscription = { ...created, type: 'io.matrix.subscription.test.v1', data: { subscription: 'sub_1' } }
  expect(toAssetMutationEvent(subscription, asset)).toBeUndefined()

  expect(toDomainEvent(created)).toEqual({
    eventId: created.id,
    eventType: 'asset.created',
    occurredAt: created.time,
    version: 1,
    payload: created.data,
  })
  expect(toDomainEvent({ ...created, type: 'io.matrix.asset.created.v2' }).version).toBe(2)

  const envelope = toEventEnvelope(created)
  expect(Object.keys(envelope)).toEqual([
    'event_id',
    'event_type',
    'source_service',
    'timestamp',
    'correlation_id',
    'payload',
    'metadata',
  ])
  expect(JSON.parse(new TextDecoder().decode(envelope.payload))).toEqual(created.data)
  expect(envelope).toMatchObject({ source_service: '/t/demo', correlation_id: created.correlationid })
  expect(envelope.metadata).toMatchObject({ subject: `assets/${id}`, sequence: String(Number(created.sequence)) })
})
