/** Events told by webhook, to receivers that are servers of this process. */
import { CloudEvent } from 'cloudevents'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startTelling } from '../../src/events/start-telling.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { examine } from '../../src/reconcile/doctor.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { type Behave, openReceiver, type Receiver, TAKES, verified } from '../support/receiver.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Subscription {
  readonly id: string
  readonly secret: string
  readonly state: string
  readonly etag: string
  readonly cursor: number
  readonly disabled_reason?: string
  readonly failing_since?: string
}
interface Delivery {
  readonly id: string
  readonly seq: number
  readonly state: string
  readonly subject: string
  readonly class?: string
  readonly attempts: readonly { readonly status?: number; readonly class?: string }[]
}

let system: System
let send: Send
let telling: ReturnType<typeof startTelling>
const opened: Receiver[] = []
const made: string[] = []

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WEBHOOK_ALLOW: '127.0.0.1', WEBHOOK_TIMEOUT_MS: '1000' } })
  send = await openClient(system)
  telling = startTelling(system.gateway)
})
afterEach(async () => {
  for (const id of made.splice(0))
    await send('DELETE', `/v1/subscriptions/${id}`, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })
  await Promise.all(opened.splice(0).map(receiver => receiver.close()))
})
afterAll(async () => {
  await telling.stop()
  await system.close()
})

const ifAny = { 'If-Match': '*' }
const receiver = async (behave?: Behave): Promise<Receiver> => {
  const one = await openReceiver(behave)
  opened.push(one)
  return one
}
const subscribe = async (body: object, key = system.keys['shop-web']): Promise<Subscription> => {
  const one = await expectJson<Subscription>(send('POST', '/v1/subscriptions', { key, body }), 201)
  made.push(one.id)
  return one
}
const text = (): Uint8Array => new TextEncoder().encode(crypto.randomUUID())
/** A text is published as it comes: created, a version, ready, published. */
const publish = async (collection = 'product-photo'): Promise<string> => {
  const { asset } = await system.upload(text(), `collection=${collection}`)
  await sequenceEvents(system.core.database)
  return asset
}
const change = async (asset: string, caption: string): Promise<void> => {
  const body = { attributes: { caption } }
  const patched = await send('PATCH', `/v1/assets/${asset}`, { key: system.keys['shop-web'], body, headers: ifAny })
  expect(patched.status).toBe(200)
  await sequenceEvents(system.core.database)
}
const deliveries = async ({ id }: Subscription, query = ''): Promise<Delivery[]> =>
  (
    await expectJson<{ items: Delivery[] }>(
      send('GET', `/v1/subscriptions/${id}/deliveries?limit=500${query}`, { key: ADMIN_KEY }),
      200,
    )
  ).items
const show = ({ id }: Subscription): Promise<Subscription> =>
  expectJson<Subscription>(send('GET', `/v1/subscriptions/${id}`, { key: ADMIN_KEY }), 200)
const DUE = {
  name: 'test_all_due',
  text: `with held as (update subscription set hold_until = now() returning 1)
         update delivery set not_before = now() where state = 'PENDING' and (select count(*) from held) >= 0`,
}
/** What would be told again in seconds or hours is told again now. */
const allDue = () => system.core.database.rows(DUE, [])
const WELL = {
  name: 'test_well',
  text: 'update subscription set failures = 0, failing_since = null, hold_until = now()',
}
const LATE = {
  name: 'test_late',
  text: `with held as (select 1 from subscription for update) update delivery set not_before = now() - interval '1 hour' where state = 'PENDING' and (select count(*) from held) >= 0`,
}
const WORN = {
  name: 'test_worn',
  text: `with held as (select 1 from subscription for update) update delivery set failures = 9 where state = 'PENDING' and (select count(*) from held) >= 0`,
}
/** One of what waits is told again in hours. */
const HOURS = {
  name: 'test_hours',
  text: `with held as (select 1 from subscription for update) update delivery d set not_before = now() + interval '10 hours', failures = 4
         where state = 'PENDING' and 'assets/' || asset_id = $1 and (select count(*) from held) >= 0`,
}
const NEWER = {
  name: 'test_newer',
  text: `with held as (select 1 from subscription for update) update delivery set type = 'asset.unheard_of' where asset_id = $1 and state = 'PENDING' and (select count(*) from held) >= 0`,
}
const allDueUntil = (what: string, check: () => boolean) =>
  until(what, async () => {
    if (check()) return true
    await allDue()
    return false
  })
