/** What is set for a time: done at its time, once, by whoever looks first. Times are brought near by their rows; nobody waits. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { examine } from '../../src/reconcile/doctor.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { openWorker } from '../../src/worker.ts'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Shown {
  asset: string
  publish?: { version: number; at: string; waiting_since?: string }
  until?: string
}

const HOUR_MS = 3_600_000
const ahead = (ms = HOUR_MS): string => new Date(Date.now() + ms).toISOString()

let system: System
let send: Send
let jpeg: Buffer
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  jpeg = await photo({ width: 64, height: 48 })
})
afterAll(() => system.close())

const key = (): string => system.keys['shop-web']
const fresh = (): Buffer => Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])
const addVersion = async (asset: string, publish: string): Promise<number> => {
  const path = `/v1/assets/${asset}/versions?publish=${publish}`
  const made = await send('POST', path, { key: key(), body: new Uint8Array(fresh()) })
  return (await expectJson<{ version: number }>(made, 201)).version
}
const stateOf = async (asset: string, version: number): Promise<unknown> =>
  (await expectJson(send('GET', `/v1/assets/${asset}/versions/${version}`, { key: key() }), 200)).state
const reaches = (asset: string, version: number, state: string) =>
  until(`version ${version} is ${state}`, async () => (await stateOf(asset, version)) === state, { withinMs: 20_000 })
const act = (asset: string, verb: string, body?: object) =>
  send('POST', `/v1/assets/${asset}/${verb}`, { key: key(), ...(body && { body }), headers: { 'If-Match': '*' } })
const put = (asset: string, body: object, tag: string | undefined = '*') =>
  send('PUT', `/v1/assets/${asset}/schedule`, {
    key: key(),
    body,
    headers: tag === undefined ? {} : { 'If-Match': tag },
  })
const take = (asset: string, tag = '*') =>
  send('DELETE', `/v1/assets/${asset}/schedule`, { key: key(), headers: { 'If-Match': tag } })
const shown = (asset: string) => send('GET', `/v1/assets/${asset}`, { key: key() })
const scheduleOf = async (asset: string): Promise<unknown> => (await expectJson(shown(asset), 200)).schedule
const card = (asset: string) =>
  send('GET', `/v1/products/shop-web/assets/${asset}/renditions/card`, {
    key: key(),
    headers: { Accept: 'application/json' },
  })
const events = async (asset: string): Promise<string[]> =>
  (
    await query<{ type: string }>(system.core, 'select type from event where asset_id = $1 order by asset_event_no', [
      asset,
    ])
  ).map(({ type }) => type)
const comes = (asset: string) =>
  query(system.core, `update schedule set publish_at = now() - interval '1 second' where asset_id = $1`, [asset])
const ends = (asset: string) =>
  query(system.core, `update asset set expires_at = now() - interval '1 millisecond' where asset_id = $1`, [asset])
const sweep = async (times = 1): Promise<void> => {
  const sweeps = Array.from({ length: times }, () => startSweep(system.core))
  await Promise.all(sweeps.map(one => one.stop()))
  await Promise.all(sweeps.map(one => one.once()))
}

/** An asset with a version that is shown and one that is not. */
const twoVersions = async (): Promise<string> => {
  const { asset } = await system.upload(fresh())
  await reaches(asset, 1, 'ACTIVE')
  await addVersion(asset, 'manual')
  await reaches(asset, 2, 'READY')
  return asset
}

