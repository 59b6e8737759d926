/** Caches in front hear what they have to forget: signed, at least once, patiently, and not for ever. */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { examine } from '../../src/reconcile/doctor.ts'
import { deliverPurges, tidyPurges } from '../../src/reconcile/purge.ts'
import { query } from '../faults/intact.ts'
import { expectJson, openClient, type Send } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Heard {
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const SECRET = Buffer.alloc(32, 7)
let hook: Server
let heard: Heard[] = []
/** In order; then 204. */
let answers: { status: number; headers?: Record<string, string> }[] = []
let system: System
let send: Send
let key: string

beforeAll(async () => {
  hook = createServer(async (request, response) => {
    heard.push({ headers: request.headers, body: await text(request) })
    const { status, headers } = answers.shift() ?? { status: 204 }
    response.writeHead(status, headers).end('a body that nobody reads')
  }).listen(0, '127.0.0.1')
  await once(hook, 'listening')
  const env = {
    PURGE_WEBHOOK_URL: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/purge`,
    PURGE_WEBHOOK_SECRET: `whsec_${SECRET.toString('base64')}`,
  }
  system = await startSystem({ env, worker: false })
  send = await openClient(system)
  key = system.keys['shop-web']
})
afterAll(async () => {
  await system.close()
  hook.close()
})
beforeEach(async () => {
  await query(system.core, 'delete from purge')
  heard = []
  answers = []
})

const ifMatch = { 'If-Match': '*' }
const upload = async (): Promise<string> =>
  (await system.upload(new TextEncoder().encode(crypto.randomUUID()), 'collection=product-photo')).asset
const rows = () =>
  query<{ reason: string; subject: string; tags: string[]; state: string; tries: number; last_answer: string | null }>(
    system.core,
    'select reason, subject, tags, state, tries, last_answer from purge order by created_at, reason',
  )
const due = () => query(system.core, `update purge set not_before = now() where state = 'PENDING'`)

test('of a change and of nothing else: the rows are there when the change is', async () => {
  const asset = await upload()
  expect(await rows()).toEqual([])
  const body = new TextEncoder().encode(crypto.randomUUID())
  await expectJson(send('POST', `/v1/assets/${asset}/versions`, { key, body }), 201)
  await expectJson(send('POST', `/v1/assets/${asset}/archive`, { key, headers: ifMatch }), 200)
  await expectJson(send('POST', `/v1/assets/${asset}/archive`, { key, headers: ifMatch }), 200)
  await expectJson(send('POST', `/v1/assets/${asset}/restore`, { key, headers: ifMatch }), 200)
  await send('DELETE', `/v1/assets/${asset}`, { key, headers: ifMatch })
  await expectJson(send('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, body: { reason: 'x' } }), 202)
  const cell = '/v1/collections/product-photo/grants/mobile'
  const { product: _, ...edge } = await expectJson(send('GET', cell, { key: ADMIN_KEY }), 200)
  await expectJson(send('PUT', cell, { key: ADMIN_KEY, body: edge }), 200)
  await expectJson(send('PUT', cell, { key: ADMIN_KEY, body: { ...edge, visibility: 'public' } }), 200)
  await send('DELETE', `${cell}?validate_only=true`, { key: ADMIN_KEY, headers: ifMatch })
  expect((await rows()).map(({ reason, tags }) => [reason, tags])).toEqual([
    ['publish', [`v:${asset}.1`]],
    ['archive', [`a:${asset}`]],
    ['delete', [`a:${asset}`]],
    ['erase', [`a:${asset}`]],
    ['grant', ['p:mobile']],
  ])
  await expectJson(send('PUT', cell, { key: ADMIN_KEY, body: edge }), 200)
})

test('is signed, says what by the tags that answers carry, and is over with a 2xx', async () => {
  const asset = await upload()
  const answer = await send('GET', `/v1/products/shop-web/assets/${asset}/renditions/original`, { key })
  await expectJson(send('POST', `/v1/assets/${asset}/archive`, { key, headers: ifMatch }), 200)
  expect(await deliverPurges(system.core)).toBe(1)
  const [{ headers, body } = { headers: {}, body: '{}' }] = heard
  const said = JSON.parse(body)
  expect(said).toEqual({
    tenant: 'demo',
    reason: 'archive',
    subject: `assets/${asset}`,
    tags: [`a:${asset}`],
    created_at: expect.stringMatching(/Z$/),
  })
  expect(answer.headers.get('cache-tag')?.split(',')).toEqual(expect.arrayContaining(said.tags))
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', SECRET).update(signed).digest('base64')}`)
  expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(10)
  expect(await rows()).toMatchObject([{ state: 'DONE', tries: 1, last_answer: '204' }])
  expect(await deliverPurges(system.core)).toBe(0)
  const audited = `select outcome, reasons from audit where action = 'purge.done' and resource = $1`
  expect(await query(system.core, audited, [`assets/${asset}`])).toEqual([{ outcome: 'allowed', reasons: ['archive'] }])
})

test('is tried again, under the same id, not before the hook said, and given up in the end; then redriven', async () => {
  const asset = await upload()
  await expectJson(send('POST', `/v1/assets/${asset}/archive`, { key, headers: ifMatch }), 200)
  answers = [
    { status: 503, headers: { 'Retry-After': '120' } },
    { status: 302, headers: { Location: '/elsewhere' } },
    ...Array.from({ length: 8 }, () => ({ status: 500 })),
  ]
  await deliverPurges(system.core)
  const wait = 'select extract(epoch from not_before - now())::float8 as seconds from purge'
  const [{ seconds = 0 } = {}] = await query<{ seconds: number }>(system.core, wait)
  expect(seconds).toBeGreaterThan(110)
  expect(await deliverPurges(system.core)).toBe(0)
  for (let n = 2; n <= 10; n++) {
    expect(await rows()).toMatchObject([{ state: 'PENDING', tries: n - 1 }])
    await due()
    expect(await deliverPurges(system.core)).toBe(1)
  }
  expect(new Set(heard.map(one => one.headers['webhook-id'])).size).toBe(1)
  expect(heard).toHaveLength(10)
  expect(await rows()).toMatchObject([{ state: 'DEAD', tries: 10, last_answer: '500' }])
  const metrics = await (await send('GET', '/metrics')).text()
  expect(metrics).toMatch(/matrix_purges\{state="DEAD"\} 1/)
  expect(metrics).toMatch(/matrix_purge_tries_total\{target="webhook",result="dead"\} 1/)
  const sick = (await examine(system.core)).checks.find(({ check }) => check === 'purges')
  expect(sick).toMatchObject({ ok: false, detail: { dead: 1 } })
  const listed = await expectJson<{ items: object[] }>(send('GET', '/v1/purges?state=DEAD', { key: ADMIN_KEY }), 200)
  expect(listed.items).toMatchObject([{ reason: 'archive', tries: 10, last_answer: '500' }])
  expect(await expectJson(send('POST', '/v1/purges/redrive', { key: ADMIN_KEY }), 200)).toEqual({ redriven: 1 })
  expect(await deliverPurges(system.core)).toBe(1)
  expect(await rows()).toMatchObject([{ state: 'DONE' }])
  expect((await examine(system.core)).checks.find(({ check }) => check === 'purges')).toMatchObject({ ok: true })
})

test('who dies with one in hand leaves it to others', async () => {
  const asset = await upload()
  await expectJson(send('POST', `/v1/assets/${asset}/archive`, { key, headers: ifMatch }), 200)
  const dying = {
    ...system.core,
    purgeTargets: system.core.purgeTargets.map(target => ({
      ...target,
      send: () => Promise.reject(new Error('dead')),
    })),
  }
  await expect(deliverPurges(dying)).rejects.toThrow('dead')
  expect(await deliverPurges(system.core)).toBe(0)
  await due()
  expect(await deliverPurges(system.core)).toBe(1)
  expect(await rows()).toMatchObject([{ state: 'DONE', tries: 2 }])
})

test('what is over goes after a week, and what nobody is to hear after a day', async () => {
  await query(
    system.core,
    `insert into purge (tenant_id, reason, subject, tags, state, created_at, finished_at)
     select 'demo', 'grant', 'old', '{p:x}', s, now() - d, case when s <> 'PENDING' then now() - d end
     from unnest('{DONE,DEAD,PENDING}'::text[]) s, unnest('{8 days,2 days,1 hour}'::interval[]) d`,
  )
  await tidyPurges(system.core)
  expect(await rows()).toHaveLength(7)
  await tidyPurges({ ...system.core, purgeTargets: [] })
  expect((await rows()).map(({ state }) => state).sort()).toEqual(['DEAD', 'DONE', 'PENDING'])
})