const about = ({ heard }: Receiver, asset: string) => heard.filter(({ event }) => event.subject === `assets/${asset}`)
/** What the log says of a subscription, which is told of its other events and not of that. */
const notices = async (subscription: Subscription, type: string): Promise<unknown[]> => {
  const text = `select data from event where subject = $1 and type = $2 order by insert_no`
  const rows = await system.core.database.rows<{ data: object }>({ name: 'test_notices', text }, [
    `subscriptions/${subscription.id}`,
    type,
  ])
  return rows.map(({ data }) => data)
}
const audited = async ({ id }: Subscription, action: string): Promise<object[]> => {
  const query = new URLSearchParams({ resource: `subscriptions/${id}`, action })
  return (await expectJson<{ items: object[] }>(send('GET', `/v1/audit?${query}`, { key: ADMIN_KEY }), 200)).items
}
const settledFor = (subscription: Subscription) =>
  until('its queue is empty', async () => {
    const { cursor } = await show(subscription)
    const { head } = await expectJson<{ head: number }>(send('GET', '/v1/events?limit=1', { key: ADMIN_KEY }), 200)
    const open = await deliveries(subscription)
    return cursor === head && open.every(({ state }) => state === 'DONE' || state === 'DEAD')
  })

describe('what is told', () => {
  test('is what the pages say, signed, once, in the order of the asset', async () => {
    const hook = await receiver()
    const subscription = await subscribe({ url: hook.url })
    const asset = await publish()
    await change(asset, 'one')
    await change(asset, 'two')
    await settledFor(subscription)
    const heard = about(hook, asset)
    const page = `/v1/events?subject=assets/${asset}`
    const { items } = await expectJson<{ items: object[] }>(send('GET', page, { key: system.keys['shop-web'] }), 200)
    expect(heard.map(({ event }) => event)).toEqual(items)
    for (const one of heard) {
      expect(verified(subscription.secret, one)).toEqual(one.event)
      expect(() => new CloudEvent(one.event as never, true)).not.toThrow()
      expect(one.headers['content-type']).toBe('application/cloudevents+json')
      expect(one.id).toBe(one.event.id)
      expect(one.headers.authorization).toBeUndefined()
    }
    expect(new Set(hook.heard.map(({ id }) => id)).size).toBe(hook.heard.length)
  })

  test('begins with what happens after it was subscribed to, of the types, the asset and the collection that are wanted', async () => {
    const before = await publish()
    const [types, subject, other] = await Promise.all([receiver(), receiver(), receiver()])
    const all = [
      await subscribe({ url: types.url, types: ['asset.published'] }),
      await subscribe({ url: subject.url, subject: `assets/${before}` }),
      await subscribe({ url: other.url, collection: 'avatar' }, ADMIN_KEY),
    ]
    const asset = await publish()
    await change(before, 'changed')
    await Promise.all(all.map(settledFor))
    expect(types.heard.map(({ event }) => [event.type, event.subject])).toEqual([
      ['io.matrix.asset.published.v1', `assets/${asset}`],
    ])
    expect(subject.heard.map(({ event }) => event.type)).toEqual(['io.matrix.asset.metadata_changed.v1'])
    expect(other.heard).toEqual([])
  })

  test('to a product is what it may hear, and nothing more once its grant is taken', async () => {
    const hook = await receiver(response => void response.writeHead(503).end())
    const subscription = await subscribe({ url: hook.url }, system.keys['partner-api'])
    const asset = await publish()
    await until('it is tried', () => hook.heard.length > 0)
    expect(hook.heard.map(({ event }) => event.type)).not.toContain('io.matrix.asset.version_created.v1')
    const path = '/v1/collections/product-photo/grants/partner-api'
    const { role } = await expectJson<{ role: string }>(send('GET', path, { key: ADMIN_KEY }), 200)
    expect((await send('DELETE', path, { key: ADMIN_KEY, headers: ifAny })).status).toBe(204)
    const known = hook.heard.length
    hook.behave(TAKES)
    await change(asset, 'unheard')
    await allDue()
    await settledFor(subscription)
    expect(hook.heard.slice(known)).toEqual([])
    expect(await deliveries(subscription)).toEqual([])
    const put = await send('PUT', path, { key: ADMIN_KEY, body: { role } })
    expect(put.status).toBe(201)
    await change(asset, 'heard')
    await settledFor(subscription)
    expect(hook.heard.slice(known).map(({ event }) => event.type)).toEqual([
      'io.matrix.grant.changed.v1',
      'io.matrix.asset.metadata_changed.v1',
    ])
  })

  test('waits while it is paused, and goes on where it stopped', async () => {
    const hook = await receiver()
    const subscription = await subscribe({ url: hook.url, types: ['asset.published'] })
    const set = (state: string) =>
      send('PATCH', `/v1/subscriptions/${subscription.id}`, {
        key: system.keys['shop-web'],
        body: { state },
        headers: ifAny,
      })
    expect((await set('PAUSED')).status).toBe(200)
    const assets = [await publish(), await publish()]
    const { cursor } = await show(subscription)
    expect(hook.heard).toEqual([])
    expect((await set('ACTIVE')).status).toBe(200)
    await settledFor(subscription)
    expect((await show(subscription)).cursor).toBeGreaterThan(cursor)
    expect(hook.heard.map(({ event }) => event.subject).sort()).toEqual(assets.map(asset => `assets/${asset}`).sort())
  })

  test('is signed by both secrets while one is being replaced', async () => {
    const hook = await receiver()
    const subscription = await subscribe({ url: hook.url, types: ['asset.published'] })
    const rotate = (overlap: string | number) =>
      expectJson<{ secret: string }>(
        send('POST', `/v1/subscriptions/${subscription.id}/rotate-secret`, {
          key: system.keys['shop-web'],
          body: { overlap },
          headers: ifAny,
        }),
        201,
      )
    const second = await rotate('1h')
    await publish()
    await settledFor(subscription)
    const [first] = hook.heard
    for (const secret of [subscription.secret, second.secret]) expect(verified(secret, first as never)).toBeTruthy()
    const third = await rotate(0)
    await publish()
    await settledFor(subscription)
    expect(verified(third.secret, hook.heard[1] as never)).toBeTruthy()
    for (const secret of [subscription.secret, second.secret])
      expect(() => verified(secret, hook.heard[1] as never)).toThrow('No matching signature found')
  })
})

