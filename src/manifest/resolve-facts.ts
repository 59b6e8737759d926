/** What is asked of the manifest for one answer, and what it says. */
import type { VersionState } from '../model/asset.ts'
import type { BrowserRules } from '../model/browser-rules.ts'
import type { Deprecation } from '../model/deprecation.ts'
import type { Hex } from '../model/ids.ts'
import type { LookState } from '../model/look.ts'
import type { Derivative, NodeState } from '../model/node.ts'
import type { Principal } from '../model/principal.ts'
import type { Format } from '../model/recipe.ts'
import type { SigningKeyFacts } from '../model/signing-key.ts'
import type { Grounds } from './grounds.ts'

export interface ResolveKey {
  /** Tenant of callers without a key. */
  readonly tenant: string
  /** SHA-256 of the presented secret; `undefined` for anonymous callers. */
  readonly secretHash: Hex | undefined
  /** The key that a signed URL names. */
  readonly kid?: string | undefined
  /** SHA-256 of the token of a share link. */
  readonly shareHash?: Hex | undefined
  readonly product: string
  readonly asset: string
  /** `undefined`: the current one. */
  readonly version: number | undefined
  /** The reserved name `original` reads the original instead of leaves. */
  readonly rendition: string
  /** What its leaves are called, where that is not its name (model/delivery-path.ts). */
  readonly leaf?: string | undefined
  /** Of operations, of which each format is planned when it is asked for: the one that is asked for. */
  readonly only?: Format | 'auto' | undefined
  /** Also count the other products that share each node, and read the look and what stands for the picture: for documents. */
  readonly countSharers: boolean
  /** While Postgres is away, what it said some time ago will do. */
  readonly whileAway?: boolean | undefined
}

export interface ResolvedLeaf {
  readonly format: Format
  readonly required: boolean
  readonly node: Hex | undefined
  readonly state: NodeState | 'REFUSED'
  readonly failure: string | undefined
  readonly derivative: Derivative | undefined
  readonly sharedWith: number
}

export interface ResolveFacts extends Grounds {
  /** `undefined`: the key is unknown, revoked or expired, or the share link is, or it does not show this. */
  readonly principal: Principal | undefined
  /** What the signature is to be checked with; `undefined`: unknown, revoked or over. */
  readonly signingKey: SigningKeyFacts | undefined
  readonly asset:
    | {
        readonly collection: string
        readonly activeVersion: number | undefined
        readonly publication: number
        /** Counts the changes of labels and attributes. */
        readonly metadata: number
        readonly archived: boolean
        /** Archived for good. */
        readonly erased: boolean
        /** Of its attributes, where they have one and a document is asked for. */
        readonly alt: string | undefined
        /** State of the newest version, where none has been published; FAILED, too, for one that is held because of its content. */
        readonly newest: VersionState | undefined
      }
    | undefined
  readonly version:
    | {
        readonly version: number
        readonly state: VersionState
        readonly filename: string | undefined
        readonly look: LookState
        readonly original:
          | { readonly sha256: Hex; readonly bytes: number; readonly mediaType: string; readonly objectKey: string }
          | undefined
      }
    | undefined
  readonly rendition: { readonly revision: number; readonly deprecation: Deprecation | undefined } | undefined
  /** In the product's order of preference; empty when the rendition has not been planned for this version. */
  readonly leaves: readonly ResolvedLeaf[]
  /** Of whatever key or link was asked with, or of the asset, whichever is first; epoch milliseconds. */
  readonly endsAt: number | undefined
  /** Of the tenant's matrix, in the same snapshot. */
  readonly matrixRevision: number
  /** Epoch milliseconds: when it was so, for nobody can be asked now. */
  readonly asOf?: number | undefined
  /** Of the product that is asked for; `undefined` where it says nothing. */
  readonly browser: BrowserRules | undefined
  /** `held`: read before, and found to hold still. */
  readonly remembered: 'read' | 'held'
}
