/**
 * The janitor of uploads in pieces: those whose time is over end, and what ended leaves no object. Their prefix is emptied twice, when
 * they end and a day later, when they are forgotten: whoever was about to put a piece as they ended has put it or died by then.
 */
import type { Database } from '../manifest/database.ts'
import {
  clearTusUpload,
  expireTusUploads,
  forgetTusUpload,
  oldTusUploads,
  unclearedTusUploads,
} from '../manifest/tus-janitor.ts'
import { piecesPrefix } from '../objects/keys.ts'
import { removeUnder } from '../objects/remove-under.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface TidyUploadsOptions {
  readonly database: Database
  readonly staging: ObjectStore
  /** Absent where nobody counts. */
  readonly metrics?: Pick<Metrics, 'tusUploads'>
}

export const tidyTusUploads = async ({ database, staging, metrics }: TidyUploadsOptions): Promise<void> => {
  const expired = await expireTusUploads(database)
  metrics?.tusUploads.inc({ event: 'expired' }, expired)
  for (const ended of await unclearedTusUploads(database)) {
    await removeUnder(staging, piecesPrefix(ended.tenant, ended.upload))
    await clearTusUpload(database, ended)
  }
  for (const old of await oldTusUploads(database)) {
    await removeUnder(staging, piecesPrefix(old.tenant, old.upload))
    await forgetTusUpload(database, old)
  }
}
