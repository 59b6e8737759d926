/**
 * The embedded default: what the configuration does not name is started here, on the same drivers as in production. Everything
 * started ends with this process, also when it is killed.
 */
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { configuredQueue, configuredS3 } from '../engines.ts'
import type { Engines } from '../gateway.ts'
import { isMatrixError } from '../model/errors.ts'
import type { Log } from '../telemetry/log.ts'
import { type Claim, claimFolder } from './claim.ts'
import { workAsOwner } from './owner.ts'
import { startPostgres } from './postgres.ts'
import { examineLock } from './postgres-folder.ts'
import { reachable } from './reachable.ts'
import { forkS3Server } from './s3/fork.ts'
import type { S3Server } from './s3/server.ts'
import { keepS3Credential } from './secrets.ts'

export interface RunningEngines {
  readonly engines: Engines
  /** Which parts are ours, for the banner. */
  readonly embedded: { readonly postgres: boolean; readonly s3: boolean }
  /** Tells the command line where the gateway over these engines listens. */
  announce(url: string): Promise<void>
  stop(): Promise<void>
}

export interface EngineOptions {
  readonly config: Config
  readonly log: Log
  /** An engine ended without being asked to; the process cannot go on without it. */
  readonly onLost: (what: string) => void
}

export const startEngines = async (options: EngineOptions): Promise<RunningEngines> => {
  const { config } = options
  const folder = resolve(config.dataFolder)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const isEmbedded = config.databaseUrl === undefined || configuredS3(config) === undefined
  const user = isEmbedded ? await workAsOwner(folder) : undefined
  if (user !== undefined) options.log.info({ user, folder }, 'working as the owner of the data folder')
  // A process that starts no engine shares the folder with any number of others.
  const claim: Claim = isEmbedded ? await claimFolder(folder) : { announce: async () => {}, release: async () => {} }
  const [postgres, s3] = await Promise.all([openPostgres(options, folder), openS3(options, folder)]).catch(
    async error => {
      await claim.release()
      throw error
    },
  )
  return {
    engines: {
      database: postgres.connection,
      queue: configuredQueue(config, postgres.connection),
      s3: s3.s3,
    },
    embedded: { postgres: postgres.embedded, s3: s3.embedded },
    announce: claim.announce,
    async stop() {
      await Promise.all([postgres.stop(), s3.stop()])
      await claim.release()
    },
  }
}

const notOurs = { embedded: false, stop: async () => undefined }

const openPostgres = async ({ config, log, onLost }: EngineOptions, folder: string) => {
  if (config.databaseUrl !== undefined) return { ...notOurs, connection: { connectionString: config.databaseUrl } }
  const own = join(folder, 'postgres')
  await untilPredecessorEnded(own)
  const postgres = await startPostgres({
    folder: own,
    log: line => log.debug({ line }, 'postgres'),
    onExit: how => onLost(`Postgres (${how})`),
  })
  return { embedded: true, connection: { ...postgres.connection }, stop: postgres.stop }
}

/** Postgres shuts down in seconds when its parent is killed. */
const PREDECESSOR_MS = 15_000

/** The claim is ours, so a postmaster that still runs belongs to a start that was killed a moment ago, and is about to end. */
const untilPredecessorEnded = async (folder: string): Promise<void> => {
  for (const deadline = Date.now() + PREDECESSOR_MS; ; ) {
    try {
      await examineLock(folder)
      return
    } catch (error) {
      if (!isMatrixError(error, 'conflict') || Date.now() > deadline) throw error
    }
    await wait(100)
  }
}

const openS3 = async ({ config, onLost }: EngineOptions, folder: string) => {
  const configured = configuredS3(config)
  if (configured) return { ...notOurs, s3: configured }
  const own = await keepS3Credential(folder)
  const wanted = config.s3Port === 0 && config.port !== 0 ? config.port + 1 : config.s3Port
  const server = await onFreePort(wanted, port =>
    forkS3Server({ folder: join(folder, 's3'), host: config.host, port, ...own }),
  )
  let stopping = false
  server.exited.then(() => stopping || onLost('the S3 server'))
  return {
    embedded: true,
    s3: {
      endpoint: reachable(server.endpoint),
      publicEndpoint: config.s3PublicEndpoint ?? publicEndpoint(server, config.publicUrl),
      ...own,
      region: 'us-east-1',
      forcePathStyle: true,
    },
    stop: () => {
      stopping = true
      return server.close()
    },
  }
}

/** Who listens on all addresses is reached by the name that links carry; otherwise by the address listened on. */
const publicEndpoint = ({ endpoint, port }: S3Server, publicUrl: string | undefined): string => {
  const local = reachable(endpoint)
  if (local === endpoint || publicUrl === undefined) return local
  const { protocol, hostname } = new URL(publicUrl)
  return protocol === 'http:' ? `http://${hostname}:${port}` : local
}

/** A port that is taken is no reason not to start: presigned URLs name whichever was had. */
const onFreePort = async <T>(port: number, start: (port: number) => Promise<T>): Promise<T> => {
  if (port === 0) return start(0)
  try {
    return await start(port)
  } catch {
    return start(0)
  }
}
