/**
 * Processes killed at random moments while they carry events into streams, and others in their place, two of them at once. Events go on
 * being committed. In the end each stream is its part of the log, and a group that read meanwhile was given each event once, in order.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { streamKey } from '../../src/model/event-streams.ts'
import { environmentOf, forkNode } from '../support/fork-node.ts'
import { findRedis, startRedis, type TestRedis } from '../support/redis.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { query } from './intact.ts'
import { type Kills, killsOr, openKills } from './kills.ts'
import { randomFrom } from './photo.ts'

const KILLS = killsOr(6)
const SEED = 20_261_126
const ASSETS = 8
const KEY = streamKey('assets')

const binary = await findRedis()
const reason = 'missing' in binary ? ` (${binary.missing})` : ''

describe.skipIf('missing' in binary)(`streams of Redis${reason}`, () => {
  let redis: TestRedis
  let client: Redis
  let reader: Redis
  let kills: Kills
  let system: System
  beforeAll(async () => {
    if ('missing' in binary) return
    redis = await startRedis(binary)
    client = new Redis(redis.url)
    reader = new Redis(redis.url)
    kills = await openKills(() => Number(new URL(redis.url).port))
    system = await startSystem({ worker: false })
  })
  afterAll(async () => {
    for (const one of [client, reader]) one?.disconnect()
    await kills?.close()
    await redis?.remove()
    await system?.close()
  })

  const start = (url: string) =>
    forkNode({ file: 'workers/sweep.ts', env: environmentOf(system, { REDIS_URL: url, LOG_LEVEL: 'info' }) })

  test(`killed ${KILLS} times, the streams are the log`, { timeout: 60_000 + KILLS * 20_000 }, async () => {
    const random = randomFrom(SEED)
    const assets: string[] = []
    for (let n = 0; n < ASSETS; n++) assets.push((await system.upload(new TextEncoder().encode(`thing ${n}`))).asset)
    const happen = async (goesOn: () => boolean): Promise<void> => {
      for (let n = 0; goesOn(); n++) {
        const body = { attributes: { caption: String(n) } }
        const path = `/v1/assets/${assets[Math.floor(random() * ASSETS)]}`
        const done = await system.call('PATCH', path, { key: ADMIN_KEY, body, headers: { 'If-Match': '*' } })
        expect(done.status).toBe(200)
        await delay(5)
      }
    }
    const given: string[] = []
    let isOver = false
    const read = async (): Promise<void> => {
      await client.xgroup('CREATE', KEY, 'readers', '0', 'MKSTREAM')
      while (!isOver) {
        const answer = await reader.xreadgroup('GROUP', 'readers', 'one', 'BLOCK', 200, 'STREAMS', KEY, '>')
        for (const [, entries] of answer ?? []) given.push(...entries.map(([id]) => id))
      }
    }
    const reading = read()
    // Beside those that are killed there is one that lives, so that two are at it.
    const other = await start(redis.url)
    await kills.run({
      times: KILLS,
      mostBytes: 20_000,
      random,
      start: () => start(`redis://127.0.0.1:${kills.port}`),
      onServing: () => undefined,
      onDeath: async () => undefined,
      work: happen,
    })
    const log = await until(
      'all is carried',
      async () => {
        const rows = await query<{ id: string; seq: number | null }>(
          system.core,
          "select event_id as id, seq::int as seq from event where type like 'asset.%' order by seq nulls first",
        )
        const length = await client.xlen(KEY)
        return rows.length === length && rows[0]?.seq !== null && given.length >= length && rows
      },
      { withinMs: 30_000 },
    )
    isOver = true
    await reading
    await other.kill('SIGTERM')
    const entries = (await client.xrange(KEY, '-', '+')) as [string, string[]][]
    expect(entries.map(([id, fields]) => [id, JSON.parse(fields[1] ?? '').id])).toEqual(
      log.map(({ id, seq }) => [`${seq}-0`, id]),
    )
    expect(given).toEqual(entries.map(([id]) => id))
    console.log(`seed ${SEED}: ${KILLS} kills, ${log.length} events`)
  })
})
