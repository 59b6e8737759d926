/**
 * A gateway killed again and again, at random bytes of uploads by tus, and another one in its place: the clients (tus-js-client as it
 * is) go on where they were. Every upload ends in one version with its bytes, and after the janitor nothing else is left.
 */
import { randomBytes } from 'node:crypto'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareSpool } from '../../src/ingest/receive.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { environmentOf, forkNode } from '../support/fork-node.ts'
import { type System, startSystem } from '../support/system.ts'
import { expectIntact, query } from './intact.ts'
import { type Kills, killsOr, openKills } from './kills.ts'
import { randomFrom } from './photo.ts'

const KILLS = killsOr(8)
const SEED = 20_261_122
const CLIENTS = 4
/** Between two kills. A life of less than a piece for each client gets none of them on, where all of a file is one request. */
const MOST_BYTES = 40_000_000
const SIZES = [1, 40_000, 300_000, 700_000, 4_194_304, 5_000_000]
/** `Infinity`: all of it in one request. */
const CHUNKS = [Number.POSITIVE_INFINITY, 500_000, 65_536]

let system: System
let kills: Kills
let port = 0
beforeAll(async () => {
  system = await startSystem({ worker: false })
  kills = await openKills(() => port)
})
afterAll(async () => {
  await kills.close()
  await system.close()
})

const start = () =>
  forkNode({
    file: 'test/support/fork-gateway.ts',
    env: environmentOf(system, { ROLE: 'gateway', LOG_LEVEL: 'silent', RESUMABLE_OPEN: '1000' }),
  })

interface Done {
  readonly sha256: string
  readonly digest: string | undefined
  readonly asset: string | undefined
}

const upload = (bytes: Buffer, chunkSize: number): Promise<Done> =>
  new Promise((resolve, reject) => {
    const one = new Upload(bytes as never, {
      endpoint: `http://127.0.0.1:${kills.port}/v1/tus`,
      headers: { Authorization: `Bearer ${system.keys['shop-web']}` },
      metadata: { collection: 'product-photo', filename: 'noise.bin' },
      retryDelays: Array.from({ length: 100_000 }, () => 50),
      chunkSize,
      onError: reject,
      onSuccess: ({ lastResponse }) =>
        resolve({
          sha256: sha256Hex(bytes),
          digest: lastResponse.getHeader('Matrix-Digest'),
          asset: lastResponse.getHeader('Matrix-Asset'),
        }),
    })
    one.start()
  })

test(
  `killed ${KILLS} times at random bytes, every upload is one version with its bytes`,
  async () => {
    const random = randomFrom(SEED)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    const done: Done[] = []
    const client = async (goesOn: () => boolean): Promise<void> => {
      while (goesOn()) done.push(await upload(randomBytes(pick(SIZES)), pick(CHUNKS)))
    }

    const complaints = await kills.run({
      ...{ times: KILLS, mostBytes: MOST_BYTES, random, start },
      onServing: url => {
        port = Number(new URL(url).port)
      },
      // The ten seconds for which a dead process keeps what it was just storing.
      onDeath: () =>
        query(system.core, 'update tus_upload set finishing_until = now() where finishing_until is not null'),
      work: goesOn => Promise.all(Array.from({ length: CLIENTS }, () => client(goesOn))),
    })
    expect(complaints).toBe('')

    for (const { sha256, digest } of done) expect(digest).toBe(`sha256:${sha256}`)
    const versions = await query<{ asset_id: string }>(
      system.core,
      `select asset_id from asset_version where entrance = 'tus'`,
    )
    expect(versions.map(row => row.asset_id).sort()).toEqual(done.map(({ asset }) => asset).sort())
    const states = await query<{ state: string; n: number }>(
      system.core,
      'select state, count(*)::int as n, max(fence)::int as fence from tus_upload group by 1',
    )
    console.log(`seed ${SEED}: ${KILLS} kills, ${done.length} uploads`, states)

    // Those that nobody knows of, for the answer to their creation was lost.
    await query(system.core, `update tus_upload set expires_at = now() where state = 'OPEN'`)
    const sweep = startSweep(system.core)
    await sweep.stop()
    await sweep.once()
    const left: string[] = []
    for await (const { key } of system.core.staging.list('')) left.push(key)
    expect(left).toEqual([])
    expect(await query(system.core, 'select 1 from tus_piece')).toEqual([])
    // Killed between two system calls, a process leaves the name of an empty spool file, which the next start takes away.
    await prepareSpool(system.core.spoolFolder)
    await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
  },
  60_000 + KILLS * 20_000,
)
