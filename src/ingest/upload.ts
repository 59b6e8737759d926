/** An upload as it is wished, permitted and answered. */
import type { AliasName } from '../model/alias.ts'
import type { PublishPolicy, VersionState } from '../model/asset.ts'
import type { Attributes } from '../model/attributes.ts'
import type { Conditions } from '../model/conditions.ts'
import type { Cause } from '../model/event.ts'
import type { IdentityHints } from '../model/identity-hints.ts'
import type { Hex } from '../model/ids.ts'
import type { Principal } from '../model/principal.ts'
import type { Collection } from '../model/product.ts'
import type { Source } from '../model/source.ts'
import type { BudgetState } from '../policy/budget.ts'

/** Where the bytes go: a new asset in a collection, or the next version of an asset. */
export type Destination =
  | {
      readonly kind: 'asset'
      readonly collection: string
      readonly alias: string | undefined
      /** Sorted, each once. What decides by labels never sees the asset without them. */
      readonly labels: readonly string[]
      /** From its first moment on, too; absent: none. */
      readonly attributes?: Attributes | undefined
    }
  | { readonly kind: 'version'; readonly asset: string }

export interface Upload {
  readonly principal: Principal
  readonly destination: Destination
  /** What the asset is called elsewhere, as `orderedAliases` has them: those that a version brings are added to its own. */
  readonly aliases?: readonly AliasName[] | undefined
  readonly identityHints?: IdentityHints | undefined
  readonly publish: PublishPolicy
  readonly filename: string | undefined
  readonly announcedSha256: Hex | undefined
  readonly source: Source
  readonly cause: Cause
}

export interface IngestedVersion {
  readonly asset: string
  readonly collection: string
  readonly version: number
  readonly state: VersionState
  readonly digest: string
  readonly bytes: number
  readonly media_type: string
  readonly width?: number
  readonly height?: number
  readonly frames?: number
  /** The tenant had these bytes before. */
  readonly deduplicated: boolean
  /** Of the asset, as this upload leaves it. */
  readonly publication: number
  /** Last event of the asset that this upload caused. */
  readonly event_no: number
}

/** Who may put what where; decided before a byte is read. */
export interface Permission {
  readonly collection: Collection
  readonly owner: string
  /** Of the edge that gave it: what was not known then is asked when it is. */
  readonly conditions: Conditions | undefined
  /** Of the product that the bytes will be counted for, as of then. */
  readonly budget: BudgetState
}
