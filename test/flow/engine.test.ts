/** An engine upgrade from end to end: a canary share is made anew beside what is shown, compared, shown, and taken back. */
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { advanceRollouts } from '../../src/reconcile/rollout.ts'
import { admitEngine, engineHere } from '../../src/transform/admission.ts'
import { openWorker } from '../../src/worker.ts'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { planOfNextRelease, planWith, raiseEpoch } from '../support/next-release.ts'
import { ADMIN_KEY, requestOf, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Rollout {
  readonly id: string
  readonly state: string
  readonly progress: { readonly assets: number; readonly leaves: number; readonly moved: number }
  readonly compared: number
  readonly failed: number
  readonly ssim: readonly { readonly from: number; readonly leaves: number }[]
  readonly worst: readonly {
    readonly n: number
    readonly asset: string
    readonly ssim: number
    readonly picture: string
  }[]
}

const ASSETS = 20
/** Two products with one recipe, two formats each. */
const LEAVES_EACH = 4

let system: System
let send: Send
/** Of another gateway on the same manifest, with a memory of its own. */
let other: (path: string) => Promise<Response>
const assets: string[] = []

const admin = (method: string, path: string, body?: object) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }) })
const rows = <T extends object>(text: string, values: readonly unknown[] = []) =>
  system.core.database.rows<T>({ name: `test ${text.slice(0, 50)}`, text }, values)

const resolvePath = (asset: string) => `/v1/products/shop-web/assets/${asset}/renditions/small`
const asked = () => ({ key: system.keys['shop-web'], headers: { Accept: 'application/json' } })
/**
 * The object that each gateway sends its caller to; both must agree. A redirect, because a document counts who shares the node
 * and is read anew for that alone.
 */
const shown = async (asset: string): Promise<string> => {
  const answers = await Promise.all([
    send('GET', resolvePath(asset), { key: system.keys['shop-web'] }),
    other(resolvePath(asset)),
  ])
  const [here, there] = answers.map(answer => new URL(answer.headers.get('location') ?? '').pathname)
  expect(here).toBe(there)
  return here ?? ''
}
const shownOfAll = async () =>
  new Map(await Promise.all(assets.map(async asset => [asset, await shown(asset)] as const)))

/** As the sweep of another release would, until it waits for a person. */
const carryOn = (id: string, plan = planOfNextRelease): Promise<Rollout> =>
  until(
    'the rollout is through',
    async () => {
      await advanceRollouts(system.core.database, { plan })
      await system.worker?.poll()
      const rollout = await expectJson<Rollout>(admin('GET', `/v1/engine/rollouts/${id}`), 200)
      return ['READY', 'PROMOTED', 'ROLLED_BACK'].includes(rollout.state) && rollout
    },
    { withinMs: 30_000 },
  )
const start = (body: object) => expectJson<Rollout>(admin('POST', '/v1/engine/rollouts', body), 202)
const tell = (id: string, word: string) => admin('POST', `/v1/engine/rollouts/${id}/${word}`)

beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  const app = createApp(openGateway(system.core))
  other = async path => app.request(path, requestOf('GET', { key: system.keys['shop-web'] }))
  await expectJson(admin('PUT', '/v1/collections/shots', { owner: 'shop-web' }), 201)
  await expectJson(admin('PUT', '/v1/collections/shots/grants/mobile', { role: 'reader' }), 201)
  for (const product of ['shop-web', 'mobile']) {
    const recipe = { resize: { w: 120 }, formats: ['webp', 'jpeg'] }
    await expectJson(admin('PUT', `/v1/collections/shots/products/${product}/renditions/small`, { recipe }), 201)
  }
  const jpeg = await photo({ width: 240, height: 160 })
  for (let n = 0; n < ASSETS; n++) {
    assets.push((await system.upload(Buffer.concat([jpeg, Buffer.from(`${n}`)]), 'collection=shots')).asset)
  }
  await settled(system)
  // A gateway keeps answers that are final only.
  await until(
    'every look is made',
    async () => (await rows('select 1 from original_look where made_at is null')).length === 0,
    {
      withinMs: 30_000,
    },
  )
})
afterAll(() => system.close())

