/**
 * A worker: it is woken by hints and looks for itself every now and then, and either way asks Postgres what to do. The look is
 * what makes hints dispensable: a queue that is away, flushed or late costs at most one poll.
 *
 * Two kinds of hands. What somebody waits for is taken up the moment it is heard of, by hands and decode processes of its own.
 * Everything else is picked one original at a time, lane before lane and by fair shares between products (fair-share.ts), and
 * is decoded at low priority. So a backlog of any length is in nobody's way: neither in the queue, nor in the pool, nor on the CPU.
 */
import { repeat } from '../lib/repeat.ts'
import type { Database } from '../manifest/database.ts'
import { expireLeases } from '../manifest/nodes.ts'
import { type RunnableOriginal, runnableOriginals } from '../manifest/runnable.ts'
import type { Hex } from '../model/ids.ts'
import type { Nearby } from '../queue/nearby.ts'
import type { Hint, HintConsumer, HintConsumerOptions } from '../queue/queue.ts'
import type { Log } from '../telemetry/log.ts'
import { openFairShare } from './fair-share.ts'
import type { PixelBudget } from './pixel-budget.ts'
import type { Ahead, TransformOriginal } from './work.ts'

export interface WorkerDependencies {
  readonly database: Database
  readonly transform: TransformOriginal
  readonly avif: PixelBudget
  readonly consume: (options: HintConsumerOptions) => HintConsumer | Promise<HintConsumer>
  readonly nearby: Pick<Nearby, 'serve'>
  /** Originals at once, of each kind. */
  readonly concurrency: number
  readonly pollMs: number
  readonly owner: string
  readonly log: Log
}

export interface Worker {
  /** Looks for work now instead of at the next poll; resolves when nothing is left that this worker could do. */
  poll(): Promise<void>
  /** Takes nothing new and finishes what is in hand. */
  drain(): Promise<void>
}

const idOf = (tenant: string, original: Hex): string => `${tenant}/${original}`

export const startWorker = async ({
  database,
  transform,
  avif,
  consume,
  nearby,
  concurrency,
  pollMs,
  owner,
  log,
}: WorkerDependencies): Promise<Worker> => {
  const urgent = new Map<Promise<unknown>, string>()
  const background = new Map<string, Promise<void>>()
  /** Runnable and yet nothing was claimed: another worker has the original, or the manifest is away. Asked again at the next poll. */
  const passed = new Set<string>()
  const shares = openFairShare()
  let draining = false

  const report = (error: unknown): void => log.error({ err: error }, 'worker')

  const workUrgently = async (tenant: string, original: Hex, ahead?: Ahead): Promise<void> => {
    if (draining) return
    const done = transform(tenant, original, { urgent: true, ...(ahead && { ahead }) })
    urgent.set(done, idOf(tenant, original))
    try {
      await done
    } finally {
      urgent.delete(done)
    }
  }

  const begin = (candidate: RunnableOriginal & { readonly account: string }): void => {
    const { tenant, original } = candidate
    const id = idOf(tenant, original)
    const startedAt = performance.now()
    const end = shares.begin(candidate)
    const done = transform(tenant, original)
      .catch(error => {
        report(error)
        return 0
      })
      .then(claimed => void (claimed === 0 && passed.add(id)))
      .finally(() => {
        end(performance.now() - startedAt)
        background.delete(id)
        look()
      })
    background.set(id, done)
  }

  /** Fills free hands, the fairest first. */
  const fill = async (): Promise<void> => {
    while (!draining && background.size < concurrency) {
      // Of each product as many as may turn out to be in somebody's hands, and one.
      const each = background.size + passed.size + 1
      const found = await runnableOriginals(database, { each, avif: avif.isOpen() })
      const candidates = found
        .map(one => ({ ...one, account: idOf(one.tenant, one.product) }))
        .filter(
          ({ tenant, original }) => !background.has(idOf(tenant, original)) && !passed.has(idOf(tenant, original)),
        )
      const next = shares.next(candidates)
      if (!next || draining) return
      begin(next)
    }
  }

  /** One look at a time; what is heard of during one is looked for after it. */
  let looking: Promise<void> | undefined
  let again = false
  const look = (): Promise<void> => {
    again = true
    looking ??= (async () => {
      try {
        while (again) {
          again = false
          await fill()
        }
      } catch (error) {
        report(error)
      } finally {
        looking = undefined
      }
    })()
    return looking
  }

  const tick = async (): Promise<void> => {
    const lost = await expireLeases(database, { actor: `worker:${owner}`, correlationId: 'lease-expiry' })
    if (lost > 0) log.warn({ nodes: lost }, 'took back nodes of a lost worker')
    passed.clear()
    await look()
  }

  /** Beyond what is at hand it is left to its hint: every original fetched ahead is held in memory. */
  const takeNoMore = nearby.serve(upcoming => {
    const { tenant, original } = upcoming
    const isInHand = [...urgent.values()].includes(idOf(tenant, original.sha256))
    if (draining || urgent.size >= concurrency || isInHand) return undefined
    return new Promise(resolve => {
      workUrgently(tenant, original.sha256, { ...upcoming, onClaim: () => resolve(true) })
        .catch(report)
        .finally(() => resolve(false))
    })
  })
  const handle = async ({ tenant, original, lane }: Hint): Promise<void> => {
    if (lane === 'interactive') await workUrgently(tenant, original)
    else void look()
  }
  const consumer = await consume({ concurrency, handle, onError: report })
  const ticks = repeat(tick, { everyMs: pollMs, onError: report })

  return {
    async poll() {
      await ticks.once()
      while (background.size > 0) {
        await Promise.all(background.values())
        await look()
      }
    },
    async drain() {
      draining = true
      takeNoMore()
      await Promise.all([consumer.drain(), ticks.stop()])
      await looking
      await Promise.allSettled([...background.values(), ...urgent.keys()])
    },
  }
}
