/**
 * One subscription, while this process carries it: what is due is told in runs, each of another asset, so many at once as its receiver
 * has shown to take. It goes on for as long as there is something to be done, or as events get their numbers in this process.
 */
import { pauseUntil } from '../lib/pause.ts'
import type { Topic } from '../lib/topic.ts'
import { type CarriedSubscription, lookAtCarried, noteRefused } from '../manifest/carrying.ts'
import type { Queue } from '../manifest/deliveries.ts'
import { dueRuns } from '../manifest/delivery-runs.ts'
import { listenerOf } from '../model/subscription.ts'
import { audible } from './audience.ts'
import { type FanOutDependencies, openFanOut } from './fan-out.ts'
import { NotWritten, type OutcomeDependencies, openOutcomes } from './outcomes.ts'
import { heardAs, type TellRunDependencies, tellRun } from './tell-run.ts'

export type LaneDependencies = FanOutDependencies &
  OutcomeDependencies &
  TellRunDependencies & { readonly config: { readonly webhookAtOnce: number } }

/** What the lanes of a process share. */
export interface Carrying {
  readonly carrier: string
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  /** Events have got their numbers here, or it is to end. */
  readonly news: Topic<void>
  /** What is being told is called off. */
  readonly leaving: AbortSignal
  readonly isStopping: () => boolean
}

export const LEASE_MS = 20_000
const RENEW_MS = 5_000
/** Whoever waits for a receiver looks so often whether there is something for others of its assets. */
const LOOK_MS = 1_000
/** However much happens, the log is read no more often. */
const FAN_OUT_MS = 25
/** A look is a handful of reads: one for those that end together. */
const TOGETHER_MS = 5
/** Where events have just been numbered, more will be; giving the subscription back and taking it again costs more than to stay. */
const STAY_MS = 1_000
/** Who stays looks so often for what others have numbered, or have asked to be told again. */
const STAYING_LOOK_MS = 200
/** What is wrong here, with a secret that does not open say, is tried again then. */
const OURS_MS = 60_000
/** A receiver is told so many at once to begin with, one more with each run that it takes, and half as many when it does not. */
const FIRST_AT_ONCE = 8
/** So many of one asset are told with one question whether they may be heard, for no longer than that: a change is to be felt within 20 ms. */
const RUN = 8
const RUN_MS = 20

/** Until there is nothing to be done for it now. */
export const carry = async (
  dependencies: LaneDependencies,
  queue: Queue,
  { carrier, inTurn, news, leaving, isStopping }: Carrying,
): Promise<void> => {
  const { database, config, log } = dependencies
  /** By the asset. */
  const telling = new Map<string, Promise<void>>()
  const fanOut = openFanOut(dependencies)
  let write: ReturnType<typeof openOutcomes> | undefined
  let atOnce = Math.min(FIRST_AT_ONCE, config.webhookAtOnce)
  let renewedAt = performance.now()
  let fannedAt = Number.NEGATIVE_INFINITY
  let newsAt = Number.NEGATIVE_INFINITY
  let isNew = false
  let wake = (): void => undefined
  const forget = news.subscribe(() => {
    newsAt = performance.now()
    isNew = true
    wake()
  })

  const end = (isTaken: boolean): void => {
    atOnce = isTaken ? Math.min(atOnce + 1, config.webhookAtOnce) : Math.ceil(atOnce / 2)
  }

  /** As many as there are places for, without those that it may not hear of any more. */
  const begin = async (subscription: CarriedSubscription): Promise<void> => {
    // Who fails is asked one at a time: what is waited for in vain takes a place for all of its time.
    const isFailing = subscription.failingSince !== undefined
    const places = (isFailing ? 1 : atOnce) - telling.size
    if (places <= 0 || subscription.isHeld) return
    const wanted = { without: [...telling.keys()], runs: places, length: isFailing ? 1 : RUN }
    const runs = await dueRuns(database, subscription, wanted)
    if (runs.size === 0) return
    const listener = { principal: listenerOf(subscription), address: undefined }
    const events = [...runs.values()].flatMap(deliveries => deliveries.map(({ event }) => event))
    const heard = new Map((await audible(dependencies, listener, events)).map(event => [heardAs(event), event]))
    const until = performance.now() + RUN_MS
    const goesOn = (): boolean => performance.now() < until && !isStopping()
    write ??= openOutcomes(dependencies, subscription, inTurn)
    for (const [asset, deliveries] of runs) {
      const ended = tellRun(dependencies, subscription, { deliveries, heard, signal: leaving, goesOn, write })
        .then(end)
        .catch(async error => {
          if (leaving.aborted) return
          log.error({ err: error, subscription: subscription.id }, 'event not told')
          if (error instanceof NotWritten) return pauseUntil(LOOK_MS, leaving)
          const ours = { url: subscription.url, holdMs: OURS_MS, disables: false }
          await database.transaction(tx => noteRefused(tx, subscription, ours)).catch(() => undefined) // or it is tried at once
        })
        .finally(() => telling.delete(asset))
      telling.set(asset, ended)
    }
  }

  /** How long there is nothing to look for, unless something ends or happens. `undefined`: it is another's by now, paused or gone. */
  const look = async (): Promise<number | undefined> => {
    isNew = false
    const isRenewing = performance.now() - renewedAt >= RENEW_MS
    if (isRenewing) renewedAt = performance.now()
    const subscription = await lookAtCarried(database, queue, { carrier, renewMs: isRenewing ? LEASE_MS : undefined })
    if (subscription === undefined) return undefined
    const waitMs = fannedAt + FAN_OUT_MS - performance.now()
    const isFanning = subscription.isBehind && waitMs <= 0
    if (isFanning) fannedAt = performance.now()
    const hasMore = isFanning && (await fanOut(subscription))
    await begin(subscription)
    if (hasMore) return telling.size < atOnce ? 0 : FAN_OUT_MS
    return subscription.isBehind && !isFanning ? waitMs : LOOK_MS
  }

  const wait = async (ms: number): Promise<void> => {
    const over = new AbortController()
    wake = () => over.abort()
    if (isNew) over.abort()
    await Promise.race([...telling.values(), pauseUntil(ms, over.signal)])
    wake = () => undefined
    over.abort()
  }

  try {
    while (!isStopping()) {
      const idleMs = await inTurn(look)
      const isStaying = idleMs !== undefined && (idleMs < LOOK_MS || performance.now() - newsAt < STAY_MS)
      if (telling.size === 0 && !isStaying) return
      await wait(telling.size > 0 ? (idleMs ?? LOOK_MS) : Math.min(idleMs ?? 0, STAYING_LOOK_MS))
      await pauseUntil(TOGETHER_MS, leaving)
    }
  } finally {
    forget()
    await Promise.all(telling.values())
  }
}
