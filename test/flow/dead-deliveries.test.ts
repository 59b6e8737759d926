/** Events that were given up, of all subscriptions of a tenant: listed, and told again at once. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTelling } from '../../src/events/start-telling.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { openReceiver, type Receiver, TAKES } from '../support/receiver.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Letter {
  readonly kind: string
  readonly id: string
  readonly subscription: string
  readonly product?: string
  readonly seq: number
  readonly subject: string
  readonly class: string
  readonly at: string
}
interface Page {
  readonly items: readonly Letter[]
  readonly next_cursor?: string
}

let system: System
let send: Send
let telling: ReturnType<typeof startTelling>
const hooks: Receiver[] = []
const subscriptions: string[] = []
const KEYS = ['the product', 'the tenant'] as const

beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WEBHOOK_ALLOW: '127.0.0.1' } })
  send = await openClient(system)
  for (const key of [system.keys['shop-web'], ADMIN_KEY]) {
    const hook = await openReceiver()
    hooks.push(hook)
    const body = { url: hook.url, types: ['asset.created'] }
    subscriptions.push((await expectJson<{ id: string }>(send('POST', '/v1/subscriptions', { key, body }), 201)).id)
  }
  telling = startTelling(system.gateway)
})
beforeEach(async () => {
  for (const hook of hooks) {
    hook.behave(TAKES)
    hook.heard.length = 0
  }
  await redrive({ before: '9999-12-31T23:59:59Z' })
  await until('nothing is dead', async () => {
    await query(system.core, `update subscription set hold_until = now(), failures = 0, failing_since = null`)
    const [open] = await query<{ n: number }>(
      system.core,
      `select count(*)::int as n from delivery where state <> 'DONE'`,
    )
    return open?.n === 0
  })
  for (const hook of hooks) hook.heard.length = 0
})
afterAll(async () => {
  await telling?.stop()
  for (const hook of hooks) await hook.close()
  await system?.close()
})

const list = (rest = '', key = ADMIN_KEY): Promise<Page> =>
  expectJson<Page>(send('GET', `/v1/dead-letters?kind=delivery${rest}`, { key }), 200)
const redrive = (body: object) =>
  expectJson<{ redriven: number; remaining: number; before?: string }>(
    send('POST', '/v1/dead-letters/redrive', { key: ADMIN_KEY, body: { kind: 'delivery', ...body } }),
    200,
  )
/** So many events that neither receiver takes, and one of them answers otherwise than the other. */
const giveUp = async (count: number): Promise<string[]> => {
  hooks[0]?.behave(response => void response.writeHead(500).end())
  hooks[1]?.behave(response => void response.writeHead(302, { Location: '/elsewhere' }).end())
  const assets: string[] = []
  for (let n = 0; n < count; n++)
    assets.push((await system.upload(new TextEncoder().encode(crypto.randomUUID()))).asset)
  await sequenceEvents(system.core.database)
  await until('all are given up', async () => {
    await query(
      system.core,
      `with held as (select 1 from subscription for update) update delivery set failures = 9, not_before = now() where state = 'PENDING' and (select count(*) from held) >= 0`,
    )
    await query(system.core, 'update subscription set hold_until = now()')
    return (await list()).items.length >= count * KEYS.length
  })
  return assets
}

