/**
 * A worker: takes hints from the queue, and every now and then looks for itself. The look is what makes hints dispensable: a
 * queue that is away, flushed or late costs at most one poll. What the gateway of the same process plans for a caller is heard of
 * without the queue.
 */

import type { Database } from '../manifest/database.ts'
import { expireLeases, runnableOriginals } from '../manifest/nodes.ts'
import type { Hex } from '../model/ids.ts'
import type { Nearby } from '../queue/nearby.ts'
import type { HintConsumer, HintConsumerOptions } from '../queue/queue.ts'
import type { Log } from '../telemetry/log.ts'
import type { Ahead, TransformOriginal } from './work.ts'

export interface WorkerDependencies {
  readonly database: Database
  readonly transform: TransformOriginal
  readonly consume: (options: HintConsumerOptions) => HintConsumer | Promise<HintConsumer>
  readonly nearby: Pick<Nearby, 'serve'>
  readonly concurrency: number
  readonly pollMs: number
  readonly owner: string
  readonly log: Log
}

export interface Worker {
  /** Looks for work now instead of at the next poll; resolves when what it found is done. */
  poll(): Promise<void>
  /** Takes nothing new and finishes what is in hand. */
  drain(): Promise<void>
}

export const startWorker = async ({
  database,
  transform,
  consume,
  nearby,
  concurrency,
  pollMs,
  owner,
  log,
}: WorkerDependencies): Promise<Worker> => {
  const inHand = new Map<string, Promise<unknown>>()
  let draining = false

  /** One original is worked on once at a time; whoever comes second waits, then looks whether anything is left. An urgent one does not wait. */
  const work = async (
    tenant: string,
    original: Hex,
    { urgent, ahead }: { urgent: boolean; ahead?: Ahead },
  ): Promise<void> => {
    const id = `${tenant}/${original}`
    const running = inHand.get(id)
    if (running && !urgent) {
      await running.catch(() => undefined) // reported by the one that runs it
    }
    if (draining) return
    const done = transform(tenant, original, ahead)
    inHand.set(id, done)
    try {
      await done
    } finally {
      if (inHand.get(id) === done) inHand.delete(id)
    }
  }

  const poll = async (): Promise<void> => {
    const lost = await expireLeases(database, { actor: `worker:${owner}`, correlationId: 'lease-expiry' })
    if (lost > 0) log.warn({ nodes: lost }, 'took back nodes of a lost worker')
    const free = Math.max(0, concurrency - inHand.size)
    if (free === 0 || draining) return
    const found = await runnableOriginals(database, free)
    await Promise.all(
      found
        .filter(({ tenant, original }) => !inHand.has(`${tenant}/${original}`))
        .map(({ tenant, original }) => work(tenant, original, { urgent: false })),
    )
  }

  const report = (error: unknown): void => log.error({ err: error }, 'worker')
  /** Beyond what is at hand it is left to its hint: every original fetched ahead is held in memory. */
  const takeNoMore = nearby.serve(upcoming => {
    const { tenant, original } = upcoming
    if (inHand.size >= concurrency || inHand.has(`${tenant}/${original.sha256}`)) return undefined
    return new Promise(resolve => {
      const ahead = { ...upcoming, onClaim: () => resolve(true) }
      work(tenant, original.sha256, { urgent: true, ahead })
        .catch(report)
        .finally(() => resolve(false))
    })
  })
  const consumer = await consume({
    concurrency,
    handle: ({ tenant, original, lane }) => work(tenant, original, { urgent: lane === 'interactive' }),
    onError: report,
  })
  let polling: Promise<void> | undefined
  const timer = setInterval(() => {
    polling ??= poll()
      .catch(report)
      .finally(() => {
        polling = undefined
      })
  }, pollMs)

  return {
    poll,
    async drain() {
      draining = true
      takeNoMore()
      clearInterval(timer)
      await consumer.drain()
      await polling
      await Promise.allSettled(inHand.values())
    },
  }
}
