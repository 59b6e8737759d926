/**
 * A real Postgres of our own, so that nothing has to be installed: binaries from npm, one data folder, one unix socket.
 *
 * What a crash leaves behind, and what the next start does: killed in initdb, an unfinished sibling (removed, made anew);
 * this process killed, the postmaster ends too (`supervise`); the postmaster killed, a stale lock (Postgres recovers from its log).
 *
 * Measured, two cores: first start 0.6 s on an idle machine, up to 1.5 s beside other work; later starts 35 to 100 ms; after a
 * kill 90 to 400 ms; stop 10 to 100 ms.
 */
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { MatrixError } from '../model/errors.ts'
import { chooseAccount, giveTo, type PostgresAccount } from './postgres-account.ts'
import { findPostgres } from './postgres-binaries.ts'
import { examineLock, lockHolder, POSTGRES_USER, prepareFolder } from './postgres-folder.ts'
import { chooseSocketFolder, POSTGRES_PORT } from './postgres-socket.ts'
import { type Supervised, supervise } from './supervise.ts'

export interface PostgresOptions {
  /** Absolute. Made on first use. */
  readonly folder: string
  /** Default: the data folder, or one in the temporary folder where its path is too long for a socket. */
  readonly socketFolder?: string
  readonly log?: (line: string) => void
  /** Called when Postgres ends without `stop`. */
  readonly onExit?: (how: string) => void
  /** `false` trades safety against power loss for speed, for tests; a killed Postgres still loses nothing. Default true. */
  readonly durable?: boolean
  /** Of the server, beyond and instead of the modest ones here. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface PostgresConnection {
  /** The folder of the socket. */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
}

export interface EmbeddedPostgres {
  readonly connection: PostgresConnection
  /** The same as a `DATABASE_URL`, for other processes. */
  readonly connectionString: string
  readonly pid: number
  /** Breaks off running statements and ends Postgres in good order: close your connections first. Idempotent. */
  stop(): Promise<void>
}

/** Crash recovery replays at most `max_wal_size` of log, which is done in seconds. */
const READY_WITHIN_MS = 60_000

/**
 * Starts Postgres on a data folder and resolves when it accepts connections.
 *
 * Rejects with `conflict` when the folder is in use or holds something else, with `dependency-unavailable` when there are no
 * binaries for this platform or Postgres does not start; its last words are in the message.
 */
export const startPostgres = async (options: PostgresOptions): Promise<EmbeddedPostgres> => {
  const { folder, durable = true, settings: own = {} } = options
  const [{ initdb, postgres }, account] = await Promise.all([findPostgres(), chooseAccount()])
  await prepareFolder({ folder, initdb, account, durable })
  const lock = await examineLock(folder)
  await giveTo(folder, account)
  const host = await chooseSocketFolder(folder, options.socketFolder)
  if (host !== folder) await giveTo(host, account)

  const connection = { host, port: POSTGRES_PORT, user: POSTGRES_USER, database: 'postgres' }
  const command = [...account.prefix, postgres, '-D', folder, '-k', host, ...settings(durable, own)] as [
    string,
    ...string[],
  ]
  // After a kill, processes of the old postmaster may hold its shared memory for a moment: Postgres refuses until they are gone.
  const server = await untilReady({
    command,
    account,
    connection,
    folder,
    log: options.log,
    tries: lock === 'stale' ? 20 : 1,
  })

  let stopping = false
  server.exited.then(how => {
    if (!stopping) options.onExit?.(how)
  })
  return {
    connection,
    connectionString: toConnectionString(connection),
    pid: server.pid,
    stop: () => {
      stopping = true
      return server.stop()
    },
  }
}

export const toConnectionString = ({ host, port, user, database }: PostgresConnection): string =>
  `postgresql://${encodeURIComponent(user)}@localhost/${encodeURIComponent(database)}?host=${encodeURIComponent(host)}&port=${port}`

const settings = (durable: boolean, own: Readonly<Record<string, string>>): string[] =>
  Object.entries({
    listen_addresses: '',
    unix_socket_permissions: '0700',
    max_connections: '100',
    shared_buffers: '64MB',
    max_wal_size: '256MB',
    lc_messages: 'C',
    ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
    ...own,
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])

interface Launch {
  readonly command: readonly [string, ...string[]]
  readonly account: PostgresAccount
  readonly connection: PostgresConnection
  readonly folder: string
  readonly log: ((line: string) => void) | undefined
  readonly tries: number
}

const untilReady = async (launch: Launch): Promise<Supervised> => {
  const { command, account, connection, folder, log, tries } = launch
  const lastWords: string[] = []
  const server = await supervise({
    command,
    cwd: '/',
    ...(account.uid === undefined ? {} : { uid: account.uid, gid: account.gid }),
    deathSignal: 'SIGINT',
    // Fast shutdown, then immediate shutdown, which the next start recovers from.
    stopWith: [
      { signal: 'SIGINT', waitMs: 10_000 },
      { signal: 'SIGQUIT', waitMs: 5_000 },
    ],
    log: line => {
      if (lastWords.push(line) > 20) lastWords.shift()
      log?.(line)
    },
  })
  const deadline = Date.now() + READY_WITHIN_MS
  while (Date.now() < deadline && server.exit() === undefined) {
    // The socket may be another's that started at the same moment: ours is the one whose pid is in the lock.
    if ((await answers(connection)) && (await lockHolder(folder)) === server.pid) return server
    await wait(10)
  }
  const how = server.exit() ?? `no answer within ${READY_WITHIN_MS} ms`
  await server.stop()
  if (tries > 1) {
    await wait(250)
    return untilReady({ ...launch, tries: tries - 1 })
  }
  throw new MatrixError(
    'dependency-unavailable',
    `Expected Postgres to start on ${folder} but received ${how}: ${lastWords.join('\n')}`,
  )
}

const answers = async (connection: PostgresConnection): Promise<boolean> => {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined) // it went away while we asked, which is an answer too
  try {
    await client.connect()
    return true
  } catch {
    return false // not yet: starting, recovering, or no socket so far
  } finally {
    await client.end().catch(() => undefined)
  }
}
