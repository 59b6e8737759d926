/** Facts that the system announces, checked against the catalogue before they are committed. */
import type { z } from 'zod'
import { EVENTS, type EventType } from './event-catalogue.ts'

export type Fact = {
  [Type in EventType]: { readonly type: Type; readonly data: z.input<(typeof EVENTS)[Type]['data']> }
}[EventType]

/** As it is logged. Throws where it is not what the catalogue says: such a fact is never committed. */
export const checkedData = ({ type, data }: Fact): object => EVENTS[type].data.parse(data)

/** Who did it, and which request it belongs to. */
export interface Cause {
  readonly actor: string
  readonly correlationId: string
}

/** A fact in the log. */
export interface LoggedEvent {
  /** Its place among all of the deployment: without gaps, given after the commit. */
  readonly seq: number
  readonly id: string
  readonly tenant: string
  readonly type: EventType
  readonly asset: string
  /** Its place among those of the asset: 1, 2, … */
  readonly assetEventNo: number
  readonly data: Readonly<Record<string, unknown>>
  readonly actor: string
  readonly correlationId: string
  readonly occurredAt: Date
  readonly sequencedAt: Date
}
