/** A whole process (gateway and worker) killed at random moments, with uploads and transforms in hand, and started again. */
import { randomUUID } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { environmentOf, forkNode } from '../support/fork-node.ts'
import { requestOf, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectAllDone, expectConsistent, expectIntact, query } from './intact.ts'
import { photo, randomFrom } from './photo.ts'
import { openSide } from './side.ts'

const ROUNDS = 10
const SEED = 20_261_121
/** Uploads that each client may add before a kill. */
const MOST_NEW = 10
const LONGEST_LIFE_MS = 500

let system: System
beforeAll(async () => {
  system = await startSystem({ worker: false })
})
afterAll(() => system.close())

const doneNodes = async (): Promise<number> =>
  (await query(system.core, `select 1 from node where state = 'DONE'`)).length

interface Wish {
  readonly idempotencyKey: string
  readonly bytes: Uint8Array
}

test('killed ten times, nothing acknowledged is lost and nothing exists twice', async () => {
  const random = randomFrom(SEED)
  const env = environmentOf(system, { LEASE_MS: '1000', POLL_MS: '100', WORKERS: '1', LOG_LEVEL: 'silent' })
  const acknowledged = new Map<string, string>()
  let open: Wish[] = []
  let made = 0

  const send = async (address: string, { idempotencyKey, bytes }: Wish): Promise<'acknowledged' | 'again' | 'gone'> => {
    const request = requestOf('POST', {
      key: system.keys['shop-web'],
      body: new Uint8Array(bytes),
      headers: { 'Idempotency-Key': idempotencyKey },
    })
    try {
      const response = await fetch(`${address}/v1/assets?collection=product-photo`, request)
      const body = (await response.json()) as { asset: string }
      if (response.status === 201) acknowledged.set(idempotencyKey, body.asset)
      else expect(body).toMatchObject({ code: 'idempotency-in-flight' })
      return response.status === 201 ? 'acknowledged' : 'again'
    } catch {
      return 'gone'
    }
  }

  /**
   * What was not acknowledged, first; then something new, until the process is gone. No more than a worker at low priority can make
   * in the end, on a machine whose cores its neighbours use.
   */
  const client = async (address: string, { mayAdd }: { mayAdd: number }): Promise<void> => {
    for (let added = 0; ; ) {
      const isNew = open.length === 0
      if (isNew && added++ >= mayAdd) return
      const wish = open.shift() ?? { idempotencyKey: randomUUID(), bytes: await photo(++made) }
      const outcome = await send(address, wish)
      if (outcome !== 'acknowledged') open = [...open, wish]
      if (outcome === 'gone') return
    }
  }

  for (let round = 0; round <= ROUNDS; round++) {
    const isLast = round === ROUNDS
    const running = await forkNode({ file: 'test/support/fork-gateway.ts', env })
    // The minute for which a dead process keeps its reservations.
    await query(system.core, `update idempotency set locked_until = now() - interval '1 s' where status is null`)
    const address = String(running.said)
    const more = { mayAdd: isLast ? 0 : MOST_NEW }
    const clients = [client(address, more), client(address, more)]
    if (!isLast) {
      // The moment of the kill. Every other process gets as far as a derivative: who never does so loses the same nodes each
      // time, and a node that was lost with its worker five times is taken for the reason.
      const before = await doneNodes()
      if (round % 2 === 1) await until('a node is done', async () => (await doneNodes()) > before, { withinMs: 20_000 })
      await pause(random() * LONGEST_LIFE_MS)
      await running.kill()
      await Promise.all(clients)
      // Its decode processes end with it, and without a word.
      expect(running.complaints()).toBe('')
      await expectConsistent(system.core)
      continue
    }
    await Promise.all(clients)
    expect(open).toEqual([])
    await until(
      'every version is shown',
      async () => {
        const left = await query(system.core, `select 1 from asset_version where state <> 'ACTIVE' limit 1`)
        return left.length === 0
      },
      { withinMs: 120_000 },
    )
    await until(
      'no node is left',
      async () => {
        const left = await query(system.core, `select 1 from node where state not in ('DONE', 'DEAD') limit 1`)
        return left.length === 0
      },
      { withinMs: 60_000 },
    )
    await running.kill()
  }

  const retried = await query(system.core, 'select 1 from node where attempts > 1')
  // Killed between two system calls, a process leaves the name of an empty spool file, which the next start takes away.
  await writeFile(join(system.core.spoolFolder, randomUUID()), '')
  await (await openSide(system)).close()
  expect(await readdir(system.core.spoolFolder)).toEqual([])

  console.log(`seed ${SEED}: ${acknowledged.size} uploads, ${retried.length} nodes taken from the dead`)
  expect(retried.length).toBeGreaterThan(0)
  const assets = await query<{ asset_id: string }>(system.core, 'select asset_id from asset')
  expect(assets.map(row => row.asset_id).sort()).toEqual([...acknowledged.values()].sort())
  expect(acknowledged.size).toBe(made)
  await expectAllDone(system.core)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
  for (const asset of [...acknowledged.values()].slice(0, 20)) {
    const path = `/v1/products/mobile/assets/${asset}/renditions/tile`
    const answer = await system.call('GET', path, { key: system.keys.mobile, headers: { Accept: 'application/json' } })
    expect(await answer.json()).toMatchObject({ state: 'ready', asset })
  }
}, 300_000)
