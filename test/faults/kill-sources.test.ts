/**
 * A gateway killed again and again at random bytes of what it stores, while it makes what sources have told, and another one in its
 * place. Senders say again what was not acknowledged. Each event that was accepted is one version with its bytes, those of one
 * thing in the order in which they were told, and after the janitor nothing else is left.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareSpool } from '../../src/ingest/receive.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { environmentOf, forkNode } from '../support/fork-node.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectIntact, query } from './intact.ts'
import { type Kills, killsOr, openKills } from './kills.ts'
import { randomFrom } from './photo.ts'

const KILLS = killsOr(6)
const SEED = 20_261_124
/** Things over there, each told of by a sender of its own. */
const THINGS = 4
const MIB = 1024 * 1024
const MOST_BYTES = 8 * MIB
const SIZES = [1, 40_000, 700_000, 3 * MIB]
const SECRET = 'a-secret-of-the-source'

let system: System
let kills: Kills
let dam: Place
const served = new Map<string, Buffer>()
beforeAll(async () => {
  system = await startSystem({ worker: false })
  kills = await openKills(() => Number(new URL(system.s3.endpoint).port))
  dam = await openHttp(({ url = '' }, response) => void response.end(served.get(url)))
  const body = {
    ...{ adapter: 'cloudevents', product: 'shop-web', collection: 'product-photo', publish: 'now' },
    ...{ scheme: 'bearer', secret: SECRET },
  }
  const put = await system.call('PUT', '/v1/sources/dam', { key: ADMIN_KEY, body })
  expect(put.status).toBe(201)
})
afterAll(async () => {
  await dam.close()
  await kills.close()
  await system.close()
})

const start = () =>
  forkNode({
    file: 'test/support/fork-gateway.ts',
    env: environmentOf(system, {
      ...{ ROLE: 'gateway', LOG_LEVEL: 'silent', FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any' },
      S3_ENDPOINT: `http://127.0.0.1:${kills.port}`,
    }),
  })

/** What a dead process has in hand it would keep for minutes. */
const nothingInHand = () =>
  query(system.core, `update source_item set not_before = now() where state = 'PENDING' and not_before > now()`)

test(
  `killed ${KILLS} times at random bytes, every event is one version with its bytes, in its order`,
  async () => {
    const random = randomFrom(SEED)
    let url = ''
    const told = new Map<string, string[]>()

    const tell = async (thing: string): Promise<void> => {
      const bytes = randomBytes(SIZES[Math.floor(random() * SIZES.length)] as number)
      const path = `/${randomUUID()}.bin`
      served.set(path, bytes)
      const event = {
        ...{ specversion: '1.0', id: randomUUID(), source: '/dam', type: 'asset.updated', subject: thing },
        data: { url: `http://127.0.0.1:${dam.port}${path}` },
      }
      const accepted = async () => {
        try {
          const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${SECRET}` }
          const request = { method: 'POST', headers, body: JSON.stringify(event) }
          return (await fetch(new URL('/v1/ingest/dam', url), request)).status === 202
        } catch (error) {
          if (error instanceof TypeError) return false // a dead gateway
          throw error
        }
      }
      await until('it is accepted', accepted, { withinMs: 60_000 })
      told.set(thing, [...(told.get(thing) ?? []), createHash('sha256').update(bytes).digest('hex')])
    }
    const pending = async (): Promise<number> =>
      (await query<{ n: number }>(system.core, `select count(*)::int as n from source_item where state = 'PENDING'`))[0]
        ?.n ?? 0
    const sender = async (thing: string, goesOn: () => boolean): Promise<void> => {
      while (goesOn()) {
        await tell(thing)
        // Not much ahead of what is made, for a kill is to find something in hand and the end is to come soon.
        await until('there is room', async () => !goesOn() || (await pending()) < 2 * THINGS, {
          withinMs: 300_000,
        })
      }
    }

    const complaints = await kills.run({
      ...{ times: KILLS, mostBytes: MOST_BYTES, random, start },
      onServing: address => {
        url = address
        return nothingInHand()
      },
      onDeath: nothingInHand,
      work: async goesOn => {
        await Promise.all(Array.from({ length: THINGS }, (_, n) => sender(`thing-${n}`, goesOn)))
        await until('all of it is made', async () => (await pending()) === 0, { withinMs: 120_000 })
      },
    })
    expect(complaints).toBe('')

    const items = await query<{ state: string; n: number; tries: number }>(
      system.core,
      'select state, count(*)::int as n, max(tries)::int as tries from source_item group by 1',
    )
    const all = [...told.values()].flat()
    expect(items).toMatchObject([{ state: 'DONE', n: all.length }])
    // Somebody died with something in hand, or this has shown nothing.
    expect(items[0]?.tries).toBeGreaterThan(1)
    const versions = await query<{ thing: string; digests: string[]; current: number }>(
      system.core,
      `select a.alias as thing, max(a.active_version) as current, array_agg(encode(v.sha256, 'hex') order by v.version) as digests
       from asset a join asset_version v using (tenant_id, asset_id) group by a.alias order by 1`,
    )
    expect(versions).toEqual(
      [...told].sort().map(([thing, digests]) => ({ thing: `dam:${thing}`, digests, current: digests.length })),
    )
    console.log(`seed ${SEED}: ${KILLS} kills, ${all.length} events, at most ${items[0]?.tries} tries of one`)

    const sweep = startSweep({ ...system.core, clock: { now: () => Date.now() + 3_600_000 } })
    await sweep.stop()
    await sweep.once()
    // Killed between two system calls, a process leaves the name of an empty spool file, which the next start takes away.
    await prepareSpool(system.core.spoolFolder)
    await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
  },
  60_000 + KILLS * 20_000,
)
