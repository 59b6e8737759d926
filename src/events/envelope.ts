/** An event on the wire: CloudEvents 1.0 with its extensions for sequence, partitioning, correlation, tracing and authentication context, structured as JSON. */
import type { SchemaAt } from '../contracts/registry.ts'
import { partitionOf, type ToldEvent } from '../model/event.ts'
import { EVENTS, wireType } from '../model/event-catalogue.ts'
import type { EventKind } from '../model/event-kind.ts'
import { nameOf } from '../model/event-majors.ts'

/** Sortable as text, as the extension asks. */
const SEQUENCE_DIGITS = 20

/** As CloudEvents has them: a key is a service's, a token may name a person behind it, and what we do by ourselves is nobody's. */
const authTypeOf = (actor: string): 'service_account' | 'app_user' | 'system' => {
  if (/^token_[^:]*:/.test(actor)) return 'app_user'
  return /^(key|token|source)_/.test(actor) ? 'service_account' : 'system'
}

const authOf = ({ actor, tellsActor }: Pick<ToldEvent, 'actor' | 'tellsActor'>) => {
  const authtype = authTypeOf(actor)
  return { authtype, ...(tellsActor && authtype !== 'system' && { authid: actor }) }
}

export const envelopeOf = (
  { seq, id, tenant, type, major, asset, assetEventNo, subject, data, ...event }: ToldEvent,
  schemaAt: SchemaAt,
) => ({
  specversion: '1.0' as const,
  id,
  type: wireType(nameOf(type, major)),
  source: `/t/${tenant}`,
  subject: asset === null ? (subject ?? '') : `assets/${asset}`,
  time: event.occurredAt.toISOString(),
  recordedtime: event.sequencedAt.toISOString(),
  datacontenttype: 'application/json' as const,
  dataschema: schemaAt(type, major),
  sequence: String(seq).padStart(SEQUENCE_DIGITS, '0'),
  partitionkey: partitionOf({ asset, subject }),
  correlationid: event.correlationId,
  ...(event.causationId !== null && { causationid: event.causationId }),
  ...(event.traceparent !== null && { traceparent: event.traceparent }),
  ...authOf(event),
  data:
    asset === null ? data : { ...data, asset_event_no: assetEventNo, mutation: (EVENTS[type] as EventKind).mutation },
})

export type Envelope = ReturnType<typeof envelopeOf>

/** One that says nothing, for trying a receiver: it has no place in the log, and so no number. */
export const testEvent = (
  { tenant, id: subscription }: { tenant: string; id: string },
  { id, at, correlationId }: { id: string; at: Date; correlationId: string },
) => ({
  specversion: '1.0' as const,
  id,
  type: 'io.matrix.subscription.test.v1',
  source: `/t/${tenant}`,
  subject: `subscriptions/${subscription}`,
  time: at.toISOString(),
  datacontenttype: 'application/json' as const,
  correlationid: correlationId,
  data: { subscription },
})