describe('a canary', () => {
  let before: Map<string, string>
  let canary: Rollout
  const movedOf = (after: Map<string, string>) => assets.filter(asset => after.get(asset) !== before.get(asset))

  test('is made and compared beside what is shown', async () => {
    before = await shownOfAll()
    const started = await start({ share: 30, collection: 'shots' })
    expect(started).toMatchObject({ state: 'PLANNING', share: 30, progress: { assets: 0, leaves: 0, moved: 0 } })
    await expectRefusal(admin('POST', '/v1/engine/rollouts', { share: 5 }), 409, 'conflict')
    await expectRefusal(tell(started.id, 'promote'), 409, 'conflict')

    canary = await carryOn(started.id)
    expect(canary.state).toBe('READY')
    const { assets: some, leaves } = canary.progress
    expect(some).toBeGreaterThan(0)
    expect(some).toBeLessThan(ASSETS)
    expect(canary).toMatchObject({ compared: leaves, failed: 0, progress: { leaves: some * LEAVES_EACH, moved: 0 } })
    expect(canary.ssim.reduce((sum, each) => sum + each.leaves, 0)).toBe(leaves)
    // Worse by far, but of the same picture.
    expect(canary.worst[0]?.ssim).toBeGreaterThan(0.3)
    expect(canary.worst[0]?.ssim).toBeLessThan(0.98)
    // One node and one comparison for both products, and each ran once.
    const made = await rows<{ executions: number }>(
      'select n.executions from comparison c join node n on n.tenant_id = c.tenant_id and n.node_id = c.new_node',
    )
    expect(made.map(({ executions }) => executions)).toEqual(Array(leaves / 2).fill(1))
    expect(await shownOfAll()).toEqual(before)
  })

  test('can be looked at: old, new and where they differ', async () => {
    const path = canary.worst[0]?.picture ?? ''
    const response = await admin('GET', path)
    expect(response.headers.get('content-type')).toBe('image/png')
    const picture = sharp(Buffer.from(await response.arrayBuffer()))
    expect(await picture.metadata()).toMatchObject({ format: 'png', width: 3 * 120 + 2 * 8, height: 80 })
    const brightness = async (left: number): Promise<number> => {
      const { channels } = await picture.clone().extract({ left, top: 0, width: 120, height: 80 }).stats()
      return channels[1]?.mean ?? 0
    }
    const [old, now, difference] = [await brightness(0), await brightness(128), await brightness(256)]
    expect(Math.abs(old - now)).toBeLessThan(8)
    expect(difference).toBeGreaterThan(10)
    await expectRefusal(admin('GET', `/v1/engine/rollouts/${canary.id}/leaves/9999/picture`), 404, 'not-found')
    await expectRefusal(send('GET', path, { key: system.keys['shop-web'] }), 403, 'forbidden')
  })

  test('is shown on every gateway at the next resolve after it is promoted, and has announced itself', async () => {
    const stale = (await send('GET', resolvePath(canary.worst[0]?.asset ?? ''), asked())).headers.get('etag') ?? ''
    await expectJson(tell(canary.id, 'promote'), 202)
    const promoted = await carryOn(canary.id)
    expect(promoted).toMatchObject({ state: 'PROMOTED', progress: { moved: canary.progress.leaves } })
    const moved = movedOf(await shownOfAll())
    expect(moved).toHaveLength(canary.progress.assets)
    const seen = await send('GET', resolvePath(canary.worst[0]?.asset ?? ''), {
      ...asked(),
      headers: { Accept: 'application/json', 'If-None-Match': stale },
    })
    expect(seen.status).toBe(200)
    const facts = await rows("select 1 from event where type = 'rendition.ready' and correlation_id = $1", [
      `rollout:${canary.id}`,
    ])
    expect(facts).toHaveLength(canary.progress.leaves)
  })

  test('is contained in a larger share, which makes and moves the rest only', async () => {
    const all = await carryOn((await start({ share: 100, collection: 'shots' })).id)
    expect(all.progress).toMatchObject({ assets: ASSETS, leaves: ASSETS * LEAVES_EACH - canary.progress.leaves })
    expect(all).toMatchObject({ state: 'READY', failed: 0 })
    expect(await expectJson(tell(all.id, 'rollback'), 202)).toMatchObject({ state: 'ROLLED_BACK' })
    expect(movedOf(await shownOfAll())).toHaveLength(canary.progress.assets)
  })

  test('goes back by its pointers alone', async () => {
    const executions = await rows('select sum(executions) from node')
    await expectJson(tell(canary.id, 'rollback'), 202)
    expect(await carryOn(canary.id)).toMatchObject({ state: 'ROLLED_BACK', progress: { moved: 0 } })
    expect(await shownOfAll()).toEqual(before)
    expect(await rows('select sum(executions) from node')).toEqual(executions)
    expect(await expectJson(tell(canary.id, 'rollback'), 202)).toMatchObject({ state: 'ROLLED_BACK' })
    await expectRefusal(tell(canary.id, 'promote'), 409, 'conflict')
  })
})

test('nothing changes where the running code plans what it planned', async () => {
  const { id } = await start({ share: 100 })
  await advanceRollouts(system.core.database)
  const rollout = await expectJson<Rollout>(admin('GET', `/v1/engine/rollouts/${id}`), 200)
  expect(rollout).toMatchObject({ state: 'READY', progress: { assets: ASSETS, leaves: 0 }, worst: [] })
})

