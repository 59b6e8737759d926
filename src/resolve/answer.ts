/** What comes of a question. */
import type { ResolveFacts } from '../manifest/resolve-facts.ts'
import type { BrowserRules } from '../model/browser-rules.ts'
import type { Dpr } from '../model/delivery-path.ts'
import type { Deprecation } from '../model/deprecation.ts'
import type { Hex } from '../model/ids.ts'
import type { Look } from '../model/look.ts'
import type { Derivative } from '../model/node.ts'
import type { Principal } from '../model/principal.ts'
import type { Delivery, Edge } from '../model/product.ts'
import type { Format } from '../model/recipe.ts'

/** Of every answer. */
export interface Common {
  readonly tenant: string
  readonly collection: string
  readonly product: string
  readonly asset: string
  readonly version: number
  /** For answers that are documents. */
  readonly placeholder: Look | undefined
  /** Who is answered; `undefined`: anybody. */
  readonly principal: Principal | undefined
  readonly publication: number
  readonly delivery: Delivery
  /** `local`: for some networks alone, of which a cache between knows nothing. */
  readonly visibility: Edge['visibility'] | 'local'
  /** Epoch milliseconds: when what allowed the answer ends by itself. A URL that is handed out ends no later. */
  readonly grantEndsAt: number | undefined
  /** Epoch milliseconds: when this was so, where nobody could be asked whether it still is. */
  readonly asOf?: number | undefined
  /** Of the product. */
  readonly browser: BrowserRules | undefined
  readonly remembered: ResolveFacts['remembered']
  /** Of the tenant's matrix, as of the answer. */
  readonly matrixRevision: number
}

export interface Ready extends Common {
  readonly kind: 'ready'
  readonly rendition: string
  readonly dpr?: Dpr | undefined
  readonly revision: number
  /** It is to go. */
  readonly deprecation: Deprecation | undefined
  readonly format: Format
  readonly negotiated: boolean
  /** Hints of the browser were heeded, whatever they were. */
  readonly hinted: boolean
  /** Pixels to one of the page, where hints were to say for which screen. */
  readonly density?: number | undefined
  /** What these would rather have had, and is not there yet. */
  readonly denser?: Pending | undefined
  /** Now or before: anybody may be shown the version where the edge is public. */
  readonly published: boolean
  /** Every format of the rendition is there: a negotiated answer will not be bettered. */
  readonly complete: boolean
  readonly node: Hex
  readonly derivative: Derivative
  readonly sharedWith: number
}

/** The version is there and the rendition is not. */
export interface Pending extends Common {
  readonly kind: 'pending'
  readonly rendition: string
  readonly dpr?: Dpr | undefined
  readonly blocking: readonly {
    readonly node: string | undefined
    readonly format: Format
    readonly state: string
  }[]
}

/** No version has been published yet, and one is on its way. */
export interface Unpublished extends Omit<Common, 'version' | 'placeholder'> {
  readonly kind: 'unpublished'
  readonly rendition: string
}

export interface OriginalAnswer extends Common {
  readonly kind: 'original'
  readonly sha256: Hex
  readonly bytes: number
  readonly mediaType: string
  readonly objectKey: string
  readonly filename: string | undefined
}

export type Answer = Ready | Pending | Unpublished | OriginalAnswer
