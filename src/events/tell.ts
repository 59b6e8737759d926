/**
 * Events told by webhook. A subscription is carried by one process at a time, by a lease; there it has a lane of its own, so that none
 * waits for another's receiver, and in it so many are told at once, each of another asset.
 *
 *     the log -> its queue (fan-out.ts) -> due: may it still hear this? -> told -> DONE | again later | DEAD
 *
 * Crash after the receiver has heard and before that is written down: it hears it again, with the same id. Crash before: nothing is lost,
 * for the row is there, or the cursor behind the event. A lease that is lost meanwhile ends nothing that is being told; the number of
 * the try says whose word counts.
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { SchemaAt } from '../contracts/registry.ts'
import { openAtMost } from '../lib/at-most.ts'
import { recordOwnAct } from '../manifest/audit.ts'
import {
  type CarriedSubscription,
  lookAtCarried,
  noteRefused,
  noteTaken,
  releaseCarried,
  takeSubscriptions,
} from '../manifest/carrying.ts'
import {
  type DueDelivery,
  dueDeliveries,
  pruneDeliveries,
  type Queue,
  settleDelivery,
  withholdDelivery,
} from '../manifest/deliveries.ts'
import { pruneReplays } from '../manifest/replays.ts'
import { forgetFormerSecrets, lockSubscription } from '../manifest/subscriptions.ts'
import type { LoggedEvent } from '../model/event.ts'
import { newId } from '../model/ids.ts'
import { listenerOf } from '../model/subscription.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { publishSpan } from '../telemetry/span-names.ts'
import { type Tracing, traceparentOf } from '../telemetry/tracing.ts'
import { audible } from './audience.ts'
import { type CallDependencies, type Called, callReceiver } from './call.ts'
import { tellDead, tellDisabled } from './delivery-notices.ts'
import { envelopeOf } from './envelope.ts'
import { type FanOutDependencies, fanOut } from './fan-out.ts'
import { afterRefusal } from './telling-schedule.ts'
import { openWriting, type Write } from './write-together.ts'

export type TellDependencies = FanOutDependencies &
  CallDependencies & {
    readonly config: {
      readonly webhookTimeoutMs: number
      readonly webhookAtOnce: number
      readonly webhookKeepDays: number
    }
    readonly schemaAt: SchemaAt
    readonly metrics: Pick<Metrics, 'webhookTries' | 'webhookLag' | 'eventsTold' | 'eventSeconds'>
    readonly tracing?: Tracing | undefined
    readonly log: Log
  }

const LEASE_MS = 20_000
const RENEW_MS = 5_000
/** Whoever waits for a receiver looks so often whether there is something for others of its assets. */
const LOOK_MS = 1_000
/** However much happens, the log is read no more often. */
const FAN_OUT_MS = 25
/** A look is a handful of reads: one for those that end together. */
const TOGETHER_MS = 5
/** Of the connections to Postgres, which requests need too: lanes wait for each other here, and never for a receiver. */
const LOOKS_AT_ONCE = 3
/** Those that are taken in a round; the next is a fifth of a second later. */
const TAKEN_AT_ONCE = 200
/** What is wrong here, with a secret that does not open say, is tried again then. */
const OURS_MS = 60_000

/** What is under way for one subscription. */
interface Lane {
  /** By the delivery. */
  readonly telling: Map<string, Promise<void>>
  readonly written: ReturnType<typeof openWriting>
}

/** Until then, or until the signal says so. */
const delay = (ms: number, signal: AbortSignal): Promise<void> =>
  pause(ms, undefined, { signal }).catch(() => undefined)

const keyOf = ({ tenant, id }: Queue): string => `${tenant}/${id}`