describe('a publish that is set for a time', () => {
  let asset: string
  beforeEach(async () => {
    asset = await twoVersions()
  })

  test('is shown with the asset, under a new ETag, and taken back', async () => {
    const at = ahead()
    const set = await put(asset, { publish: { version: 2, at } }, '"p1"')
    expect(set.headers.get('etag')).toBe('"p1.m1"')
    expect(await expectJson<Shown>(set, 200)).toEqual({ asset, publish: { version: 2, at } })
    expect(await scheduleOf(asset)).toEqual({ publish: { version: 2, at } })
    const path = `/v1/assets/${asset}/schedule`
    expect(await expectJson(send('GET', path, { key: key() }), 200)).toEqual({ asset, publish: { version: 2, at } })
    await sweep()
    expect(await stateOf(asset, 2)).toBe('READY')
    expect((await take(asset, '"p1.m1"')).status).toBe(204)
    expect(await scheduleOf(asset)).toBeUndefined()
    await expectRefusal(send('GET', path, { key: key() }), 404, 'not-found')
    expect((await events(asset)).slice(-2)).toEqual(['asset.schedule_changed', 'asset.schedule_changed'])
  })

  test('is done once at its time, whoever sweeps, as one by hand is, in the name of who set it', async () => {
    await expectJson(put(asset, { publish: { version: 2, at: ahead() } }), 200)
    await comes(asset)
    await sweep(4)
    expect(await expectJson(shown(asset), 200)).toMatchObject({ version: 2, publication: 2 })
    expect(await expectJson(card(asset), 200)).toMatchObject({ version: 2, publication: 2 })
    expect(await scheduleOf(asset)).toBeUndefined()
    expect((await events(asset)).filter(type => type === 'asset.published')).toHaveLength(2)
    const [published] = await query<{ data: object; actor: string }>(
      system.core,
      `select data, actor from event where asset_id = $1 and type = 'asset.published' order by asset_event_no desc limit 1`,
      [asset],
    )
    expect(published?.data).toMatchObject({ version: 2, previous_version: 1, scheduled_at: expect.any(String) })
    expect(published?.actor).toMatch(/^key_/)
    expect(
      await query(
        system.core,
        `select actor, reasons, after ->> 'scheduled_by' as by from audit where resource = $1 and action = 'asset.publish'`,
        [`assets/${asset}`],
      ),
    ).toEqual([{ actor: 'sweep', reasons: ['schedule'], by: published?.actor }])
    expect(await query(system.core, `select reason from purge where tags = $1`, [[`v:${asset}.1`]])).toEqual([
      { reason: 'publish' },
    ])
  })

  test.each([
    ['publish', { version: 3 }],
    ['rollback', { to: 3 }],
    ['archive', undefined],
  ])('is moot after %s', async (verb, body) => {
    await addVersion(asset, 'manual')
    await reaches(asset, 3, 'READY')
    await expectJson(put(asset, { publish: { version: 2, at: ahead() } }), 200)
    expect((await act(asset, verb, body)).status).toBe(200)
    expect(await query(system.core, 'select 1 from schedule where asset_id = $1', [asset])).toEqual([])
    const [last] = await query<{ data: object }>(
      system.core,
      `select data from event where asset_id = $1 and type = 'asset.schedule_changed' order by asset_event_no desc limit 1`,
      [asset],
    )
    expect(last?.data).toEqual({ asset, reason: verb })
  })

  test('is moot after a newer version has published itself, and done by a publish of the version itself', async () => {
    await expectJson(put(asset, { publish: { version: 2, at: ahead() } }), 200)
    await addVersion(asset, 'now')
    expect(await scheduleOf(asset)).toBeUndefined()
    await expectJson(put(asset, { publish: { version: 2, at: ahead() } }), 200)
    await expectJson(act(asset, 'publish', { version: 2 }), 200)
    expect(await scheduleOf(asset)).toBeUndefined()
    const own = (await events(asset)).filter(type => type.startsWith('asset.'))
    expect(own.at(-1)).toBe('asset.published')
  })

  test('changes nothing where it is said again, whatever tag is named', async () => {
    const body = { publish: { version: 2, at: ahead() }, until: ahead(2 * HOUR_MS) }
    await expectJson(put(asset, body, '"p1"'), 200)
    const before = await events(asset)
    const again = await put(asset, body, '"p1"')
    expect(again.headers.get('etag')).toBe('"p1.m1"')
    expect(await expectJson(again, 200)).toEqual({ asset, ...body })
    expect(await events(asset)).toEqual(before)
  })

  test('is refused where it cannot be', async () => {
    const late = { version: 2, at: ahead() }
    await leavesNothing(system, async () => {
      for (const [body, pointer] of [
        [{ publish: { version: 2, at: ahead(-1000) } }, '/publish/at'],
        [{ publish: { version: 2, at: ahead(6 * 366 * 24 * HOUR_MS) } }, '/publish/at'],
        [{ publish: late, until: ahead(HOUR_MS / 2) }, '/until'],
        [{ until: ahead(-1000) }, '/until'],
        [{ until: ahead(6 * 366 * 24 * HOUR_MS) }, '/until'],
      ] as const) {
        const problem = await expectRefusal(put(asset, body), 422, 'contract-violation')
        expect(problem.errors).toMatchObject([{ pointer }])
      }
      for (const body of [
        {},
        { publish: { version: 2 } },
        { publish: { ...late, x: 1 } },
        { until: 'soon' },
        { until: null },
      ])
        await expectRefusal(put(asset, body), 422, 'contract-violation')
      await expectRefusal(put(asset, { publish: { ...late, version: 9 } }), 404, 'not-found')
      await expectRefusal(put(asset, { publish: { ...late, version: 1 } }), 409, 'conflict')
      await expectRefusal(put(crypto.randomUUID(), { publish: late }), 404, 'not-found')
      await expectRefusal(put(asset, { publish: late }, '"p0"'), 412, 'precondition-failed')
      const bare = send('PUT', `/v1/assets/${asset}/schedule`, { key: key(), body: { publish: late } })
      await expectRefusal(bare, 428, 'precondition-required')
    })
    await act(asset, 'archive')
    await leavesNothing(system, () => expectRefusal(put(asset, { publish: late }), 410, 'asset-archived'))
  })
})

