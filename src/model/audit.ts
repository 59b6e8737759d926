/** What the audit keeps: who did what to which thing, by which right, and who was denied. Rows are never changed. */
import { canonicalText, sha256Hex } from '../lib/canonical.ts'
import type { Hex } from './ids.ts'
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

/** Of a credential that was recognised. A share link is a link, and its id says which kind. */
export const actorOf = ({ tenant, id, kind, product }: Principal) => ({
  tenant,
  actor: id,
  actorKind: kind === 'share' ? ('link' as const) : kind,
  product,
})

/** A row as it is stored. The place in the chain is `null` for a second or so after the commit. */
export interface AuditRow {
  readonly no: number | null
  readonly id: string
  readonly at: Date
  readonly tenant: string
  readonly actor: string
  readonly actor_kind: ActorKind
  readonly product: string | null
  readonly action: string
  readonly resource: string
  readonly outcome: Outcome
  readonly reasons: readonly string[]
  readonly count: number
  readonly request_id: string
  readonly correlation_id: string
  readonly client: string | null
  readonly before: Fields | null
  readonly after: Fields | null
  readonly prev_hash: Hex | null
  readonly hash: Hex | null
}

const withoutNulls = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))

/** As it is shown and exported. What is absent is left out, so that a column of a later release leaves old hashes as they are. */
export const auditDocument = ({ at, ...row }: AuditRow) => withoutNulls({ ...row, at: at.toISOString() })

/** What the first row follows. */
export const GENESIS: Hex = '0'.repeat(64)

/** SHA-256 of the hash before and the RFC 8785 text of everything else that is shown. */
export const linkHash = (prev: Hex, document: Record<string, unknown>): Hex => {
  const { prev_hash: _, hash: __, ...hashed } = document
  return sha256Hex(Buffer.concat([Buffer.from(prev, 'hex'), Buffer.from(canonicalText(hashed))]))
}

/** A place in the chain, as somebody has noted it down. */
export interface Place {
  readonly no: number
  readonly hash: Hex
}

export const START: Place = { no: 0, hash: GENESIS }

/**
 * How a row breaks the chain. `missing`: there is none of its number. `unlinked`: it does not follow the row before it.
 * `changed`: it is not what was hashed. `other-end`: the chain does not end where its head says.
 */
export type Break = 'missing' | 'unlinked' | 'changed' | 'other-end'

export interface Broken {
  readonly no: number
  readonly what: Break
  readonly id?: string
}

/** Follows documents in the order of their numbers; stops at the first that does not follow. */
export const follow = (from: Place, documents: Iterable<Record<string, unknown>>): { to: Place; broken?: Broken } => {
  let to = from
  for (const document of documents) {
    const no = to.no + 1
    const id = String(document.id)
    if (document.no !== no) return { to, broken: { no, what: 'missing' } }
    if (document.prev_hash !== to.hash) return { to, broken: { no, what: 'unlinked', id } }
    const hash = linkHash(to.hash, document)
    if (document.hash !== hash) return { to, broken: { no, what: 'changed', id } }
    to = { no, hash }
  }
  return { to }
}
