/**
 * The environment becomes one frozen value, each variable declared once: name, parser, default, one sentence. Every problem is
 * reported at once. `.env.example` and docs/configuration.md are printed from this list.
 */
import { ACCESS } from './config/access.ts'
import { CDN, CDN_PAIRS } from './config/cdn.ts'
import { FETCHING } from './config/fetching.ts'
import { FRONT } from './config/front.ts'
import { IMPORTS } from './config/imports.ts'
import { INPUTS, MIB } from './config/inputs.ts'
import { LIMITS } from './config/limits.ts'
import { LONG_WORK } from './config/long-work.ts'
import { RESILIENCE } from './config/resilience.ts'
import { RESUMABLE } from './config/resumable.ts'
import { SCAN } from './config/scan.ts'
import { STAGING } from './config/staging.ts'
import { STREAMING } from './config/streaming.ts'
import { STREAM_OUTPUT } from './config/streams.ts'
import { TRACING } from './config/tracing.ts'
import { WEBHOOKS } from './config/webhooks.ts'
import {
  AUTO,
  baseUrl,
  bearerToken,
  CORES,
  ConfigError,
  ConfigRule,
  declare,
  flag,
  integer,
  integerOrCores,
  levelOrAuto,
  type Machine,
  name,
  oneOf,
  optional,
  type Settings,
  text,
  url,
  type Variable,
} from './environment.ts'

export { ConfigError } from './environment.ts'

export const VARIABLES = {
  port: declare('PORT', integer(0, 65_535), '8080', 'Port of the gateway; 0 takes a free one.'),
  host: declare('HOST', text, '127.0.0.1', 'Address to listen on.'),
  opsPort: optional(
    'OPS_PORT',
    integer(0, 65_535),
    'Port of /healthz, /readyz and /metrics in processes that are no gateway; by default they listen nowhere; 0 takes a free one.',
  ),
  publicUrl: optional('PUBLIC_URL', baseUrl, 'Base of links in answers; by default the address listened on.'),
  role: declare(
    'ROLE',
    oneOf('all', 'gateway', 'worker'),
    'all',
    'What this process runs: gateway and workers, or one of them.',
  ),
  dataFolder: declare('ASSET_MATRIX_DATA', text, '.data', 'Folder of the embedded engines, keys and spool files.'),
  tenant: declare(
    'ASSET_MATRIX_TENANT',
    name,
    'demo',
    'Tenant that the admin key belongs to and anonymous callers see.',
  ),
  adminKey: optional(
    'ASSET_MATRIX_ADMIN_KEY',
    bearerToken,
    'Admin key; by default one is made and kept in the data folder.',
    true,
  ),
  demo: declare('ASSET_MATRIX_DEMO', flag, '1', 'Create the demo set on an empty embedded store.'),
  databaseUrl: optional(
    'DATABASE_URL',
    url('postgres:', 'postgresql:'),
    'Postgres 13 or newer; by default an embedded one.',
    true,
  ),
  databasePool: declare(
    'DATABASE_POOL',
    integer(2, 200),
    '10',
    'Connections for everything but the resolve path, which has 3 of its own.',
  ),
  redisUrl: optional(
    'REDIS_URL',
    url('redis:', 'rediss:'),
    'Redis of the queue, of shared rate limits and of streams of events; by default the queue is kept in Postgres, and there are no streams.',
    true,
  ),
  s3Endpoint: optional(
    'S3_ENDPOINT',
    url('http:', 'https:'),
    'S3 endpoint; by default an embedded server, or AWS when only S3_REGION is set.',
  ),
  s3PublicEndpoint: optional(
    'S3_PUBLIC_ENDPOINT',
    url('http:', 'https:'),
    'Endpoint that presigned URLs name, when clients reach S3 by another address.',
  ),
  s3Region: optional('S3_REGION', text, 'S3 region.'),
  s3AccessKeyId: optional('S3_ACCESS_KEY_ID', text, 'S3 credential; by default the chain of the AWS SDK.'),
  s3SecretAccessKey: optional('S3_SECRET_ACCESS_KEY', text, 'S3 credential.', true),
  s3BucketOriginals: declare('S3_BUCKET_ORIGINALS', text, 'originals', 'Bucket of originals.'),
  s3BucketDerivatives: declare('S3_BUCKET_DERIVATIVES', text, 'derivatives', 'Bucket of derivatives.'),
  s3BucketStaging: declare(
    'S3_BUCKET_STAGING',
    text,
    'staging',
    'Bucket of uploads that have not been verified yet: the only one that clients write to.',
  ),
  s3ForcePathStyle: declare(
    'S3_FORCE_PATH_STYLE',
    flag,
    '1',
    'Bucket in the path (most S3 servers); 0 for AWS host style.',
  ),
  s3Port: declare(
    'ASSET_MATRIX_S3_PORT',
    integer(0, 65_535),
    '0',
    'Port of the embedded S3 server; 0 takes PORT + 1 where it is free.',
  ),
  ...INPUTS,
  ...SCAN,
  ...FETCHING,
  ...WEBHOOKS,
  ...STREAM_OUTPUT,
  ...STAGING,
  ...IMPORTS,
  ...LONG_WORK,
  workers: declare(
    'WORKERS',
    integerOrCores(1, 256),
    CORES,
    'Decode processes of this process: a number, or `cores` for as many as the machine has.',
  ),
  avifPixels: declare(
    'AVIF_PIXELS',
    integer(1, 2 ** 31),
    '8000000',
    'Pixels of AVIF that one worker encodes at once in the background: it takes ten times what other formats do.',
  ),
  waitQueue: declare(
    'WAIT_QUEUE',
    integer(1, 1_000_000),
    '64',
    'Derivatives that may be waited for at once; of one product, three quarters of it. Beyond, 429 and 503.',
  ),
  decodeSoftMs: declare(
    'DECODE_SOFT_MS',
    integer(10, 600_000),
    '10000',
    'After this the decoder is asked to stop, ms; in the background, at low priority, nine times as long.',
  ),
  decodeHardMs: declare(
    'DECODE_HARD_MS',
    integer(50, 600_000),
    '30000',
    'After this without progress the decode process is killed, ms; in the background nine times as long. Of CPU it has as much for each output, and once more, in all.',
  ),
  maxTransformCpuMs: declare(
    'MAX_TRANSFORM_CPU_MS',
    integer(100, 3_600_000),
    '30000',
    'CPU that one output may be estimated at, ms; a recipe that comes to more on an original is refused there.',
  ),
  decodeMemoryBytes: declare(
    'DECODE_MEMORY_BYTES',
    integer(64 * MIB, 64 * 1024 ** 3),
    String(1024 * MIB),
    'Memory of a decode process: 1 GiB holds 50 MP several times.',
  ),
  decodeRecycle: declare(
    'DECODE_RECYCLE',
    integer(1, 1_000_000),
    '500',
    'Jobs after which a decode process is replaced.',
  ),
  leaseMs: declare(
    'LEASE_MS',
    integer(1_000, 3_600_000),
    '60000',
    'How long a node belongs to a silent worker, ms; extended every third of it.',
  ),
  pollMs: declare(
    'POLL_MS',
    integer(50, 600_000),
    '2000',
    'How often workers look for work that no hint told them of, ms.',
  ),
  presignSeconds: declare(
    'PRESIGN_SECONDS',
    integer(60, 3_600),
    '300',
    'Least life of a presigned URL, s: survives a clock that is 5 minutes off.',
  ),
  staleIfAwaySeconds: declare(
    'STALE_IF_AWAY_SECONDS',
    integer(0, 3_600),
    '300',
    'For so long after Postgres went away versions are answered on its last word, to signed URLs and where the edge is public, s; at most PRESIGN_SECONDS, so that what was taken back ends when it was said to. 0: not at all.',
  ),
  presignWindowSeconds: declare(
    'PRESIGN_WINDOW_SECONDS',
    integer(1, 3_600),
    '300',
    'Callers within a window get the same URL, s; adds to its life.',
  ),
  maxWaitMs: declare(
    'MAX_WAIT_MS',
    integer(0, 60_000),
    '10000',
    'Longest that a request may wait for a derivative, ms.',
  ),
  ...RESUMABLE,
  ...STREAMING,
  ...ACCESS,
  ...CDN,
  ...FRONT,
  ...LIMITS,
  ...RESILIENCE,
  ...TRACING,
  drainMs: declare('DRAIN_MS', integer(0, 600_000), '10000', 'Grace for requests and nodes in hand at shutdown, ms.'),
  logLevel: declare(
    'LOG_LEVEL',
    levelOrAuto('fatal', 'error', 'warn', 'info', 'debug', 'silent'),
    AUTO,
    'Least level that is logged: fatal, error, warn, info, debug or silent; `auto` is warn on a terminal, else info.',
  ),
} as const

