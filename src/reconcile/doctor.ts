/** Everything that can be wrong without anything failing yet: stores that do not enforce, clocks that differ, rows that disagree. */

import type { Config } from '../config.ts'
import type { PurgeTarget } from '../deliver/purge.ts'
import type { Sealing } from '../lib/sealed.ts'
import { unchained, verifyEnd } from '../manifest/audit-chain.ts'
import type { Database } from '../manifest/database.ts'
import { countDeliveries, overdueDeliveries } from '../manifest/deliveries.ts'
import { erasureBacklog } from '../manifest/erasures.ts'
import { checkInvariants, serverClock } from '../manifest/invariants.ts'
import { standingMismatches } from '../manifest/mismatches.ts'
import { countPurges } from '../manifest/purges.ts'
import { countSunsets } from '../manifest/rendition-life.ts'
import { scanBacklog } from '../manifest/scans.ts'
import { scheduleBacklog } from '../manifest/schedules.ts'
import { findUnsigned, keptSigningSecrets } from '../manifest/signing-keys.ts'
import { keptSourceSecrets } from '../manifest/sources.ts'
import { keptSubscriptionSecrets } from '../manifest/subscriptions.ts'
import { signingKeyPlace } from '../model/signing-key.ts'
import { bucketSecretPlace, sourceSecretPlace } from '../model/source-system.ts'
import { subscriptionSecretPlace } from '../model/subscription.ts'
import { probeStore } from '../objects/probe.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { HintQueue } from '../queue/queue.ts'
import type { EventStreams } from '../streams/streams.ts'
import { checkStreams } from './check-streams.ts'

export interface Check {
  readonly check: string
  readonly ok: boolean
  readonly detail: unknown
}

/** A presigned URL lives 5 minutes at least; clocks that differ by less than one do not shorten it noticeably. */
const MAX_SKEW_MS = 60_000

interface Patient {
  readonly config: Pick<Config, 'tenant' | 'cdnBaseUrl'>
  readonly sealing: Sealing
  readonly database: Database
  readonly originals: ObjectStore
  readonly derivatives: ObjectStore
  readonly queue: HintQueue
  readonly streams: EventStreams | undefined
  readonly purgeTargets: readonly PurgeTarget[]
}

export const examine = async ({
  sealing,
  database,
  originals,
  derivatives,
  queue,
  streams,
  purgeTargets,
  config,
}: Patient): Promise<{ healthy: boolean; checks: Check[] }> => {
  const checks = await Promise.all([
    attempt('postgres', async () => {
      const { version, now } = await serverClock(database)
      const skewMs = now.getTime() - Date.now()
      return { ok: Math.abs(skewMs) < MAX_SKEW_MS, detail: { version, skew_ms: skewMs } }
    }),
    attempt('store of originals', () => store(originals)),
    attempt('store of derivatives', () => store(derivatives)),
    attempt('queue', async () => ({ ok: true, detail: await queue.depth() })),
    attempt('purges', () => purges(database, purgeTargets)),
    attempt('secrets at rest', async () => {
      const opened = (await keptSigningSecrets(database)).map(({ kept, ...key }) =>
        sealing.open(Buffer.from(kept, 'hex'), signingKeyPlace(key)),
      )
      const ofSources = (await keptSourceSecrets(database)).flatMap(({ secret, bucketSecret, ...source }) => [
        sealing.open(secret, sourceSecretPlace(source)),
        ...(bucketSecret ? [sealing.open(bucketSecret, bucketSecretPlace(source))] : []),
      ])
      const ofSubscriptions = (await keptSubscriptionSecrets(database)).flatMap(({ secret, formerSecret, ...one }) =>
        [secret, ...(formerSecret ? [formerSecret] : [])].map(kept => sealing.open(kept, subscriptionSecretPlace(one))),
      )
      const unreadable = [...opened, ...ofSources, ...ofSubscriptions].filter(secret => secret === undefined).length
      const counts = {
        signing_keys: opened.length,
        secrets_of_sources: ofSources.length,
        secrets_of_subscriptions: ofSubscriptions.length,
        unreadable,
      }
      return { ok: unreadable === 0, detail: { sealed: sealing.isOn, ...counts } }
    }),
    attempt('webhooks', () => webhooks(database)),
    attempt('streams', () => checkStreams(database, streams)),
    attempt('cdn', async () => {
      if (config.cdnBaseUrl === undefined) return { ok: true, detail: 'no CDN is configured' }
      const unsigned = await findUnsigned(database)
      // Their URLs are those of the store, of which the CDN keeps nothing.
      return { ok: unsigned.length === 0, detail: { without_a_signing_key: unsigned } }
    }),
    attempt('audit', () => chain(database, config.tenant)),
    attempt('erasures', () => erasures(database)),
    attempt('schedules', async () => {
      const { ahead, waiting, missed } = await scheduleBacklog(database)
      return { ok: waiting + missed === 0, detail: { ahead, waiting_for_their_version: waiting, missed } }
    }),
    attempt('sunsets', async () => {
      const { ahead, over, namesOver } = await countSunsets(database)
      // Whether they are to be answered on is their products' to say, and no illness of ours.
      return { ok: true, detail: { ahead, over, ...(over > 0 && { still_answered: namesOver.slice(0, MOST_NAMED) }) } }
    }),
    attempt('scans', () => scans(database)),
    attempt('originals', async () => {
      const found = await standingMismatches(database)
      const other = found.map(({ tenant, sha256, foundAt }) => ({ tenant, sha256, found_at: foundAt.toISOString() }))
      return { ok: other.length === 0, detail: { with_other_bytes: other } }
    }),
    attempt('invariants', async () => {
      const violated = await checkInvariants(database)
      return { ok: violated.length === 0, detail: violated.length === 0 ? 'all hold' : violated }
    }),
  ])
  return { healthy: checks.every(({ ok }) => ok), checks }
}

