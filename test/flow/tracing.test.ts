/**
 * One upload, followed through the system: gateway, sequencer, worker and webhook, each a process of its own or as good as one, send
 * their spans to a collector as they would to any.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Collected, type Collector, openCollector } from '../support/collector.ts'
import { environmentOf, type Forked, forkNode } from '../support/fork-node.ts'
import { photo } from '../support/images.ts'
import { openReceiver, type Receiver } from '../support/receiver.ts'
import { requestOf, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CALLER = '00f067aa0ba902b7'
const SECRET_KEYS = Buffer.alloc(32, 7).toString('hex')

let system: System
let collector: Collector
let receiver: Receiver
const processes: (Forked & { readonly said: unknown })[] = []
let gateway = ''

beforeAll(async () => {
  ;[collector, receiver] = await Promise.all([openCollector(), openReceiver()])
  system = await startSystem({ worker: false })
  const env = environmentOf(system, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '100',
    WEBHOOK_ALLOW: '127.0.0.0/8',
    SECRETS_KEYS: SECRET_KEYS,
    POLL_MS: '200',
  })
  const forks = [
    { file: 'test/support/fork-gateway.ts', env: { ...env, ROLE: 'gateway', LOG_LEVEL: 'silent' } },
    // What they log first says that they are at work.
    ...['workers/transform.ts', 'workers/sweep.ts'].map(file => ({ file, env })),
  ]
  processes.push(...(await Promise.all(forks.map(forkNode))))
  gateway = String(processes[0]?.said)
}, 180_000)
afterAll(async () => {
  await Promise.all(processes.map(each => each.kill('SIGTERM')))
  await Promise.all([collector.close(), receiver.close(), system.close()])
})

const send = (method: string, path: string, options: Parameters<typeof requestOf>[1]) =>
  fetch(`${gateway}${path}`, requestOf(method, options))

const upload = async (traceparent: string): Promise<Response> =>
  send('POST', '/v1/assets?collection=product-photo', {
    key: system.keys['shop-web'],
    body: new Uint8Array(await photo({ width: 640, height: 480 })),
    headers: { traceparent },
  })

/** What it goes back to: as its child, or linked where this machine took longer than half a minute. */
const follows = (span: Collected | undefined): string | undefined => span?.parentSpanId || span?.links?.[0]?.spanId

test('an upload is one trace from the request to the receiver, across the processes', async () => {
  const subscribed = await send('POST', '/v1/subscriptions', {
    key: system.keys['shop-web'],
    body: { url: receiver.url, types: ['asset.published'] },
  })
  expect(subscribed.status).toBe(201)
  const uploaded = await upload(`00-${TRACE}-${CALLER}-01`)
  expect(uploaded.status).toBe(201)
  await until('the receiver has been told', () => receiver.heard.length > 0, { withinMs: 30_000 })
  const named = (name: string) => collector.spans.filter(span => span.name === name)
  const ofTrace = (name: string) =>
    named(name).filter(span => span.traceId === TRACE || span.links?.some(({ traceId }) => traceId === TRACE))
  const REQUEST = 'HTTP POST /v1/assets'
  const all = [REQUEST, 'publish events', 'process nodes', 'publish webhooks', 'S3 put', 'SQL insert event']
  await until('all have sent their spans', () => all.every(name => ofTrace(name).length > 0), { withinMs: 30_000 })

  const [request] = ofTrace(REQUEST)
  expect(request).toMatchObject({ traceId: TRACE, parentSpanId: CALLER, process: 'forked' })
  expect(request?.attributes).toMatchObject({
    'http.request.method': 'POST',
    'http.route': '/v1/assets',
    'http.response.status_code': 201,
    'url.path': '/v1/assets',
    'matrix.product': 'shop-web',
  })
  expect(uploaded.headers.get('traceparent')).toBe(`00-${TRACE}-${request?.spanId}-01`)
  const children = (name: string) => ofTrace(name).filter(span => span.parentSpanId === request?.spanId)
  expect(children('S3 put').length).toBeGreaterThan(0)
  expect(children('SQL insert event')[0]?.attributes).toMatchObject({
    'db.system.name': 'postgresql',
    'db.operation.name': 'insert',
    'db.collection.name': 'event',
  })

  const [work] = ofTrace('process nodes')
  expect(work?.process).toBe('transform')
  expect(follows(work)).toBe(request?.spanId)
  expect(ofTrace('S3 put').some(span => span.process === 'transform')).toBe(true)
  expect(ofTrace('SQL update node').some(span => span.process === 'transform')).toBe(true)
  expect(ofTrace('publish events').some(span => span.process === 'sweep')).toBe(true)

  const [told] = ofTrace('publish webhooks')
  expect(told?.process).toBe('forked')
  expect(follows(told)).toBe(request?.spanId)
  expect(told?.attributes).toMatchObject({
    'messaging.destination.name': 'webhooks',
    'messaging.operation.name': 'publish',
    'messaging.message.id': receiver.heard[0]?.id,
    'cloudevents.event_type': 'asset.published',
  })
  expect(told?.attributes['messaging.message.body.size']).toBe(Buffer.byteLength(receiver.heard[0]?.body ?? ''))
  expect(receiver.heard[0]?.headers.traceparent).toBe(`00-${TRACE}-${told?.spanId}-01`)
})

test('a line of an import belongs to the request that brought it', async () => {
  const trace = TRACE.replaceAll('4', '7')
  const begun = await send('POST', '/v1/assets/import', {
    key: system.keys['shop-web'],
    body: JSON.stringify({ collection: 'product-photo', source_url: 'http://nowhere.invalid/shoe.jpg' }),
    headers: { 'Content-Type': 'application/x-ndjson', traceparent: `00-${trace}-${CALLER}-01` },
  })
  expect(begun.status).toBe(202)
  const ofTrace = (name: string) =>
    collector.spans.find(
      span => span.name === name && (span.traceId === trace || span.links?.some(({ traceId }) => traceId === trace)),
    )
  await until('it has been worked on', () => ofTrace('process imports'), { withinMs: 50_000 })
  const [, , request] = begun.headers.get('traceparent')?.split('-') ?? []
  const step = ofTrace('process imports')
  expect(step?.process).toBe('forked')
  expect(follows(step)).toBe(request)
  expect(step?.attributes['error.type']).toBeDefined()
})

test('nothing that is asked, sent or kept is in a span', () => {
  expect(collector.spans.length).toBeGreaterThan(20)
  const text = JSON.stringify(collector.spans)
  for (const secret of [system.keys['shop-web'], SECRET_KEYS, 'whsec_', 'Bearer']) expect(text).not.toContain(secret)
  expect(text).not.toMatch(/\bvalues\b|\bwhere\b/)
})

test('a caller whose trace is not recorded is recorded nowhere', async () => {
  const other = TRACE.replaceAll('4', '5')
  const uploaded = await upload(`00-${other}-${CALLER}-00`)
  expect(uploaded.headers.get('traceparent')).toMatch(new RegExp(`^00-${other}-[0-9a-f]{16}-00$`))
  const marked = TRACE.replaceAll('4', '6')
  await upload(`00-${marked}-${CALLER}-01`)
  await until('the next has come', () => collector.spans.some(({ traceId }) => traceId === marked), {
    withinMs: 30_000,
  })
  expect(collector.spans.filter(({ traceId }) => traceId === other)).toEqual([])
})
