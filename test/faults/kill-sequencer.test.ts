/**
 * Twenty-four writers, a quarter of whose transactions are taken back, and what numbers their events, killed at random moments: before
 * a commit, after it, while numbers are given. Somebody reads the log all the time from where it stopped. In the end it has read
 * each event once and in the order of its asset, and everything that was committed and nothing that was not.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { logHead, readLog } from '../../src/manifest/event-log.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { checkInvariants } from '../../src/manifest/invariants.ts'
import type { LoggedEvent } from '../../src/model/event.ts'
import { forkNode } from '../support/fork-node.ts'
import { type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { query } from './intact.ts'
import { killsOr, openKills } from './kills.ts'
import { randomFrom } from './photo.ts'

const KILLS = killsOr(6)
const SEED = 20_261_122
const WRITERS = 24
const ASSETS = 8
/** Of a transaction some two thousand bytes go through. */
const MOST_BYTES = 400_000

let system: System
beforeAll(async () => {
  system = await startSystem({ worker: false })
})
afterAll(() => system.close())

test(
  `killed ${KILLS} times under ${WRITERS} writers, nothing is lost, nothing is told that was taken back, and there is no gap`,
  async () => {
    const { database } = system.core
    const assets: string[] = []
    for (let n = 0; n < ASSETS; n++) assets.push((await system.upload(new TextEncoder().encode(`thing ${n}`))).asset)
    await sequenceEvents(database)
    const start = await logHead(database)

    const { host, port, user, database: name } = system.engines.database
    const kills = await openKills(() => `${host}/.s.PGSQL.${port}`)
    const committed = new Map<string, number>()
    let run = 0
    const begin = async () => {
      const DATABASE_URL = `postgresql://${user}@127.0.0.1:${kills.port}/${name}`
      const env = { DATABASE_URL, ASSETS: assets.join(','), WRITERS: String(WRITERS), RUN: String(run++) }
      const forked = await forkNode({ file: 'test/support/fork-writers.ts', env })
      forked.child.on('message', (said: { name: string; count: number }) => committed.set(said.name, said.count))
      return forked
    }

    const read: LoggedEvent[] = []
    const readOn = async (): Promise<number> => {
      const page = await readLog(database, { tenant: 'demo', after: read.at(-1)?.seq ?? start, limit: 200 })
      read.push(...page)
      return page.length
    }
    const complaints = await kills.run({
      times: KILLS,
      mostBytes: MOST_BYTES,
      random: randomFrom(SEED),
      start: begin,
      onServing: () => undefined,
      onDeath: async () => undefined,
      work: async goesOn => {
        while (goesOn()) await readOn()
      },
    })
    await kills.close()
    // Postgres ends what the dead have begun a moment later.
    await until('all is numbered', async () => {
      await sequenceEvents(database)
      while ((await readOn()) > 0);
      const [open] = await query<{ n: number }>(system.core, 'select count(*)::int as n from event where seq is null')
      const [busy] = await query<{ n: number }>(
        system.core,
        `select count(*)::int as n from pg_locks where locktype = 'transactionid' and pid <> pg_backend_pid()`,
      )
      return open?.n === 0 && busy?.n === 0
    })

    expect(complaints).toBe('')
    expect(read.map(({ seq }) => seq)).toEqual(Array.from({ length: read.length }, (_, place) => start + 1 + place))
    expect(await logHead(database)).toBe(start + read.length)
    const counts = new Map<string, number>()
    for (const { correlationId } of read) counts.set(correlationId, (counts.get(correlationId) ?? 0) + 1)
    expect([...counts.keys()].filter(name => name.startsWith('taken-back'))).toEqual([])
    expect([...committed].filter(([name, count]) => counts.get(name) !== count)).toEqual([])
    for (const asset of assets) {
      const numbers = read.flatMap(event => (event.asset === asset ? [event.assetEventNo as number] : []))
      expect(numbers).toEqual(numbers.map((_, place) => (numbers[0] as number) + place))
    }
    expect(await checkInvariants(database)).toEqual([])
    // Or nobody has died with something committed that he had not said.
    expect(committed.size).toBeGreaterThan(0)
    console.log(
      `seed ${SEED}: ${KILLS} kills, ${read.length} events, ${committed.size} of ${counts.size} commits were said`,
    )
  },
  60_000 + KILLS * 10_000,
)
