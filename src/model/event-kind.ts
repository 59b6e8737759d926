/** What there is to say of a kind of event. */
import type { z } from 'zod'
import type { StreamName } from './event-streams.ts'

/** Of facts about an asset: `readers` of it, `editors` (who may publish it, and so know of its drafts), or the `product` that it names, which reads it. */
export type AssetAudience = 'readers' | 'editors' | 'product'
/** Of the others: the product that it names, if it has to do with the collection or asset that it is about, or administrators alone. */
export type Audience = AssetAudience | 'named' | 'administrators'

export interface EventKind {
  readonly stream: StreamName
  /** What it means to a copy of the asset; of facts about an asset. */
  readonly mutation?: 'CREATED' | 'UPDATED' | 'DELETED'
  readonly audience: Audience
  readonly about: string
  readonly data: z.ZodObject
}
