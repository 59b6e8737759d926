/**
 * The engines under every benchmark: one Postgres (durable) and one S3 server of the embedded default, each a process of its own,
 * and on them any number of gateways from `dist`, each with a database and buckets of its own unless it joins another's.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { startPostgres, toConnectionString } from '../../src/embedded/postgres.ts'
import { forkS3Server } from '../../src/embedded/s3/fork.ts'

/** One manifest and one pair of buckets. */
export interface Store {
  readonly databaseUrl: string
  readonly buckets: { readonly originals: string; readonly derivatives: string }
}

export interface Gateway {
  readonly address: string
  readonly pid: number
  readonly store: Store
  readonly adminKey: string
  stop(): Promise<void>
}

export interface GatewayOptions {
  readonly store?: Store
  readonly env?: Readonly<Record<string, string>>
  /** Of node itself, e.g. to profile. */
  readonly nodeArguments?: readonly string[]
}

export type World = Awaited<ReturnType<typeof openWorld>>

const ADMIN_KEY = 'admin-key-of-the-benchmarks'

/** `root`: the folder that `dist` is in. `settings`: of Postgres. */
export const openWorld = async (root: string, settings: Readonly<Record<string, string>> = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-bench-'))
  const postgres = await startPostgres({ folder: join(folder, 'postgres'), settings })
  const credential = { accessKeyId: 'BENCH', secretAccessKey: randomUUID() }
  const s3 = await forkS3Server({ folder: join(folder, 's3'), host: '127.0.0.1', port: 0, ...credential })
  const running = new Set<Gateway>()

  const newStore = async (): Promise<Store> => {
    const name = `b${randomUUID().slice(0, 8)}`
    const client = new pg.Client(postgres.connection)
    await client.connect()
    await client.query(`create database ${name}`)
    await client.end()
    return {
      databaseUrl: toConnectionString({ ...postgres.connection, database: name }),
      buckets: { originals: `${name}-originals`, derivatives: `${name}-derivatives` },
    }
  }

  const startGateway = async ({
    store: given,
    env = {},
    nodeArguments = [],
  }: GatewayOptions = {}): Promise<Gateway> => {
    const store = given ?? (await newStore())
    const own = await mkdtemp(join(folder, 'gateway-'))
    const child = spawn(process.execPath, [...nodeArguments, join(root, 'dist/src/main.js')], {
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        // One key asks for all that there is: counted and told as ever, and never enough to be held.
        RATE_LIMITS: 'observe',
        RATE_RESOLVE: '999999999/60s',
        LOG_LEVEL: 'warn',
        ASSET_MATRIX_DATA: own,
        ASSET_MATRIX_ADMIN_KEY: ADMIN_KEY,
        DATABASE_URL: store.databaseUrl,
        S3_ENDPOINT: s3.endpoint,
        S3_REGION: 'us-east-1',
        S3_ACCESS_KEY_ID: credential.accessKeyId,
        S3_SECRET_ACCESS_KEY: credential.secretAccessKey,
        S3_BUCKET_ORIGINALS: store.buckets.originals,
        S3_BUCKET_DERIVATIVES: store.buckets.derivatives,
        S3_BUCKET_STAGING: `${store.buckets.originals}-staging`,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const address = await addressOf(child)
    const gateway: Gateway = {
      address,
      pid: child.pid ?? 0,
      store,
      adminKey: ADMIN_KEY,
      stop: () => {
        running.delete(gateway)
        return ended(child)
      },
    }
    running.add(gateway)
    return gateway
  }

  return {
    folder,
    root,
    postgresPid: postgres.pid,
    s3: { endpoint: s3.endpoint, pid: s3.pid, region: 'us-east-1', forcePathStyle: true, ...credential },
    newStore,
    startGateway,
    async close(): Promise<void> {
      await Promise.all([...running].map(gateway => gateway.stop()))
      await s3.close()
      await postgres.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Statistics, as autovacuum would make them within a minute: a database this young is planned blindly. */
export const analyse = async ({ databaseUrl }: Store): Promise<void> => {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  await client.query('analyze')
  await client.end()
}

/** The first http address that the process prints. */
export const addressOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('Expected a process with its output piped'))
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`The server ended with ${code} before it was ready`)))
    createInterface({ input: child.stdout }).on('line', line => {
      const [address] = /http:\/\/[\d.:]+/.exec(line) ?? []
      if (address !== undefined) resolve(address)
      else if (line.startsWith('{')) console.error(line)
    })
  })

export const ended = (child: ChildProcess): Promise<void> =>
  new Promise(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
  })
