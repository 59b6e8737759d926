/**
 * An import whose process dies at any statement or call of the store, and whose next process dies there too: a third one ends it,
 * each line done once. The same of one that is taken back.
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openGateway } from '../../src/gateway.ts'
import { FAULT_KINDS, openFaults } from '../support/failing.ts'
import { expectJson } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { carry, carryToEnd } from '../support/sagas.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { expectConsistent, expectIntact, query } from './intact.ts'
import { openSide } from './side.ts'

let system: System
let source: Place
let jpeg: Buffer
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any' } })
  await system.call('PUT', '/v1/collections/bulk', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  const recipe = { resize: { width: 16 }, formats: ['jpeg'] }
  const path = '/v1/collections/bulk/products/shop-web/renditions/thumb'
  await system.call('PUT', path, { key: ADMIN_KEY, body: { recipe } })
  jpeg = await photo({ width: 20, height: 10 })
  source = await openHttp((request, response) => response.end(Buffer.concat([jpeg, Buffer.from(request.url ?? '')])))
})
afterAll(async () => {
  await source.close()
  await system.close()
})

const text = () => new TextEncoder().encode(`a text ${randomUUID()}`)

/** A line of each kind: bytes that have to come, bytes that are there, and a version of what is there. */
const begin = async (): Promise<string> => {
  const known = await system.upload(text(), 'collection=bulk')
  const sha256 = known.digest.slice('sha256:'.length)
  const lines = [
    { source_url: `http://127.0.0.1:${source.port}/${randomUUID()}`, collection: 'bulk', alias: `a-${randomUUID()}` },
    { sha256, collection: 'bulk', attributes: { of: 'line two' } },
    { sha256, asset: known.asset },
  ]
  const body = lines.map(line => JSON.stringify(line)).join('\n')
  const headers = { 'Content-Type': 'application/x-ndjson' }
  const answer = system.call('POST', '/v1/assets/import', { key: system.keys['shop-web'], body, headers })
  return (await expectJson<{ id: string }>(answer, 202)).id
}
const named = (id: string) => ({ tenant: system.config.tenant, id })
const statesOf = async (id: string): Promise<readonly string[]> =>
  (
    await query<{ state: string }>(system.core, 'select state from saga_step where saga_id = $1 order by step_no', [id])
  ).map(({ state }) => state)
const madeBy = (id: string) =>
  query<{ asset: string; state: string; deleted: boolean; active: number | null }>(
    system.core,
    `select v.asset_id as asset, v.state, a.deleted_at is not null as deleted, a.active_version as active
     from asset_version v join asset a using (tenant_id, asset_id) where v.source_ref like $1 || '/%' order by v.source_ref`,
    [id],
  )
/** The time for which a dead process keeps its lease, and until the next try. */
const wait = async (id: string) => {
  await query(system.core, 'update saga set lease_until = null where saga_id = $1', [id])
  await query(system.core, 'update saga_step set not_before = now() where saga_id = $1', [id])
  await query(system.core, `update upload set lease_until = now() - interval '1 second' where state = 'COMPLETING'`)
}

/** At every place, twice; `expectOver` looks at what a third process made of it. */
const dieEverywhere = async (
  start: () => Promise<string>,
  expectOver: (id: string, place: string) => Promise<void>,
) => {
  const faults = openFaults()
  // Used again after each death: what it lost it gets back, as the next process would have it from the start.
  const side = await openSide(system, faults)
  const gateway = openGateway(side.core)
  const places = new Set<string>()
  let runs = 0
  for (const kind of FAULT_KINDS.filter(({ process }) => process === 'dies')) {
    for (let n = 1; ; n++, runs++) {
      const id = await start()
      const broken: (string | undefined)[] = []
      for (let death = 1; death <= 2; death++) {
        faults.arm({ n, ...kind })
        await carry(gateway, { lanes: 1, owner: `dead-${death}` }).catch(() => undefined)
        broken.push(faults.disarm().broke)
        await wait(id)
      }
      await carryToEnd(system.gateway, named(id))
      await expectOver(id, `${kind.when} ${n}, ${broken.join(' and ')}`)
      for (const place of broken) if (place !== undefined) places.add(place)
      if (broken[0] === undefined) break
    }
    await expectConsistent(system.core)
  }
  await side.close()
  console.log(`${runs} runs, broken at ${[...places].join(', ')}`)
  return places
}

test('done at every statement and every call, twice: each line once', async () => {
  const places = await dieEverywhere(begin, async (id, place) => {
    expect(await statesOf(id), place).toEqual(['DONE', 'DONE', 'DONE'])
    const made = await madeBy(id)
    expect(made, place).toHaveLength(3)
    expect(new Set(made.map(({ asset }) => asset)).size, place).toBe(3)
    const audited = 'select 1 from audit where request_id = $1'
    expect(await query(system.core, audited, [`operation:${id}`]), place).toHaveLength(3)
  })
  for (const place of ['saga_lease', 'saga_steps_due', 'put original', 'saga_step_settle', 'commit', 'saga_set_state'])
    expect(places).toContain(place)
}, 600_000)

/** One that is put straight into the store, and completed by its line. */
const beginStaged = async (): Promise<string> => {
  const key = system.keys['shop-web']
  const bytes = text()
  const reserved = await expectJson<{ upload_id: string; url: string; headers: Record<string, string> }>(
    system.call('POST', '/v1/uploads', { key, body: { collection: 'bulk', bytes: bytes.length } }),
    201,
  )
  expect((await fetch(reserved.url, { method: 'PUT', headers: reserved.headers, body: bytes })).status).toBe(200)
  const body = JSON.stringify({ upload_id: reserved.upload_id })
  const headers = { 'Content-Type': 'application/x-ndjson' }
  const answer = system.call('POST', '/v1/assets/import', { key, body, headers })
  return (await expectJson<{ id: string }>(answer, 202)).id
}

test('of what is staged, done at every statement and every call, twice: one version', async () => {
  const places = await dieEverywhere(beginStaged, async (id, place) => {
    expect(await statesOf(id), place).toEqual(['DONE'])
    expect(await madeBy(id), place).toHaveLength(1)
  })
  for (const place of ['upload_claim', 'upload_finish', 'put original', 'saga_step_settle', 'commit'])
    expect(places).toContain(place)
  expect(await query(system.core, `select 1 from upload where state <> 'COMPLETED'`)).toEqual([])
}, 600_000)

test('undone at every statement, twice: nothing of it is shown', async () => {
  const undone = async () => {
    const id = await begin()
    await carryToEnd(system.gateway, named(id))
    await expectJson(system.call('POST', `/v1/operations/${id}/undo`, { key: system.keys['shop-web'] }), 200)
    return id
  }
  const places = await dieEverywhere(undone, async (id, place) => {
    expect(await statesOf(id), place).toEqual(['UNDONE', 'UNDONE', 'UNDONE'])
    expect(
      (await madeBy(id)).map(({ deleted, active }) => [deleted, active]),
      place,
    ).toEqual([
      [true, null],
      [true, 1],
      [false, 1],
    ])
  })
  for (const place of ['saga_step_last_done', 'asset_delete', 'asset_move_pointer', 'saga_step_settle_undo', 'commit'])
    expect(places).toContain(place)
}, 600_000)

test('nothing is left over', async () => {
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
})
