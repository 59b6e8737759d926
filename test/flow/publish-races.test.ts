/**
 * A publish and something else at once, of two gateways on one database: whichever was first, what is left is what the two in that
 * order leave, and the answers are those of that order.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { openDecodePool } from '../../src/transform/decode-pool.ts'
import { openPixelBudget } from '../../src/transform/pixel-budget.ts'
import { openTransform } from '../../src/transform/work.ts'
import { expectConsistent, expectIntact, query } from '../faults/intact.ts'
import { openSide, type Side } from '../faults/side.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const ROUNDS = 12

let system: System
let sides: readonly [Side, Side]
let jpeg: Buffer
let pool: ReturnType<typeof openDecodePool>
beforeAll(async () => {
  system = await startSystem({ worker: false })
  sides = [await openSide(system), await openSide(system)]
  pool = openDecodePool({ size: 2 })
  jpeg = await photo({ width: 48, height: 32 })
  await system.call('PUT', '/v1/collections/race', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  await system.call('PUT', '/v1/collections/race/products/shop-web/renditions/small', {
    key: ADMIN_KEY,
    body: { recipe: { resize: { width: 16 }, formats: ['jpeg'] } },
  })
})
afterAll(async () => {
  await pool.close()
  for (const side of sides) await side.close()
  await system.close()
})

const fresh = (): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())]))
const worker = (side: Side) =>
  openTransform({
    ...side.core,
    pools: { urgent: pool, background: pool },
    avif: openPixelBudget(1e9),
    look: () => undefined,
    owner: 'racer',
    leaseMs: 60_000,
  })
const settle = (side: Side, digest: string) => worker(side)(system.config.tenant, digest.slice('sha256:'.length))

interface Two {
  readonly asset: string
  /** Of the second version, whose node is still to be made. */
  readonly digest: string
}
/** With a version that is shown and one that is complete, or is not yet. */
const two = async (publish: 'manual' | 'when-ready', complete: boolean): Promise<Two> => {
  const first = await system.upload(fresh(), 'collection=race')
  await settle(sides[0], first.digest)
  const response = await sides[0].call('POST', `/v1/assets/${first.asset}/versions?publish=${publish}`, {
    key: system.keys['shop-web'],
    body: fresh(),
  })
  const { digest } = (await response.json()) as { digest: string }
  if (complete) await settle(sides[0], digest)
  return { asset: first.asset, digest }
}

interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly publication: number | undefined
}
const answerOf = async (asked: Promise<Response>): Promise<Answer> => {
  const response = await asked
  const text = await response.text()
  const { code, publication } = (text === '' ? {} : JSON.parse(text)) as { code?: string; publication?: number }
  return { status: response.status, code, publication }
}
const act = (side: Side, asset: string, method: string, rest: string, body?: object): Promise<Answer> =>
  answerOf(
    side.call(method, `/v1/assets/${asset}${rest}`, {
      key: ADMIN_KEY,
      ...(body && { body }),
      headers: { 'If-Match': '*' },
    }),
  )
const publish = (side: Side, asset: string, version = 2) => act(side, asset, 'POST', '/publish', { version })
const resolve = (side: Side, asset: string) =>
  answerOf(
    side.call('GET', `/v1/products/shop-web/assets/${asset}/renditions/small?delivery=json`, {
      key: system.keys['shop-web'],
    }),
  )
const stateOf = async (asset: string): Promise<{ active: number | null; publication: number; moves: number }> => {
  const [row] = await query<{ active: number | null; publication: number; moves: number }>(
    system.core,
    `select active_version as active, publication_no::int as publication,
       (select count(*)::int from publication p where p.asset_id = a.asset_id) as moves from asset a where asset_id = $1`,
    [asset],
  )
  if (!row) throw new Error('There is no such asset')
  return row
}
const isIn = (round: number): Side => sides[round % 2 === 0 ? 0 : 1]
const isOther = (round: number): Side => sides[round % 2 === 0 ? 1 : 0]

