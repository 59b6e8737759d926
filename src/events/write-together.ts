/**
 * What became of the events of one subscription, written down: in a transaction with what came meanwhile, for a commit for each would be
 * most of what telling costs. One at a time, since each takes the lock of the queue.
 */
import { gather } from '../lib/gather.ts'
import type { Database, Sql } from '../manifest/database.ts'

/** It may run more than once. */
export type Write = (tx: Sql) => Promise<boolean>

/** So long the lock may be held by one of them, and so much is done again where it fails. */
const MOST = 32

export const openWriting = (
  database: Database,
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
): ((write: Write) => Promise<boolean>) => {
  const writeAll = async (tx: Sql, writes: readonly Write[]): Promise<boolean[]> => {
    const settled: boolean[] = []
    for (const write of writes) settled.push(await write(tx))
    return settled
  }
  return gather({
    inFlight: 1,
    maxBatch: MOST,
    read: writes => inTurn(() => database.transaction(tx => writeAll(tx, writes))),
  })
}
