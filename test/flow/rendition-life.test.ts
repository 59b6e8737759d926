/** What becomes of a rendition after it was named: its older recipe again, without work that was done; and an end that everybody is told who asks. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Envelope } from '../../src/events/envelope.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { advanceOperations } from '../../src/reconcile/backfill.ts'
import { expectConsistent, query } from '../faults/intact.ts'
import { expectJson, expectRefusal, leavesNothing, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const DAY_MS = 86_400_000

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

const ROOT = '/v1/collections/product-photo/products/mobile/renditions'
interface Shown {
  readonly revision: number
  readonly lane: string
  readonly recipe_hash: string
  readonly state: string
  readonly deprecation?: { readonly since: string; readonly sunset: string }
}
type Written = Shown & {
  readonly impact: { readonly nodes_new: number; readonly nodes_existing: number }
  readonly operation?: { readonly id: string; readonly revision: number }
}
interface Resolution {
  readonly revision: number
  readonly node: string
  readonly deprecation?: { readonly since: string; readonly sunset: string }
}
const IF_ANY = { 'If-Match': '*' }
const key = () => system.keys.mobile
const recipe = (width: number, more: object = {}) => ({ recipe: { resize: { width }, formats: ['jpeg'] }, ...more })
const put = async (name: string, body: object): Promise<Shown> => {
  const answer = await send('PUT', `${ROOT}/${name}`, { key: key(), body })
  expect([200, 201], await answer.clone().text()).toContain(answer.status)
  return (await answer.json()) as Shown
}
const rollback = (name: string, body: object = {}, { headers = IF_ANY, query: search = '' } = {}) =>
  send('POST', `${ROOT}/${name}/rollback${search}`, { key: key(), body, headers })
const deprecate = (name: string, sunset: string | null, { headers = {}, query: search = '' } = {}) =>
  send('POST', `${ROOT}/${name}/deprecate${search}`, { key: key(), body: { sunset }, headers })
const resolve = (asset: string, name: string, headers: Record<string, string> = {}, search = '') =>
  send('GET', `/v1/products/mobile/assets/${asset}/renditions/${name}${search}`, { key: key(), headers })
const JSON_ONLY = { Accept: 'application/json' }
const resolution = async (asset: string, name: string): Promise<Resolution> =>
  expectJson<Resolution>(resolve(asset, name, JSON_ONLY), 200)
const executions = async (): Promise<number> =>
  Number((await query<{ sum: string }>(system.core, 'select coalesce(sum(executions), 0) as sum from node'))[0]?.sum)
/** Cut around what is to be seen. */
const square = (side: number) => ({
  recipe: { resize: { width: side, height: side, fit: 'cover', gravity: 'auto' }, formats: ['jpeg'] },
})
const aim = async (asset: string): Promise<void> => {
  const body = { focal_point: { x: 0, y: 0.5 } }
  const headers = { ...IF_ANY, 'Content-Type': 'application/merge-patch+json' }
  await expectJson(send('PATCH', `/v1/assets/${asset}`, { key: ADMIN_KEY, body, headers }), 200)
}
let seed = 0
const upload = async (): Promise<string> => {
  const { asset } = await system.upload(await photo({ width: 300 + ++seed, height: 200 }))
  await settled(system)
  return asset
}
const head = async (): Promise<number> => {
  await sequenceEvents(system.core.database)
  return (await expectJson<{ head: number }>(send('GET', '/v1/events?limit=1', { key: ADMIN_KEY }), 200)).head
}
type Told = Envelope & { readonly data: Record<string, unknown> }
const heard = async (after: number, types: string, by = key()): Promise<readonly Told[]> => {
  await sequenceEvents(system.core.database)
  const path = `/v1/events?after=${after}&types=${types}&limit=500`
  return (await expectJson<{ items: Told[] }>(send('GET', path, { key: by }), 200)).items
}
const finish = async (): Promise<void> => {
  await advanceOperations(system.core.database)
  await settled(system)
  await advanceOperations(system.core.database)
  await advanceOperations(system.core.database)
}
const later = (days: number): string => new Date(Math.floor(Date.now() / 1000) * 1000 + days * DAY_MS).toISOString()