describe('a publish raced with', () => {
  test.each([
    ['archive', 'POST', '/archive', undefined, 'asset-archived', 200],
    ['delete', 'DELETE', '', undefined, 'asset-archived', 204],
    ['erase', 'POST', '/erase', { reason: 'case 1' }, 'asset-erased', 202],
  ])('%s: before it, or refused; nobody is shown the asset after', async (_verb, method, rest, body, code, status) => {
    for (let round = 0; round < ROUNDS; round++) {
      const { asset } = await two('manual', true)
      const [published, taken] = await Promise.all([
        publish(isIn(round), asset),
        act(isOther(round), asset, method, rest, body),
      ])
      expect(taken.status).toBe(status)
      if (published.status !== 200) expect(published).toMatchObject({ status: 410, code })
      const { publication, moves } = await stateOf(asset)
      expect({ publication, moves }).toEqual(
        published.status === 200 ? { publication: 2, moves: 2 } : { publication: 1, moves: 1 },
      )
      for (const side of sides) expect(await resolve(side, asset)).toMatchObject({ status: 410, code })
    }
    await expectConsistent(system.core)
  })

  test('the last node of the version: done, or told that it was not complete', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { asset, digest } = await two('when-ready', false)
      const [published] = await Promise.all([publish(isIn(round), asset), settle(isOther(round), digest)])
      if (published.status !== 200) expect(published).toMatchObject({ status: 409, code: 'not-ready' })
      expect(await stateOf(asset)).toEqual({ active: 2, publication: 2, moves: 2 })
    }
    await expectConsistent(system.core)
  })

  test('a rollback and another publish: each moves the pointer once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { asset } = await two('manual', true)
      const answers = await Promise.all([
        publish(isIn(round), asset, 2),
        publish(isOther(round), asset, 1),
        act(isIn(round), asset, 'POST', '/rollback', { to: 2 }),
      ])
      for (const { status } of answers) expect(status).toBe(200)
      const { publication, moves } = await stateOf(asset)
      expect(publication).toBe(moves)
      expect(Math.max(...answers.map(one => one.publication ?? 0))).toBe(publication)
    }
    await expectConsistent(system.core)
  })

  test('its own schedule, swept by two: published once', async () => {
    const sweeps = sides.map(side => startSweep(side.core))
    await Promise.all(sweeps.map(sweep => sweep.stop()))
    for (let round = 0; round < ROUNDS; round++) {
      const { asset } = await two('manual', true)
      const at = new Date(Date.now() + 3_600_000).toISOString()
      const set = await act(isIn(round), asset, 'PUT', '/schedule', { publish: { version: 2, at } })
      expect(set.status).toBe(200)
      await query(system.core, `update schedule set publish_at = now() - interval '1 second' where asset_id = $1`, [
        asset,
      ])
      const [published] = await Promise.all([publish(isIn(round), asset), ...sweeps.map(sweep => sweep.once())])
      expect(published).toMatchObject({ status: 200, publication: 2 })
      expect(await stateOf(asset)).toEqual({ active: 2, publication: 2, moves: 2 })
      expect(await query(system.core, 'select 1 from schedule where asset_id = $1', [asset])).toEqual([])
    }
    await expectConsistent(system.core)
  })

  test('the discarding of its version: published, or gone', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { asset } = await two('manual', true)
      const [published, discarded] = await Promise.all([
        publish(isIn(round), asset),
        act(isOther(round), asset, 'DELETE', '/versions/2'),
      ])
      expect([published.status, discarded.status]).toEqual(published.status === 200 ? [200, 409] : [410, 202])
      expect((await resolve(isIn(round), asset)).status).toBe(200)
      expect((await stateOf(asset)).active).toBe(published.status === 200 ? 2 : 1)
    }
    await expectConsistent(system.core)
  })
})

test('in the end rows, objects and events agree', async () => {
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
})
