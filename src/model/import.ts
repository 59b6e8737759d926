/** A line of an import: where its bytes are, and what becomes of them. What has not been said is not there. */
import type { AliasName } from './alias.ts'
import type { PublishPolicy } from './asset.ts'
import type { Attributes } from './attributes.ts'
import type { IdentityHints } from './identity-hints.ts'
import type { Hex } from './ids.ts'

export interface ImportLine {
  /** The sender's own word for the line, told with its result. */
  readonly ref?: string | undefined
  /** Where the bytes are fetched from, with all that its query says. */
  readonly source_url?: string | undefined
  /** A staged upload, which says all the rest itself. */
  readonly upload_id?: string | undefined
  /** Where no other source is named: bytes that the product has. Else what the bytes of the source must come to. */
  readonly sha256?: Hex | undefined
  /** A new asset in this collection, or the next version of this asset: one of the two. */
  readonly collection?: string | undefined
  readonly asset?: string | undefined
  readonly alias?: string | undefined
  readonly aliases?: readonly AliasName[] | undefined
  readonly identity_hints?: IdentityHints | undefined
  readonly labels?: readonly string[] | undefined
  readonly attributes?: Attributes | undefined
  readonly filename?: string | undefined
  readonly publish: PublishPolicy
}

/** What is kept of an import as a whole. */
export interface ImportInput {
  /** With labels of one of its lines each, under which it was allowed when the import was taken. */
  readonly collections: Readonly<Record<string, readonly string[]>>
}

/** What a line came to. */
export interface ImportedLine {
  readonly ref: string | undefined
  readonly asset: string
  readonly version: number
  readonly digest: string
  readonly deduplicated: boolean
}

/** What takes it back. */
export type ImportUndo =
  | { readonly do: 'delete-asset'; readonly asset: string }
  | { readonly do: 'withdraw-version'; readonly asset: string; readonly version: number }
