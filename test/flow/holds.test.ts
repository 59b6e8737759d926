/** What is held stays: whoever would delete it, whenever that was decided, and by whichever release; and goes once it is free. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { expectIntact, query } from '../faults/intact.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { carryToEnd } from '../support/sagas.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Hold {
  readonly asset: string
  readonly name: string
  readonly reason: string
  readonly set_by: string
  readonly etag: string
}

let system: System
let send: Send
let key = ''
beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  key = system.keys['shop-web']
  await put({})
})
afterAll(() => system.close())

const IF_ANY = { 'If-Match': '*' }
const put = (body: object) =>
  send('PUT', '/v1/collections/texts', { key: ADMIN_KEY, body: { owner: 'shop-web', ...body } })
const text = () => new TextEncoder().encode(`a text ${randomUUID()}`)
const upload = () => system.upload(text(), 'collection=texts')
const addVersion = async (asset: string, publish: string): Promise<number> => {
  const path = `/v1/assets/${asset}/versions?publish=${publish}`
  return (await expectJson<{ version: number }>(send('POST', path, { key, body: text() }), 201)).version
}
const hold = (asset: string, name = 'case-7', reason = 'Case 7', by = ADMIN_KEY) =>
  send('PUT', `/v1/assets/${asset}/holds/${name}`, { key: by, body: { reason } })
const lift = async (asset: string, name = 'case-7') => {
  const lifted = await send('DELETE', `/v1/assets/${asset}/holds/${name}`, { key: ADMIN_KEY, headers: IF_ANY })
  expect(lifted.status).toBe(204)
}
const held = async (asset: string): Promise<readonly Hold[]> =>
  (await expectJson<{ items: Hold[] }>(send('GET', `/v1/assets/${asset}/holds`, { key: ADMIN_KEY }), 200)).items
const remove = (asset: string) => send('DELETE', `/v1/assets/${asset}`, { key, headers: IF_ANY })
const erase = (asset: string) => send('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, body: { reason: 'gone' } })
const discard = (asset: string, version: number) =>
  send('DELETE', `/v1/assets/${asset}/versions/${version}`, { key, headers: IF_ANY })
const statusOf = async (asset: string) =>
  (await expectJson<{ status: string }>(send('GET', `/v1/assets/${asset}`, { key }), 200)).status
const sweep = async (): Promise<void> => {
  const round = startSweep(system.core)
  await round.stop()
  await round.once()
}
const isErased = async (asset: string) => (await send('GET', `/v1/assets/${asset}`, { key })).status === 410
const statesOf = async (asset: string): Promise<string[]> =>
  (
    await query<{ state: string }>(
      system.core,
      'select state from asset_version where asset_id = $1 order by version',
      [asset],
    )
  ).map(({ state }) => state)
const deletedLongAgo = (asset: string) =>
  query(
    system.core,
    `update asset set deleted_at = deleted_at - interval '90 days', archived_at = archived_at - interval '90 days' where asset_id = $1`,
    [asset],
  )

describe('a hold', () => {
  test('is set, changed, listed and lifted under its name, and several of them count each for itself', async () => {
    const { asset } = await upload()
    const first = await expectJson<Hold>(hold(asset), 201)
    expect(first).toMatchObject({ asset, name: 'case-7', reason: 'Case 7', set_by: expect.stringMatching(/./) })
    expect(await expectJson<Hold>(hold(asset, 'case-7', 'Case 7 of 2026'), 200)).toMatchObject({
      reason: 'Case 7 of 2026',
    })
    await expectJson(hold(asset, 'audit'), 201)
    expect((await held(asset)).map(({ name }) => name)).toEqual(['audit', 'case-7'])
    const path = `/v1/assets/${asset}/holds/case-7`
    const stale = { key: ADMIN_KEY, headers: { 'If-Match': first.etag } }
    await expectRefusal(send('DELETE', path, stale), 412, 'precondition-failed')
    await expectRefusal(send('DELETE', path, { key: ADMIN_KEY }), 428, 'precondition-required')
    await lift(asset)
    await expectRefusal(send('DELETE', path, { key: ADMIN_KEY, headers: IF_ANY }), 404, 'not-found')
    await expectRefusal(remove(asset), 409, 'held')
    await lift(asset, 'audit')
    expect((await remove(asset)).status).toBe(204)
    expect(
      await query(system.core, 'select action, actor_kind from audit where resource like $1 order by insert_no', [
        `assets/${asset}/holds/%`,
      ]),
    ).toEqual(['put', 'put', 'put', 'delete', 'delete'].map(verb => ({ action: `hold.${verb}`, actor_kind: 'key' })))
  })

  test('is told of page by page, to administrators of its tenant alone', async () => {
    const assets = [await upload(), await upload()].map(({ asset }) => asset).sort()
    for (const asset of assets) for (const name of ['b', 'a']) await expectJson(hold(asset, name), 201)
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const path = `/v1/holds?limit=1${cursor}`
      const page = await expectJson<{ items: Hold[]; next_cursor?: string }>(send('GET', path, { key: ADMIN_KEY }), 200)
      seen.push(...page.items.map(({ asset, name }) => `${asset}/${name}`))
      if (page.next_cursor === undefined) break
      cursor = `&cursor=${page.next_cursor}`
    }
    expect(seen).toEqual(assets.flatMap(asset => [`${asset}/a`, `${asset}/b`]))
    const [asset = ''] = assets
    for (const path of ['/v1/holds', `/v1/assets/${asset}/holds`])
      await expectRefusal(send('GET', path, { key }), 403, 'forbidden')
    await expectRefusal(send('GET', '/v1/holds?cursor=YQ', { key: ADMIN_KEY }), 400, 'invalid-cursor')
    const metrics = await (await send('GET', '/metrics')).text()
    expect(metrics).toMatch(/^matrix_assets_held 2$/m)
    for (const asset of assets) for (const name of ['b', 'a']) await lift(asset, name)
  })

  test('that is malformed, or of what is not there, leaves nothing', async () => {
    const { asset } = await upload()
    const refused: readonly [() => Promise<Response>, number, Parameters<typeof expectRefusal>[2]][] = [
      [() => hold(asset, 'case-7', ''), 422, 'contract-violation'],
      [() => hold(asset, 'case-7', 'x'.repeat(501)), 422, 'contract-violation'],
      [() => hold(asset, 'case-7', 'a\u0000b'), 422, 'contract-violation'],
      [() => hold(asset, 'Case 7'), 404, 'not-found'],
      [() => hold(randomUUID()), 404, 'not-found'],
      [() => hold(asset, 'case-7', 'mine', key), 403, 'forbidden'],
    ]
    await leavesNothing(system, async () => {
      for (const [ask, status, code] of refused) await expectRefusal(ask(), status, code)
    })
  })
})

describe('what is held', () => {
  test('is not deleted, not erased, and loses no draft; who asks hears that, and not why', async () => {
    const { asset } = await upload()
    const draft = await addVersion(asset, 'manual')
    await expectJson(hold(asset, 'case-7', 'Doe against Roe'), 201)
    for (const ask of [remove(asset), erase(asset), discard(asset, draft)]) {
      const refused = await ask
      expect(await refused.clone().text()).not.toMatch(/Doe|case-7/)
      await expectRefusal(refused, 409, 'held')
    }
    expect(await statusOf(asset)).toBe('ACTIVE')
    await lift(asset)
    await expectJson(discard(asset, draft), 202)
    await expectJson(erase(asset), 202)
    await expectRefusal(hold(asset), 410, 'asset-erased')
  })

  test('stays when its time is over after a delete, and goes when it is free', async () => {
    const { asset } = await upload()
    expect((await remove(asset)).status).toBe(204)
    await expectJson(hold(asset), 201)
    await deletedLongAgo(asset)
    await sweep()
    expect(await isErased(asset)).toBe(false)
    await lift(asset)
    await sweep()
    expect(await isErased(asset)).toBe(true)
  })

  test('keeps every version, however few the collection keeps', async () => {
    const { asset } = await upload()
    await addVersion(asset, 'now')
    await addVersion(asset, 'now')
    await expectJson(put({ keep_versions: 1 }), 200)
    await query(
      system.core,
      `update asset_version set archived_at = archived_at - interval '90 days' where archived_at is not null`,
    )
    await expectJson(hold(asset), 201)
    await sweep()
    expect(await statesOf(asset)).toEqual(['ARCHIVED', 'ARCHIVED', 'ACTIVE'])
    const tried = await expectJson<{ would_purge: { versions: number } }>(
      send('PUT', '/v1/collections/texts?validate_only=true', {
        key: ADMIN_KEY,
        body: { owner: 'shop-web', keep_versions: 1 },
      }),
      200,
    )
    expect(tried.would_purge.versions).toBe(0)
    await lift(asset)
    await sweep()
    expect(await statesOf(asset)).toEqual(['PURGED', 'PURGED', 'ACTIVE'])
    await expectJson(put({}), 200)
  })

  test('is shown no longer than it was to be: its end takes it from everybody, and nothing of it', async () => {
    const { asset } = await upload()
    const until = new Date(Date.now() + 3_600_000).toISOString()
    await expectJson(send('PUT', `/v1/assets/${asset}/schedule`, { key, headers: IF_ANY, body: { until } }), 200)
    await expectJson(hold(asset), 201)
    await query(system.core, `update asset set expires_at = now() - interval '1 second' where asset_id = $1`, [asset])
    await sweep()
    expect(await statusOf(asset)).toBe('ARCHIVED')
    expect((await send('POST', `/v1/assets/${asset}/restore`, { key, headers: IF_ANY })).status).toBe(200)
    expect(await statesOf(asset)).toEqual(['ACTIVE'])
    await lift(asset)
  })

  test('is left by the undo of the import that made it, which says so', async () => {
    const { digest } = await upload()
    const line = { sha256: digest.slice('sha256:'.length), collection: 'texts' }
    const body = `${JSON.stringify(line)}\n${JSON.stringify(line)}`
    const headers = { 'Content-Type': 'application/x-ndjson' }
    const { id } = await expectJson<{ id: string }>(send('POST', '/v1/assets/import', { key, body, headers }), 202)
    const { tenant } = system.config
    await carryToEnd(system.gateway, { tenant, id })
    const results = async () =>
      (
        await expectJson<{ items: { asset: string; state: string; code?: string }[] }>(
          send('GET', `/v1/operations/${id}/results`, { key }),
          200,
        )
      ).items
    const [first] = await results()
    const asset = first?.asset ?? ''
    await expectJson(hold(asset), 201)
    const undo = async () => {
      await expectJson(send('POST', `/v1/operations/${id}/undo`, { key }), 200)
      await carryToEnd(system.gateway, { tenant, id })
      return (await results()).map(({ state, code }) => [state, code])
    }
    expect(await undo()).toEqual([
      ['not-undone', 'held'],
      ['undone', undefined],
    ])
    expect(await statusOf(asset)).toBe('ACTIVE')
    await lift(asset)
    expect(await undo()).toEqual([
      ['undone', undefined],
      ['undone', undefined],
    ])
  })

  test('is refused by the database itself to whoever knows nothing of holds', async () => {
    const { asset } = await upload()
    await expectJson(hold(asset), 201)
    const insert = `insert into erasure (tenant_id, erasure_id, asset_id, reason, requested_by, correlation_id, requested_at, exposed_until, cached_until)
      values ($1, $2, $3, 'gone', 'x', 'x', now(), now(), now())`
    const values = [system.config.tenant, randomUUID(), asset]
    await expect(query(system.core, insert, values)).rejects.toThrow(/a held asset is not erased/)
    await lift(asset)
  })

  test('and an erasure that comes at the same time: one of both is first, and the other hears of it', async () => {
    for (let round = 0; round < 10; round++) {
      const { asset } = await upload()
      const [holding, erasing] = await Promise.all([hold(asset), erase(asset)])
      expect([`${holding.status} ${erasing.status}`]).toEqual([expect.stringMatching(/^(?:201 409|410 202)$/)])
      expect(await isErased(asset)).toBe(erasing.status === 202)
      if (holding.status === 201) await lift(asset)
    }
  })
})

test('in the end rows, objects and events agree', async () => {
  await sweep()
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
})