describe('what is not taken', () => {
  const refusing =
    (status: number, headers: Record<string, string> = {}): Behave =>
    response =>
      void response.writeHead(status, headers).end()

  test('is told again with the same id, before what comes after it of its asset, and others do not wait for it', async () => {
    const hook = await receiver()
    const subscription = await subscribe({ url: hook.url, types: ['asset.metadata_changed'] })
    const [stuck, free] = [await publish(), await publish()]
    hook.behave((response, { event }) =>
      refusing(event.subject === `assets/${stuck}` ? 500 : 200)(response, undefined as never),
    )
    await change(stuck, 'one')
    await change(stuck, 'two')
    await change(free, 'one')
    await until('the other is told', () => about(hook, free).length === 1)
    await until('it is tried', () => about(hook, stuck).length > 0)
    const open = (await deliveries(subscription)).filter(({ subject }) => subject === `assets/${stuck}`)
    expect(open.map(({ state }) => state).sort()).toEqual(['PENDING', 'WAITING'])
    expect(new Set(about(hook, stuck).map(({ id }) => id)).size).toBe(1)
    hook.behave(TAKES)
    await allDue()
    await settledFor(subscription)
    const ids = about(hook, stuck).map(({ event }) => event.data.asset_event_no as number)
    expect(ids).toEqual([...ids].sort((a, b) => a - b))
    const done = (await deliveries(subscription)).filter(({ subject }) => subject === `assets/${stuck}`)
    expect(done.at(-1)?.attempts[0]).toMatchObject({ status: 500, class: 'failed' })
    expect(done.every(({ state }) => state === 'DONE')).toBe(true)
    expect((await show(subscription)).failing_since).toBeUndefined()
  })

  test('is told as soon as its receiver takes anything again, where that was away', async () => {
    const hook = await receiver(response => void response.destroy())
    const subscription = await subscribe({ url: hook.url, types: ['asset.published'] })
    const [stuck, free] = [await publish(), await publish()]
    await until('both have failed', async () => {
      const open = await deliveries(subscription)
      return open.length === 2 && open.every(({ attempts }) => attempts.length > 0)
    })
    await system.core.database.rows(HOURS, [`assets/${stuck}`])
    hook.behave(TAKES)
    const known = hook.heard.length
    await until('both are told', () =>
      [stuck, free].every(asset => about({ ...hook, heard: hook.heard.slice(known) }, asset).length === 1),
    )
  })

  test('is told as soon as somebody says that it is well, and not for another word about it', async () => {
    const hook = await receiver(refusing(500))
    const subscription = await subscribe({ url: hook.url, types: ['asset.published'] })
    const asset = await publish()
    await until('it has failed', async () => (await show(subscription)).failing_since)
    await system.core.database.rows(HOURS, [`assets/${asset}`])
    hook.behave(TAKES)
    const known = hook.heard.length
    const patch = (body: object) =>
      expectJson<Subscription>(
        send('PATCH', `/v1/subscriptions/${subscription.id}`, { key: ADMIN_KEY, body, headers: ifAny }),
        200,
      )
    expect((await patch({ description: 'of the shop' })).failing_since).toBeDefined()
    expect((await deliveries(subscription))[0]?.state).toBe('PENDING')
    expect((await patch({ state: 'ACTIVE' })).failing_since).toBeUndefined()
    await until('it is told', () => hook.heard.length > known)
  })

  test('410 from where it was told before does not end what is told elsewhere by now', async () => {
    let answer = (): void => undefined
    const former = await receiver(response => {
      answer = () => response.writeHead(410).end()
    })
    const hook = await receiver()
    const subscription = await subscribe({ url: former.url, types: ['asset.published'] })
    await publish()
    await until('it is being told', () => former.heard.length === 1)
    const body = { url: hook.url }
    await expectJson(
      send('PATCH', `/v1/subscriptions/${subscription.id}`, { key: ADMIN_KEY, body, headers: ifAny }),
      200,
    )
    answer()
    await allDueUntil('the new one hears it', () => hook.heard.length === 1)
    expect(await show(subscription)).toMatchObject({ state: 'ACTIVE' })
  })

  test('what only a newer release knows is left to that, with what comes behind it', async () => {
    const hook = await receiver(refusing(500))
    const subscription = await subscribe({ url: hook.url, types: ['asset.published', 'asset.metadata_changed'] })
    const [newer, asset] = [await publish(), await publish()]
    await change(newer, 'later')
    await until('all are there', async () => (await deliveries(subscription)).length === 3)
    await system.core.database.rows(NEWER, [newer])
    hook.behave(TAKES)
    const known = hook.heard.length
    await allDueUntil('the other is told', () => about({ ...hook, heard: hook.heard.slice(known) }, asset).length > 0)
    expect(about({ ...hook, heard: hook.heard.slice(known) }, newer)).toEqual([])
    const left = (await deliveries(subscription)).filter(({ subject }) => subject === `assets/${newer}`)
    expect(left.map(({ state }) => state)).toEqual(['WAITING', 'PENDING'])
  })

  test.each([
    [301, 'redirect'],
    [404, 'refused'],
    [429, 'throttled'],
    [500, 'failed'],
    [502, 'throttled'],
  ])('%i is a refusal of the class %s', async (status, kind) => {
    const trap = await receiver()
    const hook = await receiver(refusing(status, { Location: trap.url }))
    const subscription = await subscribe({ url: hook.url, types: ['asset.published'] })
    await publish()
    const tried = await until('it is tried', async () =>
      (await deliveries(subscription)).find(({ attempts }) => attempts.length > 0),
    )
    expect(tried).toMatchObject({ state: 'PENDING', class: kind, attempts: [{ status, class: kind }] })
    expect(trap.connections()).toBe(0)
  })

  test('410 ends it until it is resumed, and nothing is lost', async () => {
    const hook = await receiver(refusing(410))
    const subscription = await subscribe({ url: hook.url, types: ['asset.published'] })
    await publish()
    const disabled = await until('it is disabled', async () => {
      const shown = await show(subscription)
      return shown.state === 'DISABLED' && shown
    })
    expect(disabled.disabled_reason).toBe('gone')
    expect(await audited(subscription, 'subscription.disable')).toEqual([
      expect.objectContaining({ actor: 'webhooks' }),
    ])
    expect(await notices(subscription, 'subscription.disabled')).toEqual([expect.objectContaining({ reason: 'gone' })])
    await publish()
    hook.behave(TAKES)
    const body = { state: 'ACTIVE' }
    const known = hook.heard.length
    await send('PATCH', `/v1/subscriptions/${subscription.id}`, { key: ADMIN_KEY, body, headers: ifAny })
    await settledFor(subscription)
    expect(hook.heard.slice(known)).toHaveLength(2)
  })

  test('who says for how long he is to be left alone is left alone', async () => {
    const hook = await receiver(refusing(503, { 'Retry-After': '3000' }))
    const subscription = await subscribe({ url: hook.url, types: ['asset.published'] })
    await publish()
    await until('it is tried', () => hook.heard.length === 1)
    await until('it is written down', async () => (await show(subscription)).failing_since)
    await publish()
    const held = `select extract(epoch from hold_until - now())::float8 as s from subscription where subscription_id = $1`
    const [row] = await system.core.database.rows<{ s: number }>({ name: 'test_held', text: held }, [subscription.id])
    expect(row?.s).toBeGreaterThan(2_900)
    expect(hook.heard).toHaveLength(1)
  })

  test('after ten tries it is given up, what comes after it of the asset is told, and it can be told again', async () => {
    const hook = await receiver(refusing(500))
    const subscription = await subscribe({ url: hook.url, types: ['asset.published', 'asset.metadata_changed'] })
    const asset = await publish()
    await change(asset, 'later')
    await until('it is tried', async () => (await deliveries(subscription)).some(({ attempts }) => attempts.length > 0))
    await system.core.database.rows(WORN, [])
    await allDue()
    const dead = await until('it is dead', async () => (await deliveries(subscription, '&state=DEAD'))[0])
    expect(dead.class).toBe('failed')
    expect(await audited(subscription, 'delivery.dead')).toHaveLength(1)
    expect(await notices(subscription, 'delivery.dead')).toEqual([
      expect.objectContaining({
        delivery: dead.id,
        event_seq: dead.seq,
        attempts: 10,
        class: 'failed',
        last_status: 500,
      }),
    ])
    hook.behave(TAKES)
    await allDue()
    await settledFor(subscription)
    const redrive = (body: object) =>
      expectJson(send('POST', `/v1/subscriptions/${subscription.id}/redrive`, { key: ADMIN_KEY, body }), 200)
    expect(await redrive({ class: 'timeout' })).toEqual({ redriven: 0 })
    expect(await redrive({ from_seq: dead.seq + 1 })).toEqual({ redriven: 0 })
    expect(await redrive({ ids: [dead.id], class: 'failed', from_seq: dead.seq, to_seq: dead.seq })).toEqual({
      redriven: 1,
    })
    await settledFor(subscription)
    expect(hook.heard.at(-1)?.event.type).toBe('io.matrix.asset.published.v1')
    expect(await deliveries(subscription, '&state=DEAD')).toEqual([])
  })
})

