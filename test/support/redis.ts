/**
 * A real Redis for contract suites: the one on PATH, else Debian's, unpacked into `.cache/redis` and never installed.
 * Without either, `findRedis` gives the reason, and suites skip with it in their name.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { PLAIN_ENV, type Supervised, supervise } from '../../src/embedded/supervise.ts'

const run = promisify(execFile)

const CACHE = resolve(import.meta.dirname, '../../.cache')
// In Debian `redis-server` is a link to `redis-check-rdb`, which comes with the tools.
const PACKAGES = ['redis-tools', 'liblzf1', 'libjemalloc2', 'lua-cjson', 'lua-bitop', 'liblua5.1-0']

export interface RedisBinary {
  readonly command: string
  readonly env: Readonly<Record<string, string>>
}

export const findRedis = async (): Promise<RedisBinary | { readonly missing: string }> => {
  const onPath = { command: 'redis-server', env: PLAIN_ENV }
  if (await runs(onPath)) return onPath
  try {
    const cached = await unpacked(join(CACHE, 'redis'))
    if (await runs(cached)) return cached
    await fetchInto(join(CACHE, 'redis'))
    const fetched = await unpacked(join(CACHE, 'redis'))
    return (await runs(fetched)) ? fetched : { missing: 'the redis-server of the Debian packages does not run here' }
  } catch (error) {
    return {
      missing: `no redis-server on PATH and none to be had with apt-get: ${String((error as Error).message).split('\n')[0]}`,
    }
  }
}

const runs = ({ command, env }: RedisBinary): Promise<boolean> =>
  run(command, ['--version'], { env }).then(
    () => true,
    () => false,
  )

const unpacked = async (folder: string): Promise<RedisBinary> => {
  const libraries = (await readdir(join(folder, 'usr/lib')).catch(() => [])).filter(name => name.includes('-linux-'))
  const path = libraries.map(name => join(folder, 'usr/lib', name)).join(':')
  return { command: join(folder, 'usr/bin/redis-server'), env: { ...PLAIN_ENV, LD_LIBRARY_PATH: path } }
}

/** Two processes may fetch at once: each into a folder of its own, and the first to rename it wins. */
const fetchInto = async (folder: string): Promise<void> => {
  await mkdir(CACHE, { recursive: true })
  const work = await mkdtemp(join(CACHE, 'fetching-'))
  try {
    await run('apt-get', ['download', ...PACKAGES], { cwd: work }).catch(async () => {
      // Package lists of our own: no lock to wait for, and nothing to be root for.
      const lists = ['-o', `Dir::State::lists=${work}/lists`, '-o', `Dir::Cache=${work}/cache`]
      await Promise.all([mkdir(`${work}/lists/partial`, { recursive: true }), mkdir(`${work}/cache`)])
      await run('apt-get', ['update', ...lists], { cwd: work })
      await run('apt-get', ['download', ...lists, ...PACKAGES], { cwd: work })
    })
    const root = join(work, 'root')
    for (const file of (await readdir(work)).filter(name => name.endsWith('.deb'))) {
      await run('dpkg-deb', ['-x', join(work, file), root])
    }
    await symlink('redis-check-rdb', join(root, 'usr/bin/redis-server'))
    await rename(root, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

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
