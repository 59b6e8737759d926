/** Events that are no asset's, and those of what a product requires: who hears them, in which order, by which way. */
import { CloudEvent } from 'cloudevents'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Envelope } from '../../src/events/envelope.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { healMismatches, noteMismatch } from '../../src/manifest/mismatches.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { query } from '../faults/intact.ts'
import { expectJson, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let send: Send
beforeAll(async () => {
  system = await startSystem()
  socket = await openSocketClient(system)
  send = socket.send
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const head = async (): Promise<number> => {
  await sequenceEvents(system.core.database)
  return (await expectJson<{ head: number }>(send('GET', '/v1/events?limit=1', { key: ADMIN_KEY }), 200)).head
}
type Told = Envelope & { readonly data: Record<string, unknown> }
const since = async (after: number, key: string, types: string): Promise<readonly Told[]> => {
  await sequenceEvents(system.core.database)
  const path = `/v1/events?after=${after}&types=${types}&limit=500`
  return (await expectJson<{ items: Told[] }>(send('GET', path, { key }), 200)).items
}
/** What the administrator, the product and another one hear. */
const heard = async (after: number, types: string) =>
  Promise.all([ADMIN_KEY, system.keys.mobile, system.keys['shop-web']].map(key => since(after, key, types)))
const admin = (method: string, path: string, body?: object) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }), headers: { 'If-Match': '*' } })

test('a rendition that is revised and retired is told to its product alone', async () => {
  const start = await head()
  const path = '/v1/collections/product-photo/products/mobile/renditions/stamp'
  const recipe = (width: number) => ({ recipe: { resize: { width }, formats: ['png'] } })
  const put = async (width: number) => {
    const answer = await send('PUT', path, { key: ADMIN_KEY, body: recipe(width) })
    expect([200, 201], await answer.clone().text()).toContain(answer.status)
  }
  await put(20)
  await put(20)
  await put(24)
  expect((await admin('DELETE', path)).status).toBe(204)
  const [byAdmin, byProduct, byOther] = await heard(start, 'rendition.revised,rendition.retired')
  expect(byOther).toEqual([])
  expect(byProduct?.map(({ type, data }) => [type, data.revision, data.previous_revision])).toEqual([
    ['io.matrix.rendition.revised.v1', 1, null],
    ['io.matrix.rendition.revised.v1', 2, 1],
    ['io.matrix.rendition.retired.v1', 2, undefined],
  ])
  expect(byAdmin?.map(({ id }) => id)).toEqual(byProduct?.map(({ id }) => id))
  for (const event of byAdmin ?? []) {
    expect(() => new CloudEvent({ ...event } as never, true)).not.toThrow()
    expect(event).toMatchObject({
      subject: 'collections/product-photo/products/mobile/renditions/stamp',
      partitionkey: 'collections/product-photo/products/mobile/renditions/stamp',
    })
    expect(event.data).not.toHaveProperty('asset_event_no')
  }
})

test('of a grant hear its product, as long as it has one, and administrators', async () => {
  const start = await head()
  const path = '/v1/collections/product-photo/grants/mobile'
  const { product, ...edge } = await expectJson<Record<string, unknown>>(send('GET', path, { key: ADMIN_KEY }), 200)
  expect((await admin('DELETE', `${path}?validate_only=true`)).status).toBe(200)
  expect((await admin('DELETE', path)).status).toBe(204)
  const { asset } = await system.upload(await photo({ width: 32, height: 24 }))
  const [lost, byProduct, byOther] = await heard(start, 'grant.changed,asset.created')
  expect(lost?.map(({ data }) => data.role)).toEqual([null, undefined])
  expect(byProduct).toEqual([])
  expect(byOther?.map(({ data }) => data.asset)).toEqual([asset])
  expect((await send('PUT', path, { key: ADMIN_KEY, body: edge })).status).toBe(201)
  const [, regained] = await heard(start, 'grant.changed')
  expect(regained?.map(({ data }) => [data.role, data.previous_role])).toEqual([
    [null, edge.role],
    [edge.role, null],
  ])
  expect(regained?.[0]).toMatchObject({
    subject: 'collections/product-photo/grants/mobile',
    authtype: 'service_account',
  })
  expect(regained?.[0]).not.toHaveProperty('authid')
  const onAsset = `/v1/assets/${asset}/grants/${product}`
  expect((await send('PUT', onAsset, { key: ADMIN_KEY, body: { role: 'none' } })).status).toBe(201)
  const [all, hidden] = await heard(start, 'grant.changed')
  expect(all?.at(-1)).toMatchObject({ subject: `assets/${asset}/grants/mobile`, data: { asset, role: 'none' } })
  expect(hidden).toEqual(regained)
})