describe('once more', () => {
  test('a replay tells a part of the log to one subscription alone', async () => {
    const [hook, other] = [await receiver(), await receiver()]
    const subscription = await subscribe({ url: hook.url })
    const apart = await subscribe({ url: other.url })
    const asset = await publish()
    const since = new Date()
    await change(asset, 'later')
    await Promise.all([subscription, apart].map(settledFor))
    const known = hook.heard.map(({ id }) => id)
    const replay = async (body: object) => {
      const at = hook.heard.length
      const path = `/v1/subscriptions/${subscription.id}/replay`
      await expectJson(send('POST', path, { key: system.keys['shop-web'], body }), 202)
      await until('it is over', async () => (await send('GET', path, { key: ADMIN_KEY })).status === 404)
      await settledFor(subscription)
      return hook.heard.slice(at)
    }
    const first = Number(hook.heard[0]?.event.sequence)
    expect((await replay({ from_seq: first })).map(({ id }) => id)).toEqual(known)
    expect(await replay({ from_seq: first, types: ['asset.published'] })).toHaveLength(1)
    const late = await replay({ since: since.toISOString(), subject: `assets/${asset}` })
    expect(late.map(({ event }) => event.type)).toEqual(['io.matrix.asset.metadata_changed.v1'])
    expect(await replay({ from_seq: first, until: new Date(0).toISOString() })).toEqual([])
    expect(await replay({ from_seq: first, only: 'failed' })).toEqual([])
    expect(other.heard).toHaveLength(known.length)
  })

  test('a test event says at once what the receiver answers', async () => {
    const hook = await receiver((response => void response.writeHead(201).end()) as Behave)
    const subscription = await subscribe({ url: hook.url })
    const path = `/v1/subscriptions/${subscription.id}/test`
    const tested = await expectJson(send('POST', path, { key: system.keys['shop-web'] }), 200)
    expect(tested).toMatchObject({ taken: true, status: 201 })
    expect(hook.heard[0]?.event).toMatchObject({ type: 'io.matrix.subscription.test.v1', id: tested.event })
    expect(verified(subscription.secret, hook.heard[0] as never)).toBeTruthy()
    expect(() => new CloudEvent(hook.heard[0]?.event as never, true)).not.toThrow()
    hook.behave(refusing => void refusing.writeHead(500).end())
    expect(await expectJson(send('POST', path, { key: ADMIN_KEY }), 200)).toMatchObject({
      taken: false,
      class: 'failed',
    })
  })
})

