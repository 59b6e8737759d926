/**
 * An upload whose bytes its client puts into the staging bucket.
 *
 *   OPEN --somebody completes it--> COMPLETING --one version--> COMPLETED
 *     |                                |   \---what came is not what may be--> REJECTED
 *     |                                \---cannot be told yet (a part is missing, a store is away)--> OPEN
 *     \---nobody completes it in time (COMPLETING too, once its lease is over)--> EXPIRED
 */
import type { AliasName } from './alias.ts'
import type { PublishPolicy } from './asset.ts'
import type { Attributes } from './attributes.ts'
import type { ErrorCode, Violation } from './errors.ts'
import type { IdentityHints } from './identity-hints.ts'
import type { Hex, ProductId, TenantId } from './ids.ts'

export const UPLOAD_STATES = ['OPEN', 'COMPLETING', 'COMPLETED', 'REJECTED', 'EXPIRED'] as const
export type UploadState = (typeof UPLOAD_STATES)[number]

/** Of a new asset in a collection, or of the next version of an asset. */
export interface StagedWish {
  readonly collection?: string
  readonly asset?: string
  readonly alias?: string
  readonly labels?: readonly string[]
  readonly attributes?: Attributes
  readonly aliases?: readonly AliasName[]
  readonly identityHints?: IdentityHints
  readonly publish: PublishPolicy
  readonly filename?: string
  readonly mediaType?: string
}

export interface StagedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface StagedProblem {
  readonly code: ErrorCode
  readonly message: string
  readonly violations: readonly Violation[]
  readonly details: Readonly<Record<string, unknown>>
}

export interface StagedUpload {
  readonly tenant: TenantId
  readonly id: string
  /** In whose name. */
  readonly product: ProductId
  readonly state: UploadState
  readonly wish: StagedWish
  readonly bytes: number
  readonly sha256: Hex | undefined
  /** `undefined`: it is sent in one request. */
  readonly parts: { readonly session: string; readonly bytes: number } | undefined
  readonly answer: StagedAnswer | undefined
  readonly problem: StagedProblem | undefined
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** Number and length of each part, in order; all but the last have the same. */
export const partsOf = (bytes: number, partBytes: number): readonly { number: number; bytes: number }[] =>
  Array.from({ length: Math.ceil(bytes / partBytes) }, (_, at) => ({
    number: at + 1,
    bytes: Math.min(partBytes, bytes - at * partBytes),
  }))