export const openTelling = (dependencies: TellDependencies) => {
  const { database, clock, config, metrics, tracing, log } = dependencies
  const carrier = newId()
  const lanes = new Map<string, Promise<void>>()
  /** Left while Postgres was away. */
  const unreleased = new Map<string, Queue>()
  const leaving = new AbortController()
  // One for each event that is just being told.
  setMaxListeners(0, leaving.signal)
  const inTurn = openAtMost(LOOKS_AT_ONCE)
  let isStopping = false

  const settle = async (
    subscription: CarriedSubscription,
    { written }: Lane,
    due: DueDelivery,
    { answer, ms }: Called,
  ): Promise<void> => {
    const verdict = answer.ok ? undefined : afterRefusal(due.failures, answer)
    const state = verdict?.state ?? 'DONE'
    const kind = answer.ok ? undefined : answer.class
    const write: Write = async tx => {
      // First of all, for it takes the lock of the queue.
      if (!(await (verdict ? noteRefused(tx, subscription, verdict) : noteTaken(tx, subscription)))) return false
      const attempt = { at: new Date(clock.now() - ms).toISOString(), ms, status: answer.status, class: kind }
      const settled = await settleDelivery(tx, subscription, due, {
        ...{ state, class: kind, attempt },
        failures: verdict?.failures ?? due.failures,
        afterMs: verdict?.afterMs ?? 0,
      })
      const act = (action: string, after: object) =>
        recordOwnAct(tx, {
          tenant: subscription.tenant,
          actor: 'webhooks',
          requestId: `delivery:${due.delivery}`,
          action,
          resource: `subscriptions/${subscription.id}`,
          after: { event: due.event.id, status: answer.status, ...after },
        })
      if (verdict?.disables) {
        await act('subscription.disable', { reason: 'gone' })
        await tellDisabled(tx, subscription, due)
      }
      if (settled && verdict && state === 'DEAD') {
        await act('delivery.dead', { class: kind, failures: verdict.failures })
        await tellDead(tx, subscription, due, {
          failures: verdict.failures,
          class: answer.ok ? '' : answer.class,
          status: answer.status,
        })
      }
      return settled
    }
    const isSettled = await written(write)
    metrics.eventSeconds.observe({ stage: 'webhook' }, ms / 1000)
    metrics.webhookTries.inc({ result: answer.ok ? 'taken' : state === 'DEAD' ? 'dead' : answer.class })
    if (!answer.ok)
      log.info({ subscription: subscription.id, event: due.event.id, class: answer.class, state }, 'event not taken')
    if (!isSettled || !answer.ok) return
    metrics.eventsTold.inc({ way: 'webhook' })
    if (!due.isReplayed && due.tries === 0)
      metrics.webhookLag.observe(Math.max(0, clock.now() - due.event.sequencedAt.getTime()) / 1000)
  }

  /** Rejects only where it was called off. */
  const tell = async (
    subscription: CarriedSubscription,
    lane: Lane,
    due: DueDelivery,
    heard: LoggedEvent,
  ): Promise<void> => {
    const body = JSON.stringify(envelopeOf(heard, dependencies.schemaAt))
    const call = async (traceparent?: string): Promise<void> => {
      const post = { id: heard.id, body, traceparent, signal: leaving.signal }
      await settle(subscription, lane, due, await callReceiver(dependencies, subscription, post))
    }
    if (tracing === undefined) return call()
    const message = { id: heard.id, type: heard.type, bytes: Buffer.byteLength(body), group: subscription.id }
    const origin = { traceparent: heard.traceparent ?? undefined, at: heard.occurredAt }
    await tracing.after([origin], publishSpan('webhooks', message), span => call(traceparentOf(span)))
  }

  const withhold = async (subscription: CarriedSubscription, { delivery }: DueDelivery): Promise<void> => {
    metrics.webhookTries.inc({ result: 'withheld' })
    await inTurn(() =>
      database.transaction(async tx => {
        if (await lockSubscription(tx, subscription.tenant, subscription.id))
          await withholdDelivery(tx, subscription, delivery)
      }),
    )
  }

  /** As many as there are places for, without those that it may not hear of any more. */
  const begin = async (subscription: CarriedSubscription, lane: Lane): Promise<void> => {
    const { telling } = lane
    // Who fails is asked one at a time: what is waited for in vain takes a place for all of its time.
    const places = (subscription.failingSince === undefined ? config.webhookAtOnce : 1) - telling.size
    if (places <= 0 || subscription.isHeld) return
    const due = await dueDeliveries(database, subscription, { without: [...telling.keys()], limit: places })
    const listener = { principal: listenerOf(subscription), address: undefined }
    const heard = await audible(
      dependencies,
      listener,
      due.map(({ event }) => event),
    )
    const byId = new Map(heard.map(event => [event.id, event]))
    for (const one of due) {
      const event = byId.get(one.event.id)
      const work = event ? tell(subscription, lane, one, event) : withhold(subscription, one)
      const ended = work
        .catch(async error => {
          if (leaving.signal.aborted) return
          log.error({ err: error, subscription: subscription.id }, 'event not told')
          const ours = { holdMs: OURS_MS, disables: false }
          await database.transaction(tx => noteRefused(tx, subscription, ours)).catch(() => undefined) // or it is tried at once
        })
        .finally(() => telling.delete(one.delivery))
      telling.set(one.delivery, ended)
    }
  }

  /** What cannot be given back now is given back as soon as it can: else an outage would be longer by what is left of the lease. */
  const release = (queue: Queue): Promise<void> =>
    releaseCarried(database, queue, carrier).catch(() => void unreleased.set(keyOf(queue), queue))
  const releaseRest = async (): Promise<void> => {
    const rest = [...unreleased]
    unreleased.clear()
    for (const [key, queue] of rest) if (!lanes.has(key)) await release(queue)
  }

  /** Until there is nothing to be done for it now. */
  const carry = async (queue: Queue): Promise<void> => {
    const telling: Lane['telling'] = new Map()
    const lane = { telling, written: openWriting(database, inTurn) }
    let renewedAt = performance.now()
    let fannedAt = Number.NEGATIVE_INFINITY
    let hasMore = false

    const look = async (): Promise<void> => {
      const isRenewing = performance.now() - renewedAt >= RENEW_MS
      if (isRenewing) renewedAt = performance.now()
      const subscription = await lookAtCarried(database, queue, { carrier, renewMs: isRenewing ? LEASE_MS : undefined })
      const isFanning = hasMore || performance.now() - fannedAt >= FAN_OUT_MS
      hasMore = false
      if (subscription === undefined) return
      if (isFanning) {
        fannedAt = performance.now()
        hasMore = await fanOut(dependencies, subscription)
      }
      await begin(subscription, lane)
    }

    try {
      for (;;) {
        if (!isStopping) await inTurn(look)
        if (telling.size === 0 && (isStopping || !hasMore)) return
        if (telling.size === 0) continue
        const looked = new AbortController()
        await Promise.race([...telling.values(), delay(LOOK_MS, looked.signal)])
        looked.abort()
        await delay(TOGETHER_MS, leaving.signal)
      }
    } finally {
      await Promise.all(telling.values())
      await release(queue)
    }
  }

  /** Takes what there is to be done, and waits for none of it. Resolves with how many have been taken. */
  const round = async (): Promise<number> => {
    await releaseRest()
    const taken = await takeSubscriptions(database, { carrier, leaseMs: LEASE_MS, limit: TAKEN_AT_ONCE })
    for (const queue of taken) {
      const before = lanes.get(keyOf(queue))
      const lane = (before ?? Promise.resolve())
        .then(() => carry(queue))
        .catch(error => log.warn({ err: error, subscription: queue.id }, 'webhooks'))
        .finally(() => {
          if (lanes.get(keyOf(queue)) === lane) lanes.delete(keyOf(queue))
        })
      lanes.set(keyOf(queue), lane)
    }
    return taken.length
  }

  return {
    round,
    async tidy(): Promise<void> {
      await pruneDeliveries(database, config.webhookKeepDays)
      await pruneReplays(database, config.webhookKeepDays)
      await forgetFormerSecrets(database)
    },
    /** Begins nothing more. What is being told has so long to end; then it is left to be told again. */
    async stop(graceMs: number): Promise<void> {
      isStopping = true
      const late = setTimeout(() => leaving.abort(), graceMs)
      await Promise.all(lanes.values())
      clearTimeout(late)
    },
  }
}

export type Telling = ReturnType<typeof openTelling>
