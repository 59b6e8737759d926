/**
 * The two servers that BullMQ runs on. With Postgres nothing else has to be installed; its tables lie in the schema `bullmq` of
 * the same database as the manifest. Redis takes ten times the hints a second (figures in `bullmq.ts`).
 */
import { Socket } from 'node:net'
import {
  type BackendFactory,
  createPostgresBackend,
  createRedisBackend,
  type IQueueBackend,
  runMigrations,
} from 'bullmq'
import { Redis, type RedisOptions } from 'ioredis'
import pg from 'pg'
import { MatrixError } from '../model/errors.ts'
import { within } from './deadline.ts'

export type QueueBackend =
  | { readonly kind: 'postgres'; readonly connection: pg.ClientConfig }
  | { readonly kind: 'redis'; readonly url: string }

export const QUEUE_NAME = 'transform'

/** For taking leave of a server. One that is away or hangs must not hold up a shutdown. */
export const FAREWELL_MS = 2_000

/** What BullMQ is given. */
export interface Engine {
  readonly connection: unknown
  readonly factory: BackendFactory<IQueueBackend, unknown>
  /** Cuts the connections that are left after BullMQ has closed, or could not. */
  release(): void
}

export interface EngineOptions {
  readonly role: 'producer' | 'worker'
  readonly onError: (error: unknown) => void
}

export const openEngine = (backend: QueueBackend, options: EngineOptions): Engine =>
  backend.kind === 'postgres' ? postgresEngine(backend.connection, options) : redisEngine(backend.url, options)

/** A pool for statements and, in workers, one connection more that listens. */
const postgresEngine = (connection: pg.ClientConfig, { role }: EngineOptions): Engine => {
  const { stream, release } = trackSockets()
  return {
    connection: {
      ...connection,
      stream,
      schema: 'bullmq',
      max: 4,
      idleTimeoutMillis: 60_000,
      connectionTimeoutMillis: 2_000,
      // A server that hangs gives no error: without this its connections would be waited for, and drained, for ever.
      query_timeout: role === 'producer' ? 2_000 : 10_000,
    } satisfies pg.PoolConfig & { schema: string },
    factory: createPostgresBackend as BackendFactory<IQueueBackend, unknown>,
    release,
  }
}

/** `pg` ends a connection by asking the server to; one that hangs would keep this process from ending. */
const trackSockets = () => {
  const sockets = new Set<Socket>()
  return {
    stream: (): Socket => {
      const socket = new Socket()
      sockets.add(socket)
      return socket.once('close', () => sockets.delete(socket))
    },
    release: (): void => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/**
 * A producer fails at once while Redis is away, instead of collecting what it could not say; a worker waits for ever, as BullMQ
 * demands. A socket that is silent under a command is given up, since a hung Redis sends no error; a worker's blocking command
 * is silent for 5 s by intention.
 */
const ROLE: Readonly<Record<EngineOptions['role'], RedisOptions>> = {
  producer: { enableOfflineQueue: false, maxRetriesPerRequest: 1, socketTimeout: 10_000 },
  worker: { maxRetriesPerRequest: null, socketTimeout: 15_000 },
}

const redisEngine = (url: string, { role, onError }: EngineOptions): Engine => {
  const clients: Redis[] = []
  let released = false
  /** ioredis prints errors that nobody listens to, also those after BullMQ has closed and taken its listeners away. */
  const keep = (client: Redis): Redis => {
    client.on('error', onError)
    clients.push(client)
    return client
  }
  const retryStrategy = (times: number): number | null =>
    released ? null : Math.min(50 * 2 ** Math.min(times, 10), 2_000)
  const client = keep(new Redis(url, { ...ROLE[role], connectTimeout: 2_000, disconnectTimeout: 200, retryStrategy }))
  // A worker blocks on a second connection that BullMQ makes from the first.
  const duplicate = client.duplicate.bind(client)
  client.duplicate = override => keep(duplicate(override))
  return {
    connection: client,
    factory: createRedisBackend as BackendFactory<IQueueBackend, unknown>,
    release: () => {
      released = true
      for (const one of clients) if (one.status !== 'end') one.disconnect()
    },
  }
}

/** Creates or upgrades BullMQ's tables. Idempotent; many processes may do it at once, one works and the others wait. */
export const prepareQueue = async (backend: QueueBackend): Promise<void> => {
  if (backend.kind === 'redis') return // Redis keys need no schema
  await withPostgres(backend.connection, 60_000, client => runMigrations(client, 'bullmq'))
}

/** Rejects with `dependency-unavailable` when the queue's server does not answer in time, or its tables are not there. */
export const ping = async (backend: QueueBackend, deadlineMs = 1_000): Promise<void> => {
  if (backend.kind === 'redis') return pingRedis(backend.url, deadlineMs)
  await withPostgres(backend.connection, deadlineMs, client =>
    client.query('select max(version) from bullmq.migration'),
  )
}

const withPostgres = async (
  connection: pg.ClientConfig,
  deadlineMs: number,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> => {
  const { stream, release } = trackSockets()
  const client = new pg.Client({
    ...connection,
    stream,
    connectionTimeoutMillis: deadlineMs,
    query_timeout: deadlineMs,
  })
  client.on('error', () => undefined) // the statement under way rejects with the same error
  try {
    await client.connect()
    await work(client)
  } catch (cause) {
    throw unavailable('the queue in Postgres is not ready', cause)
  } finally {
    await within(200, client.end()).catch(() => undefined) // the answer is known; a server that hangs is left
    release()
  }
}

const pingRedis = async (url: string, deadlineMs: number): Promise<void> => {
  const once: RedisOptions = {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: deadlineMs,
    commandTimeout: deadlineMs,
    disconnectTimeout: 200,
  }
  const client = new Redis(url, once)
  client.on('error', () => undefined) // connect rejects with the same error
  try {
    await client.connect()
    await client.ping()
  } catch (cause) {
    throw unavailable('Redis does not answer', cause)
  } finally {
    client.disconnect()
  }
}

export const unavailable = (what: string, cause?: unknown): MatrixError =>
  new MatrixError('dependency-unavailable', `Expected the queue to be available but ${what}`, { cause })
