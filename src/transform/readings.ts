/**
 * Readings of originals that another release stored or read: made anew from the blocks that were kept, or, where none ever were,
 * from the bytes. In small rounds beside the work, by any number of workers; the bytes themselves are only ever read.
 */
import sharp from 'sharp'
import { repeat } from '../lib/repeat.ts'
import { findOriginal } from '../manifest/assets.ts'
import type { Database } from '../manifest/database.ts'
import {
  giveBackUnread,
  putBlocks,
  putReading,
  takeUnread,
  UNREAD_AT_ONCE,
  type Unread,
} from '../manifest/original-metadata.ts'
import { isMatrixError } from '../model/errors.ts'
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

export interface Readings {
  /** One round now; what was taken on. */
  round(): Promise<readonly Unread[]>
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

  const round = async (): Promise<readonly Unread[]> => {
    if (stopping) return []
    const unread = await takeUnread(database, edition)
    for (const one of unread)
      await readOne(one).catch(async error => {
        log.warn({ err: error, original: one.sha256 }, 'metadata not read')
        // The store is away, which is not the fault of the picture.
        if (isMatrixError(error) && error.retryable) await giveBackUnread(database, one)
      })
    return unread
  }
  /** Blocks that were kept one round after another; originals that have to be fetched a round at a time, for others want the store too. */
  const rounds = repeat(
    async () => {
      for (let unread = await round(); unread.length === UNREAD_AT_ONCE && unread.every(({ taken }) => taken); )
        unread = await round()
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
