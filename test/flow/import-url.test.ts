/** Lines whose bytes are somewhere else: fetched in the background, with the checks of an upload by URL. */
import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectAllDone, expectIntact, query } from '../faults/intact.ts'
import { expectJson, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { carry, carryToEnd } from '../support/sagas.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let jpeg: Buffer
let source: Place
/** Statuses of paths; of others the picture is the answer, with the path behind it. */
const refusals = new Map<string, number>()
const asked: string[] = []

beforeAll(async () => {
  system = await startSystem({ env: { FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any' } })
  send = await openClient(system)
  jpeg = await photo({ width: 40, height: 30 })
  source = await openHttp((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    asked.push(request.url ?? '')
    const status = refusals.get(path)
    if (status !== undefined) response.writeHead(status).end()
    else response.writeHead(200, { 'Content-Type': 'image/jpeg' }).end(bytesOf(path))
  })
})
afterAll(async () => {
  await source.close()
  await system.close()
})

const bytesOf = (path: string): Buffer => Buffer.concat([jpeg, Buffer.from(path)])
const digestOf = (path: string): string => createHash('sha256').update(bytesOf(path)).digest('hex')
const at = (path: string): string => `http://127.0.0.1:${source.port}${path}`

interface Result {
  readonly state: string
  readonly asset?: string
  readonly code?: string
  readonly tries: number
  readonly deduplicated?: boolean
}
const begin = async (lines: readonly object[]): Promise<string> => {
  const body = lines.map(line => JSON.stringify({ collection: 'product-photo', ...line })).join('\n')
  const headers = { 'Content-Type': 'application/x-ndjson' }
  const answer = send('POST', '/v1/assets/import', { key: system.keys['shop-web'], body, headers })
  return (await expectJson<{ id: string }>(answer, 202)).id
}
const resultsOf = async (id: string): Promise<readonly Result[]> => {
  const path = `/v1/operations/${id}/results`
  return (await expectJson<{ items: Result[] }>(send('GET', path, { key: system.keys['shop-web'] }), 200)).items
}
const finish = async (id: string) => {
  await carryToEnd(system.gateway, { tenant: system.config.tenant, id })
  return resultsOf(id)
}
/** What waits for its next try has waited. */
const hurry = (id: string) => query(system.core, 'update saga_step set not_before = now() where saga_id = $1', [id])

test('become pictures like any other, under the name that their address has', async () => {
  const id = await begin([1, 2, 3].map(n => ({ source_url: at(`/shoe%20${n}.jpg?token=secret`) })))
  const results = await finish(id)
  expect(results.map(({ state, deduplicated }) => [state, deduplicated])).toEqual(Array(3).fill(['done', false]))
  await settled(system)
  await expectAllDone(system.core)
  const path = `/v1/assets/${results[0]?.asset}/versions/1`
  const version = await expectJson(send('GET', path, { key: system.keys['shop-web'] }), 200)
  expect(version).toMatchObject({ filename: 'shoe 1.jpg', source: { entrance: 'import', ref: `${id}/1` } })
  const told = `select hints ->> 'fetched_from' as "from", trust from provenance where asset_id = $1`
  expect(await query(system.core, told, [results[0]?.asset])).toEqual([{ from: at('/shoe%201.jpg'), trust: 2 }])
  // What the query had of secrets is nowhere any more.
  const kept = `select (select jsonb_agg(s) from saga_step s)::text || (select jsonb_agg(p) from provenance p)::text
    || (select jsonb_agg(a) from audit a)::text || (select jsonb_agg(v) from asset_version v)::text as kept`
  expect(JSON.stringify(await query(system.core, kept))).not.toContain('secret')
})

test('are not fetched where the product has the bytes that they are to come to', async () => {
  const line = { source_url: at('/once.jpg'), sha256: `sha256:${digestOf('/once.jpg')}` }
  await finish(await begin([line]))
  const before = asked.length
  const [again] = await finish(await begin([line]))
  expect(again).toMatchObject({ state: 'done', deduplicated: true })
  expect(asked).toHaveLength(before)
})

test('fail for themselves: other bytes, an address inside, a source without it', async () => {
  refusals.set('/gone.jpg', 404)
  const results = await finish(
    await begin([
      { source_url: at('/other.jpg'), sha256: 'a'.repeat(64) },
      { source_url: 'http://169.254.169.254/latest/meta-data' },
      { source_url: at('/gone.jpg') },
      { source_url: at('/good.jpg') },
    ]),
  )
  expect(results.map(({ state, code, tries }) => [state, code, tries])).toEqual([
    ['failed', 'content-mismatch', 1],
    ['failed', 'url-forbidden', 1],
    ['failed', 'source-unavailable', 1],
    ['done', undefined, 0],
  ])
})

test('of a source that is down for a while are tried again', async () => {
  refusals.set('/later.jpg', 503)
  const id = await begin([{ source_url: at('/later.jpg') }, { source_url: at('/now.jpg') }])
  await carry(system.gateway)
  // The wait before the next try is drawn by lot, and may be none.
  expect(await resultsOf(id)).toMatchObject([
    { state: 'waiting', code: 'source-unavailable', tries: expect.any(Number) },
    { state: 'done', tries: 0 },
  ])
  refusals.delete('/later.jpg')
  await hurry(id)
  const [later] = await finish(id)
  expect(later).toMatchObject({ state: 'done', tries: 0 })
})

test('of a source that stays down fail in the end, with their number of tries', async () => {
  const path = `/${randomUUID()}.jpg`
  refusals.set(path, 500)
  const id = await begin([{ source_url: at(path) }, { source_url: at('/beside.jpg') }])
  for (let n = 0; n < 10; n++) {
    await hurry(id)
    await carry(system.gateway)
  }
  expect(await resultsOf(id)).toMatchObject([
    { state: 'failed', code: 'source-unavailable', tries: 10 },
    { state: 'done' },
  ])
  expect(asked.filter(url => url === path)).toHaveLength(10)
  await settled(system)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
})