test('they are listed with whose they are, why, and what about; the last first, page by page', async () => {
  const assets = await giveUp(2)
  const { items } = await list()
  expect(items).toHaveLength(4)
  expect(items.map(({ at }) => at)).toEqual(
    items
      .map(({ at }) => at)
      .sort()
      .reverse(),
  )
  expect(new Set(items.map(({ subject }) => subject))).toEqual(new Set(assets.map(asset => `assets/${asset}`)))
  expect(items.filter(({ subscription }) => subscription === subscriptions[0])[0]).toEqual({
    kind: 'delivery',
    id: expect.any(String),
    subscription: subscriptions[0],
    product: 'shop-web',
    event: expect.any(String),
    seq: expect.any(Number),
    type: 'io.matrix.asset.created.v1',
    subject: expect.stringMatching(/^assets\//),
    class: 'failed',
    failures: 10,
    at: expect.stringMatching(/Z$/),
  })
  expect((await list('&class=redirect')).items.map(one => [one.subscription, one.product])).toEqual([
    [subscriptions[1], undefined],
    [subscriptions[1], undefined],
  ])
  const first = await list('&limit=3')
  const rest = await list(`&limit=3&cursor=${first.next_cursor}`)
  expect([...first.items, ...rest.items]).toEqual(items)
  expect(rest.next_cursor).toBeUndefined()
})

test('let out by id, by class, or all of them, they are told again, and each subscription has its row in the audit', async () => {
  await giveUp(3)
  const { items } = await list()
  for (const hook of hooks) {
    hook.behave(TAKES)
    hook.heard.length = 0
  }
  await query(system.core, `update subscription set hold_until = now(), failures = 0, failing_since = null`)
  const one = items.find(({ subscription }) => subscription === subscriptions[0])
  expect(await redrive({ ids: [one?.id] })).toEqual({ redriven: 1, remaining: 0 })
  await until('it is told', () => hooks[0]?.heard.length === 1)
  expect(hooks[0]?.heard[0]?.event.subject).toBe(one?.subject)
  expect(await redrive({ ids: [one?.id] }), 'it is not dead any more').toMatchObject({ redriven: 0 })
  expect(await redrive({ class: 'redirect' })).toMatchObject({ redriven: 3, remaining: 0 })
  expect(await redrive({ class: 'redirect' })).toMatchObject({ redriven: 0, remaining: 0 })
  expect(await redrive({ before: items.at(-1)?.at }), 'nothing died before the first').toMatchObject({ redriven: 0 })
  const { before } = await redrive({ before: '9999-12-31T23:59:59Z' })
  expect(Date.parse(before ?? '')).toBeLessThanOrEqual(Date.now() + 1_000)
  await until('all are told', () => hooks[0]?.heard.length === 3 && hooks[1]?.heard.length === 3)
  expect((await list()).items).toEqual([])
  const trail = await expectJson<{ items: { resource: string; after: object }[] }>(
    send('GET', '/v1/audit?action=dead-letters.redrive&limit=500', { key: ADMIN_KEY }),
    200,
  )
  const ofTenant = trail.items.filter(({ resource }) => resource === `subscriptions/${subscriptions[1]}`)
  expect(ofTenant[0]?.after).toMatchObject({ kind: 'delivery', class: 'redirect', redriven: 3 })
})

describe('refused', () => {
  test('to a product, for it is everybody’s', async () => {
    const key = system.keys['shop-web']
    await expectRefusal(send('GET', '/v1/dead-letters?kind=delivery', { key }), 403, 'forbidden')
    const body = { kind: 'delivery', class: 'failed' }
    await expectRefusal(send('POST', '/v1/dead-letters/redrive', { key, body }), 403, 'forbidden')
  })

  test.each([
    ['a kind that is none', { kind: 'letter', class: 'failed' }],
    ['nothing but the kind', { kind: 'delivery' }],
    ['ids of nodes', { kind: 'delivery', ids: [`sha256:${'0'.repeat(64)}`] }],
    ['ids of deliveries for nodes', { ids: ['01936f42-1d2e-7a10-8f6c-0b9f1c2d3e4f'] }],
  ])('%s', async (_what, body) => {
    const answer = send('POST', '/v1/dead-letters/redrive', { key: ADMIN_KEY, body })
    await expectRefusal(answer, 422, 'contract-violation')
  })

  test('a cursor of the other kind', async () => {
    const cursor = Buffer.from(`2026-02-20T00:00:00.000000Z ${'0'.repeat(64)}`).toString('base64url')
    const path = `/v1/dead-letters?kind=delivery&cursor=${cursor}`
    await expectRefusal(send('GET', path, { key: ADMIN_KEY }), 400, 'invalid-cursor')
  })
})