describe('a rollback', () => {
  test('answers by the older recipe at once, and executes nothing where its nodes stand', async () => {
    await put('back', recipe(60))
    const old = await upload()
    const first = await resolution(old, 'back')
    await put('back', recipe(70))
    const young = await upload()
    expect((await resolve(old, 'back', { Prefer: 'wait=10' })).status).toBe(302)
    await settled(system)
    expect((await resolution(young, 'back')).revision).toBe(2)
    const [start, spent] = [await head(), await executions()]

    const back = await expectJson<Written>(rollback('back'), 200)
    expect(back).toMatchObject({ revision: 1, state: 'active', impact: { nodes_existing: 1, nodes_new: 1 } })
    expect(await resolution(old, 'back')).toMatchObject({ revision: 1, node: first.node })
    expect(await executions()).toBe(spent)
    const [told, ...more] = await heard(start, 'rendition.revised,rendition.ready')
    expect(more).toEqual([])
    expect(told?.data).toMatchObject({ rendition: 'back', revision: 1, previous_revision: 2 })

    // What came in between had never been made by it.
    expect(back.operation).toMatchObject({ revision: 1 })
    await finish()
    expect(await resolution(young, 'back')).toMatchObject({ revision: 1 })
    expect(await executions()).toBe(spent + 1)
    const path = `/v1/operations/${back.operation?.id}`
    expect(await expectJson(send('GET', path, { key: key() }), 200)).toMatchObject({ state: 'SUCCEEDED' })
    await expectConsistent(system.core)
  })

  test('goes back to what was active before, and so twice is there again', async () => {
    for (const width of [61, 62, 63]) await put('twice', recipe(width))
    const to = async (body?: object) => (await expectJson<Written>(rollback('twice', body), 200)).revision
    expect(await to()).toBe(2)
    expect(await to()).toBe(3)
    expect(await to({ to: 1 })).toBe(1)
    expect(await to()).toBe(3)
    expect((await put('twice', recipe(64))).revision).toBe(4)
    expect(await to()).toBe(3)
    const start = await head()
    expect(await expectJson<Written>(rollback('twice', { to: 3 }), 200)).not.toHaveProperty('operation')
    expect(await heard(start, 'rendition.revised')).toEqual([])
  })

  test('takes the lane back with the recipe, and plans nothing for a lazy one', async () => {
    await put('lazy', recipe(65, { lane: 'lazy' }))
    await put('lazy', recipe(66))
    const back = await expectJson<Written>(rollback('lazy'), 200)
    expect(back).toMatchObject({ revision: 1, lane: 'lazy' })
    expect(back.operation).toBeUndefined()
  })

  test('makes anew what has been taken away', async () => {
    await put('gone', recipe(67))
    const asset = await upload()
    const { node } = await resolution(asset, 'gone')
    await put('gone', recipe(68))
    await query(
      system.core,
      `update node set state = 'EVICTED', output = null where node_id = decode('${node.slice(7)}', 'hex')`,
    )
    const spent = await executions()
    await expectJson(rollback('gone'), 200)
    await finish()
    expect(await resolution(asset, 'gone')).toMatchObject({ revision: 1, node })
    expect(await executions()).toBeGreaterThan(spent)
  })

  test('cuts by what is said of the asset now', async () => {
    await put('aimed', square(40))
    const asset = await upload()
    const { node } = await resolution(asset, 'aimed')
    await put('aimed', square(41))
    await aim(asset)
    await expectJson(rollback('aimed'), 200)
    await finish()
    const after = await resolution(asset, 'aimed')
    expect(after.revision).toBe(1)
    expect(after.node).not.toBe(node)
  })

  test('cuts by it also what came while it was answered, and was finished later', async () => {
    await put('held', square(42))
    const asset = await upload()
    const { node } = await resolution(asset, 'held')
    /** Past the trigger that lets no version go back. */
    const become = (state: string) =>
      query(
        system.core,
        `do $$ begin
           perform set_config('session_replication_role', 'replica', true);
           update asset_version set state = '${state}' where asset_id = '${asset}';
         end $$`,
      )
    await become('PROCESSING')
    await put('held', square(43))
    await aim(asset)
    await become('ACTIVE')
    await expectJson(rollback('held'), 200)
    await finish()
    const after = await resolution(asset, 'held')
    expect(after.revision).toBe(1)
    expect(after.node).not.toBe(node)
  })

  test('has the completeness of a version be that of what is answered', async () => {
    await put('whole', recipe(69))
    const asset = await upload()
    // From this picture nothing can be cut there.
    await put('whole', { recipe: { crop: { left: 5_000, top: 0, width: 9, height: 9 }, formats: ['jpeg'] } })
    await finish()
    const backfill = await send('POST', `${ROOT}/whole/backfill`, { key: key() })
    expect(backfill.status).toBe(202)
    await finish()
    const complete = async () => {
      const path = `/v1/assets/${asset}/versions/1/completeness`
      const answer = expectJson<{ products: { status: string; failed?: unknown }[] }>(
        send('GET', path, { key: key() }),
        200,
      )
      return (await answer).products[0]
    }
    expect(await complete()).toMatchObject({ failed: [expect.objectContaining({ rendition: 'whole' })] })
    await expectJson(rollback('whole'), 200)
    expect(await complete()).toMatchObject({ status: 'COMPLETE' })
    expect(await complete()).not.toHaveProperty('failed')
  })

  test('is one of any number of writers, of whom the last one stands', async () => {
    for (const width of [90, 91, 92]) await put('raced', recipe(width))
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        n % 4 === 3
          ? send('PUT', `${ROOT}/raced`, { key: key(), body: recipe(93 + n) })
          : n % 4 === 2
            ? deprecate('raced', later(n))
            : rollback('raced', n % 2 === 0 ? {} : { to: 1 + (n % 3) }),
      ),
    )
    expect(answers.map(({ status }) => status).filter(status => status !== 200 && status !== 201)).toEqual([])
    const active = await query<{ revision: number }>(
      system.core,
      `select revision from rendition where name = 'raced' and state = 'active'`,
    )
    const start = await expectJson<Shown>(send('GET', `${ROOT}/raced`, { key: key() }), 200)
    expect(active).toEqual([{ revision: start.revision }])
    expect(start.state).toBe('deprecated')
    const told = await heard(0, 'rendition.revised')
    const own = told.filter(({ data }) => data.rendition === 'raced').map(({ data }) => data)
    // Each goes on from where the one before it ended.
    expect(own.map(data => data.previous_revision)).toEqual([null, ...own.slice(0, -1).map(data => data.revision)])
    expect(own.at(-1)?.revision).toBe(start.revision)
  })

  test('is under the condition that the caller names, and tried without effect', async () => {
    await put('if', recipe(71))
    await put('if', recipe(72))
    await leavesNothing(system, async () => {
      await expectRefusal(rollback('if', {}, { headers: {} as never }), 428, 'precondition-required')
      await expectRefusal(rollback('if', {}, { headers: { 'If-Match': '"r1"' } }), 412, 'precondition-failed')
      const tried = rollback('if', {}, { query: '?validate_only=true' })
      expect(await expectJson<Written>(tried, 200)).toMatchObject({
        revision: 1,
        impact: { nodes_new: expect.any(Number) },
      })
      expect((await send('GET', `${ROOT}/if`, { key: key() })).headers.get('etag')).toBe('"r2"')
    })
    const done = await rollback('if', {}, { headers: { 'If-Match': '"r2"' } })
    expect(done.headers.get('etag')).toBe('"r1"')
  })

  test('is refused where there is nothing to go back to, or not any more', async () => {
    await put('none', recipe(73))
    const second = await upload()
    const laid = (asset: string, width: number) =>
      put('laid', { recipe: { resize: { width }, composite: { asset, gravity: 'center' }, formats: ['jpeg'] } })
    await laid(second, 74)
    await put('laid', recipe(75))
    expect((await send('DELETE', `/v1/assets/${second}`, { key: ADMIN_KEY, headers: IF_ANY })).status).toBe(204)
    await leavesNothing(system, async () => {
      await expectRefusal(rollback('none'), 409, 'nothing-to-roll-back')
      await expectRefusal(rollback('none', { to: 9 }), 409, 'nothing-to-roll-back')
      await expectRefusal(rollback('nowhere'), 404, 'not-found')
      await expectRefusal(rollback('laid'), 422, 'invalid-recipe')
      await expectRefusal(rollback('none', { to: 0 }), 422, 'contract-violation')
    })
  })

  test('is refused a recipe that the edge does not allow any more', async () => {
    const grant = (private_metadata: boolean) =>
      send('PUT', '/v1/collections/product-photo/grants/mobile', {
        key: ADMIN_KEY,
        body: { role: 'reader', private_metadata },
      })
    expect((await grant(true)).status).toBeLessThan(300)
    await put('telling', { recipe: { resize: { width: 76 }, metadata: 'all', formats: ['jpeg'] } })
    await put('telling', recipe(76))
    expect((await grant(false)).status).toBeLessThan(300)
    await leavesNothing(system, () => expectRefusal(rollback('telling'), 403, 'forbidden'))
  })
})

