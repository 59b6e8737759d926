/** A rollout whose process dies at any statement: another one carries it on, nothing moves twice and nothing is left over. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ENGINE_LINE } from '../../src/graph/key.ts'
import type { Database } from '../../src/manifest/database.ts'
import { checkInvariants } from '../../src/manifest/invariants.ts'
import { findRollout, insertRollout } from '../../src/manifest/rollouts.ts'
import { advanceRollouts, tellRollout } from '../../src/reconcile/rollout.ts'
import { FAULT_KINDS, openFaults } from '../support/failing.ts'
import { settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { planOfNextRelease } from '../support/next-release.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { openSide } from './side.ts'

let system: System
const ASSETS = 4
const rows = <T extends object>(text: string) =>
  system.core.database.rows<T>({ name: `test ${text.slice(0, 40)}`, text }, [])

beforeAll(async () => {
  system = await startSystem()
  const admin = (path: string, body: object) => system.call('PUT', path, { key: ADMIN_KEY, body })
  await admin('/v1/collections/shots', { owner: 'shop-web' })
  await admin('/v1/collections/shots/products/shop-web/renditions/small', {
    recipe: { resize: { w: 60 }, formats: ['webp', 'jpeg'] },
  })
  const jpeg = await photo({ width: 120, height: 80 })
  for (let n = 0; n < ASSETS; n++) await system.upload(Buffer.concat([jpeg, Buffer.from(`${n}`)]), 'collection=shots')
  await settled(system)
})
afterAll(() => system.close())

/** There and back again. */
const drive = async (database: Database, id: string, onPromoted: () => Promise<void>): Promise<void> => {
  const tenant = system.config.tenant
  await until('there and back', async () => {
    await advanceRollouts(database, { plan: planOfNextRelease, batch: { assets: 3, moves: 5 } })
    const state = (await findRollout(database, { tenant, id }))?.state
    if (state === 'READY') await tellRollout(database, { tenant, id }, 'promote', 'test', async () => undefined)
    if (state === 'PROMOTED') {
      await onPromoted()
      await tellRollout(database, { tenant, id }, 'rollback', 'test', async () => undefined)
    }
    return state === 'ROLLED_BACK'
  })
}

const leaves = () => rows<{ id: Buffer }>('select node_id as id from leaf order by asset_id, format')
const facts = async () => (await rows("select 1 from event where type = 'rendition.ready'")).length
const begin = async (): Promise<string> => {
  const wish = { tenant: system.config.tenant, engine: ENGINE_LINE, collection: null, share: 100, createdBy: 'test' }
  const rollout = await insertRollout(system.core.database, wish)
  return rollout?.id ?? expect.unreachable()
}

test('at every statement of its way there and back', async () => {
  const before = await leaves()
  await drive(system.core.database, await begin(), async () => undefined)
  expect(await leaves()).toEqual(before)
  const expectPromoted = async () => {
    const now = await leaves()
    expect(now.filter(({ id }, at) => before[at]?.id.equals(id))).toEqual([])
  }
  const faults = openFaults()
  const places = new Set<string>()
  let runs = 0
  for (const kind of FAULT_KINDS.filter(({ process }) => process === 'dies')) {
    for (let n = 1; ; n++, runs++) {
      const { core } = await openSide(system, faults)
      const id = await begin()
      const announced = await facts()
      faults.arm({ n, ...kind })
      await drive(core.database, id, async () => undefined).catch(() => undefined)
      const { broke } = faults.disarm()
      await core.close()
      if (broke !== undefined) places.add(broke)
      let wasPromoted = false
      await drive(system.core.database, id, async () => {
        wasPromoted = true
        await expectPromoted()
      })
      expect(await leaves(), `${kind.when} statement ${n}, ${broke}`).toEqual(before)
      // Each pointer is announced once on its way there and once on its way back, or not at all where it was given up before.
      if (wasPromoted)
        expect(await facts(), `${kind.when} statement ${n}, ${broke}`).toBe(announced + before.length * 2)
      const rollout = await findRollout(system.core.database, { tenant: system.config.tenant, id })
      expect(rollout).toMatchObject({ state: 'ROLLED_BACK', assets: ASSETS, leaves: before.length, moved: 0 })
      if (broke === undefined) break
    }
  }
  console.log(`${runs} runs, broken at ${[...places].join(', ')}`)
  for (const place of [
    'rollout_walk',
    'rollout_set_state',
    'rollout_move_to_new_node',
    'rollout_move_to_old_node',
    'event_append',
    'commit',
  ])
    expect(places).toContain(place)
  expect(await checkInvariants(system.core.database)).toEqual([])
}, 300_000)
