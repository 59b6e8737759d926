/**
 * What became of the events of one subscription, written down: in a transaction with what came meanwhile, for a statement for each would
 * be most of what telling costs. One at a time, since each takes the lock of the queue.
 */
import { gather } from '../lib/gather.ts'
import { recordOwnAct } from '../manifest/audit.ts'
import { lockQueue, noteRefused, noteTaken } from '../manifest/carrying.ts'
import type { Database, Sql } from '../manifest/database.ts'
import {
  type DueDelivery,
  hastenDeliveries,
  settleRefused,
  settleTaken,
  withholdDeliveries,
} from '../manifest/delivery-runs.ts'
import type { KeptSubscription } from '../manifest/subscriptions.ts'
import type { Attempt } from '../model/subscription.ts'
import type { HookAnswer } from '../outbound/post-hook.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Called } from './call.ts'
import { tellDead, tellDisabled } from './delivery-notices.ts'
import { afterRefusal, hastenedBelow, type Verdict } from './telling-schedule.ts'

export interface OutcomeDependencies {
  readonly database: Database
  readonly metrics: Pick<Metrics, 'webhookTries' | 'webhookLag' | 'eventsTold' | 'eventSeconds'>
  readonly log: Log
}

/** What was done about one that was due; without a call: it may not be heard any more. */
export interface Outcome {
  readonly due: DueDelivery
  readonly called: Called | undefined
}

/** So many runs hold the lock together, and are told again where that fails. */
const MOST = 32

type Refusal = Extract<HookAnswer, { ok: false }>
interface Judged {
  readonly due: DueDelivery
  readonly url: string
  readonly attempt: Attempt
  readonly refusal: Refusal | undefined
  readonly verdict: Verdict | undefined
}

const refuseOne = async (
  tx: Sql,
  subscription: KeptSubscription,
  { due, url, attempt, refusal, verdict }: Judged & { readonly refusal: Refusal; readonly verdict: Verdict },
): Promise<boolean> => {
  const { state, failures, afterMs, holdMs, disables } = verdict
  const isThere = await noteRefused(tx, subscription, { url, holdMs, disables })
  const { class: kind, status } = refusal
  const { delivery, tries } = due
  const isSettled = await settleRefused(tx, subscription, {
    ...{ delivery, tries, attempt, state, failures, afterMs },
    class: kind,
  })
  const act = (action: string, after: object) =>
    recordOwnAct(tx, {
      tenant: subscription.tenant,
      actor: 'webhooks',
      requestId: `delivery:${delivery}`,
      action,
      resource: `subscriptions/${subscription.id}`,
      after: { event: due.event.id, status, ...after },
    })
  if (disables && isThere) {
    await act('subscription.disable', { reason: 'gone' })
    await tellDisabled(tx, subscription, due)
  }
  if (isSettled && state === 'DEAD') {
    await act('delivery.dead', { class: kind, failures })
    await tellDead(tx, subscription, due, { failures, class: kind, status })
  }
  return isSettled
}

/** What was told will be told again. */
export class NotWritten extends Error {
  override readonly name = 'NotWritten'
}

export const openOutcomes = (
  { database, metrics, log }: OutcomeDependencies,
  subscription: KeptSubscription,
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
): ((run: readonly Outcome[]) => Promise<void>) => {
  /** May run more than once. Those of which it is our word that counts. */
  const write = async (tx: Sql, judged: readonly Judged[], withheld: readonly string[]): Promise<Set<string>> => {
    const held = await lockQueue(tx, subscription)
    if (held === undefined) return new Set()
    const taken = judged.flatMap(({ due: { delivery, tries }, attempt, refusal }) =>
      refusal ? [] : [{ delivery, tries, attempt }],
    )
    if (taken.length > 0 && held.failures > 0) await noteTaken(tx, subscription)
    const below = taken.length > 0 ? hastenedBelow(held) : 0
    if (below > 0) await hastenDeliveries(tx, subscription, below)
    const settled = new Set(taken.length > 0 ? await settleTaken(tx, subscription, taken) : [])
    if (withheld.length > 0) await withholdDeliveries(tx, subscription, withheld)
    // Behind what was taken of its run, which has made it the next of its asset.
    for (const { refusal, verdict, ...one } of judged)
      if (refusal && verdict && (await refuseOne(tx, subscription, { ...one, refusal, verdict })))
        settled.add(one.due.delivery)
    return settled
  }

  const count = ({ due, attempt, refusal, verdict }: Judged, isSettled: boolean): void => {
    metrics.eventSeconds.observe({ stage: 'webhook' }, attempt.ms / 1000)
    const kind = refusal?.class
    metrics.webhookTries.inc({ result: kind === undefined ? 'taken' : verdict?.state === 'DEAD' ? 'dead' : kind })
    if (kind !== undefined)
      log.info({ subscription: subscription.id, event: due.event.id, class: kind, ...verdict }, 'event not taken')
    if (kind !== undefined || !isSettled) return
    metrics.eventsTold.inc({ way: 'webhook' })
    if (due.isReplayed || due.tries > 0) return
    const toldAt = Date.parse(attempt.at) + attempt.ms
    metrics.webhookLag.observe(Math.max(0, toldAt - due.event.sequencedAt.getTime()) / 1000)
  }

  const judge = ({ due, called }: Outcome): Judged[] => {
    if (called === undefined) return []
    const { url, answer, ms } = called
    const refusal = answer.ok ? undefined : answer
    const attempt = { at: new Date(called.at).toISOString(), ms, status: answer.status, class: refusal?.class }
    return [{ due, url, attempt, refusal, verdict: refusal && afterRefusal(due.failures, refusal) }]
  }

  return gather({
    inFlight: 1,
    maxBatch: MOST,
    read: async (runs: readonly (readonly Outcome[])[]) => {
      const outcomes = runs.flat()
      const judged = outcomes.flatMap(judge)
      const withheld = outcomes.flatMap(({ due, called }) => (called === undefined ? [due.delivery] : []))
      const settled = await inTurn(() => database.transaction(tx => write(tx, judged, withheld))).catch(error => {
        throw new NotWritten('What became of events is not written down', { cause: error })
      })
      for (const one of judged) count(one, settled.has(one.due.delivery))
      metrics.webhookTries.inc({ result: 'withheld' }, withheld.length)
      return runs.map(() => undefined)
    },
  })
}