test('a leaf whose new output fails stays where it is, and says so', async () => {
  const asset = assets[0] ?? ''
  const before = await shown(asset)
  const { id } = await start({ share: 100 })
  await advanceRollouts(system.core.database, {
    plan: (rendition, source) => {
      const { nodes, leaves } = planOfNextRelease(rendition, source)
      const refusal = { code: 'output-too-large' as const, message: 'Too large.' }
      return {
        nodes,
        leaves: leaves.map(leaf => (leaf.format === 'jpeg' ? { ...leaf, node: undefined, refusal } : leaf)),
      }
    },
  })
  const rollout = await carryOn(id)
  expect(rollout.failed).toBe((ASSETS * LEAVES_EACH) / 2)
  expect(rollout.worst[0]).toMatchObject({ n: 2, failure: 'output-too-large' })
  await expectJson(tell(id, 'promote'), 202)
  expect(await carryOn(id)).toMatchObject({ progress: { moved: (ASSETS * LEAVES_EACH) / 2 } })
  expect(await shown(asset)).toBe(before)
  await expectJson(tell(id, 'rollback'), 202)
  await carryOn(id)
})

test('what another release noted and never made is planned anew by whoever asks for it', async () => {
  const recipe = { resize: { w: 90 }, formats: ['jpeg'] }
  const path = '/v1/collections/shots/products/shop-web/renditions/late'
  await expectJson(admin('PUT', path, { recipe, lane: 'lazy' }), 201)
  const { asset } = await system.upload(await photo({ width: 250, height: 150 }), 'collection=shots')
  await settled(system)
  const noted = await rows<{ id: Buffer }>(
    `with old as (insert into node (tenant_id, node_id, original, chain, format) select tenant_id, sha256('another release'), original, chain, format
       from node where node_id = (select node_id from leaf where asset_id = $1 and rendition = 'late') returning node_id)
     update leaf set node_id = sha256('another release') where asset_id = $1 and rendition = 'late' returning node_id as id`,
    [asset],
  )
  expect(noted).toHaveLength(1)
  const late = `/v1/products/shop-web/assets/${asset}/renditions/late`
  const headers = { Accept: 'application/json', Prefer: 'wait=20' }
  expect(await expectJson(send('GET', late, { ...asked(), headers }), 200)).toMatchObject({ state: 'ready', width: 90 })
})

describe('a build of the engine', () => {
  const engine = engineHere({ vips: '8.18.99', sharp: '0.99.0', arch: 'somewhere' })

  test('that is the first of its line is registered by starting', async () => {
    const { line, fingerprint } = engineHere()
    const known = await expectJson<{ builds: object[] }>(admin('GET', '/v1/engine'), 200)
    expect(known).toMatchObject({ line, builds: [{ fingerprint, registered: true, registered_by: 'first start' }] })
  })

  test('that is another one of the line refuses to work, says why and what to do, until it is registered', async () => {
    const refusal = openWorker(system.core, engine)
    await expect(refusal).rejects.toMatchObject({ code: 'conflict' })
    await expect(refusal).rejects.toThrow(/sharp .+ -> 0\.99\.0/)
    await expect(refusal).rejects.toThrow(`matrix engine register ${engine.fingerprint}`)
    await expectRefusal(admin('POST', '/v1/engine/register', { fingerprint: '0'.repeat(16) }), 404, 'not-found')
    const { fingerprint } = engine
    expect(await expectJson(admin('POST', '/v1/engine/register', { fingerprint }), 200)).toMatchObject({
      registered: true,
    })
    await (await openWorker(system.core, engine)).drain()
  })

  test('that begins a line beside another needs nobody', async () => {
    await admitEngine(system.core.database, { ...engine, line: 'vips9.0/1' })
  })
})

test('a worker leaves alone what a later release has planned, and what is given up is not shown', async () => {
  const { id } = await start({ share: 100 })
  await advanceRollouts(system.core.database, { plan: planWith(raiseEpoch) })
  await system.worker?.poll()
  const planned = await rows<{ state: string; attempts: number; executions: number }>(
    `select distinct n.state, n.attempts, n.executions from rollout_leaf r join node n on n.tenant_id = r.tenant_id and n.node_id = r.new_node
     where r.rollout_id = $1`,
    [id],
  )
  expect(planned).toEqual([{ state: 'QUEUED', attempts: 0, executions: 0 }])
  expect(await expectJson(tell(id, 'rollback'), 202)).toMatchObject({ state: 'ROLLED_BACK', compared: 0 })
})
