/** What the audit keeps: who did what to which thing, by which right, and who was denied. Rows are never changed. */
import type { Principal } from './principal.ts'

/** `unknown`: a credential that is nobody's. `system`: the software itself, e.g. at its start. */
export const ACTOR_KINDS = ['key', 'token', 'link', 'anonymous', 'unknown', 'system'] as const
export type ActorKind = (typeof ACTOR_KINDS)[number]

export const OUTCOMES = ['allowed', 'denied'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** Who acts, and by which request. */
export interface Act {
  readonly tenant: string
  readonly actor: string
  readonly actorKind: ActorKind
  readonly product: string | undefined
  readonly requestId: string
  readonly correlationId: string
  /** Address of the caller. */
  readonly client: string | undefined
}

/** Fields of a thing as an answer shows them: what an API never tells is not in there. */
export type Fields = Readonly<Record<string, unknown>>

export interface AuditEntry extends Act {
  /** `undefined`: the time of the transaction. */
  readonly at: Date | undefined
  /** `noun.verb`, e.g. `grant.put`. */
  readonly action: string
  /** Path of what it is about, e.g. `collections/gallery/grants/shop`. */
  readonly resource: string
  readonly outcome: Outcome
  /** Rules that decided. */
  readonly reasons: readonly string[]
  /** How many equal ones the row stands for. */
  readonly count: number
  /** The thing before and after; the row keeps what differs. */
  readonly before: Fields | undefined
  readonly after: Fields | undefined
}

/** Of a credential that was recognised. */
export const actorOf = ({ tenant, id, kind, product }: Principal) => ({ tenant, actor: id, actorKind: kind, product })
