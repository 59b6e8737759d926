/** The rate limits that the environment asks for. */
import type { Config } from '../config.ts'
import type { ProductLimits } from '../model/quota.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { openRates, type Rates } from './rates.ts'
import { openRedisLedger } from './redis-ledger.ts'
import { openSettlement } from './settle.ts'

export interface ConfiguredRatesOptions {
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
  /** `undefined`: this process counts for itself. */
  readonly redisUrl: string | undefined
  readonly readLimits: (tenant: string, product: string) => Promise<ProductLimits>
}

export const openConfiguredRates = ({
  config,
  log,
  metrics,
  redisUrl,
  readLimits,
}: ConfiguredRatesOptions): Rates & { close(): void } => {
  const now = () => performance.now()
  const onError = (error: unknown): void => log.debug({ err: error }, 'rate limits are not shared')
  const onLost = (error: unknown): void => {
    metrics.rateSettlementsLost.inc()
    onError(error)
  }
  const ledger = redisUrl === undefined ? undefined : openRedisLedger(redisUrl, { onError })
  const { rateResolve: resolve, rateCold: cold, rateIngest: ingest, rateWrite: write } = config
  const rates = openRates({
    keyQuotas: {
      ...(resolve && { resolve }),
      ...(cold && { cold }),
      ...(ingest && { ingest }),
      ...(write && { write }),
    },
    productFactor: config.rateProductKeys,
    tenantFactor: config.rateTenantKeys,
    authQuota: config.rateAuth,
    // An embedded store has one user, who is not to be kept from trying things out.
    advisory: config.rateLimits === 'observe' || (config.rateLimits === 'auto' && config.databaseUrl === undefined),
    readLimits,
    ...(ledger && { settlement: openSettlement(ledger, { now, onError: onLost }) }),
    now,
    onLimited: ({ advisory, ...labels }) =>
      metrics.rateLimited.inc({ ...labels, effect: advisory ? 'observed' : 'refused' }),
  })
  return { ...rates, close: () => ledger?.close() }
}