type Parsed<V> = V extends Variable<infer T> ? T : never
export type Config = { readonly [K in keyof typeof VARIABLES]: Parsed<(typeof VARIABLES)[K]> }

export interface Given {
  readonly text: string | undefined
  readonly source: 'environment' | 'file' | 'default'
}

/** What is empty is not set. */
export const givenOf = (
  { env, fallback }: Pick<Variable<unknown>, 'env' | 'fallback'>,
  environment: Readonly<Record<string, string | undefined>>,
  settings: Settings | undefined,
): Given => {
  const inFile = settings?.variables[env]
  if (environment[env]) return { text: environment[env], source: 'environment' }
  return inFile ? { text: inFile, source: 'file' } : { text: fallback, source: 'default' }
}

const isGiven = (value: string | Buffer | readonly string[] | undefined): boolean =>
  value !== undefined && value.length > 0

/**
 * What the environment does not say, the file does. Throws one error that names every variable or key that is wrong, the rule it breaks,
 * and never its value.
 */
export const readConfig = (
  environment: Readonly<Record<string, string | undefined>>,
  machine: Machine,
  settings?: Settings,
): Config => {
  const problems: string[] = [...(settings?.problems ?? [])]
  const entries = Object.entries(VARIABLES).map(([key, variable]) => {
    const { text: value, source } = givenOf(variable, environment, settings)
    if (value === undefined) return [key, undefined]
    try {
      return [key, variable.parse(value, machine)]
    } catch (error) {
      if (!(error instanceof ConfigRule)) throw error
      const name = source === 'file' ? settings?.keys[variable.env] : variable.env
      problems.push(`${name}: ${error.message}. ${variable.doc}`)
      return [key, undefined]
    }
  })
  const config = Object.freeze(Object.fromEntries(entries)) as Config
  for (const [one, other] of CDN_PAIRS) {
    if (isGiven(config[one]) && !isGiven(config[other]))
      problems.push(`${VARIABLES[other].env}: expected beside ${VARIABLES[one].env}.`)
  }
  if (problems.length > 0)
    throw new ConfigError(`The configuration is not valid:\n${problems.map(problem => `  ${problem}`).join('\n')}`)
  return config
}
