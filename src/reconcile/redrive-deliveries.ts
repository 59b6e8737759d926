/** Events that were given up, told again: for when receivers take them once more, whichever subscriptions they belong to. */
import type { Database, Sql } from '../manifest/database.ts'
import { countDeadDeliveries, type DeadDeliveryFilter, nextDeadDeliveries } from '../manifest/dead-deliveries.ts'
import { redriveDeliveries } from '../manifest/deliveries.ts'
import { lockSubscription } from '../manifest/subscriptions.ts'
import { notAfterNow, type Redriven } from './redrive.ts'

/** What one request does before it answers. */
const MOST = 1_000

/** One transaction a subscription. Those that are named are let out whenever they were given up. */
export const redriveAnyDeliveries = async (
  database: Database,
  wish: DeadDeliveryFilter,
  record: (tx: Sql, redriven: number, subscription: string | undefined) => Promise<void>,
): Promise<Redriven> => {
  const before = wish.keys && !wish.before ? undefined : await notAfterNow(database, wish.before)
  const filter = { ...wish, before }
  const { tenant } = wish
  let redriven = 0
  const found = await nextDeadDeliveries(database, filter, MOST)
  for (const { subscription, ids } of found)
    redriven += await database.transaction(async tx => {
      // It may be gone meanwhile, and all of its deliveries with it.
      const locked = await lockSubscription(tx, tenant, subscription)
      if (locked === undefined) return 0
      const count = await redriveDeliveries(tx, locked, { ids, limit: ids.length })
      await record(tx, count, subscription)
      return count
    })
  if (found.length === 0) await database.transaction(tx => record(tx, 0, undefined))
  return { redriven, remaining: await countDeadDeliveries(database, filter), before }
}
