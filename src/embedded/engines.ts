/**
 * The embedded default: what the configuration does not name is started here, on the same drivers as in production. Everything
 * started ends with this process, also when it is killed.
 */
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Config } from '../config.ts'
import { configuredQueue, configuredS3 } from '../engines.ts'
import type { Engines } from '../gateway.ts'
import type { Log } from '../telemetry/log.ts'
import { startPostgres } from './postgres.ts'
import { forkS3Server } from './s3/fork.ts'
import { keepS3Credential } from './secrets.ts'

export interface RunningEngines {
  readonly engines: Engines
  /** Which parts are ours, for the banner. */
  readonly embedded: { readonly postgres: boolean; readonly s3: boolean }
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
  const [postgres, s3] = await Promise.all([openPostgres(options, folder), openS3(options, folder)])
  return {
    engines: {
      database: postgres.connection,
      queue: configuredQueue(config, postgres.connection),
      s3: s3.s3,
    },
    embedded: { postgres: postgres.embedded, s3: s3.embedded },
    async stop() {
      await Promise.all([postgres.stop(), s3.stop()])
    },
  }
}

const notOurs = { embedded: false, stop: async () => undefined }

const openPostgres = async ({ config, log, onLost }: EngineOptions, folder: string) => {
  if (config.databaseUrl !== undefined) return { ...notOurs, connection: { connectionString: config.databaseUrl } }
  const postgres = await startPostgres({
    folder: join(folder, 'postgres'),
    log: line => log.debug({ line }, 'postgres'),
    onExit: how => onLost(`Postgres (${how})`),
  })
  return { embedded: true, connection: { ...postgres.connection }, stop: postgres.stop }
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
      endpoint: server.endpoint,
      ...(config.s3PublicEndpoint !== undefined && { publicEndpoint: config.s3PublicEndpoint }),
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

/** A port that is taken is no reason not to start: presigned URLs name whichever was had. */
const onFreePort = async <T>(port: number, start: (port: number) => Promise<T>): Promise<T> => {
  if (port === 0) return start(0)
  try {
    return await start(port)
  } catch {
    return start(0)
  }
}
