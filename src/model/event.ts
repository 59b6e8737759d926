/** Facts that the system announces, checked against the catalogue before they are committed. */
import type { z } from 'zod'
import { type AssetEventType, EVENTS, type EventType, type NoticeType } from './event-catalogue.ts'

type FactOf<Types extends EventType> = {
  [Type in Types]: { readonly type: Type; readonly data: z.input<(typeof EVENTS)[Type]['data']> }
}[Types]

/** About an asset. */
export type Fact = FactOf<AssetEventType>
/** About anything else. */
export type Notice = FactOf<NoticeType>

/** As it is logged. Throws where it is not what the catalogue says: such a fact is never committed. */
export const checkedData = ({ type, data }: Fact | Notice): object => EVENTS[type].data.parse(data)

/** A fact beside others that are appended with it. */
export type Appended = Fact & {
  /** Of the event, where it has to be known before. */
  readonly id?: string
  /** It was brought about by the one before it. */
  readonly follows?: true
}

/** Which request it belongs to, and which event brought it about, as far as that is known. */
export interface Origin {
  readonly correlationId: string
  /** Of the request, W3C Trace Context. */
  readonly traceparent?: string | undefined
  readonly causationId?: string | undefined
}

/** Who did it, and what it goes back to. */
export interface Cause extends Origin {
  readonly actor: string
  /** The product whose credential it was. */
  readonly product?: string | undefined
}

/** A fact in the log. */
export interface LoggedEvent {
  /** Its place among all of the deployment: without gaps, given after the commit. */
  readonly seq: number
  readonly id: string
  readonly tenant: string
  readonly type: EventType
  /** `null`: it is no asset's, and is about its subject. */
  readonly asset: string | null
  /** Its place among those of the asset: 1, 2, … */
  readonly assetEventNo: number | null
  readonly subject: string | null
  readonly data: Readonly<Record<string, unknown>>
  readonly actor: string
  readonly actorProduct: string | null
  /** Whose credential it was is told to that product and to administrators. */
  readonly tellsActor?: boolean
  readonly correlationId: string
  readonly causationId: string | null
  readonly traceparent: string | null
  readonly occurredAt: Date
  readonly sequencedAt: Date
}

/** What the order is kept by. */
export const partitionOf = ({ asset, subject }: Pick<LoggedEvent, 'asset' | 'subject'>): string =>
  asset ?? subject ?? ''
