/**
 * Readings of originals that another release stored or read: made anew from the blocks that were kept, or, where none ever were,
 * from the bytes. In small rounds beside the work, by any number of workers; the bytes themselves are only ever read.
 */
import sharp from 'sharp'
import { repeat } from '../lib/repeat.ts'
import { findOriginal } from '../manifest/assets.ts'
import type { Database } from '../manifest/database.ts'
import { putBlocks, putReading, takeUnread, type Unread } from '../manifest/original-metadata.ts'
import type { Blocks, ReadBlocks } from '../model/reading.ts'
import type { ObjectStore } from '../objects/store.ts'
import { blocksOf } from '../reading/blocks.ts'
import { NORMALISER, normalise } from '../reading/normalise.ts'
import type { Log } from '../telemetry/log.ts'
import { fetchOriginal } from './fetch.ts'

/** Reads blocks, and says which edition of the rules it is. */
export interface Normaliser {
  readonly edition: number
  readonly read: (blocks: Pick<Blocks, 'kept'>) => ReadBlocks
}
const CURRENT: Normaliser = { edition: NORMALISER, read: normalise }

export interface ReadingDependencies {
  readonly database: Database
  readonly originals: ObjectStore
  readonly everyMs: number
  readonly log: Log
  readonly normaliser?: Normaliser
}

/** A round holds no more than one original in memory, and 3 MiB of blocks for each of these. */
const ROUND = 8

export interface Readings {
  /** One round now; how many were taken on. */
  round(): Promise<number>
  stop(): Promise<void>
}

export const startReadings = ({
  database,
  originals,
  everyMs,
  log,
  normaliser: { edition, read } = CURRENT,
}: ReadingDependencies): Readings => {
  let stopping = false

  const takeBlocks = async ({ tenant, sha256 }: Unread): Promise<Blocks> => {
    const { bytes } = await fetchOriginal({ originals }, await findOriginal(database, tenant, sha256))
    return blocksOf(await sharp(bytes, { limitInputPixels: false }).metadata())
  }

  const readOne = async (unread: Unread): Promise<void> => {
    if (unread.taken) return putReading(database, unread, { read: read(unread), normaliser: edition })
    const blocks = await takeBlocks(unread)
    await putBlocks(database, unread, blocks, { read: read(blocks), normaliser: edition })
  }

  const round = async (): Promise<number> => {
    if (stopping) return 0
    const unread = await takeUnread(database, { normaliser: edition, limit: ROUND })
    for (const one of unread)
      await readOne(one).catch(error => log.warn({ err: error, original: one.sha256 }, 'metadata not read'))
    return unread.length
  }
  /** Until nothing is left, a round at a time. */
  const rounds = repeat(
    async () => {
      while ((await round()) === ROUND);
    },
    { everyMs, onError: error => log.warn({ err: error }, 'metadata') },
  )

  return {
    round,
    async stop() {
      stopping = true
      await rounds.stop()
    },
  }
}
