/** Engines that the configuration names. What it does not name is started by `embedded/`, in the process behind `npm start` only. */
import { type Config, ConfigError } from './config.ts'
import type { Engines } from './gateway.ts'

/** `undefined` where the configuration names no S3. */
export const configuredS3 = (config: Config): Engines['s3'] | undefined => {
  const { s3Endpoint, s3PublicEndpoint, s3Region, s3AccessKeyId, s3SecretAccessKey, s3ForcePathStyle } = config
  if (s3Endpoint === undefined && s3Region === undefined) return undefined
  return {
    region: s3Region ?? 'us-east-1',
    forcePathStyle: s3ForcePathStyle,
    ...(s3Endpoint !== undefined && { endpoint: s3Endpoint }),
    ...(s3PublicEndpoint !== undefined && { publicEndpoint: s3PublicEndpoint }),
    ...(s3AccessKeyId !== undefined && { accessKeyId: s3AccessKeyId }),
    ...(s3SecretAccessKey !== undefined && { secretAccessKey: s3SecretAccessKey }),
  }
}

/** Hints go through Redis where there is one, else through the manifest's own Postgres. */
export const configuredQueue = ({ redisUrl }: Config, database: Engines['database']): Engines['queue'] =>
  redisUrl === undefined ? { kind: 'postgres', connection: database } : { kind: 'redis', url: redisUrl }

/** For processes that start nothing themselves. Throws when something is not named. */
export const configuredEngines = (config: Config): Engines => {
  const s3 = configuredS3(config)
  if (config.databaseUrl === undefined || s3 === undefined) {
    throw new ConfigError(
      'A process of its own needs DATABASE_URL and S3_ENDPOINT (or S3_REGION); `npm start` alone starts what is not named.',
    )
  }
  const database = { connectionString: config.databaseUrl }
  return { database, queue: configuredQueue(config, database), s3 }
}
