/** Facts that the system announces, checked against the catalogue before they are committed. */
import type { z } from 'zod'
import type { AssetEventType, EVENTS, EventType, NoticeType } from './event-catalogue.ts'
import { castData, dataOf, newestMajor } from './event-majors.ts'

type Newest<Kind> = Kind extends { later: readonly [...unknown[], { data: infer Data }] }
  ? Data
  : Kind extends { data: infer Data }
    ? Data
    : never
/** In the newest major that there is. */
type FactOf<Types extends EventType> = {
  [Type in Types]: { readonly type: Type; readonly data: z.input<Newest<(typeof EVENTS)[Type]>> }
}[Types]

/** About an asset. */
export type Fact = FactOf<AssetEventType>
/** About anything else. */
export type Notice = FactOf<NoticeType>

/** What is logged of it. */
export interface Written {
  /** In the first major, which whoever reads the log knows, a process of the release before too. */
  readonly data: Readonly<Record<string, unknown>>
  /** In this one, where there is more than one. */
  readonly major: number
  readonly newest: Readonly<Record<string, unknown>> | null
}

/** As it is logged. Throws where it is not what the catalogue says: such a fact is never committed. */
export const checkedData = ({ type, data }: Fact | Notice): Written => {
  const major = newestMajor(type)
  const newest = dataOf(type, major).parse(data)
  if (major === 1) return { data: newest, major, newest: null }
  return { data: dataOf(type, 1).parse(castData(type, newest, { from: major, to: 1 })), major, newest }
}

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

/** A fact, in what it has whatever major it is told in. */
interface EventHead {
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

/** A fact in the log. */
export interface LoggedEvent extends EventHead {
  readonly data: Written['data']
  readonly newestMajor: Written['major']
  readonly newest: Written['newest']
}

/** A fact as somebody is told it. */
export interface ToldEvent extends EventHead {
  readonly major: number
  readonly data: Readonly<Record<string, unknown>>
}

/** What only a newer release knows, a major or a type, is told in the nearest that is known here. */
export const toldIn = (asked: number, { newestMajor: written, newest, data, ...event }: LoggedEvent): ToldEvent => {
  const known = newestMajor(event.type)
  const major = Math.min(asked, known)
  if (major === 1) return { ...event, major, data }
  const [from, said] = newest !== null && written <= known ? [written, newest] : [1, data]
  return { ...event, major, data: castData(event.type, said, { from, to: major }) as ToldEvent['data'] }
}

/** What the order is kept by. */
export const partitionOf = ({ asset, subject }: Pick<EventHead, 'asset' | 'subject'>): string => asset ?? subject ?? ''
