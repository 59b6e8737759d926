import { join } from 'node:path'
import type pg from 'pg'
import type { Config } from './config.ts'
import { openContractsAtBase } from './contracts/at-base.ts'
import { openHotBytes } from './deliver/hot-bytes.ts'
import { openPresigner } from './deliver/presign.ts'
import { openPurging } from './deliver/purge-targets.ts'
import { openTelling } from './events/tell.ts'
import { costFactors } from './graph/cost.ts'
import { openConfiguredFetch } from './ingest/configured-fetch.ts'
import { openImport } from './ingest/import.ts'
import { openIngest } from './ingest/ingest.ts'
import { prepareSpool } from './ingest/receive.ts'
import { openSourceWork } from './ingest/source-work.ts'
import { openBreaker } from './lib/breaker.ts'
import { type Clock, systemClock } from './lib/clock.ts'
import { openGuard } from './lib/guard.ts'
import { openSealing } from './lib/sealed.ts'
import { openConfiguredDatabase } from './manifest/configured.ts'
import { findFactors } from './manifest/costs.ts'
import { findLimits } from './manifest/products.ts'
import { openWarmReader } from './manifest/warm-read.ts'
import type { Hex } from './model/ids.ts'
import { openStoreGuard } from './objects/guarded.ts'
import { openS3Store, type S3Store } from './objects/s3.ts'
import { openS3Staging } from './objects/s3-staging.ts'
import { openReach } from './outbound/reach.ts'
import { openResolver } from './outbound/resolve.ts'
import { openBudget } from './policy/budget.ts'
import { openConfiguredEngines } from './policy/configured.ts'
import { openCredentials } from './policy/credentials.ts'
import { openJournal } from './policy/journal.ts'
import { openPolicy } from './policy/policy.ts'
import { openLinkProver } from './policy/prove-link.ts'
import { openStanding } from './policy/standing.ts'
import { openHintQueue, type QueueBackend } from './queue/bullmq.ts'
import { openNearby } from './queue/nearby.ts'
import type { Lane } from './queue/queue.ts'
import { openConfiguredRates } from './rates/configured.ts'
import { openReadiness } from './reconcile/readiness.ts'
import { wordMs } from './resolve/as-of.ts'
import { openLocate } from './resolve/cdn.ts'
import { openDemand } from './resolve/demand.ts'
import { openFallback } from './resolve/fallback.ts'
import { openInfo } from './resolve/info.ts'
import { openResolveMany } from './resolve/many.ts'
import { openPeek } from './resolve/peek.ts'
import { openPictureUrls } from './resolve/picture-urls.ts'
import { openLook, openResolve, type ResolveDependencies } from './resolve/resolve.ts'
import { openNodeWaiter, openPublicationWaiter } from './resolve/wait.ts'
import { configuredScanners } from './scan/configured.ts'
import { openConfiguredStreams } from './streams/configured.ts'
import { type Log, openLog } from './telemetry/log.ts'
import { openMetrics } from './telemetry/metrics.ts'
import { openTracing } from './telemetry/open-tracing.ts'
import { HERE } from './transform/calibration.ts'
import { probeEngine } from './transform/capabilities.ts'
import { openComparisonPicture } from './transform/comparisons.ts'
import { confineDecoders } from './transform/confine.ts'
import { openDecodePool } from './transform/decode-pool.ts'
import { inputLimitsOf } from './transform/limits.ts'

/** Where the engines are, embedded or not: everything that connects, and nothing else. */
export interface Engines {
  readonly database: pg.PoolConfig
  readonly queue: QueueBackend
  readonly s3: {
    readonly endpoint?: string
    readonly publicEndpoint?: string
    readonly region: string
    readonly accessKeyId?: string
    readonly secretAccessKey?: string
    readonly forcePathStyle: boolean
  }
}

export interface CoreOptions {
  readonly config: Config
  readonly engines: Engines
  readonly name: string
  readonly log?: Log
  readonly clock?: Clock
}