const MOST_NAMED = 20

/** The end of the chain; `matrix audit verify` follows all of it. */
const LAST_ROWS = 5_000
const MOST_UNCHAINED_SECONDS = 60

const chain = async (database: Database, tenant: string): Promise<Omit<Check, 'check'>> => {
  const { head, broken } = await verifyEnd(database, tenant, LAST_ROWS)
  const { rows, seconds } = await unchained(database, tenant)
  return {
    ok: broken === undefined && seconds < MOST_UNCHAINED_SECONDS,
    detail: { rows: head.no, unchained: rows, ...(broken && { broken }) },
  }
}

const attempt = async (check: string, work: () => Promise<Omit<Check, 'check'>>): Promise<Check> => {
  try {
    return { check, ...(await work()) }
  } catch (error) {
    // Read by administrators only; a code says more than a driver's sentence, and nothing about values.
    return { check, ok: false, detail: error instanceof Error && 'code' in error ? error.code : 'unreachable' }
  }
}

const store = async (objects: ObjectStore): Promise<Omit<Check, 'check'>> => {
  const probe = await probeStore(objects)
  const { conditionalPut, contentDigestChecked, signatureChecked, clockSkewMs = 0 } = probe
  return {
    ok: conditionalPut && contentDigestChecked && signatureChecked !== false && Math.abs(clockSkewMs) < MAX_SKEW_MS,
    detail: probe,
  }
}

/** Beyond it something stands in the way: a store that does not delete, or no process that sweeps. */
const ERASURE_LATE_MS = 10 * 60_000

const erasures = async (database: Database): Promise<Omit<Check, 'check'>> => {
  const { open, oldest } = await erasureBacklog(database)
  return { ok: oldest === null || Date.now() - oldest.getTime() < ERASURE_LATE_MS, detail: { open, oldest } }
}

/** Beyond it no scanner answers, or none is configured any more where a collection asks for one. */
const SCAN_LATE_MS = 10 * 60_000

const scans = async (database: Database): Promise<Omit<Check, 'check'>> => {
  const { waiting, oldest, lastError } = await scanBacklog(database)
  const isLate = oldest !== null && Date.now() - oldest.getTime() > SCAN_LATE_MS
  return { ok: !isLate, detail: { waiting, oldest, ...(lastError !== null && { last_error: lastError }) } }
}

/** Beyond it caches show what they should have forgotten. */
const PURGE_LATE_MS = 5 * 60_000

const purges = async (database: Database, targets: readonly PurgeTarget[]): Promise<Omit<Check, 'check'>> => {
  if (targets.length === 0) return { ok: true, detail: 'nobody is to be told' }
  const backlog = await countPurges(database)
  const pending = backlog.find(({ state }) => state === 'PENDING')
  const dead = backlog.find(({ state }) => state === 'DEAD')?.count ?? 0
  const isLate = pending !== undefined && Date.now() - pending.oldest.getTime() > PURGE_LATE_MS
  return {
    ok: dead === 0 && !isLate,
    detail: { told: targets.map(({ name }) => name), pending: pending?.count ?? 0, dead, oldest: pending?.oldest },
  }
}

/** Beyond it no gateway tells events, or all of them are too slow for what happens. */
const WEBHOOK_LATE_MS = 5 * 60_000

/** What receivers do not take is theirs to mend, and no illness of ours: `matrix_deliveries` counts it. */
const webhooks = async (database: Database): Promise<Omit<Check, 'check'>> => {
  const { count, oldest } = await overdueDeliveries(database)
  const states = Object.fromEntries((await countDeliveries(database)).map(one => [one.state.toLowerCase(), one.count]))
  const isLate = oldest !== null && Date.now() - oldest.getTime() > WEBHOOK_LATE_MS
  return { ok: !isLate, detail: { due: count, oldest, ...states } }
}
