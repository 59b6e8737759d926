/** An erasure whose process dies at any statement or call of the store: another one ends it, complete, and nothing else is touched. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { advanceErasures } from '../../src/reconcile/erase.ts'
import { FAULT_KINDS, openFaults } from '../support/failing.ts'
import { expectJson, settled } from '../support/http.ts'
import { paint } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectIntact, query } from './intact.ts'
import { openSide } from './side.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
  const admin = (path: string, body: object) => system.call('PUT', path, { key: ADMIN_KEY, body })
  await admin('/v1/collections/shots', { owner: 'shop-web' })
  await admin('/v1/collections/shots/products/shop-web/renditions/small', {
    recipe: { resize: { w: 8 }, formats: ['jpeg'] },
  })
})
afterAll(() => system.close())

const picture = (seed: number) =>
  paint({ width: 16, height: 16 }, (x, y) => [
    (seed * 37) % 256,
    (x * 9 + seed * 5 + (seed >> 8) * 60) % 256,
    (y * 11) % 256,
  ])
    .png()
    .toBuffer()
const upload = async (bytes: Uint8Array): Promise<string> => (await system.upload(bytes, 'collection=shots')).asset

/** Two versions: one of bytes that another asset has too. */
const scene = async (seed: number, shared: Uint8Array): Promise<string> => {
  const asset = await upload(await picture(seed))
  const body = new Uint8Array(shared)
  await expectJson(system.call('POST', `/v1/assets/${asset}/versions`, { key: system.keys['shop-web'], body }), 201)
  await settled(system)
  const asked = system.call('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, body: { reason: 'test' } })
  return (await expectJson<{ id: string }>(asked, 202)).id
}
const stateOf = async (id: string): Promise<string | undefined> =>
  (await query<{ state: string }>(system.core, 'select state from erasure where erasure_id = $1', [id]))[0]?.state
const objects = (id: string) =>
  query<{ kind: string; state: string }>(
    system.core,
    'select kind, state from erasure_object where erasure_id = $1 order by kind, state',
    [id],
  )

test('at every statement and every call', async () => {
  const shared = await picture(0)
  await upload(shared)
  const faults = openFaults()
  const places = new Set<string>()
  let runs = 0
  for (const kind of FAULT_KINDS.filter(({ process }) => process === 'dies')) {
    for (let n = 1; ; n++, runs++) {
      const id = await scene(runs + 1, shared)
      const { core } = await openSide(system, faults)
      faults.arm({ n, ...kind })
      await advanceErasures(core).catch(() => undefined)
      const { broke } = faults.disarm()
      await core.close()
      if (broke !== undefined) places.add(broke)
      await until('the end', async () => {
        await query(system.core, 'update erasure_object set not_before = now()')
        await advanceErasures(system.core)
        return (await stateOf(id)) === 'DONE'
      })
      const where = `${kind.when} ${n}, ${broke}, ${kind.process}`
      expect(await objects(id), where).toEqual([
        { kind: 'derivative', state: 'DELETED' },
        { kind: 'original', state: 'DELETED' },
        { kind: 'original', state: 'KEPT' },
      ])
      const receipts = `select 1 from audit where action = 'asset.erased' and request_id = $1`
      expect(await query(system.core, receipts, [`erasure:${id}`]), where).toHaveLength(1)
      if (broke === undefined) break
    }
  }
  console.log(`${runs} runs, broken at ${[...places].join(', ')}`)
  for (const place of [
    'erasure_purge_versions',
    'erasure_delete_original',
    'delete original',
    'delete derivative',
    'erased_settle_doomed',
    'commit',
  ])
    expect(places).toContain(place)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
}, 300_000)
