/**
 * The environment becomes one frozen value, each variable declared once: name, parser, default, one sentence. Every problem is
 * reported at once. `.env.example` and docs/configuration.md are printed from this list.
 */
import { POLICY_VARIABLES } from './config/policy.ts'
import { TRANSFORM_VARIABLES } from './config/transform.ts'
import {
  AUTO,
  baseUrl,
  bearerToken,
  ConfigRule,
  declare,
  flag,
  integer,
  levelOrAuto,
  type Machine,
  name,
  networks,
  oneOf,
  optional,
  quota,
  sealingKeys,
  text,
  url,
  type Variable,
  webhookSecret,
} from './environment.ts'

/** The environment cannot be used as it is; the message says all that is wrong with it. */
export class ConfigError extends Error {}

const MIB = 1024 * 1024

export const VARIABLES = {
  port: declare('PORT', integer(0, 65_535), '8080', 'Port of the gateway; 0 takes a free one.'),
  host: declare('HOST', text, '127.0.0.1', 'Address to listen on.'),
  opsPort: optional(
    'OPS_PORT',
    integer(0, 65_535),
    'Port of /healthz, /readyz and /metrics in processes that are no gateway; by default they listen nowhere; 0 takes a free one.',
  ),
  publicUrl: optional('PUBLIC_URL', baseUrl, 'Base of links in answers; by default the address listened on.'),
  trustedProxies: declare(
    'TRUSTED_PROXIES',
    networks,
    '',
    'Networks of proxies in front, like 10.0.0.0/8, by comma: only what they write into X-Forwarded-For is believed.',
  ),
  ...POLICY_VARIABLES,
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
    'Redis of the queue; by default the queue is kept in Postgres.',
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
  maxUploadBytes: declare(
    'MAX_UPLOAD_BYTES',
    integer(1, 5 * 1024 ** 3),
    String(100 * MIB),
    'Largest direct upload: 100 MiB; 5 GiB is what one S3 PUT takes.',
  ),
  uploadIdleMs: declare('UPLOAD_IDLE_MS', integer(100, 600_000), '30000', 'Longest silence within an upload, ms.'),
  ...TRANSFORM_VARIABLES,
  presignSeconds: declare(
    'PRESIGN_SECONDS',
    integer(60, 3_600),
    '300',
    'Least life of a presigned URL, s: survives a clock that is 5 minutes off.',
  ),
  presignWindowSeconds: declare(
    'PRESIGN_WINDOW_SECONDS',
    integer(1, 3_600),
    '300',
    'Callers within a window get the same URL, s; adds to its life.',
  ),
  deleteGraceHours: declare(
    'DELETE_GRACE_HOURS',
    integer(0, 87_600),
    '720',
    'For so long a deleted asset may be had back, h; then it is erased. 720 are 30 days.',
  ),
  purgeWebhookUrl: optional(
    'PURGE_WEBHOOK_URL',
    url('http:', 'https:'),
    'Called when caches in front have to forget something; the same in every process.',
  ),
  purgeWebhookSecret: optional(
    'PURGE_WEBHOOK_SECRET',
    webhookSecret,
    'Signs these calls: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks).',
    true,
  ),
  jwksLoopback: declare(
    'JWKS_LOOPBACK',
    flag,
    '0',
    'Let issuers have their keys at http: on this machine (localhost, 127.0.0.0/8, ::1), where a sidecar fetches them; else https: alone.',
  ),
  signedUrlMaxSeconds: declare(
    'SIGNED_URL_MAX_SECONDS',
    integer(60, 31_622_400),
    '604800',
    'Longest life of a signed URL that is believed, s: 7 days; an hour on top for the window of its signer.',
  ),
  secretsKeys: optional(
    'SECRETS_KEY',
    sealingKeys,
    'Seals signing secrets at rest (AES-256-GCM): 32 bytes in hexadecimal or base64. Several, separated by commas: the first seals, all open. Without it they are kept as they are.',
    true,
  ),
  maxWaitMs: declare(
    'MAX_WAIT_MS',
    integer(0, 60_000),
    '10000',
    'Longest that a request may wait for a derivative, ms.',
  ),
  rateLimits: declare(
    'RATE_LIMITS',
    oneOf(AUTO, 'enforce', 'observe'),
    AUTO,
    'What happens beyond a RATE_… of these: 429, or only headers and metrics; `auto` enforces where DATABASE_URL is set, for an embedded store has one user. What a product was given of its own is enforced either way.',
  ),
  rateResolve: declare(
    'RATE_RESOLVE',
    quota,
    '6000/60s',
    'Reads of one key: 100 a second on average, and the cache of a product may warm up at once; one costs 35 us of CPU.',
  ),
  rateCold: declare(
    'RATE_COLD',
    quota,
    '100/5s',
    'New derivatives that one key may ask for: 20 a second is what two cores make of photographs at 100 ms each.',
  ),
  rateIngest: declare('RATE_INGEST', quota, '100/2s', 'Uploads of one key: 50 a second, 100 at once.'),
  rateWrite: declare(
    'RATE_WRITE',
    quota,
    '100/2s',
    'Other changes by one key: 50 a second, 100 at once. Administrators are not limited.',
  ),
  rateAuth: declare(
    'RATE_AUTH',
    quota,
    '60/60s',
    'Failed credentials from one address (of IPv6 a /64); good ones from there go on being answered.',
  ),
  rateProductKeys: declare(
    'RATE_PRODUCT_KEYS',
    integer(0, 1_000_000),
    '4',
    'All keys of a product together have so many times what one has; 0 is as much as its keys have.',
  ),
  rateTenantKeys: declare(
    'RATE_TENANT_KEYS',
    integer(0, 1_000_000),
    '20',
    'All keys of a tenant together have so many times what one has: five products at their limit; 0 is as much as they have.',
  ),
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

/** Throws one error that names every variable that is wrong, the rule it breaks, and never its value. */
export const readConfig = (environment: Readonly<Record<string, string | undefined>>, machine: Machine): Config => {
  const problems: string[] = []
  const entries = Object.entries(VARIABLES).map(([key, variable]) => {
    const given = environment[variable.env]
    const value = given === undefined || given === '' ? variable.fallback : given
    if (value === undefined) return [key, undefined]
    try {
      return [key, variable.parse(value, machine)]
    } catch (error) {
      if (!(error instanceof ConfigRule)) throw error
      problems.push(`${variable.env}: ${error.message}. ${variable.doc}`)
      return [key, undefined]
    }
  })
  const config = Object.freeze(Object.fromEntries(entries)) as Config
  if (config.purgeWebhookUrl !== undefined && config.purgeWebhookSecret === undefined)
    problems.push('PURGE_WEBHOOK_SECRET: expected beside PURGE_WEBHOOK_URL.')
  if (problems.length > 0)
    throw new ConfigError(`The configuration is not valid:\n${problems.map(problem => `  ${problem}`).join('\n')}`)
  return config
}
