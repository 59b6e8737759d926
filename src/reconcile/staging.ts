/**
 * The staging bucket goes back to empty. What is in it belongs to an open upload or to nobody: the row was there before the URL was,
 * so what has no open row is left of a completion, was put again after it, or came late. Asked by what is there, not by what should
 * have been removed: whatever a crash left behind is found, and so is what comes after it.
 *
 * Keys of others in the bucket are left alone.
 */
import type { Clock } from '../lib/clock.ts'
import type { Database } from '../manifest/database.ts'
import { expireUploads, forgetUploads, openUploadsOf } from '../manifest/uploads.ts'
import { readStagingKey } from '../objects/keys.ts'
import type { StagingStore } from '../objects/s3-staging.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface StagingDependencies {
  readonly database: Database
  readonly clock: Clock
  readonly staging: StagingStore
  readonly metrics?: Pick<Metrics, 'stagingSwept'>
  readonly log: Log
}

/** A session of parts is begun before its row is committed: within seconds, where the commit comes at all. */
const UNCOMMITTED_MS = 600_000
const BATCH = 500

/** Of an id that begins with its time (RFC 9562 section 5.7). */
const madeAt = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)

export const sweepStaging = async (dependencies: StagingDependencies): Promise<void> => {
  const { database, staging, metrics } = dependencies
  const expired = await expireUploads(database)
  metrics?.stagingSwept.inc({ what: 'expired' }, expired)
  await forgetUploads(database)
  const sessions = { what: 'session', found: staging.sessions(), remove: staging.dropParts, graceMs: UNCOMMITTED_MS }
  await removeOrphans(dependencies, sessions)
  const remove = ({ key }: Found) => staging.delete(key)
  await removeOrphans(dependencies, { what: 'object', found: staging.list('t/'), remove, graceMs: 0 })
}

interface Found {
  readonly key: string
}

interface Kind<T extends Found> {
  readonly what: string
  readonly found: AsyncIterable<T>
  readonly remove: (one: T) => Promise<void>
  /** For so long after it was made it may still get its row. */
  readonly graceMs: number
}

const removeOrphans = async <T extends Found>(
  dependencies: StagingDependencies,
  { what, found, remove, graceMs }: Kind<T>,
): Promise<void> => {
  let batch: T[] = []
  const settle = async () => {
    for (const one of await orphansOf(dependencies, batch, graceMs)) {
      await remove(one)
      dependencies.metrics?.stagingSwept.inc({ what })
      dependencies.log.debug({ key: one.key, what }, 'removed from staging')
    }
    batch = []
  }
  for await (const one of found) {
    batch.push(one)
    if (batch.length === BATCH) await settle()
  }
  await settle()
}

const orphansOf = async <T extends Found>(
  { database, clock }: StagingDependencies,
  found: readonly T[],
  graceMs: number,
): Promise<T[]> => {
  const named = found.flatMap(one => {
    const upload = readStagingKey(one.key)
    return upload ? [{ one, upload }] : []
  })
  if (named.length === 0) return []
  const open = await openUploadsOf(
    database,
    named.map(({ upload }) => upload),
  )
  const isOrphan = ({ tenant, id }: { tenant: string; id: string }): boolean =>
    !(open.get(`${tenant}/${id}`) ?? clock.now() - madeAt(id) < graceMs)
  return named.filter(({ upload }) => isOrphan(upload)).map(({ one }) => one)
}