test('a version that is not complete at its time is published as soon as it is, which is told once', async () => {
  const idle = await startSystem({ worker: false })
  try {
    const ask = await openClient(idle)
    const shop = { key: idle.keys['shop-web'] }
    const { asset } = await idle.upload(fresh())
    const path = `/v1/assets/${asset}`
    const headers = { 'If-Match': '*' }
    await expectJson(
      ask('PUT', `${path}/schedule`, { ...shop, headers, body: { publish: { version: 1, at: ahead() } } }),
      200,
    )
    const round = startSweep(idle.core)
    await round.stop()
    await query(idle.core, `update schedule set publish_at = now() - interval '1 second' where asset_id = $1`, [asset])
    await round.once()
    await round.once()
    expect(await expectJson(ask('GET', path, shop), 200)).toMatchObject({
      status: 'PENDING',
      schedule: { publish: { version: 1, waiting_since: expect.any(String) } },
    })
    const delayed = () =>
      query<{ data: { blocking: object[] } }>(idle.core, `select data from event where type = 'asset.publish_delayed'`)
    expect((await delayed())[0]?.data.blocking).toHaveLength(7)
    expect(await (await ask('GET', '/metrics')).text()).toContain('matrix_scheduled_publishes{state="waiting"} 1')
    const { checks } = await examine({ ...idle.core, ...idle.gateway })
    expect(checks.find(({ check }) => check === 'schedules')).toMatchObject({ ok: false })
    const worker = await openWorker(idle.core)
    const complete = `select 1 from asset_version where state = 'READY'`
    await until('the version is complete', async () => (await query(idle.core, complete)).length > 0, {
      withinMs: 20_000,
    })
    expect(await expectJson(ask('GET', path, shop), 200)).toMatchObject({ status: 'PENDING' })
    await round.once()
    expect(await expectJson(ask('GET', path, shop), 200)).toMatchObject({ status: 'ACTIVE', version: 1 })
    expect(await delayed()).toHaveLength(1)
    await worker.drain()
  } finally {
    await idle.close()
  }
})

describe('an asset that has an end', () => {
  let asset: string
  beforeEach(async () => {
    asset = (await system.upload(fresh())).asset
    await reaches(asset, 1, 'ACTIVE')
  })
  const deliveryOf = async () =>
    (await expectJson<{ delivery: { expires_at: string } }>(card(asset), 200)).delivery.expires_at

  test('is handed out in URLs that end with it, although it was read before', async () => {
    expect(Date.parse(await deliveryOf())).toBeGreaterThan(Date.now() + 120_000)
    const end = ahead(60_000)
    await expectJson(put(asset, { until: end }), 200)
    expect(Date.parse(await deliveryOf())).toBeLessThanOrEqual(Date.parse(end))
    expect((await take(asset)).status).toBe(204)
    expect(Date.parse(await deliveryOf())).toBeGreaterThan(Date.parse(end))
  })

  test('is gone at its end, before anybody has swept, although it was read before', async () => {
    await expectJson(put(asset, { until: ahead() }), 200)
    await expectJson(card(asset), 200)
    await expectJson(card(asset), 200)
    await ends(asset)
    await expectRefusal(card(asset), 410, 'asset-archived')
    await expectRefusal(send('GET', `/i/shop-web/${asset}/v1/card.jpg`, { key: key() }), 410, 'asset-archived')
  })

  test('is archived by a sweep, once, and can be restored', async () => {
    await expectJson(put(asset, { until: ahead() }), 200)
    await ends(asset)
    await sweep(4)
    expect(await expectJson(shown(asset), 200)).toMatchObject({ status: 'ARCHIVED' })
    const archived = `select data from event where asset_id = $1 and type = 'asset.archived'`
    expect(await query(system.core, archived, [asset])).toEqual([
      { data: { asset, reason: 'expired', expires_at: expect.any(String) } },
    ])
    expect(await query(system.core, 'select reason from purge where tags = $1', [[`a:${asset}`]])).toEqual([
      { reason: 'archive' },
    ])
    await expectJson(act(asset, 'restore'), 200)
    expect(await scheduleOf(asset)).toBeUndefined()
    await expectJson(card(asset), 200)
  })

  test('may be restored at once, and keeps an end that is ahead', async () => {
    await expectJson(put(asset, { until: ahead() }), 200)
    await act(asset, 'archive')
    await expectJson(act(asset, 'restore'), 200)
    expect(await scheduleOf(asset)).toMatchObject({ until: expect.any(String) })
    await act(asset, 'archive')
    await ends(asset)
    await expectJson(act(asset, 'restore'), 200)
    await expectJson(card(asset), 200)
  })

  test('is not had back by undelete after its end', async () => {
    await expectJson(put(asset, { until: ahead() }), 200)
    const gone = await send('DELETE', `/v1/assets/${asset}`, { key: key(), headers: { 'If-Match': '*' } })
    expect(gone.status).toBe(204)
    await ends(asset)
    await sweep()
    expect(await expectJson(act(asset, 'undelete'), 200)).toMatchObject({ status: 'ARCHIVED' })
    await expectRefusal(card(asset), 410, 'asset-archived')
  })
})
