/** A whole system for one suite: own database, own buckets, gateway, worker and the demo set, all in this process. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seedDemo } from '../../src/cli/demo-set.ts'
import { readConfig } from '../../src/config.ts'
import { configuredQueue } from '../../src/engines.ts'
import { type Core, type Engines, openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import type { Clock } from '../../src/lib/clock.ts'
import { prepare } from '../../src/prepare.ts'
import { openWorker } from '../../src/worker.ts'
import { freshDatabase } from './postgres.ts'
import { startEmbeddedS3 } from './s3-server.ts'

export const ADMIN_KEY = 'admin-key-of-the-tests'

export interface SystemOptions {
  /** Environment beyond the defaults of tests. */
  readonly env?: Readonly<Record<string, string>>
  readonly worker?: boolean
  readonly clock?: Clock
  /** Replaces parts of the core, e.g. with ones that fail; the gateway and the worker are opened over the result. */
  readonly alter?: (core: Core) => Core
}

export type System = Awaited<ReturnType<typeof startSystem>>

export interface CallOptions {
  readonly key?: string | undefined
  readonly body?: RequestInit['body'] | object
  readonly headers?: Readonly<Record<string, string>>
}

const isPlain = (body: unknown): body is object =>
  typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype

/** A request as a client would make it; creating ones get a fresh Idempotency-Key unless they bring one. */
export const requestOf = (method: string, { key, body, headers = {} }: CallOptions): RequestInit => {
  const json = isPlain(body)
  return {
    method,
    redirect: 'manual',
    ...(body !== undefined && { body: json ? JSON.stringify(body) : (body as RequestInit['body']), duplex: 'half' }),
    headers: {
      ...(key !== undefined && { Authorization: `Bearer ${key}` }),
      ...(json && { 'Content-Type': 'application/json' }),
      ...(method === 'POST' && { 'Idempotency-Key': randomUUID() }),
      ...headers,
    },
  }
}

export const startSystem = async ({
  env = {},
  worker: wantsWorker = true,
  clock,
  alter = core => core,
}: SystemOptions = {}) => {
  const [database, s3, folder] = await Promise.all([
    freshDatabase(),
    startEmbeddedS3(),
    mkdtemp(join(tmpdir(), 'matrix-system-')),
  ])
  const config = readConfig(
    { ASSET_MATRIX_DATA: folder, LOG_LEVEL: 'silent', POLL_MS: '200', ...env },
    { cores: 2, terminal: false },
  )
  const connection = { ...database.config }
  const engines: Engines = {
    database: connection,
    queue: configuredQueue(config, connection),
    s3: {
      endpoint: s3.endpoint,
      region: s3.region,
      accessKeyId: s3.accessKeyId,
      secretAccessKey: s3.secretAccessKey,
      forcePathStyle: true,
    },
  }
  const core = await openCore({ config, engines, name: 'test', ...(clock && { clock }) })
  await prepare(core, ADMIN_KEY)
  const altered = alter(core)
  const gateway = openGateway(altered)
  const app = createApp(gateway)
  const worker = wantsWorker ? await openWorker(altered) : undefined

  const call = (method: string, path: string, options: CallOptions = {}): Promise<Response> =>
    Promise.resolve(app.request(path, requestOf(method, options)))
  const keys = (await seedDemo(async (method, path, body) => {
    const response = await call(method, path, { key: ADMIN_KEY, ...(body && { body }) })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    return response.json()
  })) as Record<'shop-web' | 'mobile' | 'partner-api', string>

  return {
    config,
    engines,
    core,
    gateway,
    app,
    worker,
    keys,
    s3,
    folder,
    call,
    /** Uploads as the web shop and gives the parsed 201. */
    async upload(bytes: Uint8Array, query = 'collection=product-photo', options: CallOptions = {}) {
      const response = await call('POST', `/v1/assets?${query}`, {
        key: keys['shop-web'],
        body: new Uint8Array(bytes),
        ...options,
      })
      if (response.status !== 201) throw new Error(`upload: ${response.status} ${await response.text()}`)
      return (await response.json()) as {
        asset: string
        version: number
        state: string
        digest: string
        deduplicated: boolean
      }
    },
    async close(): Promise<void> {
      await worker?.drain()
      await core.close()
      await s3.close()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