/** What gateways and workers have in common: engines, opened. */
export const openCore = async ({
  config,
  engines,
  name,
  log = openLog({ level: config.logLevel, name }),
  clock = systemClock,
}: CoreOptions) => {
  const metrics = openMetrics()
  const tracing = await openTracing(config, name)
  // Before anything connects: policies that cannot be used end the start.
  const policyEngines = config.role === 'worker' ? [] : await openConfiguredEngines(config, { clock, metrics })
  const database = openConfiguredDatabase(config, engines.database, { log, metrics, tracing })
  const storeGuard = openStoreGuard(config.breakerStorage, { now: clock.now, knock: () => originals.knock() })
  metrics.breakers.set('storage', storeGuard.breaker.state)
  const s3 = { ...engines.s3, guard: storeGuard.guard, tracing }
  const bucket = (name: string): S3Store => openS3Store({ ...s3, bucket: name })
  const originals = bucket(config.s3BucketOriginals)
  const derivatives = bucket(config.s3BucketDerivatives)
  const staging = openS3Staging({ ...s3, bucket: config.s3BucketStaging })
  const spoolFolder = join(config.dataFolder, 'spool')
  await prepareSpool(spoolFolder)
  const journal = openJournal({ database, clock, tenant: config.tenant, metrics, log })
  const queue = openHintQueue({
    backend: engines.queue,
    onError: error => log.debug({ err: error }, 'queue connection'),
  })
  const queueBreaker = openBreaker({ ...config.breakerQueue, now: clock.now })
  metrics.breakers.set('queue', queueBreaker.state)
  const offering = openGuard({ breaker: queueBreaker, refusal: () => new Error('The queue is left alone') })
  const rates = openConfiguredRates({
    config,
    log,
    metrics,
    redisUrl: engines.queue.kind === 'redis' && config.role !== 'worker' ? engines.queue.url : undefined,
    readLimits: (tenant, product) => findLimits(database, tenant, product),
  })

  const streams = openConfiguredStreams(config, { queue: engines.queue, log })

  return {
    config,
    engines,
    log,
    clock,
    metrics,
    /** `undefined`: no traces. */
    tracing,
    policy: openPolicy(policyEngines, metrics),
    ...(await openContractsAtBase(config)),
    database,
    originals,
    derivatives,
    /** Uploads under way: what is in it is nobody's word yet. */
    staging,
    isStoreLeftAlone: () => storeGuard.breaker.state() === 'open',
    spoolFolder,
    fetchOriginal: openConfiguredFetch(config, {
      folder: spoolFolder,
      count: result => metrics.fetches.inc({ result }),
    }),
    /** Where receivers of events may be. */
    hookPlaces: {
      reach: openReach({ resolve: openResolver(config.webhookAllow), allow: config.webhookAllow }),
      ports: config.webhookPorts,
    },
    queue,
    /** Of events, where there is a Redis. */
    streams,
    journal,
    /** Of originals, where collections ask for it. */
    scanners: configuredScanners(config, { clock, metrics }),
    /** Of secrets that have to be read again. */
    sealing: openSealing(config.secretsKeys ?? []),
    nearby: openNearby(),
    ...openPurging(config, { clock, database }),
    rates,
    /** Offers a hint after its facts are committed. A queue that is away costs a poll of the workers, so it is counted and not thrown. */
    hint: async (tenant: string, original: Hex, lane: Lane): Promise<void> => {
      try {
        await offering(() => queue.offer({ tenant, original, lane }))
        metrics.hints.inc({ result: 'offered' })
      } catch (error) {
        metrics.hints.inc({ result: 'lost' })
        log.warn({ err: error, original }, 'hint lost')
      }
    },
    async close(): Promise<void> {
      await journal.close()
      await queue.close()
      rates.close()
      streams?.close()
      await database.close()
      storeGuard.close()
      originals.close()
      derivatives.close()
      staging.close()
      await tracing?.close()
    },
  }
}

export type Core = Awaited<ReturnType<typeof openCore>>

