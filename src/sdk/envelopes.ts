/**
 * Events in the shapes of systems that were there before: three envelopes in use elsewhere, for whoever moves over one consumer after
 * the other. One way, from ours: what theirs have no place for is left out, and nothing is made up.
 */
import type { Asset } from './api.ts'
import { type AnyEvent, seqOf } from './events.ts'

export interface AssetMutationEvent {
  readonly eventId: string
  readonly eventType: 'CREATED' | 'UPDATED' | 'DELETED'
  readonly timestamp: string
  readonly traceId: string
  readonly callerId?: string
  readonly asset: {
    readonly assetId: string
    readonly assetType: string
    readonly version: number
    readonly metadata: Readonly<Record<string, unknown>>
    readonly ownership: { readonly owner: string }
    readonly updatedAt: string
  }
}

export interface DomainEvent {
  readonly eventId: string
  readonly eventType: string
  readonly occurredAt: string
  /** The major of its type. */
  readonly version: number
  readonly payload: Readonly<Record<string, unknown>>
}

export interface EventEnvelope {
  readonly event_id: string
  readonly event_type: string
  readonly source_service: string
  readonly timestamp: string
  readonly correlation_id: string
  readonly payload: Uint8Array
  readonly metadata: Readonly<Record<string, string>>
}

const MUTATIONS = ['CREATED', 'UPDATED', 'DELETED'] as const
const isMutation = (value: unknown): value is (typeof MUTATIONS)[number] => MUTATIONS.includes(value as never)

/** `io.matrix.asset.published.v1`: the name, and the major. */
export const typeOf = (type: string): { readonly name: string; readonly major: number } => {
  const [, name = type, major = '1'] = /^io\.matrix\.(.+)\.v(\d+)$/.exec(type) ?? []
  return { name, major: Number(major) }
}

/** The trace of W3C's `traceparent` where there is one, else the correlation: what ties an event to its request. */
const traceOf = ({ traceparent, correlationid, id }: AnyEvent): string =>
  traceparent?.split('-')[1] ?? correlationid ?? id

/**
 * With the asset as `client.asset` gives it: our events say what changed and not to what. Its state is that of the moment when it was
 * asked for, which may be later than the event. `undefined` for an event that is no change of an asset.
 */
export const toAssetMutationEvent = (event: AnyEvent, asset: Asset): AssetMutationEvent | undefined => {
  const { mutation } = event.data
  if (!isMutation(mutation)) return undefined
  return {
    eventId: event.id,
    eventType: mutation,
    timestamp: event.time,
    traceId: traceOf(event),
    ...(event.authid !== undefined && { callerId: event.authid }),
    asset: {
      assetId: asset.id,
      assetType: asset.collection,
      version: asset.version ?? 0,
      metadata: { ...asset.attributes, labels: asset.labels },
      ownership: { owner: asset.owner },
      updatedAt: asset.updated_at ?? event.time,
    },
  }
}

export const toDomainEvent = ({ id, type, time, data }: AnyEvent): DomainEvent => {
  const { name, major } = typeOf(type)
  return { eventId: id, eventType: name, occurredAt: time, version: major, payload: data }
}

/** Seven fields, with the payload as bytes of JSON; what else we say of an event is in the map. */
export const toEventEnvelope = (event: AnyEvent): EventEnvelope => {
  const { subject, partitionkey, causationid, traceparent, authid, dataschema } = event
  const seq = seqOf(event)
  const said = { subject, partitionkey, causationid, traceparent, authid, dataschema, sequence: seq && String(seq) }
  const metadata = Object.entries(said).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return {
    event_id: event.id,
    event_type: event.type,
    source_service: event.source,
    timestamp: event.time,
    correlation_id: event.correlationid ?? event.id,
    payload: new TextEncoder().encode(JSON.stringify(event.data)),
    metadata: Object.fromEntries(metadata),
  }
}