describe('subscriptions', () => {
  test.each([
    'http://127.0.0.2/hook',
    'http://10.0.0.1/hook',
    'http://169.254.169.254/latest/meta-data',
    'http://[::1]/hook',
    'http://[::ffff:10.0.0.1]/hook',
    'http://2130706434/hook',
    'http://name.invalid/hook',
  ])('%s is no receiver', async url => {
    await expectRefusal(send('POST', '/v1/subscriptions', { key: ADMIN_KEY, body: { url } }), 422, 'url-forbidden')
  })

  test.each(['ftp://127.0.0.1/', 'http://user:secret@127.0.0.1/', 'http://127.0.0.1/#part', 'nowhere', ''])(
    '%s is no URL of a receiver',
    async url => {
      await expectRefusal(
        send('POST', '/v1/subscriptions', { key: ADMIN_KEY, body: { url } }),
        422,
        'contract-violation',
      )
    },
  )

  test('a secret is shown once, and never again', async () => {
    const hook = await receiver()
    const options = { key: ADMIN_KEY, body: { url: hook.url }, headers: { 'Idempotency-Key': 'shown-once' } }
    const first = await expectJson<Subscription>(send('POST', '/v1/subscriptions', options), 201)
    made.push(first.id)
    expect(first.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const again = await expectJson<Subscription>(send('POST', '/v1/subscriptions', options), 201)
    expect(again).toEqual({ ...first, secret: undefined })
    expect(JSON.stringify(await show(first))).not.toContain('whsec_')
  })

  test('a product has twenty', async () => {
    const { url } = await receiver()
    const key = system.keys['partner-api']
    for (let n = 0; n < 20; n++) await subscribe({ url }, key)
    await expectRefusal(send('POST', '/v1/subscriptions', { key, body: { url } }), 409, 'conflict')
    const other = await subscribe({ url }, ADMIN_KEY)
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const page = await expectJson<{ items: { id: string }[]; next_cursor?: string }>(
        send('GET', `/v1/subscriptions?limit=7${cursor}`, { key }),
        200,
      )
      seen.push(...page.items.map(({ id }) => id))
      if (page.next_cursor === undefined) break
      cursor = `&cursor=${page.next_cursor}`
    }
    expect(new Set(seen).size).toBe(20)
    expect(seen).not.toContain(other.id)
  })

  test('a change needs the tag of what is changed, and one that is only tried has no effect', async () => {
    const hook = await receiver()
    const { id, etag } = await subscribe({ url: hook.url })
    const path = `/v1/subscriptions/${id}`
    const key = system.keys['shop-web']
    const body = { description: 'another', types: ['asset.erased'] }
    await expectRefusal(send('PATCH', path, { key, body }), 428, 'precondition-required')
    await expectRefusal(send('DELETE', path, { key }), 428, 'precondition-required')
    const headers = { 'If-Match': etag }
    const tried = await expectJson(send('PATCH', `${path}?validate_only=true`, { key, body, headers }), 200)
    expect(tried).toMatchObject(body)
    const changed = await expectJson<Subscription>(send('PATCH', path, { key, body, headers }), 200)
    expect(changed).toMatchObject(body)
    await expectRefusal(send('PATCH', path, { key, body, headers }), 412, 'precondition-failed')
    const url = 'http://10.0.0.1/'
    const all = { 'If-Match': changed.etag }
    await expectRefusal(send('PATCH', path, { key, body: { url }, headers: all }), 422, 'url-forbidden')
    const wider = await expectJson(send('PATCH', path, { key, body: { types: null }, headers: all }), 200)
    expect(wider.types).toBeUndefined()
    expect((await send('DELETE', `${path}?validate_only=true`, { key, headers: ifAny })).status).toBe(204)
    expect((await send('DELETE', path, { key, headers: ifAny })).status).toBe(204)
    await expectRefusal(send('GET', path, { key }), 404, 'not-found')
  })

  test('those of another product are not there, and a weak key makes no strong one', async () => {
    const hook = await receiver()
    const strong = await subscribe({ url: hook.url })
    const key = system.keys.mobile
    await expectRefusal(send('GET', `/v1/subscriptions/${strong.id}`, { key }), 404, 'not-found')
    const { items } = await expectJson<{ items: unknown[] }>(send('GET', '/v1/subscriptions', { key }), 200)
    expect(items).toEqual([])
    const body = { label: 'weak', scopes: ['events:read', 'assets:read'] }
    const weak = await expectJson<{ secret: string }>(
      send('POST', '/v1/products/shop-web/keys', { key: ADMIN_KEY, body }),
      201,
    )
    const url = `${hook.url}/weak`
    await send('PATCH', `/v1/subscriptions/${strong.id}`, { key: weak.secret, body: { url }, headers: ifAny })
    await publish()
    await settledFor(strong)
    expect(hook.heard.length).toBeGreaterThan(0)
    expect(hook.heard.map(({ event }) => event.type)).not.toContain('io.matrix.asset.version_created.v1')
  })
})

