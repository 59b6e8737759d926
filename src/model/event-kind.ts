/** What there is to say of a kind of event. */
import type { z } from 'zod'
import type { Deprecation } from './deprecation.ts'
import type { StreamName } from './event-streams.ts'

/** Of facts about an asset: `readers` of it, `editors` (who may publish it, and so know of its drafts), or the `product` that it names, which reads it. */
export type AssetAudience = 'readers' | 'editors' | 'product'
/** Of the others: the product that it names, if it has to do with the collection or asset that it is about, or administrators alone. */
export type Audience = AssetAudience | 'named' | 'administrators'

/** Another way to say the same, for what could not be said in the one before. Casts are total: nothing that fits the one fails to become the other. */
export interface LaterMajor {
  readonly data: z.ZodObject
  readonly deprecated?: Deprecation
  /** From the major before, for facts that were written then. */
  up(before: never): object
  /** To the major before, for who reads that. */
  down(data: never): object
}

export interface EventKind {
  readonly stream: StreamName
  /** What it means to a copy of the asset; of facts about an asset. */
  readonly mutation?: 'CREATED' | 'UPDATED' | 'DELETED'
  readonly audience: Audience
  readonly about: string
  /** In its first major. */
  readonly data: z.ZodObject
  /** Of the first major. */
  readonly deprecated?: Deprecation
  /** The second major, the third, … Facts are written in the last. */
  readonly later?: readonly LaterMajor[]
}