/** A tenth of the CPU where somebody waits for the rest (a step of `nice` is 1.25); all of it where nobody does. */
export const BACKGROUND_NICENESS = 10

/** The API's use-cases over a core. */
export const openGateway = (core: Core) => {
  const { config, clock, policy, database, originals, hint, nearby, metrics, publicBase } = core
  confineDecoders() // headers of uploads are probed in this process
  const life = { lifeSeconds: config.presignSeconds, windowSeconds: config.presignWindowSeconds }
  const presign = openPresigner({ clock, ...life })
  const credentials = openCredentials({ ...core, loopbackHttp: config.jwksLoopback, breaker: config.breakerJwks })
  const readWarm = openWarmReader({ database, clock, awayMs: wordMs(life, config.staleIfAwaySeconds) })
  const { maxTransformCpuMs: maxCpuMs, maxVariants, waitQueue } = config
  const budget = openBudget({ clock, config })
  const proverOptions = { sealing: core.sealing, maxSeconds: config.signedUrlMaxSeconds }
  const resolving: ResolveDependencies = {
    tenant: config.tenant,
    clock,
    life,
    policy,
    read: async key => {
      const facts = await readWarm(key)
      if (facts.principal !== undefined) credentials.keyUse.note(facts.principal)
      return facts
    },
    readAll: async keys => {
      const all = await readWarm.all(keys)
      for (const { principal } of all) if (principal !== undefined) credentials.keyUse.note(principal)
      return all
    },
    proveLink: openLinkProver({ ...proverOptions, count: outcome => metrics.signatures.inc({ outcome }) }),
    demand: openDemand({ database, hint, nearby, waitQueue, maxCpuMs, budget, maxVariants }),
    waitForNodes: openNodeWaiter(database, nearby),
    waitForPublication: openPublicationWaiter(database),
  }
  /** Of those that count nothing: the request that they belong to is counted by `resolve`. */
  const looking = { ...resolving, proveLink: openLinkProver(proverOptions) }
  const inputLimits = inputLimitsOf(config)
  const ingest = openIngest({
    ...{ database, originals, hint, clock, policy, maxCpuMs, budget, maxVariants },
    onPlan: nodes => metrics.planNodes.observe(nodes),
    scanFreshSeconds: config.scanFreshSeconds,
  })

  return {
    ...core,
    presign,
    locate: openLocate({ ...core, presign }),
    hotBytes: openHotBytes(core),
    locateInPage: openPictureUrls({ ...core, presign }, publicBase),
    inputLimits,
    budget,
    /** Probed once, while it starts. */
    engineCapabilities: probeEngine(),
    ...credentials,
    ingest,
    /** The steps of sagas, by kind (reconcile/saga.ts). */
    works: {
      import: openImport({
        ...core,
        ingest,
        inputLimits,
        stands: openStanding(database),
        deleteGraceHours: config.deleteGraceHours,
      }),
    },
    sourceWork: openSourceWork({ ...core, ingest, inputLimits }),
    telling: openTelling(core),
    peek: openPeek(looking),
    findInfo: openInfo({ ...resolving, database }),
    findFallback: openFallback({ database, look: openLook(looking) }),
    resolve: openResolve(resolving),
    resolveMany: openResolveMany(resolving),
    readiness: openReadiness(core),
    /** A process for each picture, one at a time: it is for a person who looks, and nothing stays behind. */
    comparisonPicture: openComparisonPicture({
      derivatives: core.derivatives,
      pool: openDecodePool({
        size: 1,
        recycleAfter: 1,
        queueLimit: 16,
        scratchFolder: core.spoolFolder,
        memoryBytes: config.decodeMemoryBytes,
        niceness: BACKGROUND_NICENESS,
      }),
    }),
    /** As measured on machines like this one; else on others; else the defaults. */
    costs: async () => costFactors((await findFactors(database, HERE))?.factors),
  }
}

export type Gateway = ReturnType<typeof openGateway>