test('the doctor and the metrics say how it stands', async () => {
  const hook = await receiver()
  const subscription = await subscribe({ url: hook.url })
  await publish()
  await settledFor(subscription)
  const check = async (name: string, core = system.core) => (await examine(core)).checks.find(one => one.check === name)
  expect(await check('webhooks')).toMatchObject({ ok: true, detail: { pending: 0, waiting: 0, dead: 0 } })
  expect(await check('secrets at rest')).toMatchObject({
    ok: true,
    detail: { secrets_of_subscriptions: 1, unreadable: 0 },
  })
  const metrics = await (await send('GET', '/metrics')).text()
  expect(metrics).toContain('matrix_subscriptions{state="ACTIVE"} 1')
  expect(metrics).toMatch(/matrix_webhook_tries_total\{result="taken"\} \d+/)
  expect(metrics).toMatch(/matrix_events_told_total\{way="webhook"\} \d+/)
  expect(metrics).toMatch(/matrix_webhook_lag_seconds_count [1-9]/)

  hook.behave(response => void response.writeHead(500).end())
  await publish()
  await until('it is tried', async () => (await show(subscription)).failing_since)
  // A receiver that fails is no illness of ours; one that is well and told nothing for an hour is.
  expect(await check('webhooks')).toMatchObject({ ok: true })
  await telling.stop()
  await system.core.database.rows(WELL, [])
  await system.core.database.rows(LATE, [])
  expect(await check('webhooks')).toMatchObject({ ok: false })
})
