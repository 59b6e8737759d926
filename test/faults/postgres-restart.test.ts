/** Postgres ends at once, in the middle of everything, and comes back: our process lives on and finds its way by itself. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedDemo } from '../../src/cli/demo-set.ts'
import { readConfig } from '../../src/config.ts'
import { type EmbeddedPostgres, startPostgres } from '../../src/embedded/postgres.ts'
import { prepare } from '../../src/prepare.ts'
import { startSweep } from '../../src/reconcile/sweep.ts'
import { openWorker } from '../../src/worker.ts'
import { startEmbeddedS3 } from '../support/s3-server.ts'
import { ADMIN_KEY } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectAllDone, expectIntact, query } from './intact.ts'
import { photo } from './photo.ts'
import { childrenOf } from './processes.ts'
import { openSide, type Side } from './side.ts'

const DOWN_MS = 1_500
const CLIENTS = 4

let folder: string
let postgres: EmbeddedPostgres
let s3: Awaited<ReturnType<typeof startEmbeddedS3>>
let side: Side
let keys: Record<string, string>
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-restart-'))
  s3 = await startEmbeddedS3()
  // Durable: what was acknowledged must survive.
  postgres = await startPostgres({ folder: join(folder, 'postgres') })
  const config = readConfig(
    { ASSET_MATRIX_DATA: folder, LOG_LEVEL: 'silent', POLL_MS: '100', LEASE_MS: '2000', WORKERS: '1' },
    { cores: 2, terminal: false },
  )
  const database = { ...postgres.connection }
  side = await openSide({
    config,
    engines: { database, queue: { kind: 'postgres', connection: database }, s3: { ...s3, forcePathStyle: true } },
  })
  await prepare(side.core, ADMIN_KEY)
  keys = await seedDemo(async (method, path, body) => {
    const response = await side.call(method, path, { key: ADMIN_KEY, ...(body && { body }) })
    return response.json()
  })
  const [worker, sweep] = [await openWorker(side.core), startSweep(side.core)]
  ends.push(
    () => worker.drain(),
    () => sweep.stop(),
  )
})
afterAll(async () => {
  for (const end of ends) await end()
  await side.close()
  await postgres.stop()
  await s3.close()
  await rm(folder, { recursive: true, force: true })
})

test('503 while it is away, never a hang, and everything again afterwards', async () => {
  const acknowledged: string[] = []
  const answers = new Map<number, number>()
  let slowestMs = 0
  let downAt = Number.POSITIVE_INFINITY
  let upAt = Number.POSITIVE_INFINITY
  let firstAfterMs: number | undefined
  let seed = 0

  const ask = async (work: () => Promise<Response>): Promise<Response> => {
    const startedAt = Date.now()
    const response = await work()
    slowestMs = Math.max(slowestMs, Date.now() - startedAt)
    answers.set(response.status, (answers.get(response.status) ?? 0) + 1)
    if (response.ok && startedAt > upAt) firstAfterMs ??= Date.now() - upAt
    return response
  }
  const client = async (): Promise<void> => {
    for (let successes = 0; successes < 5; ) {
      const body = new Uint8Array(await photo(++seed))
      const headers = { 'Idempotency-Key': randomUUID() }
      const asset = await until(
        'the upload is acknowledged',
        async () => {
          const response = await ask(() =>
            side.call('POST', '/v1/assets?collection=avatar', { key: keys.mobile, body, headers }),
          )
          return response.status === 201 && ((await response.json()) as { asset: string }).asset
        },
        { withinMs: 20_000, everyMs: 50 },
      )
      acknowledged.push(asset)
      const path = `/v1/products/mobile/assets/${asset}/renditions/face?format=jpeg&wait=1`
      await ask(() => side.call('GET', path, { key: keys.mobile, headers: { Accept: 'application/json' } }))
      if (Date.now() > upAt) successes++
    }
  }

  const clients = Array.from({ length: CLIENTS }, client)
  await until('there is load', () => acknowledged.length >= 10)
  downAt = Date.now()
  process.kill(postgres.pid, 'SIGQUIT')
  await until('it is said that Postgres is away', async () => (await side.call('GET', '/readyz')).status === 503)
  await pause(DOWN_MS)
  postgres = await startPostgres({ folder: join(folder, 'postgres') })
  upAt = Date.now()
  // The minute for which a request keeps its reservation that could not give it back.
  await until('Postgres takes statements', () =>
    query(side.core, `update idempotency set locked_until = now() where status is null`).catch(() => undefined),
  )
  await Promise.all(clients)

  console.log(
    `away for ${upAt - downAt} ms; first success ${firstAfterMs} ms after; slowest answer ${slowestMs} ms; ${JSON.stringify([...answers])}`,
  )
  expect(answers.get(503)).toBeGreaterThan(0)
  expect([...answers.keys()].filter(status => ![200, 201, 202, 409, 503, 504].includes(status))).toEqual([])
  expect(slowestMs).toBeLessThan(5_000)
  expect(firstAfterMs).toBeLessThan(3_000)
  expect((await side.call('GET', '/readyz')).status).toBe(200)

  await until(
    'everything is derived',
    async () => {
      const left = await query(side.core, `select 1 from asset_version where state <> 'ACTIVE' limit 1`)
      return left.length === 0
    },
    { withinMs: 30_000 },
  )
  const assets = await query<{ asset_id: string }>(side.core, 'select asset_id from asset')
  expect(assets.map(row => row.asset_id).sort()).toEqual(acknowledged.sort())
  await expectAllDone(side.core)
  await expectIntact(side.core, { s3Folder: s3.folder, spoolFolder: side.core.spoolFolder })
})

test('while it hangs, requests are answered in bounded time, and everything goes on afterwards', async () => {
  const body = new Uint8Array(await photo(10_000))
  const { asset } = (await (
    await side.call('POST', '/v1/assets?collection=avatar', { key: keys.mobile, body })
  ).json()) as { asset: string }
  const path = `/v1/products/mobile/assets/${asset}/renditions/face?format=jpeg&wait=1`
  const resolve = () => side.call('GET', path, { key: keys.mobile, headers: { Accept: 'application/json' } })
  await until('it is ready', async () => (await resolve()).status === 200)

  const stopped = [postgres.pid, ...childrenOf(postgres.pid)]
  for (const pid of stopped) process.kill(pid, 'SIGSTOP')
  const startedAt = Date.now()
  const answers = await Promise.all([
    resolve(),
    side.call('POST', '/v1/assets?collection=avatar', { key: keys.mobile, body }),
    side.call('GET', `/v1/assets/${asset}`, { key: keys.mobile }),
    side.call('GET', '/readyz'),
  ]).finally(() => {
    for (const pid of stopped) process.kill(pid, 'SIGCONT')
  })
  const tookMs = Date.now() - startedAt
  console.log(`a Postgres that hangs: ${answers.map(({ status }) => status).join(', ')} after at most ${tookMs} ms`)
  for (const { status } of answers) expect([503, 504]).toContain(status)
  expect(tookMs).toBeLessThan(12_000)
  await until('it answers again', async () => (await resolve()).status === 200)
}, 40_000)
