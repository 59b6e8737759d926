/**
 * Events told by webhook. A subscription is carried by one process at a time, by a lease; there it has a lane of its own, so that none
 * waits for another's receiver, and in it so many are told at once, each of another asset.
 *
 *     the log -> its queue (fan-out.ts) -> due: may it still hear this? -> told -> DONE | again later | DEAD
 *
 * Crash after the receiver has heard and before that is written down: it hears it again, with the same id, and so it does what came
 * behind it of its asset in the same run. Crash before: nothing is lost, for the row is there, or the cursor behind the event. A lease
 * that is lost meanwhile ends nothing that is being told; the number of the try says whose word counts.
 */
import { setMaxListeners } from 'node:events'
import { openAtMost } from '../lib/at-most.ts'
import { openTopic } from '../lib/topic.ts'
import { releaseCarried, takeSubscriptions } from '../manifest/carrying.ts'
import { pruneDeliveries, type Queue } from '../manifest/deliveries.ts'
import { pruneReplays } from '../manifest/replays.ts'
import { forgetFormerSecrets } from '../manifest/subscriptions.ts'
import { newId } from '../model/ids.ts'
import { openHookConnections } from '../outbound/hook-connections.ts'
import { type Carrying, carry, type LaneDependencies, LEASE_MS } from './lane.ts'

export type TellDependencies = LaneDependencies & {
  readonly config: { readonly webhookTimeoutMs: number; readonly webhookKeepDays: number }
}

/** Of the connections to Postgres, which requests need too: lanes wait for each other here, and never for a receiver. */
const LOOKS_AT_ONCE = 3
/** Those that are taken in a round; the next is a fifth of a second later. */
const TAKEN_AT_ONCE = 200
const PRUNED_AT_ONCE = 10_000

const keyOf = ({ tenant, id }: Queue): string => `${tenant}/${id}`

export const openTelling = (dependencies: TellDependencies) => {
  const { database, config, log, hookPlaces } = dependencies
  const connections = openHookConnections(hookPlaces)
  const lane = { ...dependencies, connections }
  const lanes = new Map<string, Promise<void>>()
  /** Left while Postgres was away. */
  const unreleased = new Map<string, Queue>()
  const leaving = new AbortController()
  // One for each event that is just being told.
  setMaxListeners(0, leaving.signal)
  let isStopping = false
  const news = openTopic<void>()
  const carrying: Carrying = {
    carrier: newId(),
    inTurn: openAtMost(LOOKS_AT_ONCE),
    news,
    leaving: leaving.signal,
    isStopping: () => isStopping,
  }

  /** What cannot be given back now is given back as soon as it can: else an outage would be longer by what is left of the lease. */
  const release = (queue: Queue): Promise<void> =>
    releaseCarried(database, queue, carrying.carrier).catch(() => void unreleased.set(keyOf(queue), queue))
  const releaseRest = async (): Promise<void> => {
    const rest = [...unreleased]
    unreleased.clear()
    for (const [key, queue] of rest) if (!lanes.has(key)) await release(queue)
  }

  /** Takes what there is to be done, and waits for none of it. Resolves with how many have been taken. */
  const round = async (): Promise<number> => {
    await releaseRest()
    const taken = await takeSubscriptions(database, {
      carrier: carrying.carrier,
      leaseMs: LEASE_MS,
      limit: TAKEN_AT_ONCE,
    })
    for (const queue of taken) {
      const before = lanes.get(keyOf(queue))
      const carried = (before ?? Promise.resolve())
        .then(() => carry(lane, queue, carrying).finally(() => release(queue)))
        .catch(error => log.warn({ err: error, subscription: queue.id }, 'webhooks'))
        .finally(() => {
          if (lanes.get(keyOf(queue)) === carried) lanes.delete(keyOf(queue))
        })
      lanes.set(keyOf(queue), carried)
    }
    return taken.length
  }

  return {
    round,
    /** Events have got their numbers: whoever is carried here looks at once. */
    numbered: (): void => news.publish(),
    async tidy(): Promise<void> {
      while (
        !isStopping &&
        (await pruneDeliveries(database, config.webhookKeepDays, PRUNED_AT_ONCE)) === PRUNED_AT_ONCE
      );
      await pruneReplays(database, config.webhookKeepDays)
      await forgetFormerSecrets(database)
    },
    /** Begins nothing more. What is being told has so long to end; then it is left to be told again. */
    async stop(graceMs: number): Promise<void> {
      isStopping = true
      news.publish()
      const late = setTimeout(() => leaving.abort(), graceMs)
      await Promise.all(lanes.values())
      clearTimeout(late)
      connections.close()
    },
  }
}

export type Telling = ReturnType<typeof openTelling>
