/** A real Redis for contract suites. Where none is to be had, suites skip with the reason in their name. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { type Supervised, supervise } from '../../src/embedded/supervise.ts'
import { findProgram, type Missing, type Program } from './debian.ts'

export type RedisBinary = Program

/** In Debian `redis-server` is a link to `redis-check-rdb`, which comes with the tools. */
export const findRedis = (): Promise<Program | Missing> =>
  findProgram({
    name: 'redis-server',
    packages: ['redis-tools', 'liblzf1', 'libjemalloc2', 'lua-cjson', 'lua-bitop', 'liblua5.1-0'],
    file: 'usr/bin/redis-check-rdb',
    runAs: 'redis-server',
    versionFlag: '--version',
  })

export interface TestRedis {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
  kill9(): Promise<void>
  /** On the same port, with the data of the last run. */
  start(): Promise<void>
  flushall(): Promise<void>
  /** Stops it and removes its data. */
  remove(): Promise<void>
}

/** On a free port of the loopback. Every accepted write is on disk before its answer, so `kill9` loses none. */
export const startRedis = async (binary: RedisBinary): Promise<TestRedis> => {
  const folder = await mkdtemp(join(tmpdir(), 'matrix-redis-'))
  let port = await freePort()
  const launch = async (): Promise<Supervised | undefined> => {
    const server = await supervise({
      command: [binary.command, ...settings(folder, port)],
      env: binary.env,
      deathSignal: 'SIGKILL',
      stopWith: [{ signal: 'SIGTERM', waitMs: 5_000 }],
      log: () => undefined,
    })
    while (server.exit() === undefined) if ((await whoAnswers(port)) === server.pid) return server
    return undefined
  }
  let server = await launch()
  // Somebody else took the port between our look and its start.
  for (let tries = 0; server === undefined && tries < 5; tries++) {
    port = await freePort()
    server = await launch()
  }
  if (server === undefined) throw new Error('Expected redis-server to start')
  let current = server

  return {
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return current.pid
    },
    stop: () => current.stop(),
    kill9: async () => {
      process.kill(current.pid, 'SIGKILL')
      await current.exited
    },
    start: async () => {
      const again = await launch()
      if (again === undefined) throw new Error(`Expected redis-server to start again on port ${port}`)
      current = again
    },
    flushall: () => withClient(port, async client => void (await client.flushall())),
    remove: async () => {
      await current.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const settings = (folder: string, port: number): string[] =>
  Object.entries({
    bind: '127.0.0.1',
    port: String(port),
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    'maxmemory-policy': 'noeviction',
  }).flatMap(([name, value]) => [`--${name}`, value])

/** The pid of the Redis on a port, which may be that of another test. */
const whoAnswers = (port: number): Promise<number | undefined> =>
  withClient(port, async client => Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1])).catch(
    () => undefined,
  )

const withClient = async <T>(port: number, work: (client: Redis) => Promise<T>): Promise<T> => {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    disconnectTimeout: 100,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  client.on('error', () => undefined) // the command itself rejects
  try {
    await client.connect()
    return await work(client)
  } finally {
    client.disconnect()
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolvePort, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolvePort(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
