import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, startPostgres } from '../../src/embedded/postgres.ts'
import type { QueueBackend } from '../../src/queue/bullmq.ts'
import { findRedis, type RedisBinary, startRedis } from '../support/redis.ts'

/** A server of the suite's own, since it is stopped, killed and frozen. */
export interface Server {
  readonly backend: QueueBackend
  pids(): number[]
  stop(): Promise<void>
  start(): Promise<void>
  /** Forgets all it has. */
  readonly flush?: () => Promise<void>
  remove(): Promise<void>
}

const postgresServer = async (): Promise<Server> => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-queue-'))
  const launch = () => startPostgres({ folder: join(folder, 'postgres'), durable: false })
  let server: EmbeddedPostgres = await launch()
  return {
    backend: { kind: 'postgres', connection: server.connection },
    // Backends serve their connections without the postmaster, so all of them are frozen.
    pids: () => [server.pid, ...childrenOf(server.pid)],
    stop: () => server.stop(),
    start: async () => {
      server = await launch()
    },
    remove: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const redisServer = async (binary: RedisBinary): Promise<Server> => {
  const server = await startRedis(binary)
  return {
    backend: { kind: 'redis', url: server.url },
    pids: () => [server.pid],
    stop: server.stop,
    start: server.start,
    remove: server.remove,
    flush: server.flushall,
  }
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

export const signalAll = (pids: number[], signal: NodeJS.Signals): void => {
  for (const pid of pids) process.kill(pid, signal)
}

export interface Site {
  /** Carries the reason where the server is not to be had. */
  readonly title: string
  readonly available: boolean
  serve(): Promise<Server>
}

export const queueServers = async (): Promise<Site[]> => {
  const redis = await findRedis()
  return [
    { title: 'on Postgres', available: true, serve: postgresServer },
    'missing' in redis
      ? { title: `on Redis (${redis.missing})`, available: false, serve: postgresServer }
      : { title: 'on Redis', available: true, serve: () => redisServer(redis) },
  ]
}
