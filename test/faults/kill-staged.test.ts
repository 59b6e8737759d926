/**
 * A gateway killed again and again at random bytes of what it sends to the store, while it completes presigned uploads, and
 * another one in its place. Clients ask again, with the key that they have. Every upload ends in one version with its bytes, and
 * after the janitor nothing else is left.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareSpool } from '../../src/ingest/receive.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { uploadDirect } from '../../src/sdk/index.ts'
import { environmentOf, forkNode } from '../support/fork-node.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectIntact, query } from './intact.ts'
import { type Kills, killsOr, openKills } from './kills.ts'
import { randomFrom } from './photo.ts'

const KILLS = killsOr(6)
const SEED = 20_261_123
const CLIENTS = 3
const MIB = 1024 * 1024
/** Between two kills. With less than the largest upload of each client a life gets none of these on. */
const MOST_BYTES = 36 * MIB
const SIZES = [1, 40_000, 700_000, 3 * MIB, 6 * MIB, 11 * MIB]

let system: System
let kills: Kills
beforeAll(async () => {
  system = await startSystem({ worker: false })
  kills = await openKills(() => Number(new URL(system.s3.endpoint).port))
})
afterAll(async () => {
  await kills.close()
  await system.close()
})

const start = () =>
  forkNode({
    file: 'test/support/fork-gateway.ts',
    env: environmentOf(system, {
      ROLE: 'gateway',
      LOG_LEVEL: 'silent',
      STAGED_PART_BYTES: String(5 * MIB),
      S3_ENDPOINT: `http://127.0.0.1:${kills.port}`,
      S3_PUBLIC_ENDPOINT: system.s3.endpoint,
    }),
  })

test(
  `killed ${KILLS} times at random bytes, every upload is one version with its bytes`,
  async () => {
    const random = randomFrom(SEED)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    let url = ''
    const done: { digest: string; sha256: string; asset: string }[] = []

    const insist = async (bytes: Buffer, announced: boolean): Promise<void> => {
      const request = {
        key: system.keys['shop-web'],
        wish: { collection: 'product-photo', ...(announced && { sha256: sha256Hex(bytes) }) },
        content: new Blob([new Uint8Array(bytes)]),
        idempotencyKey: randomUUID(),
      }
      const insisted = async () => {
        try {
          return await uploadDirect({ ...request, url })
        } catch (error) {
          // A dead gateway, or one that waits for what a dead one had begun; anything else is a finding.
          const { name, status } = error as { name: string; status?: number }
          if (name === 'TypeError' || status === 409 || status === 503) return undefined
          throw error
        }
      }
      const { digest, asset } = await until('it is a version', insisted, { withinMs: 300_000 })
      done.push({ digest, asset, sha256: sha256Hex(bytes) })
    }
    const client = async (goesOn: () => boolean): Promise<void> => {
      while (goesOn()) await insist(randomBytes(pick(SIZES)), random() < 0.5)
    }

    const complaints = await kills.run({
      ...{ times: KILLS, mostBytes: MOST_BYTES, random, start },
      onServing: address => {
        url = address
      },
      onDeath: async () => {
        // The minute for which a dead process keeps what it had reserved.
        await query(system.core, `update idempotency set locked_until = now() - interval '1 s' where status is null`)
        await query(system.core, `update upload set lease_until = now() - interval '1 s' where state = 'COMPLETING'`)
      },
      work: goesOn => Promise.all(Array.from({ length: CLIENTS }, () => client(goesOn))),
    })
    expect(complaints).toBe('')

    for (const { digest, sha256 } of done) expect(digest).toBe(`sha256:${sha256}`)
    const versions = await query<{ asset_id: string }>(system.core, 'select asset_id from asset_version')
    expect(versions.map(row => row.asset_id).sort()).toEqual(done.map(({ asset }) => asset).sort())
    const states = await query(
      system.core,
      'select state, count(*)::int as n, max(fence) as fence from upload group by 1',
    )
    console.log(`seed ${SEED}: ${KILLS} kills, ${done.length} uploads`, states)

    const hour = 3_600_000
    await query(system.core, `update upload set expires_at = now() where state = 'OPEN'`)
    const sweep = startSweep({ ...system.core, clock: { now: () => Date.now() + hour } })
    await sweep.stop()
    await sweep.once()
    // Killed between two system calls, a process leaves the name of an empty spool file, which the next start takes away.
    await prepareSpool(system.core.spoolFolder)
    await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
  },
  60_000 + KILLS * 20_000,
)
