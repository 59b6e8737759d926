/**
 * What sources have said, made true: each item is fetched or taken from its payload, and stored like any upload.
 *
 * An item is taken for as long as a fetch may last and a little more. Crash before the commit: the item is taken again when its time
 * is over. The version and the end of the item are one transaction, guarded by the number of the try, so that nothing is made
 * twice. What the source can mend is tried again, ten times in about an hour; what is wrong here, with the store say, for as
 * long as it is.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { fullJitter } from '../lib/backoff.ts'
import type { Clock } from '../lib/clock.ts'
import { inLanes } from '../lib/in-lanes.ts'
import { cleanFilename } from '../lib/plain-text.ts'
import type { Sealing } from '../lib/sealed.ts'
import { findAlias } from '../manifest/aliases.ts'
import { recordAudit } from '../manifest/audit.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { insertProvenance } from '../manifest/provenance.ts'
import {
  assetOfAlias,
  deferItem,
  finishItem,
  pruneSourceEvents,
  type TakenItem,
  takeItems,
} from '../manifest/source-events.ts'
import { findSource, type KeptSource } from '../manifest/sources.ts'
import { ALIAS_NAMESPACE } from '../model/alias.ts'
import { actorOf } from '../model/audit.ts'
import { type ErrorCode, isMatrixError, MatrixError } from '../model/errors.ts'
import { OURS, RETRIES } from '../model/retries.ts'
import { bucketSecretPlace, principalOf } from '../model/source-system.ts'
import { signGet } from '../objects/sign-get.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { adapt } from './adapters/adapt.ts'
import type { Wish } from './adapters/adapter.ts'
import { type Fetched, type FetchOriginal, hintsOf, withoutSecrets } from './fetch.ts'
import { identify } from './identify.ts'
import { identifyHinted } from './identify-hinted.ts'
import type { Destination, Ingest, IngestedVersion } from './ingest.ts'
import { type Received, receive } from './receive.ts'

export interface SourceWorkDependencies {
  readonly database: Database
  readonly ingest: Ingest
  readonly fetchOriginal: FetchOriginal
  readonly sealing: Sealing
  readonly clock: Clock
  readonly inputLimits: Parameters<typeof identify>[2]
  readonly spoolFolder: string
  readonly config: { readonly fetchMs: number; readonly maxFetchBytes: number; readonly sourceKeepDays: number }
  readonly metrics: Pick<Metrics, 'sourceItems'>
  readonly log: Log
}

const AT_ONCE = 4
/** Storing what was fetched. */
const STORE_MS = 60_000
/** What an earlier item of the same source may have made in the same moment. */
const AGAIN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['alias-conflict'])
const MAX_ATTRIBUTES = 16_384

/** One thing over there is one asset here: its alias, safe in a path and in 200 characters whatever it is called. */
export const aliasOf = (source: string, externalId: string): string => {
  const alias = `${source}:${encodeURIComponent(externalId)}`
  return alias.length <= 200 ? alias : `${source}:sha256-${createHash('sha256').update(externalId).digest('hex')}`
}

/** What was taken by another meanwhile: whatever was done for it is taken back. */
class Lost extends Error {}

const shortened = ({ attributes, ...hints }: Wish['hints']): Wish['hints'] =>
  JSON.stringify(attributes ?? {}).length > MAX_ATTRIBUTES
    ? { ...hints, attributes_left_out: true }
    : { ...hints, attributes }