test('the owner of a collection is told what of it is another', async () => {
  const start = await head()
  const path = '/v1/collections/product-photo'
  const { collection: _, ...shown } = await expectJson<Record<string, unknown>>(
    send('GET', path, { key: ADMIN_KEY }),
    200,
  )
  expect((await admin('PUT', path, { ...shown, keep_versions: 7 })).status).toBe(200)
  expect((await admin('PUT', path, { ...shown, keep_versions: 7 })).status).toBe(200)
  const [byAdmin, byOther, byOwner] = await heard(start, 'policy.changed')
  expect(byAdmin?.map(({ data }) => data)).toEqual([
    { collection: 'product-photo', product: shown.owner, changed: ['keep_versions'] },
  ])
  expect([byOther?.length, byOwner?.length].sort()).toEqual(
    shown.owner === 'shop-web' || shown.owner === 'mobile' ? [0, 1] : [0, 0],
  )
  expect((await admin('PUT', path, shown)).status).toBe(200)
})

test('what a product requires of a version is whole once, also where all of it was there before', async () => {
  await settled(system)
  const start = await head()
  const bytes = await photo({ width: 90, height: 60 })
  await system.upload(bytes)
  await settled(system)
  const first = await since(start, system.keys['shop-web'], 'product.complete,rendition.ready')
  const complete = first.filter(({ type }) => type === 'io.matrix.product.complete.v1')
  expect(complete).toHaveLength(1)
  const { required, done, dead, product } = complete[0]?.data ?? {}
  expect([product, dead]).toEqual(['shop-web', 0])
  expect([done, Number(required) > 0]).toEqual([required, true])
  expect(first.filter(({ id }) => id === complete[0]?.causationid)).toHaveLength(1)

  const between = await head()
  const { asset } = await system.upload(bytes)
  await settled(system)
  const again = await since(between, system.keys['shop-web'], 'product.complete,rendition.ready')
  const ready = again.filter(({ type }) => type === 'io.matrix.rendition.ready.v1')
  expect(ready.length).toBe(first.length - 1)
  for (const { data } of ready) expect(data).toMatchObject({ asset, reused: true })
  expect(again.filter(({ type }) => type === 'io.matrix.product.complete.v1')).toHaveLength(1)
})

test('long work says that it is over, to its product', async () => {
  const start = await head()
  const { asset } = await system.upload(await photo({ width: 40, height: 30 }))
  await settled(system)
  const begun = await send('POST', `/v1/assets/${asset}/erase`, {
    key: ADMIN_KEY,
    body: { reason: 'a test' },
    headers: { 'Idempotency-Key': crypto.randomUUID(), 'X-Correlation-Id': 'case-7', 'If-Match': '*' },
  })
  expect(begun.status, await begun.clone().text()).toBe(202)
  const { id } = (await begun.json()) as { id: string }
  await settled(system)
  const sweep = startSweep(system.core)
  const byAdmin = await until('it is over', async () => {
    const told = await since(start, ADMIN_KEY, 'operation.finished')
    return told.length > 0 && told
  })
  await sweep.stop()
  expect(byAdmin.map(({ subject, correlationid, data }) => [subject, correlationid, data])).toEqual([
    [`operations/${id}`, 'case-7', { operation: id, kind: 'erasure', state: 'SUCCEEDED', product: 'shop-web' }],
  ])
})

test('drift is told once when it is found and once when it is mended, to administrators', async () => {
  const start = await head()
  const { digest } = await system.upload(await photo({ width: 44, height: 30 }))
  const sha256 = digest.slice('sha256:'.length)
  await noteMismatch(system.core.database, { tenant: 'demo', sha256 })
  await noteMismatch(system.core.database, { tenant: 'demo', sha256 })
  await query(system.core, `update original_mismatch set found_at = now() - interval '1 hour'`, [])
  await settled(system)
  await healMismatches(system.core.database)
  await healMismatches(system.core.database)
  const [byAdmin, ...byOthers] = await heard(start, 'drift.detected,drift.healed')
  const resource = `originals/${sha256}`
  expect(byAdmin?.map(({ type, subject, data }) => [type, subject, data])).toEqual(
    ['detected', 'healed'].map(word => [
      `io.matrix.drift.${word}.v1`,
      resource,
      { kind: 'original-mismatch', resource },
    ]),
  )
  expect(byOthers).toEqual([[], []])
})