describe('a rendition that is to go', () => {
  test('says so wherever it is answered, from the next request on, and no other does', async () => {
    await put('old', recipe(80))
    await put('new', recipe(81))
    const asset = await upload()
    const warm = async () => {
      for (let n = 0; n < 3; n++) await resolve(asset, 'old')
    }
    await warm()
    const before = await resolve(asset, 'old', JSON_ONLY)
    expect(before.headers.has('deprecation')).toBe(false)
    const tag = before.headers.get('etag') ?? ''
    expect((await resolve(asset, 'old', { ...JSON_ONLY, 'If-None-Match': tag })).status).toBe(304)

    const sunset = later(30)
    const start = await head()
    const said = await deprecate('old', sunset)
    const etag = said.headers.get('etag')
    const shown = await expectJson<Shown>(said, 200)
    expect(shown).toMatchObject({ state: 'deprecated', deprecation: { sunset } })
    const fields = {
      deprecation: `@${Math.floor(Date.parse(shown.deprecation?.since ?? '') / 1000)}`,
      sunset: new Date(sunset).toUTCString(),
    }
    const fieldsOf = ({ headers }: Response) => ({
      deprecation: headers.get('deprecation'),
      sunset: headers.get('sunset'),
    })
    const NONE = { deprecation: null, sunset: null }

    const redirect = await resolve(asset, 'old')
    expect([redirect.status, fieldsOf(redirect)]).toEqual([302, fields])
    await warm()
    expect(fieldsOf(await resolve(asset, 'old'))).toEqual(fields)
    const document = await resolve(asset, 'old', { ...JSON_ONLY, 'If-None-Match': tag })
    expect([document.status, fieldsOf(document)]).toEqual([200, fields])
    expect(await document.json()).toMatchObject({ deprecation: shown.deprecation })
    const path = `/v1/products/mobile/assets/${asset}/renditions/old`
    const asHead = await send('HEAD', path, { key: key() })
    expect([asHead.status, fieldsOf(asHead)]).toEqual([302, fields])
    const streamed = await resolve(asset, 'old', {}, '?delivery=stream')
    expect([streamed.status, fieldsOf(streamed)]).toEqual([200, fields])
    const unchanged = { 'If-None-Match': streamed.headers.get('etag') ?? '' }
    const seen = await resolve(asset, 'old', unchanged, '?delivery=stream')
    expect([seen.status, fieldsOf(seen)]).toEqual([304, fields])
    for (const file of ['v1/old.jpg', 'current/old.auto', 'v1/old@2x.jpg'])
      expect(
        fieldsOf(await send('GET', `/i/mobile/${asset}/${file}`, { key: key(), headers: { Prefer: 'wait=10' } })),
      ).toEqual(fields)
    const batch = await expectJson<{ items: { resolution: Resolution }[] }>(
      send('POST', '/v1/products/mobile/resolve/batch', {
        key: key(),
        body: { items: ['old', 'new'].map(rendition => ({ asset, rendition })) },
      }),
      200,
    )
    expect(batch.items.map(({ resolution: one }) => one.deprecation)).toEqual([shown.deprecation, undefined])
    const picture = (names: string) =>
      send('GET', `/v1/products/mobile/assets/${asset}/picture?renditions=${names}`, { key: key() })
    const both = await picture('old,new')
    expect(fieldsOf(both)).toEqual(fields)
    expect(await both.json()).toMatchObject({ deprecated: [{ rendition: 'old', ...shown.deprecation }] })
    const fresh = await picture('new')
    expect(fieldsOf(fresh)).toEqual(NONE)
    expect(await fresh.json()).not.toHaveProperty('deprecated')
    expect(fieldsOf(await resolve(asset, 'new'))).toEqual(NONE)

    // Moved, said again, and taken back.
    const nearer = later(20)
    expect(
      await expectJson<Shown>(deprecate('old', nearer, { headers: { 'If-Match': etag ?? '' } }), 200),
    ).toMatchObject({
      deprecation: { since: shown.deprecation?.since, sunset: nearer },
    })
    await expectRefusal(deprecate('old', sunset, { headers: { 'If-Match': etag ?? '' } }), 412, 'precondition-failed')
    await expectJson(deprecate('old', nearer), 200)
    const taken = await deprecate('old', null)
    expect(taken.headers.get('etag')).toBe('"r1"')
    expect(await expectJson<Shown>(taken, 200)).toMatchObject({ state: 'active' })
    expect(fieldsOf(await resolve(asset, 'old'))).toEqual(NONE)

    const told = await heard(start, 'rendition.deprecated')
    expect(told.map(({ data }) => [data.rendition, data.revision, data.previous_sunset, data.sunset])).toEqual([
      ['old', 1, null, sunset],
      ['old', 1, sunset, nearer],
      ['old', 1, nearer, null],
    ])
    expect(told[0]?.subject).toBe('collections/product-photo/products/mobile/renditions/old')
    expect((await heard(start, 'rendition.deprecated', ADMIN_KEY)).map(({ id }) => id)).toEqual(
      told.map(({ id }) => id),
    )
    expect(await heard(start, 'rendition.deprecated', system.keys['shop-web'])).toEqual([])
  })

  test('stays so whatever its recipe is, until it is named anew', async () => {
    await put('name', recipe(82))
    const { deprecation } = await expectJson<Shown>(deprecate('name', later(3)), 200)
    expect(deprecation).toBeDefined()
    expect(await put('name', recipe(83))).toMatchObject({ revision: 2, state: 'deprecated', deprecation })
    expect(await expectJson<Written>(rollback('name'), 200)).toMatchObject({ revision: 1, deprecation })
    await expectJson(deprecate('name', null), 200)
    expect(await expectJson<Written>(rollback('name'), 200)).toMatchObject({ revision: 2, state: 'active' })
    await expectJson(deprecate('name', later(3)), 200)
    expect((await send('DELETE', `${ROOT}/name`, { key: key(), headers: IF_ANY })).status).toBe(204)
    await expectRefusal(deprecate('name', later(3)), 404, 'not-found')
    expect(await put('name', recipe(83))).toMatchObject({ revision: 3, state: 'active' })
  })

  test('is answered after its end, and named to those who look after the gateway', async () => {
    await put('over', recipe(85))
    const asset = await upload()
    await expectJson(deprecate('over', later(1)), 200)
    const counted = async () => {
      const text = await (await send('GET', '/metrics')).text()
      return Number(/matrix_deprecated_renditions\{state="over"\} (\d+)/.exec(text)?.[1])
    }
    const before = await counted()
    await query(
      system.core,
      `update rendition set deprecated_at = now() - interval '2 days', sunset_at = now() - interval '1 day' where name = 'over'`,
    )
    const answer = await resolve(asset, 'over')
    expect(answer.status).toBe(302)
    expect(Date.parse(answer.headers.get('sunset') ?? '')).toBeLessThan(Date.now())
    expect(await counted()).toBe(before + 1)
    const doctor = await expectJson<{ checks: { check: string; ok: boolean; detail: object }[] }>(
      send('GET', '/v1/doctor', { key: ADMIN_KEY }),
      200,
    )
    expect(doctor.checks.find(({ check }) => check === 'sunsets')).toMatchObject({
      ok: true,
      detail: { over: 1, still_answered: ['product-photo/mobile/over'] },
    })
    const { renditions } = await expectJson<{ renditions: (Shown & { name: string })[] }>(
      send('GET', '/v1/collections/product-photo/matrix', { key: ADMIN_KEY }),
      200,
    )
    expect(renditions.find(({ name }) => name === 'over')?.state).toBe('deprecated')
  })

  test('has an end to come, and can be tried', async () => {
    await put('try', recipe(84))
    await leavesNothing(system, async () => {
      await expectRefusal(deprecate('try', later(-1)), 422, 'contract-violation')
      await expectRefusal(deprecate('try', 'tomorrow'), 422, 'contract-violation')
      await expectRefusal(send('POST', `${ROOT}/try/deprecate`, { key: key(), body: {} }), 422, 'contract-violation')
      const tried = deprecate('try', later(1), { query: '?validate_only=true' })
      expect(await expectJson<Shown>(tried, 200)).toMatchObject({ state: 'deprecated' })
      expect(await expectJson<Shown>(send('GET', `${ROOT}/try`, { key: key() }), 200)).toMatchObject({
        state: 'active',
      })
    })
  })
})
