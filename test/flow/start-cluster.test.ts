/** The parts as processes of their own against engines that somebody else runs: what compose.yaml does, without containers. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts'
import { descendantsOf } from '../support/process-tree.ts'
import { findRedis, startRedis, type TestRedis } from '../support/redis.ts'
import { startEmbeddedS3, type TestS3 } from '../support/s3-server.ts'
import { type Started, type StartedGateway, spawnProgram, startGateway } from '../support/started.ts'
import { until } from '../support/until.ts'

const redisBinary = await findRedis()
const ADMIN_KEY = 'admin-key-of-the-cluster'

const queues = [
  { queue: 'Postgres', missing: undefined },
  { queue: 'Redis', missing: 'missing' in redisBinary ? redisBinary.missing : undefined },
]

for (const { queue, missing } of queues) {
  describe.skipIf(missing !== undefined)(`with the queue in ${queue}${missing ? ` (skipped: ${missing})` : ''}`, () => {
    let database: FreshDatabase
    let s3: TestS3
    let redis: TestRedis | undefined
    let root: string
    let env: Record<string, string>
    let gateway: StartedGateway
    let workers: Started[]

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'matrix-cluster-'))
      ;[database, s3] = await Promise.all([freshDatabase(), startEmbeddedS3()])
      redis = queue === 'Redis' && !('missing' in redisBinary) ? await startRedis(redisBinary) : undefined
      env = {
        ASSET_MATRIX_DATA: join(root, 'data'),
        ASSET_MATRIX_ADMIN_KEY: ADMIN_KEY,
        DATABASE_URL: database.url,
        ...(redis && { REDIS_URL: redis.url }),
        S3_ENDPOINT: s3.endpoint,
        S3_ACCESS_KEY_ID: s3.accessKeyId,
        S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
        // Two systems may share a store.
        S3_BUCKET_ORIGINALS: `o-${randomUUID()}`,
        S3_BUCKET_DERIVATIVES: `d-${randomUUID()}`,
        S3_BUCKET_STAGING: `s-${randomUUID()}`,
        WORKERS: '1',
        // Long enough that work is done in time only where hints arrive.
        POLL_MS: '60000',
      }
      const migrations = [1, 2].map(() => spawnProgram('workers/migrate.js', env))
      for (const { ended, output } of migrations) expect(await ended, output()).toBe(0)
      workers = ['transform', 'transform', 'sweep'].map(name =>
        spawnProgram(`workers/${name}.js`, { ...env, OPS_PORT: '0' }),
      )
      gateway = await startGateway({ ...env, ROLE: 'gateway' })
    })
    afterAll(async () => {
      await Promise.all([gateway?.end('SIGKILL'), ...(workers ?? []).map(worker => worker.end('SIGKILL'))])
      await redis?.remove()
      await s3?.close()
      await database?.drop()
      await rm(root, { recursive: true, force: true })
    })

    const matrix = async (...args: string[]): Promise<string> => {
      const ran = spawnProgram(
        'src/cli/main.js',
        { ASSET_MATRIX_URL: gateway.address, ASSET_MATRIX_KEY: ADMIN_KEY },
        { cwd: root, args },
      )
      expect(await ran.ended, ran.output()).toBe(0)
      return ran.output()
    }

    test('the gateway starts nothing of its own, and says on what it runs', async () => {
      expect(await descendantsOf(gateway.pid)).toEqual([])
      expect(gateway.output()).toContain(
        `(${gateway.seconds.toFixed(1)} s; Postgres, ${queue === 'Redis' ? 'Redis' : 'queue in Postgres'}, S3)`,
      )
      expect(gateway.output()).not.toContain(ADMIN_KEY)
    })

    test('an upload at the gateway becomes a derivative at a worker', async () => {
      await until('workers listen', () => workers.every(worker => worker.output().includes('ing"')))
      await matrix('seed')
      const file = join(root, 'photo.jpg')
      await writeFile(
        file,
        await sharp({ create: { width: 900, height: 600, channels: 3, background: '#446688' } })
          .jpeg()
          .toBuffer(),
      )
      const { asset } = JSON.parse(await matrix('put', file, '--json'))
      const { state, width, delivery } = JSON.parse(await matrix('resolve', 'mobile', asset, 'tile', '--json'))
      expect({ state, width }).toEqual({ state: 'ready', width: 400 })
      expect((await fetch(delivery.url)).status).toBe(200)
      expect(JSON.parse(await matrix('doctor', '--json'))).toMatchObject({ healthy: true })
    })

    test('each worker says how it is, on a port of its own and nothing else there', async () => {
      for (const worker of workers) {
        const [, address = ''] = await until(
          'it says where it listens',
          () => /"address":"(http:[^"]+)"/.exec(worker.output()) ?? undefined,
        )
        expect(await (await fetch(`${address}/healthz`)).json()).toEqual({ status: 'ok' })
        const ready = await fetch(`${address}/readyz`)
        expect(ready.status).toBe(200)
        expect(await ready.json()).toMatchObject({
          status: 'ready',
          checks: { postgres: 'ok', storage: 'ok', queue: 'ok' },
        })
        const metrics = await (await fetch(`${address}/metrics`)).text()
        expect(metrics).toMatch(/^matrix_nodes\{state="RUNNING"\} \d+$/m)
        for (const path of ['/', '/v1/doctor', '/docs', '/v1/dead-letters']) {
          const refused = await fetch(`${address}${path}`)
          expect(refused.status).toBe(404)
          expect(await refused.json()).toMatchObject({ code: 'not-found' })
        }
      }
    })

    test('a port that a worker cannot have is said in one line', async () => {
      const { port } = new URL(gateway.address)
      const worker = spawnProgram('workers/sweep.js', { ...env, OPS_PORT: port })
      expect(await worker.ended).toBe(2)
      expect(worker.output()).toContain(`OPS_PORT: port ${port} of 127.0.0.1 cannot be listened on (EADDRINUSE)`)
    })

    test('SIGTERM ends each of them in order', async () => {
      const ended = await Promise.all([gateway, ...workers].map(each => each.end('SIGTERM')))
      expect(ended).toEqual([0, 0, 0, 0])
    })
  })
}
