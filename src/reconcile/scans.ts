/**
 * Originals that collections want scanned before anything is shown or made of them: each is read from the store and given to every
 * scanner that is configured. All have to call it clean; one that finds something decides; one that cannot tell is asked again, for as
 * long as it takes, and nothing is let go meanwhile.
 *
 * A verdict is written first and its versions are moved after it, each in a transaction of its own: whoever comes next finds those that
 * a crash has left.
 */
import { planVersion } from '../graph/plan-version.ts'
import { fullJitter } from '../lib/backoff.ts'
import { recordOwnAct } from '../manifest/audit.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { appendFacts } from '../manifest/events.ts'
import { originOfVersion } from '../manifest/origins.ts'
import { advanceVersion, lockAsset } from '../manifest/publish.ts'
import {
  condemn,
  type HeldVersion,
  heldVersions,
  letGo,
  postponeScan,
  type TakenScan,
  takeScan,
  tellScan,
} from '../manifest/scans.ts'
import { digestOf } from '../model/ids.ts'
import { RETRIES } from '../model/retries.ts'
import type { Verdict } from '../model/scan.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Scanner } from '../scan/scanner.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface ScanDependencies {
  readonly database: Database
  readonly originals: Pick<ObjectStore, 'get'>
  readonly scanners: readonly Scanner[]
  readonly log: Log
  readonly config: { readonly maxTransformCpuMs: number; readonly maxVariants: number }
  readonly metrics?: Pick<Metrics, 'scans'>
}

const AT_ONCE = 2
const VERSIONS = 100

const CAUSE = { actor: 'scan', correlationId: 'scan' }

const ask = async (
  { scanners, originals }: ScanDependencies,
  { bytes, mediaType, objectKey: key, sha256 }: TakenScan,
): Promise<Verdict> => {
  const object = { bytes, mediaType, digest: digestOf(sha256), open: () => originals.get({ key }) }
  for (const scanner of scanners) {
    const verdict = await scanner.scan(object)
    if (!verdict.clean) return verdict
  }
  return { clean: true }
}

const scanOne = async (dependencies: ScanDependencies, taken: TakenScan): Promise<void> => {
  const { database, scanners, log, metrics } = dependencies
  try {
    const verdict = await ask(dependencies, taken)
    await tellScan(database, taken, verdict, scanners.map(({ name }) => name).join(','))
    metrics?.scans.inc({ result: verdict.clean ? 'clean' : 'infected' })
    if (!verdict.clean) log.warn({ original: taken.sha256, signature: verdict.signature }, 'malware found')
  } catch (error) {
    metrics?.scans.inc({ result: 'failed' })
    log.warn({ err: error, original: taken.sha256, tries: taken.tries }, 'not scanned')
    const why = error instanceof Error ? error.message : 'failed'
    await postponeScan(database, taken, { why, waitMs: RETRIES.scan.baseMs + fullJitter(taken.tries, RETRIES.scan) })
  }
}

/** As an upload without a scan would have gone on (ingest/place.ts). */
const goOn = async (tx: Sql, held: HeldVersion, { config }: ScanDependencies): Promise<void> => {
  const { tenant, asset, version } = held
  await lockAsset(tx, tenant, asset)
  if (!(await letGo(tx, held))) return
  const cause = { ...CAUSE, ...(await originOfVersion(tx, held)) }
  await planVersion(
    tx,
    { ...held, image: held.image ?? undefined, cause },
    { maxCpuMs: config.maxTransformCpuMs, maxVariants: config.maxVariants },
  )
  await advanceVersion(tx, { tenant, asset, version, cause })
}

const hold = async (tx: Sql, held: HeldVersion): Promise<void> => {
  const { tenant, asset, version, signature } = held
  const failure = { code: 'infected', signature } as const
  await lockAsset(tx, tenant, asset)
  if (!(await condemn(tx, held, failure))) return
  const data = { asset, version, failed: [{ cause: failure.code, signature }] }
  const cause = { ...CAUSE, ...(await originOfVersion(tx, held)) }
  await appendFacts(tx, { tenant, asset, cause, facts: [{ type: 'asset.version_failed', data }] })
  await recordOwnAct(tx, {
    tenant,
    actor: CAUSE.actor,
    action: 'version.infected',
    resource: `assets/${asset}/versions/${version}`,
    after: failure,
  })
}

/** One after the other, so that nothing is held that nobody reads. */
const scanDue = async (dependencies: ScanDependencies): Promise<void> => {
  const { database, scanners } = dependencies
  while (!scanners.some(scanner => scanner.isLeftAlone?.())) {
    const taken = await takeScan(database)
    if (taken === undefined) return
    await scanOne(dependencies, taken)
  }
}

/** Until nothing is due and nobody waits for what has been told. */
export const advanceScans = async (dependencies: ScanDependencies): Promise<void> => {
  const { database, scanners } = dependencies
  if (scanners.length > 0) await Promise.all(Array.from({ length: AT_ONCE }, () => scanDue(dependencies)))
  for (let isMore = true; isMore; ) {
    const held = await heldVersions(database, VERSIONS)
    for (const one of held)
      await database.transaction(tx => (one.state === 'CLEAN' ? goOn(tx, one, dependencies) : hold(tx, one)))
    isMore = held.length === VERSIONS
  }
}
