/** Several caches in front, each told in its own words and its own time: none waits for another, none is told for ever. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { callPurge } from '../../src/deliver/purge-call.ts'
import { deliverPurges } from '../../src/reconcile/purge.ts'
import { query } from '../faults/intact.ts'
import { expectJson, openClient, type Send } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { awsAuthorization, startVendor, type Vendor } from '../support/vendors.ts'

const SECRETS = {
  cloudflare: 'cf-token-0123',
  fastly: 'fastly-token-4567',
  varnish: 'varnish-token-89',
  aws: 'aws-secret-abcd',
}
const AWS = { keyId: 'AKIDEXAMPLE', secret: SECRETS.aws, region: 'us-east-1', service: 'cloudfront' }
let cloudflare: Vendor
let fastly: Vendor
let cloudfront: Vendor
let varnishes: [Vendor, Vendor]
let system: System
let send: Send

beforeAll(async () => {
  cloudflare = await startVendor({ status: 200, body: '{"success":true,"errors":[],"result":{"id":"x"}}' })
  fastly = await startVendor({ status: 200, body: '{"status":"ok"}' })
  cloudfront = await startVendor({ status: 201, body: '<Invalidation/>' })
  varnishes = [await startVendor({ status: 200 }), await startVendor({ status: 200 })]
  const env = {
    PURGE_CLOUDFLARE_ZONE: 'zone1',
    PURGE_CLOUDFLARE_TOKEN: SECRETS.cloudflare,
    PURGE_CLOUDFLARE_API: `${cloudflare.url}/client/v4`,
    PURGE_FASTLY_SERVICE: 'SU1Z0isxPaozGVKXdv0eY',
    PURGE_FASTLY_TOKEN: SECRETS.fastly,
    PURGE_FASTLY_API: fastly.url,
    PURGE_CLOUDFRONT_DISTRIBUTION: 'EDFDVBD6EXAMPLE',
    PURGE_CLOUDFRONT_KEY_ID: AWS.keyId,
    PURGE_CLOUDFRONT_SECRET: AWS.secret,
    PURGE_CLOUDFRONT_API: cloudfront.url,
    PURGE_VARNISH_URLS: varnishes.map(({ url }) => url).join(', '),
    PURGE_VARNISH_TOKEN: SECRETS.varnish,
  }
  system = await startSystem({ env, worker: false })
  send = await openClient(system)
})
const all = (): Vendor[] => [cloudflare, fastly, cloudfront, ...varnishes]
afterAll(async () => {
  await system.close()
  for (const vendor of all()) vendor.close()
})
beforeEach(async () => {
  await query(system.core, 'delete from purge')
  for (const vendor of all()) vendor.reset()
})

type Targets = Record<string, { state: string; tries: number; answer: string }>
const put = (tags: readonly (readonly string[])[]) =>
  query(
    system.core,
    `insert into purge (tenant_id, reason, subject, tags)
     select 'demo', 'grant', 'test', string_to_array(t, ' ') from unnest($1::text[]) t`,
    [tags.map(some => some.join(' '))],
  )
const rows = () =>
  query<{ state: string; tags: string[]; targets: Targets; last_answer: string }>(
    system.core,
    'select state, tags, targets, last_answer from purge order by tags',
  )
const due = () => query(system.core, `update purge set not_before = now() where state = 'PENDING'`)
const told = (): number[] => all().map(({ asked }) => asked.length)

test('each is told in the words that it documents, once, and nothing secret is shown', async () => {
  await put([['a:one', 'p:shop']])
  expect(await deliverPurges(system.core)).toBe(1)
  expect(told()).toEqual([1, 1, 1, 1, 1])
  expect(cloudflare.asked[0]).toMatchObject({
    method: 'POST',
    path: '/client/v4/zones/zone1/purge_cache',
    headers: { authorization: `Bearer ${SECRETS.cloudflare}`, 'content-type': 'application/json' },
  })
  expect(JSON.parse(cloudflare.asked[0]?.body ?? '')).toEqual({ tags: ['a:one', 'p:shop'] })
  expect(fastly.asked[0]).toMatchObject({
    method: 'POST',
    path: '/service/SU1Z0isxPaozGVKXdv0eY/purge',
    headers: { 'fastly-key': SECRETS.fastly, 'surrogate-key': 'a:one p:shop' },
  })
  expect(fastly.asked[0]?.headers['fastly-soft-purge']).toBeUndefined()
  for (const { asked } of varnishes)
    expect(asked[0]).toMatchObject({
      method: 'BAN',
      path: '/',
      headers: { 'x-purge-token': SECRETS.varnish, 'surrogate-key': 'a:one p:shop' },
    })
  const [invalidation] = cloudfront.asked
  expect(invalidation).toMatchObject({ method: 'POST', path: '/2020-05-31/distribution/EDFDVBD6EXAMPLE/invalidation' })
  expect(invalidation?.body).toMatch(
    /<Paths><Quantity>2<\/Quantity><Items><Path>#a:one<\/Path><Path>#p:shop<\/Path><\/Items><\/Paths><CallerReference>[\w-]{36}<\/CallerReference>/,
  )
  expect(invalidation && awsAuthorization(invalidation, AWS)).toBe(invalidation?.headers.authorization)

  const listed = await expectJson<{ items: [{ targets: Targets }] }>(send('GET', '/v1/purges', { key: ADMIN_KEY }), 200)
  const done = { state: 'DONE', tries: 1, answer: '200', at: expect.stringMatching(/Z$/) }
  expect(listed.items[0].targets).toEqual({
    cloudflare: done,
    fastly: done,
    cloudfront: { ...done, answer: '201' },
    [`varnish ${varnishes[0].host}`]: done,
    [`varnish ${varnishes[1].host}`]: done,
  })
  const shown = JSON.stringify([listed, await rows(), await (await send('GET', '/metrics')).text()])
  for (const secret of Object.values(SECRETS)) expect(shown).not.toContain(secret)
  expect(await deliverPurges(system.core)).toBe(0)
})

test('many are told in few calls, each tag once, within what a call takes', async () => {
  const tags = Array.from({ length: 70 }, (_, n) => `a:${String(n).padStart(2, '0')}`)
  await put([...tags.map(tag => [tag]), ...tags.slice(0, 20).map(tag => [tag, 'p:shop'])])
  expect(await deliverPurges(system.core)).toBe(90)
  const said = {
    cloudflare: cloudflare.asked.map(({ body }) => (JSON.parse(body) as { tags: string[] }).tags),
    fastly: fastly.asked.map(({ headers }) => String(headers['surrogate-key']).split(' ')),
    varnish: varnishes[0].asked.map(({ headers }) => String(headers['surrogate-key']).split(' ')),
    cloudfront: cloudfront.asked.map(({ body }) => [...body.matchAll(/<Path>#([^<]+)</g)].map(([, tag]) => tag)),
  }
  for (const calls of Object.values(said)) expect(calls.flat().sort()).toEqual([...tags, 'p:shop'].sort())
  expect(said.cloudflare.map(({ length }) => length)).toEqual([30, 30, 11])
  expect(said.varnish.map(({ length }) => length)).toEqual([50, 21])
  expect([said.fastly.length, said.cloudfront.length]).toEqual([1, 1])
  expect(new Set((await rows()).map(({ state }) => state))).toEqual(new Set(['DONE']))
})

test('several processes share what there is, and tell it once', async () => {
  const tags = Array.from({ length: 600 }, (_, n) => `a:${String(n).padStart(3, '0')}`)
  await put(tags.map(tag => [tag]))
  const tried = await Promise.all([deliverPurges(system.core), deliverPurges(system.core), deliverPurges(system.core)])
  expect(tried.reduce((sum, n) => sum + n)).toBe(600)
  const said = fastly.asked.flatMap(({ headers }) => String(headers['surrogate-key']).split(' '))
  expect(said.sort()).toEqual(tags)
  expect(new Set((await rows()).map(({ state }) => state))).toEqual(new Set(['DONE']))
})

test('one that is down keeps no other waiting, and the others are told once', async () => {
  await put([['a:one']])
  varnishes[1].replies.push('cut', { status: 503 })
  await deliverPurges(system.core)
  const down = `varnish ${varnishes[1].host}`
  expect(await rows()).toMatchObject([
    { state: 'PENDING', targets: { [down]: { state: 'PENDING', tries: 1, answer: 'TypeError' } } },
  ])
  await due()
  await deliverPurges(system.core)
  await due()
  await deliverPurges(system.core)
  expect(told()).toEqual([1, 1, 1, 1, 3])
  expect(await rows()).toMatchObject([
    { state: 'DONE', targets: { cloudflare: { tries: 1 }, [down]: { state: 'DONE', tries: 3, answer: '200' } } },
  ])
})

test('who says that it was too much is left alone for as long as it says, and nothing of it counts as a try', async () => {
  const tags = Array.from({ length: 80 }, (_, n) => [`a:${String(n).padStart(2, '0')}`])
  await put(tags)
  cloudflare.replies.push({ status: 200, body: '{"success":true}' }, { status: 429, headers: { 'Retry-After': '90' } })
  await deliverPurges(system.core)
  expect(told()).toEqual([2, 1, 1, 2, 2])
  const ofCloudflare = (await rows()).map(({ targets }) => targets.cloudflare)
  expect(ofCloudflare.filter(one => one?.state === 'DONE')).toHaveLength(30)
  expect(ofCloudflare.filter(one => one?.state === 'PENDING' && one.tries === 0 && one.answer === '429')).toHaveLength(
    50,
  )
  const waits = await query<{ least: number }>(
    system.core,
    `select min(extract(epoch from not_before - now()))::float8 as least from purge where state = 'PENDING'`,
  )
  expect(waits[0]?.least).toBeGreaterThan(80)
  expect(await deliverPurges(system.core)).toBe(0)
  await due()
  await deliverPurges(system.core)
  expect(told()).toEqual([4, 1, 1, 2, 2])
  expect(new Set((await rows()).map(({ state }) => state))).toEqual(new Set(['DONE']))
})

test('a 200 that does not say success is no yes; after ten tries it is given up, and redriven by itself', async () => {
  await put([['a:one']])
  cloudflare.replies.push(
    ...Array.from({ length: 10 }, () => ({ status: 200, body: '{"success":false,"errors":[{"code":1}]}' })),
  )
  for (let n = 0; n < 10; n++) {
    await deliverPurges(system.core)
    await due()
  }
  expect(await rows()).toMatchObject([
    {
      state: 'DEAD',
      targets: { cloudflare: { state: 'DEAD', tries: 10, answer: '200 without success' }, fastly: { state: 'DONE' } },
    },
  ])
  expect(told()).toEqual([10, 1, 1, 1, 1])
  expect(await (await send('GET', '/metrics')).text()).toMatch(
    /matrix_purge_tries_total\{target="cloudflare",result="dead"\} 1/,
  )
  await expectJson(send('POST', '/v1/purges/redrive', { key: ADMIN_KEY }), 200)
  await deliverPurges(system.core)
  expect(await rows()).toMatchObject([{ state: 'DONE', targets: { cloudflare: { state: 'DONE', tries: 1 } } }])
  expect(told()).toEqual([11, 1, 1, 1, 1])
})

test('a purge of many tags is over when all of its calls were taken', async () => {
  await put([Array.from({ length: 60 }, (_, n) => `n:${String(n).padStart(8, '0')}`)])
  cloudflare.replies.push({ status: 200, body: '{"success":true}' }, { status: 500 })
  await deliverPurges(system.core)
  expect(await rows()).toMatchObject([
    { state: 'PENDING', targets: { cloudflare: { state: 'PENDING', tries: 1, answer: '500' } } },
  ])
  await due()
  await deliverPurges(system.core)
  expect(cloudflare.asked).toHaveLength(4)
  expect(await rows()).toMatchObject([{ state: 'DONE' }])
})

test('who dies between a call and what it writes down leaves the purge to be told again', async () => {
  await put([['a:one']])
  const { database } = system.core
  const dying = {
    ...system.core,
    database: { ...database, transaction: () => Promise.reject(new Error('dead')) },
  }
  await expect(deliverPurges(dying)).rejects.toThrow('dead')
  expect(told()).toEqual([1, 1, 1, 1, 1])
  expect(await deliverPurges(system.core)).toBe(0)
  await due()
  expect(await deliverPurges(system.core)).toBe(1)
  expect(told()).toEqual([2, 2, 2, 2, 2])
  expect(await rows()).toMatchObject([{ state: 'DONE' }])
})

test('a test tells each of something that nobody has, and keeps nothing', async () => {
  varnishes[1].replies.push({ status: 403 })
  const tried = send('POST', '/v1/purges/test', { key: ADMIN_KEY })
  expect(await expectJson(tried, 200)).toEqual({
    targets: {
      cloudflare: { ok: true, answer: '200' },
      fastly: { ok: true, answer: '200' },
      cloudfront: { ok: true, answer: '201' },
      [`varnish ${varnishes[0].host}`]: { ok: true, answer: '200' },
      [`varnish ${varnishes[1].host}`]: { ok: false, answer: '403' },
    },
  })
  expect(fastly.asked[0]?.headers['surrogate-key']).toBe('a:00000000-0000-0000-0000-000000000000')
  expect(await rows()).toEqual([])
})

describe('a call', () => {
  const { clock } = { clock: { now: () => Date.now() } }
  test('to somebody silent ends, and says so', async () => {
    fastly.replies.push('silent')
    expect(await callPurge({ url: fastly.url, method: 'POST', headers: {}, clock, timeoutMs: 200 })).toEqual({
      ok: false,
      answer: 'TimeoutError',
      retryAfterMs: undefined,
    })
  })

  test('takes no token along to where it is sent', async () => {
    fastly.replies.push({ status: 307, headers: { Location: varnishes[0].url } })
    const headers = { 'Fastly-Key': SECRETS.fastly }
    expect(await callPurge({ url: fastly.url, method: 'POST', headers, clock })).toMatchObject({
      ok: false,
      answer: '307',
    })
    expect(varnishes[0].asked).toEqual([])
  })

  test('reads no more of an answer than says yes', async () => {
    cloudflare.replies.push({ status: 200, body: `{"success":true,"x":"${'x'.repeat(100_000)}"}` })
    const said = await callPurge({
      url: cloudflare.url,
      method: 'POST',
      headers: {},
      clock,
      isYes: body => body.includes('true'),
    })
    expect(said).toMatchObject({ ok: false, answer: '200 without success' })
  })
})
