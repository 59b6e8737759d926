/** What is asked for beside the renditions goes through an engine's upgrade and an erasure like they do. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkInvariants } from '../../src/manifest/invariants.ts'
import { advanceRollouts } from '../../src/reconcile/rollout.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, openClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { planOfNextRelease } from '../support/next-release.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const VARIANTS = ['tile@2x.jpg', 'x/w_96.webp'] as const

let system: System
let send: Send
let asset: string
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  const body = { role: 'editor', ad_hoc: {} }
  await expectJson(send('PUT', '/v1/collections/product-photo/grants/mobile', { key: ADMIN_KEY, body }), 200)
  asset = (await system.upload(await photo({ width: 900, height: 600 }))).asset
  await settled(system)
})
afterAll(() => system.close())

const open = (file: string) =>
  send('GET', `/i/mobile/${asset}/v1/${file}`, { key: system.keys.mobile, headers: { Prefer: 'wait=20' } })
/** Of the object that it is sent on to. */
const keyOf = async (file: string): Promise<string> => {
  const response = await open(file)
  expect(response.status, file).toBe(302)
  const { pathname } = new URL(response.headers.get('location') ?? '')
  return pathname.slice(pathname.indexOf('/t/') + 1)
}
const keys = () => Promise.all(VARIANTS.map(keyOf))
const leaves = () =>
  query<{ rendition: string }>(
    system.core,
    `select distinct rendition from leaf where asset_id = $1 and (rendition like '%@%' or rendition like 'x/%') order by 1`,
    [asset],
  )

interface Rollout {
  readonly id: string
  readonly state: string
  readonly failed: number
}

test('a rollout makes them anew, moves them and takes them back', async () => {
  const before = await keys()
  expect(await leaves()).toEqual([{ rendition: 'tile@2x' }, { rendition: 'x/w_96' }])
  const path = '/v1/engine/rollouts'
  const { id } = await expectJson<Rollout>(send('POST', path, { key: ADMIN_KEY, body: { share: 100 } }), 202)
  const carryOn = () =>
    until(
      'the rollout waits for a person',
      async () => {
        await advanceRollouts(system.core.database, { plan: planOfNextRelease })
        await system.worker?.poll()
        const rollout = await expectJson<Rollout>(send('GET', `${path}/${id}`, { key: ADMIN_KEY }), 200)
        return ['READY', 'PROMOTED', 'ROLLED_BACK'].includes(rollout.state) && rollout
      },
      { withinMs: 30_000 },
    )
  expect(await carryOn()).toMatchObject({ state: 'READY', failed: 0 })
  expect(await keys()).toEqual(before)

  await expectJson(send('POST', `${path}/${id}/promote`, { key: ADMIN_KEY }), 202)
  expect((await carryOn()).state).toBe('PROMOTED')
  const after = await keys()
  for (const [at, key] of after.entries()) expect(key, VARIANTS[at]).not.toBe(before[at])

  await expectJson(send('POST', `${path}/${id}/rollback`, { key: ADMIN_KEY }), 202)
  expect((await carryOn()).state).toBe('ROLLED_BACK')
  expect(await keys()).toEqual(before)
})

test('an erasure takes them along', async () => {
  const stored = await keys()
  for (const key of stored) expect(await system.core.derivatives.stat(key), key).toBeDefined()
  const body = { reason: 'case 8' }
  await expectJson(send('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, body }), 202)
  const sweeping = startSweep(system.core)
  await sweeping.stop()
  await sweeping.once()
  for (const key of stored) expect(await system.core.derivatives.stat(key), key).toBeUndefined()
  expect(await leaves()).toEqual([])
  for (const file of VARIANTS) await expectRefusal(open(file), 410, 'asset-erased')
  expect(await checkInvariants(system.core.database)).toEqual([])
})
