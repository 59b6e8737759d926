/** What an event says of where it comes from: the event before it, the trace and the credential of the request. */
import { CloudEvent } from 'cloudevents'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Envelope } from '../../src/events/envelope.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { carryOutSchedules } from '../../src/reconcile/schedule.ts'
import { query } from '../faults/intact.ts'
import { expectJson, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let send: Send
let jpeg: Buffer
beforeAll(async () => {
  system = await startSystem()
  socket = await openSocketClient(system)
  send = socket.send
  jpeg = await photo({ width: 64, height: 48 })
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CALLER = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, 'X-Correlation-Id': 'order-4711' }

const uploaded = async (query = ''): Promise<string> => {
  const { asset } = await expectJson<{ asset: string }>(
    send('POST', `/v1/assets?collection=product-photo${query}`, {
      key: system.keys['shop-web'],
      body: Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())]),
      headers: { ...CALLER, 'Content-Type': 'image/jpeg', 'Idempotency-Key': crypto.randomUUID() },
    }),
    201,
  )
  await settled(system)
  return asset
}

const eventsOf = async (asset: string, key: string = ADMIN_KEY): Promise<readonly Envelope[]> => {
  await sequenceEvents(system.core.database)
  const query = `subject=assets/${asset}&limit=500`
  return (await expectJson<{ items: Envelope[] }>(send('GET', `/v1/events?${query}`, { key }), 200)).items
}
const called = (events: readonly Envelope[], type: string): Envelope[] =>
  events.filter(event => event.type === `io.matrix.${type}.v1`)
const only = (events: readonly Envelope[], type: string): Envelope => {
  const found = called(events, type)
  expect(found, type).toHaveLength(1)
  return found[0] as Envelope
}

test('what is made of an upload goes back to it, event by event', async () => {
  const events = await eventsOf(await uploaded())
  const created = only(events, 'asset.version_created')
  const ready = called(events, 'rendition.ready')
  expect(ready.length).toBeGreaterThan(1)
  const complete = only(events, 'asset.version_ready')
  expect(only(events, 'asset.created').causationid).toBeUndefined()
  expect(created.causationid).toBeUndefined()
  // AVIF is made after the gate has opened; it was asked for with the version all the same.
  for (const event of ready) expect(event.causationid).toBe(created.id)
  expect(ready.map(({ id }) => id)).toContain(complete.causationid)
  expect(only(events, 'asset.published').causationid).toBe(complete.id)
  for (const event of events) {
    expect(event.correlationid).toBe('order-4711')
    expect(event.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
    expect(() => new CloudEvent({ ...event } as never, true)).not.toThrow()
  }
})

test('what somebody asks for later goes back to whoever asked', async () => {
  const asset = await uploaded()
  const other = 'a3ce929d0e0e47364bf92f3577b34da6'
  await expectJson(
    send('GET', `/v1/products/shop-web/assets/${asset}/renditions/card?dpr=2&wait=10`, {
      key: system.keys['shop-web'],
      headers: { Accept: 'application/json', traceparent: `00-${other}-00f067aa0ba902b7-00` },
    }),
    200,
  )
  const made = called(await eventsOf(asset), 'rendition.ready').at(-1)
  expect(made).toMatchObject({ authtype: 'system', traceparent: expect.stringContaining(other) })
  expect(made?.causationid).toBeUndefined()
})

test('whose credential it was is told to its product and to administrators alone', async () => {
  const asset = await uploaded()
  const [forAdmin, forOwner, forOther] = await Promise.all(
    [ADMIN_KEY, system.keys['shop-web'], system.keys.mobile].map(async key =>
      only(await eventsOf(asset, key), 'asset.created'),
    ),
  )
  expect(forAdmin).toMatchObject({ authtype: 'service_account', authid: expect.stringMatching(/^key_/) })
  expect(forOwner).toEqual(forAdmin)
  const { authid, ...rest } = forAdmin as Envelope
  expect(forOther).toEqual(rest)
  const byWorker = called(await eventsOf(asset), 'rendition.ready')
  for (const { authtype, authid: nobody } of byWorker) expect([authtype, nobody]).toEqual(['system', undefined])
})

test('a publish at a time goes back to the request that set it', async () => {
  const asset = await uploaded('&publish=manual')
  const at = new Date(Date.now() + 3_600_000).toISOString()
  const put = await send('PUT', `/v1/assets/${asset}/schedule`, {
    key: system.keys['shop-web'],
    body: { publish: { version: 1, at } },
    headers: { ...CALLER, 'If-Match': '*' },
  })
  expect(put.status, await put.text()).toBe(200)
  await query(system.core, 'update schedule set publish_at = now() where asset_id = $1', [asset])
  await settled(system)
  await carryOutSchedules({ database: system.core.database })
  const published = only(await eventsOf(asset), 'asset.published')
  expect(published).toMatchObject({ correlationid: 'order-4711', traceparent: expect.stringContaining(TRACE) })
})