export const openSourceWork = (dependencies: SourceWorkDependencies) => {
  const { database, ingest, fetchOriginal, sealing, clock, inputLimits, spoolFolder, config, metrics, log } =
    dependencies

  /** By the alias that was made for it here, or by what the source calls it, in the namespace of the source's name. */
  const assetNamed = async (
    tenant: string,
    { name: namespace }: KeptSource,
    { externalId = '' }: Wish,
    alias: string,
  ) =>
    (await assetOfAlias(database, tenant, alias)) ??
    (namespace === ALIAS_NAMESPACE ? undefined : await findAlias(database, tenant, { namespace, externalId }))

  const destinationOf = async (tenant: string, source: KeptSource, wish: Wish): Promise<Destination> => {
    const alias = wish.externalId === undefined ? undefined : aliasOf(source.name, wish.externalId)
    const asset = alias === undefined ? undefined : await assetNamed(tenant, source, wish, alias)
    if (asset !== undefined) return { kind: 'version', asset }
    return { kind: 'asset', collection: source.collection, alias, labels: wish.labels, attributes: wish.attributes }
  }

  /** Whoever sends payloads chooses which object: the key of the bucket says which of them he may. */
  const addressOf = async (url: string, tenant: string, { name, bucketKey, bucketSecret }: KeptSource) => {
    if (bucketKey === undefined || bucketSecret === undefined) return url
    const secret = sealing.open(bucketSecret, bucketSecretPlace({ tenant, name }))
    if (secret === undefined)
      throw new MatrixError('dependency-unavailable', `The bucket's key of ${name} does not open`)
    return (await signGet(new URL(url), { ...bucketKey, secret }, { now: clock.now() })).href
  }

  const contentOf = async (
    { content }: Wish,
    { tenant, source, most }: { tenant: string; source: KeptSource; most: number | undefined },
  ): Promise<Received & { fetched?: Fetched }> => {
    if ('url' in content) {
      const fetched = await fetchOriginal(await addressOf(content.url, tenant, source), most)
      return { ...fetched.received, fetched }
    }
    const maxBytes = Math.min(config.maxFetchBytes, most ?? Number.POSITIVE_INFINITY)
    return receive(Readable.from([content.bytes]), { folder: spoolFolder, maxBytes, idleMs: STORE_MS })
  }

  const settle = async (tx: Sql, item: TakenItem, source: KeptSource, version: IngestedVersion): Promise<void> => {
    const { asset, collection, digest, bytes, media_type } = version
    if (!(await finishItem(tx, item, { state: 'DONE', asset, version: version.version }))) throw new Lost()
    await recordAudit(tx, {
      ...actorOf(principalOf(item.tenant, source)),
      requestId: `source:${item.event}`,
      correlationId: `source:${item.event}`,
      client: undefined,
      action: version.version === 1 ? 'asset.create' : 'version.create',
      resource: `assets/${asset}`,
      reasons: [],
      before: undefined,
      after: {
        collection,
        version: version.version,
        digest,
        bytes,
        media_type,
        entrance: 'adapter',
        source: source.name,
      },
    })
  }

  /** Throws what an upload does, and `not-found` where the source is gone, or its payload with an erasure. */
  const perform = async (item: TakenItem): Promise<void> => {
    const { tenant } = item
    const source = await findSource(database, tenant, item.source)
    const wish = source && item.raw ? adapt(item.raw, source).wishes[item.ordinal] : undefined
    if (!source || !wish) throw new MatrixError('not-found', 'The source or its payload is gone')
    const principal = principalOf(tenant, source)
    const destination = await destinationOf(tenant, source, wish)
    const { aliases, identityHints } = wish
    const asked = { principal, destination, aliases, trust: source.trust, address: undefined }
    const permission = await ingest.authorise(asked)
    const most = permission.collection.rules?.max_bytes
    const received = await contentOf(wish, { tenant, source, most })
    try {
      const { fetched } = received
      const identity = fetched
        ? await identifyHinted(received, fetched.mediaType, inputLimits)
        : await identify(received, 'mediaType' in wish.content ? wish.content.mediaType : undefined, inputLimits)
      const upload = {
        principal,
        destination,
        aliases,
        identityHints,
        publish: wish.publish ?? source.publish,
        filename: cleanFilename(wish.filename ?? wish.externalId),
        announcedSha256: wish.sha256,
        source: { entrance: 'adapter', ref: refOf(wish) } as const,
        cause: { actor: principal.id, product: principal.product, correlationId: `source:${item.event}` },
      }
      const hints = { ...shortened(wish.hints), ...(fetched && hintsOf(fetched)) }
      await ingest.store(upload, permission, { received, identity }, async (tx, version) => {
        const named = { tenant, asset: version.asset, version: version.version }
        await insertProvenance(tx, named, { source: source.name, trust: source.trust, hints })
        await settle(tx, item, source, version)
      })
    } finally {
      await received.close()
    }
  }

  const work = async (item: TakenItem): Promise<void> => {
    try {
      await perform(item)
      metrics.sourceItems.inc({ source: item.source, result: 'done' })
    } catch (error) {
      if (error instanceof Lost) return
      const code = isMatrixError(error) ? error.code : 'internal'
      if (!isMatrixError(error)) log.error({ err: error, event: item.event }, 'item of a source not made')
      const isOurs = OURS.has(code)
      const isRetried = isOurs || ((isAgain(error) || code === 'internal') && item.failures + 1 < RETRIES.item.tries)
      metrics.sourceItems.inc({ source: item.source, result: isRetried ? 'retried' : code })
      if (!isRetried) await finishItem(database, item, { state: 'DEAD', code })
      else await deferItem(database, item, { code, afterMs: fullJitter(item.failures, RETRIES.item), counts: !isOurs })
    }
  }

  return {
    /** Until nothing is due. Resolves with how many were taken. */
    async once(): Promise<number> {
      for (let taken = 0; ; ) {
        const items = await takeItems(database, { limit: AT_ONCE, holdMs: config.fetchMs + STORE_MS })
        await inLanes(items, { atOnce: AT_ONCE, work })
        taken += items.length
        if (items.length === 0) return taken
      }
    },
    tidy: (): Promise<void> => pruneSourceEvents(database, config.sourceKeepDays),
  }
}

const isAgain = (error: unknown): boolean => isMatrixError(error) && (error.retryable || AGAIN.has(error.code))

/** As the version names it: the URL without its query, or what the source calls it. */
const refOf = ({ content, externalId }: Wish): string | undefined =>
  'url' in content ? withoutSecrets(new URL(content.url)) : externalId?.slice(0, 1024)
