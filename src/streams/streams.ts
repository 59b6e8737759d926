/**
 * Where events are carried to for groups of consumers: the port. The streams are a projection of the log: what they had and have lost
 * is carried there again. Beside them stands their head, which is the place to go on from, moved in the same step as the entries.
 */
import type { StreamEntry, StreamName } from '../model/event-streams.ts'

export interface StreamsHead {
  /** Of which log they are. */
  readonly log: string
  /** Everything up to there has been carried. */
  readonly seq: number
  /** The event with that number, `undefined` before the first. */
  readonly event: string | undefined
}

export interface StreamsSeen {
  /** `undefined`: nothing has been carried, or all of it is gone. */
  readonly head: StreamsHead | undefined
  /** A stream has less than was put into it. */
  readonly isLost: boolean
  readonly lengths: Readonly<Record<StreamName, number>>
}

export type Published =
  | { readonly outcome: 'published'; readonly added: number; readonly found: number }
  /** `moved`: by another process, and nothing was written. `lost`: as in `StreamsSeen`. `other`: under its id there is another event. */
  | { readonly outcome: 'moved' | 'lost' | 'other' }

export interface StreamGroup {
  readonly stream: StreamName
  readonly group: string
  readonly consumers: number
  readonly pending: number
  /** Entries that it has not been given; `undefined` where the server cannot tell. */
  readonly lag: number | undefined
  /** What it would have been given next is not kept any more: it goes on by the log. */
  readonly isTrimmed: boolean
}

export interface EventStreams {
  look(): Promise<StreamsSeen>
  /** Sets the head, if it stands where it was seen; with `clear` the streams go, and with them their groups. False: it stands elsewhere. */
  begin(seen: StreamsHead | undefined, at: { log: string; seq: number; clear: boolean }): Promise<boolean>
  /** Behind the head and in this order; the head moves when all of them are there. */
  publish(log: string, after: number, entries: readonly StreamEntry[]): Promise<Published>
  /** Entries below these numbers go, if they are of this log. Gives how many. */
  trim(log: string, floors: Readonly<Record<StreamName, number>>): Promise<number>
  groups(): Promise<StreamGroup[]>
  close(): void
}
