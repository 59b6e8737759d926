/** Lines of an import that complete uploads which were put straight into the store. */
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { carry, carryToEnd } from '../support/sagas.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Result {
  readonly state: string
  readonly asset?: string
  readonly version?: number
  readonly code?: string
  readonly tries: number
}

let system: System
let send: Send
let key = ''
beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  key = system.keys['shop-web']
  await send('PUT', '/v1/collections/bulk', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
})
afterAll(() => system.close())

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const reserve = async (
  bytes: Uint8Array,
  more: object = {},
  by = key,
): Promise<{ id: string; put: () => Promise<void> }> => {
  const body = { ...('asset' in more ? {} : { collection: 'bulk' }), bytes: bytes.length, ...more }
  const reserved = await expectJson<{ upload_id: string; url: string; headers: Record<string, string> }>(
    send('POST', '/v1/uploads', { key: by, body }),
    201,
  )
  const put = async () => {
    const answer = await fetch(reserved.url, { method: 'PUT', headers: reserved.headers, body: bytes })
    expect(answer.status).toBe(200)
  }
  return { id: reserved.upload_id, put }
}
const staged = async (bytes: Uint8Array, more: object = {}): Promise<string> => {
  const { id, put } = await reserve(bytes, more)
  await put()
  return id
}
const post = (lines: readonly object[]) =>
  send('POST', '/v1/assets/import', {
    key,
    body: lines.map(line => JSON.stringify(line)).join('\n'),
    headers: { 'Content-Type': 'application/x-ndjson' },
  })
const begin = async (lines: readonly object[]): Promise<{ tenant: string; id: string }> => {
  const { id } = await expectJson<{ id: string }>(post(lines), 202)
  return { tenant: system.config.tenant, id }
}
const resultsOf = async ({ id }: { id: string }): Promise<readonly Result[]> =>
  (await expectJson<{ items: Result[] }>(send('GET', `/v1/operations/${id}/results`, { key }), 200)).items
const stagedObjects = async (): Promise<number> => {
  let count = 0
  for await (const _ of system.core.staging.list('')) count++
  return count
}

test('make what was reserved, once, and whoever completes it later hears the same', async () => {
  const [one, two] = [randomBytes(100), randomBytes(200)]
  const { asset } = await system.upload(randomBytes(50), 'collection=bulk')
  const said = { alias: 'staged-1', labels: ['b', 'a'], aliases: [{ namespace: 'erp', external_id: 'staged-1' }] }
  const first = await staged(one, { ...said, filename: 'one.bin', identity_hints: { legacy_id: 'A-1' } })
  const second = await staged(two, { asset, publish: 'manual', sha256: sha256(two) })
  const saga = await begin([{ ref: 'r1', upload_id: first }, { upload_id: second }])
  expect((await carryToEnd(system.gateway, saga)).state).toBe('SUCCEEDED')
  const [made, added] = await resultsOf(saga)
  expect(made).toMatchObject({ ref: 'r1', state: 'done', version: 1 })
  expect(added).toMatchObject({ state: 'done', asset, version: 2 })
  const found = await expectJson(send('GET', '/v1/aliases/erp/staged-1', { key }), 200)
  expect(found).toMatchObject({ id: made?.asset, alias: 'staged-1', labels: ['a', 'b'], version: 1 })
  const path = `/v1/assets/${made?.asset}/versions/1/provenance`
  expect(await expectJson(send('GET', path, { key }), 200)).toMatchObject({
    entrance: 'import',
    ref: `${saga.id}/1`,
    trust: 3,
    filename: 'one.bin',
    identity_hints: { legacy_id: 'A-1' },
    integrity: { digest: `sha256:${sha256(one)}` },
  })
  expect(await stagedObjects()).toBe(0)
  const again = await expectJson(send('POST', `/v1/uploads/${first}/complete`, { key }), 201)
  expect(again).toMatchObject({ asset: made?.asset, version: 1 })

  await expectJson(send('POST', `/v1/operations/${saga.id}/undo`, { key }), 200)
  expect((await carryToEnd(system.gateway, saga)).state).toBe('COMPENSATED')
  await expectRefusal(send('GET', '/v1/aliases/erp/staged-1', { key }), 404, 'not-found')
})

