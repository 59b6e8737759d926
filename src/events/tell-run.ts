/** A run of one asset's events told to a receiver, one after the other, for as long as it takes them. */
import type { SchemaAt } from '../contracts/registry.ts'
import type { DueDelivery } from '../manifest/delivery-runs.ts'
import type { KeptSubscription } from '../manifest/subscriptions.ts'
import type { ToldEvent } from '../model/event.ts'
import { publishSpan } from '../telemetry/span-names.ts'
import { type Tracing, traceparentOf } from '../telemetry/tracing.ts'
import { type CallDependencies, type Called, callReceiver } from './call.ts'
import { envelopeOf } from './envelope.ts'
import type { Outcome } from './outcomes.ts'

export type TellRunDependencies = CallDependencies & {
  readonly schemaAt: SchemaAt
  readonly tracing?: Tracing | undefined
}

/** Rejects only where it was called off, or cannot be signed. */
const tell = async (
  dependencies: TellRunDependencies,
  subscription: KeptSubscription,
  { heard, signal }: { heard: ToldEvent; signal: AbortSignal },
): Promise<Called> => {
  const { tracing, schemaAt } = dependencies
  const body = JSON.stringify(envelopeOf(heard, schemaAt))
  const call = (traceparent?: string): Promise<Called> =>
    callReceiver(dependencies, subscription, { id: heard.id, body, traceparent, signal })
  if (tracing === undefined) return call()
  const message = { id: heard.id, type: heard.type, bytes: Buffer.byteLength(body), group: subscription.id }
  const origin = { traceparent: heard.traceparent ?? undefined, at: heard.occurredAt }
  return tracing.after([origin], publishSpan('webhooks', message), span => call(traceparentOf(span)))
}

/** One event may be told in two majors: in one that is asked for, and in one that was when it was put into the queue. */
export const heardAs = ({ id, major }: ToldEvent): string => `${id}.v${major}`

export interface Run {
  readonly deliveries: readonly DueDelivery[]
  /** Those of its events that may be heard, each as it may be heard. */
  readonly heard: ReadonlyMap<string, ToldEvent>
  readonly signal: AbortSignal
  /** Asked before each but the first. */
  goesOn(): boolean
  /** Hears what has been told, once, where there is anything. */
  write(outcomes: readonly Outcome[]): Promise<void>
}

/** Whether all that was told has been taken. What has been taken is written down even where the next cannot be told. */
export const tellRun = async (
  dependencies: TellRunDependencies,
  subscription: KeptSubscription,
  { deliveries, heard, signal, goesOn, write }: Run,
): Promise<boolean> => {
  const outcomes: Outcome[] = []
  try {
    for (const due of deliveries) {
      if (outcomes.length > 0 && !goesOn()) break
      const event = heard.get(heardAs(due.event))
      const called = event && (await tell(dependencies, subscription, { heard: event, signal }))
      outcomes.push({ due, called })
      if (called?.answer.ok === false) return false
    }
    return true
  } finally {
    if (outcomes.length > 0) await write(outcomes)
  }
}