test('fail for themselves: of another product, of nobody, over, and what is not what was announced', async () => {
  const mine = randomBytes(100)
  const body = { display_name: 'Other' }
  await expectJson(send('PUT', '/v1/products/other', { key: ADMIN_KEY, body }), 201)
  const other = (
    await expectJson<{ secret: string }>(send('POST', '/v1/products/other/keys', { key: ADMIN_KEY, body: {} }), 201)
  ).secret
  await send('PUT', '/v1/collections/theirs', { key: ADMIN_KEY, body: { owner: 'other' } })
  const theirs = await reserve(mine, { collection: 'theirs' }, other)
  await theirs.put()
  const done = await staged(randomBytes(10))
  await expectJson(send('POST', `/v1/uploads/${done}/complete`, { key }), 201)
  const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>')
  const refused = await staged(svg)
  const good = await staged(randomBytes(10))
  const ids = [theirs.id, crypto.randomUUID(), done, refused, good]
  const saga = await begin(ids.map(upload_id => ({ upload_id })))
  expect((await carryToEnd(system.gateway, saga)).state).toBe('PARTIAL')
  expect((await resultsOf(saga)).map(({ state, code }) => [state, code])).toEqual([
    ['failed', 'not-found'],
    ['failed', 'not-found'],
    ['failed', 'conflict'],
    ['failed', 'unsupported-media'],
    ['done', undefined],
  ])
  expect(await query(system.core, 'select state from upload where upload_id = $1', [theirs.id])).toEqual([
    { state: 'OPEN' },
  ])
  await expectJson(send('POST', `/v1/uploads/${theirs.id}/complete`, { key: other }), 201)
  // Told again by whichever way it is asked for.
  await expectRefusal(send('POST', `/v1/uploads/${refused}/complete`, { key }), 415, 'unsupported-media')
})

test('wait for what has not come yet', async () => {
  const { id, put } = await reserve(randomBytes(100))
  const saga = await begin([{ upload_id: id }])
  await carry(system.gateway)
  const [waiting] = await resultsOf(saga)
  expect(waiting).toMatchObject({ state: 'waiting', code: 'upload-incomplete', tries: 1 })
  await put()
  await query(system.core, 'update saga_step set not_before = now() where saga_id = $1', [saga.id])
  expect((await carryToEnd(system.gateway, saga)).state).toBe('SUCCEEDED')
})

test('say nothing beside it, and name it once', async () => {
  const upload_id = crypto.randomUUID()
  for (const [line, pointer] of [
    [{ upload_id, publish: 'now' }, '/1/publish'],
    [{ upload_id, collection: 'bulk' }, '/1/collection'],
    [{ upload_id, sha256: sha256(randomBytes(1)) }, '/1/sha256'],
    [{ upload_id: 'x' }, '/1/upload_id'],
  ] as const) {
    const problem = await expectRefusal(post([line]), 422, 'contract-violation')
    expect(problem.errors).toEqual([expect.objectContaining({ pointer })])
  }
  const twice = await expectRefusal(post([{ upload_id }, { upload_id }]), 422, 'contract-violation')
  expect(twice.errors).toEqual([expect.objectContaining({ pointer: '/2/upload_id' })])
})

test('of what the collection does not take are refused as any', async () => {
  const id = await staged(randomBytes(100))
  await expectJson(
    send('PUT', '/v1/collections/bulk', {
      key: ADMIN_KEY,
      body: { owner: 'shop-web', rules: { required: ['alias'] } },
    }),
    200,
  )
  const saga = await begin([{ upload_id: id }])
  await carryToEnd(system.gateway, saga)
  expect(await resultsOf(saga)).toMatchObject([{ state: 'failed', code: 'contract-violation' }])
})
